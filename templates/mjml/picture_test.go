package mjml

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"rapport/internal/testenv"
)

// The widths of a phone and of a window, in pixels.
var pictureWidths = []int64{375, 800}

// What two pictures may differ by: a pixel of which no colour is further apart
// than this counts as the same, and so many of a thousand may be others. The
// browser draws the same page twice alike, so this is for the edges of letters.
const (
	sameColour = 16
	mayDiffer  = 1 // of a thousand pixels
)

// camera takes pictures of pages in a browser that reaches nothing but the test.
type camera struct {
	context.Context
	server *httptest.Server
	page   string
}

func newCamera(t *testing.T) *camera {
	t.Helper()
	path := testenv.Chromium(t)
	var dot bytes.Buffer
	m := image.NewRGBA(image.Rect(0, 0, 120, 80))
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 7)
	}
	if err := png.Encode(&dot, m); err != nil {
		t.Fatal(err)
	}
	c := &camera{}
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/picture.png" {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(dot.Bytes())
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(c.page))
	}))
	t.Cleanup(c.server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("no-first-run", true))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	c.Context, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return c
}

// Pictures of the web are not reached: one of the test's own stands for all.
var pictureAddress = regexp.MustCompile(`https?://[^"'()\s<>]+\.(?:png|jpe?g|gif|svg)`)

// take is the picture of a page in a window of a width, as high as the page.
func (c *camera) take(t *testing.T, page string, width int64) image.Image {
	t.Helper()
	c.page = pictureAddress.ReplaceAllString(page, c.server.URL+"/picture.png")
	if err := chromedp.Do(c, chromedp.EmulateViewport(width, 600), chromedp.Navigate(c.server.URL+"/")); err != nil {
		t.Fatal(err)
	}
	// The page itself is asked how high it is, which makes it lay itself out first.
	height, err := chromedp.Run(c, chromedp.Evaluate[int64](`Math.max(600, document.documentElement.scrollHeight)`))
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(c, chromedp.EmulateViewport(width, height)); err != nil {
		t.Fatal(err)
	}
	data, err := chromedp.Run(c, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// apart tells how two pictures differ: pixels that are not the same, of all; ""
// when few enough do.
func apart(a, b image.Image) string {
	if a.Bounds() != b.Bounds() {
		return fmt.Sprintf("%v and %v", a.Bounds().Size(), b.Bounds().Size())
	}
	size, others := a.Bounds(), 0
	far := func(x, y uint8) bool { return max(x, y)-min(x, y) > sameColour }
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			if far(p.R, q.R) || far(p.G, q.G) || far(p.B, q.B) {
				others++
			}
		}
	}
	if all := size.Dx() * size.Dy(); others*1000 > all*mayDiffer {
		return fmt.Sprintf("%d of %d pixels", others, all)
	}
	return ""
}

// inPictures are the pages that are compared: those that use every tag, the
// example's, some that are put together at random, and, where OFFICIAL_MJML names
// their folder, the official templates.
func inPictures(t *testing.T) (names, texts []string) {
	patterns := []string{"testdata/pages/*.mjml", "../../examples/*/templates/*.mjml"}
	if dir := os.Getenv("OFFICIAL_MJML"); dir != "" {
		patterns = append(patterns, filepath.Join(dir, "*.mjml"))
	}
	for _, pattern := range patterns {
		n, p := pages(t, pattern)
		names, texts = append(names, n...), append(texts, p...)
	}
	for seed := range uint64(6) {
		names, texts = append(names, fmt.Sprint("random ", seed)), append(texts, randomPage(rand.New(rand.NewPCG(seed, 7))))
	}
	liquid := regexp.MustCompile(`(?s)\{%.*?%\}|<mj-include [^>]*>`)
	value := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	for i, text := range texts {
		if rest, ok := strings.CutPrefix(text, "---\n"); ok { // a template of ours: both get the same without what only we know
			_, text, _ = strings.Cut(rest, "\n---\n")
			text = value.ReplaceAllString(liquid.ReplaceAllString(text, ""), "a value")
		}
		texts[i] = text
	}
	return names, texts
}

// A page looks in a browser as that of the oracle does, on a phone and in a
// window.
func TestPagesLookAsThoseOfTheOracle(t *testing.T) {
	names, texts := inPictures(t)
	wants := byOracle(t, texts)
	c := newCamera(t)
	same, pictures := 0, 0
	for i, want := range wants {
		got, errs := Compile(Source{Path: names[i], Text: texts[i]}, Options{})
		if got == "" {
			t.Logf("%s: refused: %v", names[i], errs)
			continue
		}
		for _, width := range pictureWidths {
			pictures++
			d := apart(c.take(t, got, width), c.take(t, want, width))
			// A browser on a busy machine may draw a picture after the page; what
			// really differs does so every time.
			for again := 0; d != "" && again < 5; again++ {
				d = apart(c.take(t, got, width), c.take(t, want, width))
			}
			if d != "" {
				t.Errorf("%s at %d pixels: %s", names[i], width, d)
			} else {
				same++
			}
		}
	}
	t.Logf("%d of %d pictures are the same", same, pictures)
}

// The comparison sees what a reader would.
func TestPicturesTellPagesApart(t *testing.T) {
	c := newCamera(t)
	page := func(attributes string) string {
		return mustCompile(t, "a.mjml", `<mjml><mj-body><mj-section><mj-column><mj-text `+attributes+`>Hello there</mj-text></mj-column></mj-section></mj-body></mjml>`)
	}
	first := c.take(t, page(`padding="10px"`), 375)
	if d := apart(first, c.take(t, page(`padding="10px"`), 375)); d != "" {
		t.Errorf("a page differs from itself: %s", d)
	}
	for _, other := range []string{`padding="12px"`, `padding="10px" color="#cc0000"`, `padding="10px" font-size="14px"`} {
		if apart(first, c.take(t, page(other), 375)) == "" {
			t.Errorf("%s makes no difference", other)
		}
	}
}
