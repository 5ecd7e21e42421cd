package contacts

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// read imports a text and writes each row and reject as a line.
func read(t *testing.T, text string, o ImportOptions) (lines []string, im *Importer) {
	t.Helper()
	o.Now = now
	im, err := NewImporter(strings.NewReader(text), o)
	if err != nil {
		return []string{"error: " + err.Error()}, nil
	}
	for {
		row, reject, err := im.Next()
		switch {
		case errors.Is(err, io.EOF):
			return lines, im
		case err != nil:
			return append(lines, "error: "+err.Error()), im
		case reject != nil:
			lines = append(lines, fmt.Sprintf("%d rejected: %s", reject.Line, reject.Reason))
		default:
			c := row.Contact
			line := fmt.Sprintf("%d %s %s|%s|%s|%s %v", row.Line, c.Email, c.FirstName, c.LastName, c.Language, c.Timezone, c.Attributes)
			if row.Repeated {
				line += " repeated"
			}
			lines = append(lines, line)
		}
	}
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestImportMapsUsualHeaders(t *testing.T) {
	for _, header := range []string{
		"email,first_name,last_name,language,timezone,city",
		"E-Mail;Vorname;Nachname;Sprache;Zeitzone;City",
		"Email Address\tFirst Name\tSurname\tLocale\tTime Zone\tCITY",
		"\ufeffEMAIL,\"Given Name\",Family-Name,lang,TZ,city",
	} {
		delimiter := ","
		for _, d := range []string{";", "\t"} {
			if strings.Contains(header, d) {
				delimiter = d
			}
		}
		row := strings.Join([]string{" Ana@Example.com ", "Ana", "Ruiz", "de_AT", "Europe/Berlin", "Köln"}, delimiter)
		got, _ := read(t, header+"\r\n"+row+"\r\n", ImportOptions{})
		want(t, got, "2 ana@example.com Ana|Ruiz|de-AT|Europe/Berlin map[city:Köln]")
	}
}

func TestImportMapping(t *testing.T) {
	got, im := read(t, "Kontakt,Kunde seit,Geheim,,stage,consent.guides\na@b.cd,2020,x,y,client,given\n", ImportOptions{Mapping: map[string]string{"kontakt": "email", "Geheim": "-"}})
	want(t, got, "2 a@b.cd ||| map[kunde_seit:2020]")
	want(t, im.Notes(),
		`the column "Geheim" is left out: left out by the mapping`,
		`the column "" is left out: it has no name`,
		`the column "stage" is left out: the engine decides the stage`,
		`the column "consent.guides" is left out: a consent needs a source and a time, so it is given for the whole import`)
}

func TestImportTypes(t *testing.T) {
	types := map[string]string{"Age": "number", "vip": "bool", "renewal_date": "date", "likes": "list", "address.city": "text"}
	got, _ := read(t, strings.Join([]string{
		"email,AGE,VIP,Renewal Date,likes,address.city,zip",
		"a@b.cd,41.5,yes,02.12.2026,gravel; road ;,Köln,01234",
		"b@b.cd,,,,,,",
		`c@b.cd,1e3,0,2026-12-01T09:00:00+01:00,"[""x"", 5]",,`,
		`d@b.cd,"1.234,50",,,,,`,
		"e@b.cd,,maybe,,,,",
		"f@b.cd,,,03/02/2026,,,",
		"g@b.cd,0x10,,,,,",
		"h@b.cd,NaN,,,,,",
	}, "\n"), ImportOptions{Types: types})
	want(t, got,
		"2 a@b.cd ||| map[Age:41.5 address:map[city:Köln] likes:[gravel road] renewal_date:2026-12-02 vip:true zip:01234]",
		"3 b@b.cd ||| map[]",
		"4 c@b.cd ||| map[Age:1000 likes:[x 5] renewal_date:2026-12-01T09:00:00+01:00 vip:false]",
		`5 rejected: the column "AGE": "1.234,50" is not a number: write 1234.5, with a point and without separators`,
		`6 rejected: the column "VIP": "maybe" is neither true nor false`,
		`7 rejected: the column "Renewal Date": "03/02/2026" is not a date: write it as 2026-03-02`,
		`8 rejected: the column "AGE": "0x10" is not a number`,
		`9 rejected: the column "AGE": "NaN" is not a number`)
}

func TestImportRejectsWithLineAndReason(t *testing.T) {
	got, im := read(t, strings.Join([]string{
		"email,first_name,language,timezone",
		"ana@example.com,Ana,de,Europe/Berlin",
		",Nobody,de,",
		"not an address,X,de,",
		"b@example.com,\"two",
		"lines\",de,",
		"c@example.com,C,klingon-x-y-z-q,",
		"d@example.com,D,de,Europe/Berlino",
		"e@example.com,E,de",
		"f@example.com,F,de,UTC,more",
		"g@example.com,M\xfcller,de,UTC",
		"",
		"h@example.com,\"H\" x,de,UTC",
		"ANA@example.com,Anna,,",
		"i@example.com,I\x00,de,UTC",
		"j@example.com,\"never closed,de,UTC",
		"k@example.com,K,de,UTC",
	}, "\n"), ImportOptions{Defaults: ImportDefaults{Language: "en", Timezone: "UTC"}})
	want(t, got,
		"2 ana@example.com Ana||de|Europe/Berlin map[]",
		"3 rejected: the e-mail address is empty",
		`4 rejected: "not an address" is not an e-mail address: it contains a space`,
		`5 rejected: the column "first_name": "two\nlines" contains a line break or another control character`,
		`7 rejected: the column "language": "klingon-x-y-z-q" is not a language: write a code, as in de, en or pt-BR`,
		`8 rejected: the column "timezone": "Europe/Berlino" is not a time zone: write an IANA name, as in Europe/Berlin or America/New_York`,
		"9 rejected: it has 3 fields, and the first line names 4 columns",
		"10 rejected: it has 5 fields, and the first line names 4 columns",
		`11 rejected: the column "first_name" is not UTF-8 text (byte 0xFC): save the file as UTF-8, or name its encoding`,
		"13 rejected: text follows the closing quote of column 2",
		"14 ana@example.com Anna||en|UTC map[] repeated",
		`15 rejected: the column "first_name" contains the character U+0000`,
		"16 rejected: a quote is opened and never closed",
		"17 k@example.com K||de|UTC map[]")
	if im.Repeats() != 1 {
		t.Errorf("%d repeats", im.Repeats())
	}
}

// What an import remembers of a file does not grow with it: a row repeats one of
// the last rows, and who came long before is a contact like any other.
func TestImportRemembersTheLastRows(t *testing.T) {
	var file strings.Builder
	file.WriteString("email\nfirst@b.cd\nsecond@b.cd\n")
	filler := func(from, n int) {
		for i := range n {
			fmt.Fprintf(&file, "a%d@b.cd\n", from+i)
		}
	}
	filler(0, remembered-2)
	file.WriteString("first@b.cd\n") // 50,000 rows later
	filler(remembered, 2*remembered)
	file.WriteString("second@b.cd\n") // 150,000 rows later
	got, im := read(t, file.String(), ImportOptions{})
	var repeated []string
	for _, line := range got {
		if strings.HasSuffix(line, " repeated") {
			repeated = append(repeated, line)
		}
	}
	want(t, repeated, fmt.Sprintf("%d first@b.cd ||| map[] repeated", remembered+2))
	if im.Repeats() != 1 || len(im.seen)+len(im.before) > 2*remembered {
		t.Errorf("%d repeats, and %d addresses are in memory", im.Repeats(), len(im.seen)+len(im.before))
	}
}

func TestImportEncodings(t *testing.T) {
	text := "email,first_name\na@b.cd,Zoë\nb@b.cd,Jürgen\nc@b.cd,Søren €\n"
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	big, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	windows, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, note string }{
		"UTF-8":                  {text, ""},
		"UTF-8 with a mark":      {"\ufeff" + text, ""},
		"UTF-16":                 {utf16, "the file is UTF-16 and was converted"},
		"UTF-16, big, no mark":   {big, "the file is UTF-16 and was converted"},
		"Windows-1252":           {windows, "the file is not UTF-8; it was read as Windows-1252"},
		"old line ends":          {strings.ReplaceAll(text, "\n", "\r"), ""},
		"line ends of Windows":   {strings.ReplaceAll(text, "\n", "\r\n"), ""},
		"no line end at the end": {strings.TrimSuffix(text, "\n"), ""},
	} {
		got, im := read(t, c.text, ImportOptions{})
		want(t, got, "2 a@b.cd Zoë||| map[]", "3 b@b.cd Jürgen||| map[]", "4 c@b.cd Søren €||| map[]")
		if im != nil && strings.Join(im.Notes(), "") != c.note {
			t.Errorf("%s: notes %q", name, im.Notes())
		}
	}
}

