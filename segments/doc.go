// Package segments holds the grammar of conditions and what it means: reading
// it from YAML, asking it of one contact's facts, explaining the answer, and
// compiling it to SQL for both databases.
//
// What it holds as true:
//   - Three matchers, one answer: Match, the SQL for PostgreSQL and the SQL for
//     SQLite agree on every contact. Whatever a condition compares was brought
//     into its comparable form by the engine (contacts.Compare), so that no
//     database's collation, number format or time zone takes part.
//   - Nothing after now is seen, and a window of Nd is N × 24 hours that ends
//     now: it holds what happened later than its beginning, up to and including
//     now.
//   - Only people count: opens and clicks of machines are invisible.
//   - Parts of the language that do not run yet are read, checked, reported as
//     such, and false.
//
// What it leaves to others: who is enrolled because of a segment (scheduler),
// where rows come from (internal/store), and what a stage is
// (internal/relationship). It touches neither database nor network, and takes
// the time as an argument.
package segments
