package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"regexp"

	"rapport/internal/delivery"
)

//go:embed pages/preview.html
var previewText string

var previewForm = template.Must(template.New("preview").Parse(previewText))

// frame is the mail in one kind of window.
type frame struct {
	Title string
	Width int // pixels
	Dark  bool
	HTML  string
}

var darkScheme = regexp.MustCompile(`\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)`)

// scheme makes a page look as it does where people have chosen dark or light,
// whatever the window that shows it has.
func scheme(page string, dark bool) string {
	chosen := "light"
	if dark {
		chosen = "dark"
	}
	return darkScheme.ReplaceAllStringFunc(page, func(query string) string {
		if darkScheme.FindStringSubmatch(query)[1] == chosen {
			return "(min-width: 0px)"
		}
		return "(max-width: 0px)"
	})
}

// previewPage is one page, whole in itself, that shows a mail as a desktop and a
// phone do, in light and, where the mail has colours for it, in dark; its text
// part, and its header fields.
func previewPage(name string, head mailHead, out delivery.Written) ([]byte, error) {
	frames := []frame{
		{Title: "Desktop, 800 pixels", Width: 800, HTML: scheme(out.HTML, false)},
		{Title: "Phone, 375 pixels", Width: 375, HTML: scheme(out.HTML, false)},
	}
	if darkScheme.MatchString(out.HTML) {
		frames = append(frames,
			frame{Title: "Desktop, dark", Width: 800, Dark: true, HTML: scheme(out.HTML, true)},
			frame{Title: "Phone, dark", Width: 375, Dark: true, HTML: scheme(out.HTML, true)})
	}
	var b bytes.Buffer
	err := previewForm.Execute(&b, map[string]any{
		"Name": name, "From": head.from, "To": head.to, "Campaign": head.campaign, "Subject": out.Subject, "Preheader": out.Preheader,
		"Text": out.Text, "Fields": head.fields, "Frames": frames, "Size": fmt.Sprintf("%.1f KB", float64(len(out.HTML))/1024),
	})
	return b.Bytes(), err
}