func TestImportRefusesFiles(t *testing.T) {
	for text, message := range map[string]string{
		"":                            "the file is empty",
		"\n \n":                       "the file is empty",
		"name,city\nAna,Köln\n":       `line 1: no column is the e-mail address: map one to email; the columns are "name", "city"`,
		"ana@example.com,Ana\n":       "line 1: the first line must name the columns; it holds an address already",
		"email,E-Mail\na@b.cd,x\n":    `line 1: the columns "email" and "E-Mail" are both email: map one of them to - to leave it out`,
		"email,zip,ZIP\na@b.cd,1,2\n": `line 1: the columns "zip" and "ZIP" are both zip: map one of them to - to leave it out`,
		"email,\"open\n":              "line 1: a quote is opened and never closed",
		"email,na\xffme\n":            "line 1: the names of the columns are not UTF-8 text; save the file as CSV in UTF-8",
		"email,a\\b\n":                `line 1: the column "a\\b" cannot be an attribute: its name contains quotes, backslashes or control characters; map it to another name, or to - to leave it out`,
	} {
		got, _ := read(t, text, ImportOptions{})
		want(t, got, "error: "+message)
	}
	for message, o := range map[string]ImportOptions{
		`line 1: there is no column "Mail" to map; the columns are "email", "x"`:                               {Mapping: map[string]string{"Mail": "email"}},
		`the attribute x cannot be of the type "money": write text, number, bool, date, list`:                  {GivenTypes: map[string]string{"x": "money"}},
		`line 1: there is no column for the attribute "y", whose type was given; the columns are "email", "x"`: {GivenTypes: map[string]string{"y": "number"}},
		`a consent needs a source: say where these people gave it`:                                             {Consent: ImportConsent{Topics: []string{"guides"}}},
		`a consent cannot be given in the future (2026-03-03 09:00)`:                                           {Consent: ImportConsent{Topics: []string{"guides"}, Source: "fair", At: now.AddDate(0, 0, 1)}},
		`"Mars" is not a time zone: write an IANA name, as in Europe/Berlin or America/New_York`:               {Defaults: ImportDefaults{Timezone: "Mars"}},
		`"latin" is not an encoding: write utf-8, utf-16 or windows-1252`:                                      {Encoding: "latin"},
		`'x' cannot separate columns: use a comma, a semicolon, a tab or |`:                                    {Delimiter: 'x'},
	} {
		got, _ := read(t, "email,x\na@b.cd,1\n", o)
		want(t, got, "error: "+message)
	}
}

