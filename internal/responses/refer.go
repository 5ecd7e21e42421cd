package responses

import (
	"net/http"
	"net/url"
)

// ReferredBy is the parameter with which a friend comes to the company's
// website, and the field with which the website reports who came.
const ReferredBy = "referred_by"

// refer leads a friend of a contact to the company's website, with the code that
// tells who sent them. It leads nowhere else, and tells nothing of the contact.
func (r *Responses) refer(w http.ResponseWriter, q *http.Request) {
	code := q.PathValue("code")
	website, err := url.Parse(safeWebsite(r.Settings().Website))
	if _, bad := r.Tokens.VerifyReferral(code); bad != nil || err != nil || website.Host == "" {
		r.NotFound(w, q)
		return
	}
	query := website.Query()
	query.Set(ReferredBy, code)
	website.RawQuery = query.Encode()
	publicHeaders(w.Header())
	http.Redirect(w, q, website.String(), http.StatusFound)
}
