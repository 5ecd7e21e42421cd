package responses

import (
	"net/http"

	"rapport/internal/token"
)

// nobodys adds the addresses that stand in previews and tests: they say what is
// found there in the real mail, and change nothing.
func (r *Responses) nobodys(mux *http.ServeMux) {
	for path, what := range map[string]string{
		"/u/": "one click unsubscribes", "/p/": "people choose what they get", "/s/": "the survey is answered",
		"/confirm/": "a consent is confirmed", "/r/": "friends are brought in", "/v/": "the mail is shown in the browser",
	} {
		page := func(w http.ResponseWriter, _ *http.Request) {
			r.show(w, http.StatusOK, r.page("This was only a test", "In the mail itself this is where "+what+". Here it changes nothing: the message is a preview or a test, and belongs to nobody."))
		}
		for _, word := range []string{token.Preview, token.Test} {
			mux.HandleFunc("GET "+path+word, page)
			if path != "/v/" && path != "/r/" {
				mux.HandleFunc("POST "+path+word, page)
			}
		}
	}
}
