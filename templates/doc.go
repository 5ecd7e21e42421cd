// Package templates turns the content of a workspace into mail: it compiles
// Markdown, HTML and MJML with Liquid, layouts and partials into templates,
// checks them, and renders them for one contact.
//
// All that can be done beforehand is done by Compile, once: Markdown and MJML
// become HTML, layout and partials are put together, styles are inlined, links
// get their numbers, the text part is made. What is left is a list of literal
// texts and operations, so that a contact costs substitution only. Lint looks
// at what comes out of it, with the eyes of a reader and of a mail program.
//
// What it holds as true:
//
//   - Liquid is opaque to Markdown, MJML, HTML and CSS: those are read once, with
//     each piece of Liquid as one mark, and values are never read as any of
//     them.
//   - Every mistake of every file is found by Compile and reported together;
//     one mistake gives one finding.
//   - A value is escaped for the place it stands in. A variable without a value
//     fails the one message that needs it.
//   - Rendering is pure: no clock, no file, no network. Tokens of links are
//     made by the caller (Links).
//
// What it leaves to others: reading the folder, the MIME message, signing,
// and judging deliverability.
package templates
