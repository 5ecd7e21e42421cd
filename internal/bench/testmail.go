package bench

import _ "embed"

// Mail is the template that everything about sending is measured with, the
// content of templates/spring.md in a workspace: in the layout of the house it
// makes a multipart message of about 20 KB, with ten variables of the contact, a
// loop of five, a conditional, and 20 links to each reader, all of them tracked. It asks for
// the attributes of MailAttributes, and for a company with a name, an address and
// a website.
//
//go:embed testmail.md
var Mail string

// MailName is the name of the template.
const MailName = "spring"

// Of contacts only these differ, so that every value has a known length.
var (
	mailCities = []string{"Hamburg", "Köln", "Gießen", "Freiburg im Breisgau"}
	mailBikes  = []string{"cargo bike", "e-bike", "city bike", "gravel bike"}
)

// MailAttributes are the attributes of contact n, as encoding/json decodes them.
func MailAttributes(n int64) map[string]any {
	return map[string]any{
		"city": mailCities[n%int64(len(mailCities))], "bike": mailBikes[n/4%int64(len(mailBikes))],
		"club": n%2 == 0, "points": float64(n % 5000), "advisor": "Jule", "shop": "at the harbour", "next_service": "2026-04-10",
		"picks": []any{"Helmet Lind, 59 €", "Lamp Nord, 34 €", "Bag Kontor, 89 €", "Lock Anker, 71 €", "Bell Möwe, 12 €"},
	}
}
