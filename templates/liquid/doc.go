// Package liquid is a Liquid template engine made for mail.
//
// A template is parsed once into a tree of literal bytes and operations; after
// that a contact costs substitution only. Parsing reports every mistake of a
// source with line and column. Rendering is bounded: steps, loop iterations,
// nesting, memory and output size each have a limit, and going over one is an
// error that says which limit and where.
//
// What it holds as true:
//
//   - Values come from outside and are never trusted. In HTML mode each output
//     is escaped for the place it stands in (text, attribute, address, style),
//     which is worked out once, when the template is parsed. In Text mode line
//     breaks are removed from values, so that a value can add neither a header
//     nor a line.
//   - Rendering touches no clock, file or network. The time "now" and the zone
//     are options; partials come from a function that the caller gives.
//   - A Template is immutable after Parse and safe for concurrent use.
//
// What it leaves to others: where sources come from, layouts, links, Markdown
// and HTML (package templates). The language follows Shopify's reference
// documentation; the conformance test runs the golden Liquid suite.
package liquid
