package liquid

import (
	"fmt"
	"strings"
)

// property reads item[key] as the filters of lists do. ok is false for an item
// that has no parts at all; err where the key is of the wrong kind.
func property(item, key any) (value any, ok bool, err error) {
	if isObject(item) {
		if name, isText := asText(key); isText {
			value, _ = field(item, name)
		}
		return value, true, nil
	}
	if s, isText := asText(item); isText {
		if k, isText := asText(key); isText {
			if strings.Contains(s, k) {
				return k, true, nil
			}
			return nil, true, nil
		}
		if i, isInt := asInt(key); isInt {
			r := []rune(s)
			if i >= 0 && i < int64(len(r)) {
				return string(r[i]), true, nil
			}
			return nil, true, nil
		}
		return nil, key != nil, wrongKey(key)
	}
	if n, isInt := asInt(item); isInt {
		if k, isInt := asInt(key); isInt && k >= 0 && k < 64 {
			return n >> k & 1, true, nil // a number's parts are its bits
		}
		return nil, true, wrongKey(key)
	}
	return nil, false, nil
}

func wrongKey(key any) error {
	if key == nil {
		return nil
	}
	return fmt.Errorf("cannot read %q of this item", toText(key))
}

func mapFilter(c *call) (any, error) {
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	if err := c.room(16 * len(list)); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, x := range list {
		v, ok, err := property(x, c.args[0])
		if err != nil {
			return nil, err
		}
		if !ok && x != nil {
			return nil, wrongKey(c.args[0])
		}
		out[i] = v
	}
	return out, nil
}

// matches calls f with each element that the filter's arguments fit, until f
// returns false. ok is false when an element cannot be asked, which ends it all.
func (c *call) matches(list []any, f func(i int, item any, fits bool) bool) (ok bool, err error) {
	want := c.value(1)
	for i, x := range list {
		v, can, err := property(x, c.args[0])
		if err != nil {
			return false, err
		}
		if !can {
			return false, nil
		}
		fits := truthy(v)
		if want != nil {
			fits = equal(v, want)
		}
		if !f(i, x, fits) {
			return true, nil
		}
	}
	return true, nil
}

func choose(keep bool) func(c *call) (any, error) {
	return func(c *call) (any, error) {
		list, err := c.list()
		if err != nil {
			return nil, err
		}
		out := []any{}
		ok, err := c.matches(list, func(_ int, item any, fits bool) bool {
			if fits == keep {
				out = append(out, item)
			}
			return true
		})
		if err != nil || !ok {
			return nil, err
		}
		return out, nil
	}
}

// seek gives the first element that fits.
func (c *call) seek() (item any, index int, err error) {
	list, err := c.list()
	if err != nil {
		return nil, -1, err
	}
	index = -1
	ok, err := c.matches(list, func(i int, x any, fits bool) bool {
		if fits {
			item, index = x, i
		}
		return !fits
	})
	if !ok {
		return nil, -1, err
	}
	return item, index, err
}

func find(c *call) (any, error) {
	item, _, err := c.seek()
	return item, err
}

func findIndex(c *call) (any, error) {
	_, i, err := c.seek()
	if i < 0 {
		return nil, err
	}
	return int64(i), err
}

func has(c *call) (any, error) {
	_, i, err := c.seek()
	return i >= 0, err
}
