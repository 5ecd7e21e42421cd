package calendar

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // the zones, for machines that have no database of their own
)

var zones sync.Map // name → *time.Location

// LoadZone gives the zone of an IANA name such as Europe/Berlin. Zones are
// loaded once.
func LoadZone(name string) (*time.Location, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	// time.LoadLocation reads these two as UTC and as the zone of the machine,
	// neither of which a workspace means.
	if name == "" || name == "Local" {
		return nil, unknownZone(name)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, unknownZone(name)
	}
	zones.Store(name, z)
	return z, nil
}

func unknownZone(name string) error {
	return fmt.Errorf("%q is not a time zone: write an IANA name, as in Europe/Berlin or America/New_York", name)
}
