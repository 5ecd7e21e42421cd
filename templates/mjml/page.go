package mjml

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// queries are the rules for a large screen, by class, in the order of their
// first use.
type queries struct {
	classes []string
	rules   map[string]string
}

func (q *queries) add(class, rule string) {
	if q.rules == nil {
		q.rules = map[string]string{}
	}
	if _, ok := q.rules[class]; !ok {
		q.classes = append(q.classes, class)
	}
	q.rules[class] = rule
}

// grouped writes classes with the same rule together.
func (q *queries) grouped(prefix string) string {
	var order []string
	selectors := map[string][]string{}
	for _, class := range q.classes {
		rule := q.rules[class]
		if selectors[rule] == nil {
			order = append(order, rule)
		}
		selectors[rule] = append(selectors[rule], prefix+"."+class)
	}
	var b strings.Builder
	for _, rule := range order {
		b.WriteString(strings.Join(selectors[rule], ", ") + " { " + rule + " }\n")
	}
	return b.String()
}

// What every page begins with: it takes from mail programs the styles that they
// add of their own.
const headStart = `
<!--[if !mso]><!-->
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<!--<![endif]-->
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style type="text/css">
#outlook a { padding:0; }
body { margin:0;padding:0;-webkit-text-size-adjust:100%;-ms-text-size-adjust:100%; }
table, td { border-collapse:collapse;mso-table-lspace:0pt;mso-table-rspace:0pt; }
img { border:0;height:auto;line-height:100%; outline:none;text-decoration:none;-ms-interpolation-mode:bicubic; }
p { display:block;margin:13px 0; }
</style>
<!--[if mso]><noscript><xml><o:OfficeDocumentSettings><o:AllowPNG/><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><![endif]-->
<!--[if lte mso 11]><style type="text/css">.mj-outlook-group-fix { width:100% !important; }</style><![endif]-->
`

// frame is what stands round the body.
type frame struct {
	before, after  string // of the page
	language, dir  string
	outlookDesktop bool // Outlook on the web always gets the large screen
	body           string
}

// document writes the whole page.
func (c *compiler) document(f frame) string {
	var b strings.Builder
	if f.before != "" {
		b.WriteString(f.before + "\n")
	}
	fmt.Fprintf(&b, `<!doctype html>
<html lang="%s" dir="%s" xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">
<head><title>%s</title>`, f.language, f.dir, c.set.title)
	b.WriteString(headStart)
	c.writeFonts(&b, f.body)
	c.writeQueries(&b, f.outlookDesktop)
	sheets := slices.Clone(c.sheets)
	for _, tag := range c.heads {
		sheets = append(sheets, headSheet(tag, belowBreakpoint(c.set.breakpoint)))
	}
	writeSheet(&b, `<style type="text/css">`, strings.Join(sheets, "\n"))
	writeSheet(&b, `<style type="text/css">`, strings.Join(c.set.styles, "\n"))
	b.WriteString(strings.Join(c.set.raws, "\n"))
	b.WriteString("</head>\n" + f.body + "</html>\n" + f.after)
	return b.String()
}

func writeSheet(b *strings.Builder, open, sheet string) {
	if sheet != "" {
		b.WriteString(open + "\n" + sheet + "</style>\n")
	}
}

// writeFonts loads the fonts that the page names.
func (c *compiler) writeFonts(b *strings.Builder, body string) {
	var links, imports strings.Builder
	for _, f := range c.set.fonts {
		if !namesFont(body, c.set.inline, f.name) {
			continue
		}
		links.WriteString(`<link href="` + f.href + `" rel="stylesheet" type="text/css">` + "\n")
		imports.WriteString("@import url(" + f.href + ");\n")
	}
	if links.Len() > 0 {
		b.WriteString(ifNotMSO + "\n" + links.String() + "<style type=\"text/css\">\n" + imports.String() + "</style>\n" + endIfNot + "\n")
	}
}

