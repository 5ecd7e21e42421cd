// Package examples carries the example workspaces inside the program, so that
// init and the demo need nothing but the program. Each folder beside this file is
// a complete workspace, and a test goes over all of them: one that is added needs
// no mention anywhere.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Northwind is the name of the example that is meant where none is named: a bike
// shop.
const Northwind = "northwind"

// Names of files begin with a letter: what serve keeps beside them does not.
//
//go:embed */[a-zA-Z]*
var all embed.FS

// Names are those of the examples, Northwind first.
func Names() []string {
	names := []string{Northwind}
	entries, _ := all.ReadDir(".") // a root that cannot be read is not compiled
	for _, e := range entries {
		if e.Name() != Northwind {
			names = append(names, e.Name())
		}
	}
	return names
}

// Open gives the folder of an example.
func Open(name string) (fs.FS, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no example %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return fs.Sub(all, name)
}
