// Package docs carries the pages about the language inside the program, so that
// an editor shows beside a key what its page says about it.
package docs

import "embed"

// Language are the pages about the files of a workspace. Paths in it begin with
// language/.
//
//go:embed language/*.md
var Language embed.FS
