package token

// Words that stand in the place of a token in mail that is nobody's: a preview,
// and a test that a person sends to itself. No token is so short, and what they
// open changes nothing.
const (
	Preview = "preview"
	Test    = "test"
)
