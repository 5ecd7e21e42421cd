package segments

import (
	"regexp"
	"slices"
	"testing"
)

// columnsOf reads the columns of each table out of a migration's text.
func columnsOf(text string) map[string][]string {
	tables := map[string][]string{}
	create := regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\)`)
	column := regexp.MustCompile(`(?m)^  (\w+) +\w+`)
	for _, t := range create.FindAllStringSubmatch(text, -1) {
		for _, c := range column.FindAllStringSubmatch(t[2], -1) {
			tables[t[1]] = append(tables[t[1]], c[1])
		}
	}
	return tables
}

func TestColumnsStandInBothMigrations(t *testing.T) {
	for _, dialect := range []string{"postgres", "sqlite"} {
		tables := columnsOf(migration(t, dialect))
		for table, columns := range schema {
			if dialect == "sqlite" && table == tableTallies {
				continue
			}
			for _, c := range columns {
				if !slices.Contains(tables[table], c) {
					t.Errorf("%s: there is no column %s.%s", dialect, table, c)
				}
			}
		}
	}
}
