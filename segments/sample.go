package segments

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/strict"
)

// A sample keeps the contacts whose mixed seed is below a bound. The mixing is
// two rounds of x → (x + key)⁵ in the field of 2³¹ − 1 elements, whose keys come
// from the salt (a small relative of MiMC, Albrecht et al. 2016). Raising to the
// fifth power is a permutation there, because 5 shares no factor with 2³¹ − 2, so
// every share comes out even; it is far from linear, so samples with different
// salts are independent; and no step leaves 63 bits, so both databases compute
// it exactly as Go does.
const sampleField = 1<<31 - 1

// sampleKeys are the keys of a salt.
func sampleKeys(salt string) [3]int64 {
	sum := sha256.Sum256([]byte("sample/" + salt))
	var keys [3]int64
	for i := range keys {
		keys[i] = int64(binary.BigEndian.Uint64(sum[8*i:]) % sampleField)
	}
	return keys
}

func fifth(x int64) int64 {
	square := x * x % sampleField
	return square * square % sampleField * x % sampleField
}

// mixed is the contact's place in the order that the salt makes of all
// contacts, from 0 to sampleField − 1.
func mixed(seed uint32, keys [3]int64) int64 {
	x := (int64(seed) + keys[0]) % sampleField
	x = (fifth(x) + keys[1]) % sampleField
	return (fifth(x) + keys[2]) % sampleField
}

// Sampled tells whether a contact's seed falls into a share, from 0 to 1, of all
// contacts. A larger share with the same salt holds the smaller one; different
// salts draw independently.
func Sampled(seed uint32, salt string, share float64) bool {
	return mixed(seed, sampleKeys(salt)) < sampleBound(share)
}

func sampleBound(share float64) int64 {
	return int64(math.Round(share*contacts.Million)) * sampleField / contacts.Million
}

// sampleLeaf is a stable random share of the contacts.
type sampleLeaf struct {
	share string // as it was written
	bound int64
	keys  [3]int64
	salt  string
}

func decodeSample(d *decoder, m strict.Map) (leaf, bool) {
	n := m.Get("sample")
	share, ok := n.Percent()
	if !ok {
		return nil, false
	}
	l := &sampleLeaf{share: strconv.FormatFloat(math.Round(share*contacts.Million)/10_000, 'f', -1, 64) + "%", bound: sampleBound(share)}
	if l.bound == 0 {
		n.Errorf(CodeAlways, "a sample of %s is empty", l.share)
		return nil, false
	}
	if salt := m.Get("salt"); salt.Present() {
		v, ok := salt.Value()
		if _, isList := v.([]any); !ok || isList {
			if isList {
				salt.Errorf(strict.CodeWrongType, "salt must be one value")
			}
			return nil, false
		}
		l.salt = fmt.Sprint(v)
	}
	l.keys = sampleKeys(l.salt)
	return l, true
}

func (l *sampleLeaf) String() string {
	if l.salt == "" {
		return "sample " + l.share
	}
	return "sample " + l.share + " salt " + l.salt
}

func (l *sampleLeaf) answer(q *Question) bool { return mixed(q.Facts.Contact.Seed, l.keys) < l.bound }

func (l *sampleLeaf) why(q *Question) string {
	place := float64(mixed(q.Facts.Contact.Seed, l.keys)) / sampleField * 100
	return fmt.Sprintf("drew %.2f%%, below %s is in", place, l.share)
}

func (l *sampleLeaf) next(*Question) time.Time { return time.Time{} }
func (l *sampleLeaf) uses(u *Uses)             { u.Sample = true }

func (l *sampleLeaf) sql(*SQL) string { return sampleSQL("c."+colContactSeed, l.keys, l.bound) }

// SampleSQL is Sampled as an expression that both databases read. seed is the
// expression of the contact's seed, such as c.seed.
func SampleSQL(seed, salt string, share float64) string {
	return sampleSQL(seed, sampleKeys(salt), sampleBound(share))
}

// sampleSQL computes mixed. Nested selects name the values that a round uses twice.
func sampleSQL(seed string, keys [3]int64, bound int64) string {
	fifth := func(from string) string {
		return fmt.Sprintf("(select s.b * s.b %% %[1]d * s.x %% %[1]d as y from (select r.x, r.x * r.x %% %[1]d as b from (%[2]s) as r) as s)", sampleField, from)
	}
	first := fifth(fmt.Sprintf("select (%s + %d) %% %d as x", seed, keys[0], sampleField))
	second := fifth(fmt.Sprintf("select (f.y + %d) %% %d as x from %s as f", keys[1], sampleField, first))
	return fmt.Sprintf("((select (g.y + %d) %% %d from %s as g) < %d)", keys[2], sampleField, second, bound)
}