func TestImportGivesConsent(t *testing.T) {
	at := now.AddDate(0, -1, 0)
	im, err := NewImporter(strings.NewReader("email,created at\na@b.cd,2025-05-01\n"), ImportOptions{Now: now, Consent: ImportConsent{Topics: []string{"guides"}, Source: "fair", At: at}})
	if err != nil {
		t.Fatal(err)
	}
	row, _, err := im.Next()
	if err != nil {
		t.Fatal(err)
	}
	wanted := []Consent{{Topic: "guides", State: ConsentGiven, Source: "fair", At: at, Key: fmt.Sprintf("import:fair:%d", at.UnixMilli())}}
	if diff := cmp.Diff(wanted, row.Consents); diff != "" {
		t.Error(diff)
	}
	if row.Contact.CreatedAt.Format(time.DateOnly) != "2025-05-01" {
		t.Errorf("created at %s", row.Contact.CreatedAt)
	}
}

// endless is a file that never ends within its quotes.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

func TestImportOfOneEndlessLineStaysSmall(t *testing.T) {
	im, err := NewImporter(io.MultiReader(strings.NewReader("email,x\n"), &endless{64 << 20}, strings.NewReader("\na@b.cd,1\n")), ImportOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	_, reject, err := im.Next()
	if err != nil || reject == nil || reject.Reason != "the line has more than 1048576 characters" || len(reject.Record[0]) > 1<<20 {
		t.Fatalf("%v %v", reject.Reason, err)
	}
	if row, _, err := im.Next(); err != nil || row.Contact.Email != "a@b.cd" || row.Line != 3 {
		t.Fatalf("%v %v", row, err)
	}
}

func TestRejectFileCanBeImportedAgain(t *testing.T) {
	file := "email,first_name\nbad,Ana\nana@example.com,\"x\"\"y\" z\nana@example.com,Ana\n"
	im, err := NewImporter(strings.NewReader(file), ImportOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rejects := NewRejectWriter(&out, im.Headers())
	for {
		_, reject, err := im.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if reject != nil {
			if err := rejects.Write(reject); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := rejects.Close(); err != nil || rejects.Count() != 2 {
		t.Fatal(err, rejects.Count())
	}
	wanted := "rejected_line,rejected_reason,email,first_name\n" +
		"2,\"\"\"bad\"\" is not an e-mail address: there is no @ in it\",bad,Ana\n" +
		"3,text follows the closing quote of column 2,\"ana@example.com,\"\"x\"\"\"\"y\"\" z\",\n"
	if out.String() != wanted {
		t.Errorf("%s", out.String())
	}
	got, _ := read(t, strings.Replace(out.String(), ",bad,", ",good@example.com,", 1), ImportOptions{})
	if got[0] != "2 good@example.com Ana||| map[]" {
		t.Error(got)
	}
}

// What an export writes, an import reads.
func TestExportIsImportedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zäöß"',; .]{0,8}[a-z]`)
		c := Contact{Email: "ana@example.com", FirstName: word.Draw(t, "first"), Language: "de", Timezone: "Europe/Berlin", CreatedAt: now, Stage: "client", Attributes: map[string]any{
			"city": word.Draw(t, "city"), "age": float64(rapid.IntRange(-1e6, 1e6).Draw(t, "age")) / 100, "vip": rapid.Bool().Draw(t, "vip"),
			"likes": []any{word.Draw(t, "like"), word.Draw(t, "like")}, "geo": map[string]any{"lat": 1.5}, "note": word.Draw(t, "line") + "\n" + word.Draw(t, "line"),
		}}
		c.FirstName = strings.TrimSpace(c.FirstName)
		for _, name := range []string{"city", "note"} {
			c.Attributes[name] = strings.TrimSpace(c.Attributes[name].(string))
		}
		var names AttributeNames
		names.Add(&c)
		var out strings.Builder
		e, err := NewExporter(&out, ExportOptions{Attributes: names.Sorted(), Topics: []string{"guides"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(e.Write(&c, []Consent{{Topic: "guides", State: ConsentGiven}}), e.Close()); err != nil {
			t.Fatal(err)
		}
		im, err := NewImporter(strings.NewReader(out.String()), ImportOptions{Now: now, Types: map[string]string{"age": "number", "vip": "bool", "likes": "list", "geo.lat": "number"}})
		if err != nil {
			t.Fatal(err)
		}
		row, reject, err := im.Next()
		if row == nil {
			t.Fatalf("%v %v\n%s", reject, err, out.String())
		}
		c.Stage = ""
		if diff := cmp.Diff(c, row.Contact); diff != "" {
			t.Fatalf("%s\n%s", diff, out.String())
		}
	})
}

func TestExportJSON(t *testing.T) {
	var out strings.Builder
	e, err := NewExporter(&out, ExportOptions{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	c := Contact{Email: "a@b.cd", FirstName: "A & B", CreatedAt: now, Suppression: &Suppression{Reason: "complaint"}, Attributes: map[string]any{"x": 1.5}}
	if err := errors.Join(e.Write(&c, []Consent{{Topic: "guides", State: "given", Source: "form", At: now}}), e.Close()); err != nil {
		t.Fatal(err)
	}
	wanted := `{"email":"a@b.cd","first_name":"A & B","created_at":"2026-03-02T09:00:00Z","suppressed":"complaint","attributes":{"x":1.5},"consents":{"guides":{"state":"given","source":"form","at":"2026-03-02T09:00:00Z"}}}` + "\n"
	if out.String() != wanted {
		t.Errorf("%s", out.String())
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{"email,x\na@b.cd,1\n", "email;\"x\ny\"\n", "\xff\xfee\x00", "email\r\ra@b.cd", "email,\"\"\"\"\n\"\n\"\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		im, err := NewImporter(strings.NewReader(text), ImportOptions{Now: now})
		if err != nil {
			return
		}
		last := 0
		for {
			row, reject, err := im.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
			line := 0
			if row != nil {
				line = row.Line
			} else {
				line = reject.Line
				if reject.Reason == "" {
					t.Fatal("rejected without a reason")
				}
			}
			if line <= last {
				t.Fatalf("line %d came after line %d", line, last)
			}
			last = line
		}
	})
}
