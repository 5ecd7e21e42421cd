package liquid

import (
	"errors"
	"math"
	"math/big"
	"strconv"
)

func init() {
	register(
		&filterDef{name: "abs", run: func(c *call) (any, error) { return absolute(toNumber(c.in)), nil }},
		&filterDef{name: "ceil", run: func(c *call) (any, error) { return towards(c.in, math.Ceil), nil }},
		&filterDef{name: "floor", run: func(c *call) (any, error) { return towards(c.in, math.Floor), nil }},
		&filterDef{name: "round", max: 1, run: round},
		&filterDef{name: "plus", min: 1, max: 1, run: arithmetic((*big.Rat).Add, add)},
		&filterDef{name: "minus", min: 1, max: 1, run: arithmetic((*big.Rat).Sub, sub)},
		&filterDef{name: "times", min: 1, max: 1, run: arithmetic((*big.Rat).Mul, mul)},
		&filterDef{name: "divided_by", min: 1, max: 1, run: divide},
		&filterDef{name: "modulo", min: 1, max: 1, run: modulo},
		&filterDef{name: "at_least", min: 1, max: 1, run: func(c *call) (any, error) { return pick(c, 1), nil }},
		&filterDef{name: "at_most", min: 1, max: 1, run: func(c *call) (any, error) { return pick(c, -1), nil }},
	)
}

func absolute(n any) any {
	if f, ok := n.(float64); ok {
		return math.Abs(f)
	}
	if i := n.(int64); i < 0 {
		return -i
	}
	return n
}

func towards(v any, f func(float64) float64) any {
	n := toNumber(v)
	if x, ok := n.(float64); ok {
		return whole(f(x))
	}
	return n
}

func round(c *call) (any, error) {
	n := toNumber(c.in)
	digits := whole(toNumber(c.value(0)))
	x, ok := n.(float64)
	switch {
	case digits > 0 && !ok, digits == 0 && !ok:
		return n, nil
	case digits > 15:
		return x, nil
	case digits < -18:
		return int64(0), nil
	}
	if !ok {
		x, _ = asFloat(n)
	}
	if digits > 0 {
		// Rounding the written digits, not the binary ones: 1.005 is 1.01.
		r, _ := new(big.Rat).SetString(strconv.FormatFloat(x, 'f', -1, 64))
		if r == nil {
			return x, nil
		}
		f, _ := strconv.ParseFloat(r.FloatString(int(digits)), 64)
		return f, nil
	}
	if digits == 0 {
		return whole(math.Round(x)), nil
	}
	unit := math.Pow(10, float64(-digits))
	return whole(math.Round(x/unit) * unit), nil
}

func add(a, b int64) (int64, bool) { s := a + b; return s, (s > a) == (b > 0) }
func sub(a, b int64) (int64, bool) { d := a - b; return d, (d < a) == (b > 0) }
func mul(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	p := a * b
	return p, p/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64)
}

// arithmetic works with whole numbers where both are, and else with decimals:
// 10.1 minus 2.2 is 7.9.
func arithmetic(exact func(z, x, y *big.Rat) *big.Rat, ints func(a, b int64) (int64, bool)) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		a, b := toNumber(c.in), toNumber(c.args[0])
		i, ok := a.(int64)
		j, ok2 := b.(int64)
		if ok && ok2 {
			n, fits := ints(i, j)
			if !fits {
				return nil, errors.New("the number is too large")
			}
			return n, nil
		}
		x, y := rat(a), rat(b)
		if x == nil || y == nil {
			return nil, errors.New("the number is too large")
		}
		f, _ := exact(new(big.Rat), x, y).Float64()
		return f, nil
	}
}

func rat(n any) *big.Rat {
	if i, ok := n.(int64); ok {
		return new(big.Rat).SetInt64(i)
	}
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(n.(float64), 'g', -1, 64))
	if !ok {
		return nil
	}
	return r
}

var errZero = errors.New("divided by 0")

func divide(c *call) (any, error) {
	a, b := toNumber(c.in), toNumber(c.args[0])
	i, ok := a.(int64)
	j, ok2 := b.(int64)
	if ok && ok2 {
		if j == 0 {
			return nil, errZero
		}
		q := i / j
		if i%j != 0 && (i < 0) != (j < 0) {
			q-- // towards minus infinity
		}
		return q, nil
	}
	x, _ := asFloat(a)
	y, _ := asFloat(b)
	if y == 0 {
		return nil, errZero
	}
	return x / y, nil
}

func modulo(c *call) (any, error) {
	a, b := toNumber(c.in), toNumber(c.args[0])
	i, ok := a.(int64)
	j, ok2 := b.(int64)
	if ok && ok2 {
		if j == 0 {
			return nil, errZero
		}
		m := i % j
		if m != 0 && (m < 0) != (j < 0) {
			m += j
		}
		return m, nil
	}
	x, _ := asFloat(a)
	y, _ := asFloat(b)
	if y == 0 {
		return nil, errZero
	}
	m := math.Mod(x, y)
	if m != 0 && (m < 0) != (y < 0) {
		m += y
	}
	return m, nil
}

// pick gives the larger (sign 1) or smaller (-1) of input and argument.
func pick(c *call, sign int) any {
	a, b := toNumber(c.in), toNumber(c.args[0])
	x, _ := asFloat(a)
	y, _ := asFloat(b)
	if compare(y, x) == sign {
		return b
	}
	return a
}
