package smtp

import (
	"slices"
	"strings"
	"testing"

	"rapport/internal/delivery/smtp/smtptest"
)

// RFC 5321, 2.4: keywords of EHLO are the same in any case.
func TestKeywordsInAnyCase(t *testing.T) {
	for _, offered := range [][]string{
		{"PIPELINING", "8BITMIME", "CHUNKING"}, {"pipelining", "8bitmime", "chunking"}, {"Pipelining", "8BitMIME", "Chunking"},
	} {
		t.Run(offered[0], func(t *testing.T) {
			s := smtptest.Start(t, smtptest.Options{Extensions: offered})
			p := newPool(t, s, nil)
			e := envelope(1)
			e.Data = []byte("Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nHallo\r\n")
			if r := p.Send(t.Context(), e); r.Outcome != Sent {
				t.Fatal(r)
			}
			if !slices.ContainsFunc(s.Commands(), func(c string) bool { return strings.HasPrefix(c, "BDAT") }) {
				t.Errorf("commands %q: what the server offers is not used", s.Commands())
			}
		})
	}
}

// A server that knows nothing of EHLO, or of its keywords, takes mail all the same.
func TestAServerWithoutKeywords(t *testing.T) {
	for name, script := range map[string]func(smtptest.Step) *smtptest.Action{
		"none": nil,
		"helo": func(s smtptest.Step) *smtptest.Action {
			if strings.HasPrefix(s.Line, "EHLO") {
				return &smtptest.Action{Reply: "502 5.5.1 what"}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, smtptest.Start(t, smtptest.Options{Script: script}), nil)
			if r := p.Send(t.Context(), envelope(1)); r.Outcome != Sent {
				t.Error(r)
			}
		})
	}
}
