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

func (l *sampleLeaf) sql(p *SQL) string {
	p.Own = true
	return sampleSQL("c."+colContactSeed, l.keys, l.bound)
}

// SampleSQL is Sampled as an expression that both databases read. seed is the
// expression of the contact's seed, such as c.seed.
func SampleSQL(seed, salt string, share float64) string {
	return sampleSQL(seed, sampleKeys(salt), sampleBound(share))
}

// sampleSQL computes mixed. It writes a value out wherever it is used, though that
// is 25 times the seed: PostgreSQL computes that in half the time of subselects that
// would name the values, and shares the work, which it does not with those.
func sampleSQL(seed string, keys [3]int64, bound int64) string {
	fifth := func(x string) string {
		square := fmt.Sprintf("(%[1]s * %[1]s %% %[2]d)", x, sampleField)
		return fmt.Sprintf("(%[1]s * %[1]s %% %[3]d * %[2]s %% %[3]d)", square, x, sampleField)
	}
	first := fifth(fmt.Sprintf("((%s + %d) %% %d)", seed, keys[0], sampleField))
	second := fifth(fmt.Sprintf("((%s + %d) %% %d)", first, keys[1], sampleField))
	return fmt.Sprintf("((%s + %d) %% %d < %d)", second, keys[2], sampleField, bound)
}
