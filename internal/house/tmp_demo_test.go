package house

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"rapport/internal/simulate"
	"rapport/internal/store"
)

func TestTmpDemo(t *testing.T) {
	ctx := context.Background()
	began := time.Now()
	d, err := simulate.NewDemo(ctx, simulate.Options{Contacts: 500, Days: 90, Seed: 1, Dir: t.TempDir(), Start: time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC), Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Engine.Close()
	if err := d.Run(ctx, func(time.Time) {}); err != nil {
		t.Fatal(err)
	}
	r, err := simulate.Sum(ctx, d.Engine)
	b, _ := json.MarshalIndent(r, "", " ")
	fmt.Println(string(b), err, time.Since(began))
	ks, _ := d.Engine.Store.Campaigns(ctx)
	var ids []int64
	names := map[int64]string{}
	for n, k := range ks {
		ids = append(ids, k.ID)
		names[k.ID] = n
	}
	p, _ := d.Engine.Store.Progress(ctx, ids...)
	for id, x := range p {
		b, _ := json.Marshal(x)
		fmt.Println(names[id], string(b))
	}
	ms, _ := d.Engine.Store.Messages(ctx, store.MessageFilter{Limit: 20000})
	byT := map[string]int{}
	reasons := map[string]int{}
	for _, m := range ms {
		byT[m.Template+" "+string(m.State)]++
		if m.State != "sent" {
			reasons[string(m.State)+": "+m.Reason]++
		}
	}
	for k, v := range byT {
		fmt.Println(v, k)
	}
	fmt.Println(reasons)
}
