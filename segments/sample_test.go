package segments

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// seeds are random, as the store draws them, but the same in every run.
func seeds(n int) []uint32 {
	source := rand.New(rand.NewPCG(1, 2))
	list := make([]uint32, n)
	for i := range list {
		list[i] = source.Uint32()
	}
	return list
}

func TestSampleIsUniform(t *testing.T) {
	const cells, people = 100, 200_000
	for _, list := range map[string][]uint32{"random seeds": seeds(people), "counting seeds": counting(people)} {
		for _, salt := range []string{"", "a", "b", "control/welcome", "control/welcome2"} {
			keys := sampleKeys(salt)
			var counts [cells]float64
			for _, s := range list {
				counts[mixed(s, keys)*cells/sampleField]++
			}
			chi := 0.0
			for _, n := range counts {
				chi += (n - people/cells) * (n - people/cells) / (people / cells)
			}
			// 99 degrees of freedom: 99.99 % lie below 160.
			if chi > 160 {
				t.Errorf("salt %q: chi-square %.1f over %d cells", salt, chi, cells)
			}
		}
	}
}

func counting(n int) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		list[i] = uint32(i)
	}
	return list
}

func TestSamplesWithDifferentSaltsAreIndependent(t *testing.T) {
	const side, people = 10, 100_000
	for name, list := range map[string][]uint32{"random seeds": seeds(people), "counting seeds": counting(people)} {
		for i := range 20 {
			a, b := sampleKeys(fmt.Sprint("salt ", i)), sampleKeys(fmt.Sprint("salt ", i+1))
			var counts [side][side]float64
			for _, s := range list {
				counts[mixed(s, a)*side/sampleField][mixed(s, b)*side/sampleField]++
			}
			const expected = people / side / side
			chi := 0.0
			for _, row := range counts {
				for _, n := range row {
					chi += (n - expected) * (n - expected) / expected
				}
			}
			if chi > 165 {
				t.Errorf("%s, salts %d and %d: chi-square %.1f over %d cells", name, i, i+1, chi, side*side)
			}
		}
	}
}

func TestSampleSharesNest(t *testing.T) {
	for _, s := range seeds(10_000) {
		in := false
		for _, share := range []float64{0.001, 0.1, 0.25, 0.5, 0.9, 1} {
			now := Sampled(s, "x", share)
			if in && !now {
				t.Fatalf("seed %d is in a smaller share and not in %v", s, share)
			}
			in = now
		}
		if !in {
			t.Fatalf("seed %d is not in the whole", s)
		}
	}
	n := 0
	for _, s := range seeds(100_000) {
		if Sampled(s, "x", 0.1) {
			n++
		}
	}
	if math.Abs(float64(n)-10_000) > 400 {
		t.Errorf("10%% of 100,000 drew %d", n)
	}
}

func TestSampleFieldHasAPermutation(t *testing.T) {
	// Raising to the fifth power is one to one when 5 does not divide p − 1.
	if (sampleField-1)%5 == 0 {
		t.Fatal("5 divides the order of the field's group")
	}
	for i := int64(2); i*i <= sampleField; i++ {
		if sampleField%i == 0 {
			t.Fatalf("%d divides the size of the field", i)
		}
	}
}