// namesFont: a font-family in an attribute or an inlined sheet has the font.
func namesFont(body string, sheets []string, name string) bool {
	name = strings.ToLower(name)
	parts := strings.Split(strings.ToLower(body), `"`)
	for _, part := range parts[1:] {
		if _, families, ok := strings.Cut(part, "font-family:"); ok && strings.Contains(families, name) {
			return true
		}
	}
	return slices.ContainsFunc(sheets, func(sheet string) bool {
		for _, families := range strings.Split(strings.ToLower(sheet), "font-family:")[1:] {
			if end := strings.IndexAny(families, ";}"); end >= 0 {
				families = families[:end]
			}
			if strings.Contains(families, name) {
				return true
			}
		}
		return false
	})
}

func (c *compiler) writeQueries(b *strings.Builder, outlookDesktop bool) {
	if len(c.queries.classes) == 0 {
		return
	}
	writeSheet(b, `<style type="text/css">`, "@media only screen and (min-width:"+c.set.breakpoint+") {\n"+c.queries.grouped("")+"}\n")
	// Thunderbird reads the attribute and not the rule.
	writeSheet(b, `<style media="screen and (min-width:`+c.set.breakpoint+`)">`, c.queries.grouped(".moz-text-html "))
	if outlookDesktop {
		writeSheet(b, `<style type="text/css">`, regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimSpace(c.queries.grouped("")), "[owa] ")+"\n")
	}
}

var digits = regexp.MustCompile(`\d+`)

// belowBreakpoint is the widest small screen.
func belowBreakpoint(breakpoint string) string {
	n, err := strconv.Atoi(digits.FindString(breakpoint))
	if err != nil {
		return breakpoint
	}
	return strconv.Itoa(n-1) + "px"
}

// headSheet is the style sheet that all elements of a tag share.
func headSheet(tag, small string) string {
	switch tag {
	case "mj-image":
		return "@media only screen and (max-width:" + small + `) {
table.mj-full-width-mobile { width: 100% !important; }
td.mj-full-width-mobile { width: auto !important; }
}
`
	case "mj-navbar":
		box := `.mj-menu-checkbox[type="checkbox"]`
		return `noinput.mj-menu-checkbox { display:block!important; max-height:none!important; visibility:visible!important; }
@media only screen and (max-width:` + small + `) {
` + box + ` ~ .mj-inline-links { display:none!important; }
` + box + `:checked ~ .mj-inline-links, ` + box + ` ~ .mj-menu-trigger { display:block!important; max-width:none!important; max-height:none!important; font-size:inherit!important; }
` + box + ` ~ .mj-inline-links > a { display:block!important; }
` + box + `:checked ~ .mj-menu-trigger .mj-menu-icon-close { display:block!important; }
` + box + `:checked ~ .mj-menu-trigger .mj-menu-icon-open { display:none!important; }
}
`
	}
	box, thunderbird := `.mj-accordion-checkbox[type="checkbox"]`, ".moz-text-html input.mj-accordion-checkbox + * "
	return `noinput.mj-accordion-checkbox { display:block!important; }
@media yahoo, only screen and (min-width:0) {
.mj-accordion-element { display:block; }
` + box + `, .mj-accordion-less { display:none!important; }
` + box + ` + * .mj-accordion-title { cursor:pointer; touch-action:manipulation; -webkit-user-select:none; -moz-user-select:none; user-select:none; }
` + box + ` + * .mj-accordion-content { overflow:hidden; display:none; }
` + box + ` + * .mj-accordion-more { display:block!important; }
.mj-accordion-checkbox:checked + * .mj-accordion-content { display:block; }
.mj-accordion-checkbox:checked + * .mj-accordion-more { display:none!important; }
.mj-accordion-checkbox:checked + * .mj-accordion-less { display:block!important; }
}
` + thunderbird + `.mj-accordion-title { cursor: auto; touch-action: auto; -webkit-user-select: auto; -moz-user-select: auto; user-select: auto; }
` + thunderbird + `.mj-accordion-content { overflow: hidden; display: block; }
` + thunderbird + `.mj-accordion-ico { display: none; }
@goodbye { @gmail }
`
}
