package delivery

import (
	"net/url"
	"strconv"
	"strings"

	"rapport/internal/token"
)

// links are the addresses of one message.
type links struct {
	signer   *token.Signer
	message  int64
	contact  int64
	numbered []bool // by link number - 1: its address is stem and number; nil: nobody has looked

	stem, open, unsubscribe, preferences, view string
}

// newLinks makes the addresses of a message one by one.
func newLinks(signer *token.Signer, publicURL string, message, contact int64) *links {
	root, base := strings.TrimRight(publicURL, "/"), signer.Message(message, contact)
	return &links{signer: signer, message: message, contact: contact, stem: root + "/c/" + string(base) + "/", open: root + base.Open(),
		unsubscribe: root + base.Unsubscribe(), preferences: root + base.Preferences(), view: root + base.View()}
}

func (l *links) Stem() string        { return l.stem }
func (l *links) Numbered(n int) bool { return n <= len(l.numbered) && l.numbered[n-1] }

func (l *links) AppendClick(dst []byte, n int, target []byte, personal bool) []byte {
	if !follows(string(target)) {
		return append(dst, target...)
	}
	dst = strconv.AppendInt(append(dst, l.stem...), int64(n), 10)
	if personal {
		dst = l.signer.AppendPersonal(append(dst, '/'), l.message, n, target)
	}
	return dst
}

func (l *links) Open() string        { return l.open }
func (l *links) Unsubscribe() string { return l.unsubscribe }
func (l *links) Preferences() string { return l.preferences }
func (l *links) View() string        { return l.view }

// Survey is the address of the survey that the mail asks. Few mails do, so it is
// made from the page's only when it is asked for.
func (l *links) Survey() string { return l.page("/s/") }

// Confirm is the address at which a consent is confirmed.
func (l *links) Confirm() string { return l.page("/confirm/") }

// Referral is the address that the contact may pass on to friends.
func (l *links) Referral() string {
	i := strings.LastIndex(l.view, "/v/")
	return l.view[:i] + "/r/" + l.signer.Referral(l.contact)
}

// page is the address of the view with another path.
func (l *links) page(path string) string {
	i := strings.LastIndex(l.view, "/v/")
	return l.view[:i] + path + l.view[i+len("/v/"):]
}

// follows reports whether an address can be led to; one that cannot stays as it
// is written.
func follows(target string) bool {
	_, err := url.Parse(target)
	return err == nil
}
