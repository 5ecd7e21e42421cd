package delivery

import (
	"bytes"
	"encoding/json"
	"io"
	gomime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"rapport/campaigns"
	"rapport/internal/contacts"
	"rapport/internal/workspace"
)

// taken is a message as a parser takes it apart.
type taken struct {
	Type    string            `json:"type"`
	Fields  map[string]string `json:"fields"` // decoded and unfolded
	Parts   []takenPart       `json:"parts"`
	Defects []string          `json:"defects"`
}

type takenPart struct {
	Type    string `json:"type"`
	Charset string `json:"charset"`
	Text    string `json:"text"`
}

// fieldsRead are the header fields that are compared.
var fieldsRead = []string{"From", "To", "Subject", "Message-ID", "MIME-Version", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID",
	"Auto-Submitted", "X-Rapport-Id"}

// byGo reads a message with the standard library.
func byGo(t *testing.T, data []byte) (out taken) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out.Fields = map[string]string{}
	for _, name := range fieldsRead {
		value := m.Header.Get(name)
		if value, err = new(gomime.WordDecoder).DecodeHeader(value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if value != "" {
			out.Fields[name] = value
		}
	}
	kind, parameters, err := gomime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	out.Type = kind
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, parameters, err := gomime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if cte := part.Header.Get("Content-Transfer-Encoding"); cte != "quoted-printable" {
			t.Errorf("%s is encoded as %q", kind, cte)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		out.Parts = append(out.Parts, takenPart{kind, parameters["charset"], string(text)})
	}
}

const pythonReader = `
import email, email.policy, json, sys
out = []
for text in json.load(sys.stdin)["messages"]:
    m = email.message_from_bytes(text.encode("ascii"), policy=email.policy.default)
    fields = {}
    for name in ` + "%FIELDS%" + `:
        if m[name] is not None:
            fields[name] = str(m[name])
    defects = [str(d) for d in m.defects]
    for name, value in m.items():
        defects += [name + ": " + str(d) for d in getattr(value, "defects", [])]
    parts = []
    for p in m.iter_parts():
        defects += [str(d) for d in p.defects]
        parts.append({"type": p.get_content_type(), "charset": p.get_content_charset(), "text": p.get_content().replace("\n", "\r\n").replace("\r\r\n", "\r\n")})
    out.append({"type": m.get_content_type(), "fields": fields, "parts": parts, "defects": defects})
json.dump(out, sys.stdout)
`

