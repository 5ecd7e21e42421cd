// Package mjml compiles MJML, the language of responsive mail, to HTML: what is
// written in sections and columns becomes the tables, conditional comments and
// media queries that the mail programs need.
//
// What it holds as true:
//
//   - The tags and their attributes are one table (tags.txt); reading, checking
//     and defaults all follow it.
//   - Every mistake is found and reported together, at its place; a source with
//     mistakes gives no HTML.
//   - The same source gives the same HTML, byte by byte.
//   - It reads no files: what is included comes from the caller.
//
// Its oracle is the mjml package of npm, version 5: tests compare the two page
// by page. The format is described at documentation.mjml.io.
//
// What it leaves to others: front matter, Liquid, links, the text part.
package mjml
