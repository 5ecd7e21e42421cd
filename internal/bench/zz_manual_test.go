package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
	"strconv"
	"time"
"strings"
"github.com/jackc/pgx/v5"
	"rapport/internal/store"
	"rapport/internal/clock"
)

func TestManual(t *testing.T) {
	dsn := os.Getenv("SEG_DSN")
	if dsn == "" { t.Skip() }
	size, _ := strconv.ParseInt(os.Getenv("SEG_SIZE"), 10, 64)
	began := time.Now()
	last := ""
	r := &Run{Options: Options{Database: dsn, Size: size, Progress: func(what string, done, total int64) { if what != last { last = what; if os.Getenv("SEG_V") != "" {fmt.Println(time.Since(began).Round(time.Millisecond), what, done, total)} } }}}
	ctx := context.Background()
	if os.Getenv("SEG_FILL") != "" {
		s, err := store.Open(ctx, dsn, store.Options{})
		if err != nil { t.Fatal(err) }
		s.Close()
		if err := fillWorld(ctx, r, dsn, size, clock.System{}.Now()); err != nil { t.Fatal(err) }
		fmt.Println("filled in", time.Since(began))
	} else {
		s, err := store.Open(ctx, dsn, store.Options{Connections: 1})
		if err != nil { t.Fatal(err) }
		defer s.Close()
		if os.Getenv("SEG_ONLY") != "" {
			rest := segmentHeads[:0:0]
			for _, h := range segmentHeads { if strings.Contains(h.name, os.Getenv("SEG_ONLY")) { rest = append(rest, h) } }
			segmentHeads = rest
		}
		db, _ := pgx.Connect(ctx, dsn)
		s.CountContacts(ctx)
		var pid int
		if err := db.QueryRow(ctx, "select pid from pg_stat_activity where application_name='rapport' and datname=current_database() limit 1").Scan(&pid); err != nil { t.Fatal(err) }
		cpuOf = func() float64 {
			raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			f := strings.Fields(string(raw))
			u, _ := strconv.ParseFloat(f[13], 64)
			v, _ := strconv.ParseFloat(f[14], 64)
			return (u+v)*10
		}
		if err := measureSegments(ctx, r, s, clock.System{}.Now()); err != nil { t.Fatal(err) }
		for i := 0; i < len(r.Report.Figures); i++ {
			f := r.Report.Figures[i]
			fmt.Printf("%-26s %10.1f %s\n", f.Name, f.Value, f.Unit)
		}
	}
}
