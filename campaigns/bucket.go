package campaigns

import (
	"hash/fnv"

	"rapport/segments"
)

// ControlSalt is the salt of the sample that is held out: a contact is in the
// control group for good, however often it comes again. It is the salt of a
// `sample` condition too, so that SQL decides the same.
func (d *Definition) ControlSalt() string { return "control/" + d.Name }

// InControl reports whether the contact with this seed is held out.
func (d *Definition) InControl(seed uint32) bool {
	return d.Control > 0 && segments.Sampled(seed, d.ControlSalt(), d.Control)
}

// ApartSalt is the salt of the contacts that no marketing campaign mails.
const ApartSalt = "control of the workspace"

// ReasonApart is why such a contact is not enrolled, and leaves.
const ReasonApart = "held out: control group of the workspace"

// IsApart reports whether the contact with this seed is held out of everything.
func (d *Definition) IsApart(seed uint32) bool { return IsApart(seed, d.Apart) }

// IsApart reports whether the contact with this seed is in a share of contacts
// that is held out of everything.
func IsApart(seed uint32, share float64) bool {
	return share > 0 && segments.Sampled(seed, ApartSalt, share)
}

// bucket places a contact for good among [0, of) by its random seed and a
// salt. Different salts give independent places.
func bucket(seed uint32, salt string, of uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(salt))
	x := h.Sum64() ^ uint64(seed)
	// The finaliser of splitmix64: FNV alone leaves neighbouring seeds in
	// neighbouring places.
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return x % of
}

// Splits are the splits of the campaign by name, at whatever depth.
func (d *Definition) Splits() map[string]*Split {
	found := map[string]*Split{}
	for _, n := range d.flow().nodes {
		if n.step.Kind == StepSplit {
			found[n.step.Split.Name] = n.step.Split
		}
	}
	return found
}

// ArmOf is the name of the arm that a contact of a campaign belongs to, by its
// seed: see arm. It is "" for a split without arms.
func (s *Split) ArmOf(campaign string, seed uint32) string {
	if len(s.Arms) == 0 {
		return ""
	}
	return s.arm(campaign, seed).Name
}

// arm is the arm of a split a contact belongs to: fixed by the contact, the
// campaign and the split's name, and shared out by weight.
func (s *Split) arm(campaign string, seed uint32) *Arm {
	var total uint64
	for _, a := range s.Arms {
		total += uint64(a.Weight)
	}
	if total == 0 {
		return &s.Arms[0]
	}
	place := bucket(seed, "split/"+campaign+"/"+s.Name, total)
	for i := range s.Arms {
		w := uint64(s.Arms[i].Weight)
		if place < w {
			return &s.Arms[i]
		}
		place -= w
	}
	return &s.Arms[len(s.Arms)-1]
}
