// Command count reads the output of go test -json, prints a line for each
// package as it ends and the whole output of whatever failed, and closes with
// a plain count. It ends with 1 when anything failed or nothing ran.
//
//	go test -json ./... | go run ./internal/house/count
package main

import (
	"fmt"
	"os"
)

func main() {
	total, err := read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
	total.print(os.Stdout)
	if !total.good() {
		os.Exit(1)
	}
}
