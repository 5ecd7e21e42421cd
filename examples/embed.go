// Package examples carries the example workspaces inside the program, so that
// the demo needs nothing but the program. Each folder is a complete workspace;
// tests validate all of them.
package examples

import "embed"

// Northwind is the workspace of a bike shop: what the demo runs on. Paths in it
// begin with northwind/.
//
//go:embed northwind
var Northwind embed.FS