// byPython reads messages with the email package of Python; nil where there is none.
func byPython(t *testing.T, messages []string) []taken {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: its parser is not asked")
	}
	names, input := must(json.Marshal(fieldsRead))(t), must(json.Marshal(map[string]any{"messages": messages}))(t)
	c := exec.CommandContext(t.Context(), python, "-I", "-c", strings.Replace(pythonReader, "%FIELDS%", string(names), 1))
	var problems bytes.Buffer
	c.Stdin, c.Stderr = bytes.NewReader(input), &problems
	out, err := c.Output()
	if err != nil {
		t.Fatalf("python3: %v: %s", err, problems.String())
	}
	var list []taken
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// What goes over the wire is read by two parsers that are not ours, and both find
// in it what the template says.
func TestWhatIsSentIsReadByOtherParsers(t *testing.T) {
	long := "Größe für deine Räder: 🚲🚲🚲, " + strings.Repeat("und noch ein wenig länger ", 6)
	h, _ := signing(t)
	at := slices.IndexFunc(h.applied.Files, func(f workspace.File) bool { return f.Path == "rapport.yaml" })
	settings := strings.Replace(string(h.applied.Files[at].Data), "public_url: http://127.0.0.1:8080", "public_url: https://go.northwind.example", 1)
	h = northwind(t, map[string]string{"rapport.yaml": settings,
		"templates/plain.md": "---\nsubject: Hello\nkind: marketing\n---\nHi\n",
		"templates/odd.md": "---\nsubject: \"" + long + "{{ contact.first_name }}\"\npreheader: x\n---\nHi {{ contact.first_name }} – 10 € = “ten” 🚲\n\n.\n\nFrom here on\n\n" +
			strings.Repeat("one-very-long-line-without-a-blank", 60) + "\n\n[a link](https://x.example/?a=1&b=ü)\n",
	})
	people := []*contacts.Facts{
		{Contact: contacts.Contact{ID: 7, Email: "ana@example.com", FirstName: "Ana", CreatedAt: noon}},
		{Contact: contacts.Contact{ID: 8, Email: "jorg@example.com", FirstName: "Jörg 🚲", LastName: "Müller, \"M\" (Köln) " + strings.Repeat("lang ", 20), CreatedAt: noon}},
	}
	var messages []string
	var wants []taken
	for _, name := range []string{"plain", "odd"} {
		for _, facts := range people {
			c := h.claim("welcome", &campaigns.Send{Template: name}, facts, campaigns.Origin{})
			m, err := h.finished(t.Context(), h.applied, c)
			if err != nil {
				t.Fatal(err)
			}
			d := h.applied.Workspace.Campaigns["welcome"]
			want := must(h.plainly(t, c, d, "bounces.northwind.example"))(t)
			for line := range strings.SplitSeq(string(m.data), "\r\n") {
				if len(line) > 78 && !strings.HasPrefix(line, " ") && !strings.Contains(line, "<https://") {
					t.Errorf("a line of %d characters: %s", len(line), line)
				}
				if strings.ContainsFunc(line, func(r rune) bool { return r >= 0x7f || r == '\n' || r == '\r' }) {
					t.Errorf("a line that is no ASCII: %q", line)
				}
			}
			messages = append(messages, string(m.data))
			wants = append(wants, taken{Type: "multipart/alternative", Fields: map[string]string{
				"From": `"Mia from Northwind" <mia@news.northwind.example>`, "To": want.To.Name + " <" + want.To.Address + ">", "Subject": want.Subject, "Message-ID": "<" + want.MessageID + ">",
				"MIME-Version": "1.0", "List-Unsubscribe": "<" + want.ListUnsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
				"List-Id": "<guides.news.northwind.example>", "Feedback-ID": "welcome:guides:rapport:mia", "Auto-Submitted": "auto-generated", "X-Rapport-Id": want.ID},
				Parts: []takenPart{{"text/plain", "utf-8", want.Text}, {"text/html", "utf-8", want.HTML}}})
			m.release()
		}
	}
	compare := func(t *testing.T, got taken, want taken, i int) {
		t.Helper()
		if len(got.Defects) > 0 {
			t.Errorf("message %d: %q", i, got.Defects)
		}
		if got.Type != want.Type || len(got.Parts) != 2 {
			t.Fatalf("message %d: %s of %d parts", i, got.Type, len(got.Parts))
		}
		for p, part := range got.Parts {
			w := want.Parts[p]
			if part.Type != w.Type || part.Charset != w.Charset || lines(part.Text) != lines(w.Text) {
				t.Errorf("message %d: %s; charset=%s\n%s\nwant %s\n%s", i, part.Type, part.Charset, part.Text, w.Type, w.Text)
			}
		}
		for _, name := range fieldsRead {
			g, w := strings.TrimSpace(got.Fields[name]), strings.TrimSpace(want.Fields[name])
			switch name {
			case "From":
				if a, err := mail.ParseAddress(g); err != nil || a.String() != w {
					t.Errorf("message %d: %s: %s, want %s (%v)", i, name, g, w, err)
				}
			case "To":
				// Python up to 3.12 keeps the blank between two encoded words of a
				// name, which RFC 2047 6.2 takes out, and each quotes its own way.
				bare := strings.NewReplacer(" ", "", `\`, "", `"`, "")
				if !strings.HasPrefix(bare.Replace(g), bare.Replace(w)) {
					t.Errorf("message %d: %s: %s, want %s", i, name, g, w)
				}
			default:
				if g != w {
					t.Errorf("message %d: %s: %q, want %q", i, name, g, w)
				}
			}
		}
	}
	t.Run("go", func(t *testing.T) {
		for i, m := range messages {
			compare(t, byGo(t, []byte(m)), wants[i], i)
		}
	})
	t.Run("python", func(t *testing.T) {
		list := byPython(t, messages)
		for i := range wants {
			compare(t, list[i], wants[i], i)
		}
	})
	if !slices.ContainsFunc(messages, func(m string) bool { return strings.HasPrefix(m, "DKIM-Signature: ") }) {
		t.Error("no message is signed")
	}
}

// lines is a text with one kind of line ending, none at its end.
func lines(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n") }
