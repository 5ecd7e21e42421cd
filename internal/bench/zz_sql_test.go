package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"rapport/segments"
)

func TestSQL(t *testing.T) {
	want := os.Getenv("SEG_HEAD")
	if want == "" { t.Skip() }
	set, _ := benchSegments()
	c := set["lapsing-clients"].Where
	for _, h := range segmentHeads { if h.name == want { c, _ = condition(h.where) } }
	p := &segments.SQL{Now: time.Now(), Segments: set, Ladder: ladder, CampaignIDs: func(n string) int64 { var i int64; fmt.Sscanf(n, "letter-%d", &i); return i }}
	text := c.SQL(p)
	for i := len(p.Args); i > 0; i-- { text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i), fmt.Sprintf("'%v'", p.Args[i-1])) }
	fmt.Println("select count(*) from contacts c where not c.erased and " + text)
}
