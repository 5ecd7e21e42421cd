package store

import (
	"fmt"
	"testing"
)

// Every kind of value comes back as it was written, whatever way it went.
func TestRowsOfEveryKindAreWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		blob, yes := "blob", "boolean"
		if !s.Embedded() {
			blob = "bytea"
		}
		_, err := s.db.exec(ctx, fmt.Sprintf(`create table kinds (id bigint primary key, maybe bigint, name text, remark text, good %s, share double precision, raw %s, data %s)`,
			yes, blob, map[bool]string{true: "blob", false: "jsonb"}[s.Embedded()]))
		check(t, err)
		remark := "é \\N\t\n"
		columns := func() []column {
			return []column{bigints("id", []int64{1, -1 << 62}), nullable("maybe", []int64{0, 7}), texts("name", []string{"", "O'Neil \\ \t ß"}),
				textsOrNull("remark", []*string{&remark, nil}), bools("good", []bool{true, false}), floats("share", []float64{0.1, -1e300}),
				blobs("raw", [][]byte{{0, 255, '\\'}, {}}), jsons("data", []string{`{"a": [1, "x"]}`, `{}`})}
		}
		want := []string{`-4611686018427387904 7 "O'Neil \\ \t ß" "none" false -1e+300 [] {}`, `1 -1 "" "é \\N\t\n" true 0.1 [0 255 92] [1, "x"]`}
		for _, conflict := range []string{"", "on conflict do nothing"} {
			var n int64
			check(t, s.db.write(ctx, func(q querier) error {
				_, err := q.exec(ctx, `delete from kinds`)
				check(t, err)
				n, err = s.insertRows(ctx, q, "kinds", conflict, columns()...)
				return err
			}))
			equal(t, "how many went in", n, int64(2))
			var got []string
			data := `coalesce(data->>'a', '{}')`
			if s.Embedded() {
				data = `replace(coalesce(data->>'$.a', '{}'), ',', ', ')`
			}
			check(t, each(ctx, s.db, `select id, coalesce(maybe, -1), name, coalesce(remark, 'none'), good, share, raw, `+data+` from kinds order by id`, nil, func(scan func(...any) error) error {
				var id, maybe int64
				var name, remark, data string
				var good bool
				var share float64
				var raw []byte
				err := scan(&id, &maybe, &name, &remark, &good, &share, &raw, &data)
				got = append(got, fmt.Sprintf("%d %d %q %q %t %v %v %s", id, maybe, name, remark, good, share, raw, data))
				return err
			}))
			equal(t, "the rows, "+conflict, got, want)
		}
		err = s.db.write(ctx, func(q querier) error {
			_, err := s.insertRows(ctx, q, "kinds", "", columns()...)
			return err
		})
		if err == nil {
			t.Error("rows that are there go in again")
		}
		check(t, s.db.write(ctx, func(q querier) error {
			n, err := s.insertRows(ctx, q, "kinds", "", bigints("id", []int64{}))
			equal(t, "of no rows", n, int64(0))
			return err
		}))
	})
}
