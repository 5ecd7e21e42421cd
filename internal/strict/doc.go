// Package strict reads YAML that people write by hand and collects everything
// that is wrong with it, each with its position.
//
// Parse turns a file into a tree of Nodes. The package that knows what the file
// means asks the nodes for what it wants (Map, List, Text, Int, …); whatever is
// not as asked becomes a Finding at that place, and reading goes on. So one pass
// reports all mistakes of a file.
//
// What it holds as true:
//
//   - One mistake is one finding. A reader that found a fault answers false and
//     whoever asked stays silent; a misspelt key counts as the key that was
//     meant; a node whose fault is known already reports nothing more.
//   - An absent node is not a fault. Every reader answers false for it without
//     a finding, so that optional keys need no conditions.
//   - No input makes it panic, hang, or use memory out of proportion: size,
//     depth and the growth of aliases are bounded before anybody reads a node.
//   - The value of an environment variable never appears in a finding.
//
// What it leaves to others: what keys mean, and files.
package strict
