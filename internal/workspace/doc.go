// Package workspace reads a marketer's folder into definitions: rapport.yaml by
// itself, every other file through the package that knows what it means.
//
// What it holds as true:
//
//   - All mistakes of all files are reported at once, each once, at the place
//     where it has to be put right.
//   - Names are collected before anything is decoded, from the files and from
//     the keys of rapport.yaml, so that one broken file does not make every
//     reference to it a finding.
//   - A workspace read from the folder and the same files read back from the
//     store give the same definitions. Files keep their ${NAME}; values come
//     from the environment of whoever reads and are stored nowhere.
//   - What is read and checked but not acted upon yet gives a warning
//     (notyet.go). Nothing is ignored in silence.
//
// What it leaves to others: connecting to anything, storing versions, and
// deciding whom to mail.
package workspace
