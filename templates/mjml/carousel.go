package mjml

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// carousel writes mj-carousel: pictures to page through, which works with radio
// buttons that nobody sees. Outlook shows the first picture.
func (c *compiler) carousel(e *element) {
	id := c.id()
	in := e.scope
	in.class, in.carousel = e.class, "mj-carousel-"+id
	in.thumbnails = e.get("thumbnails")
	given := e.given("border-radius", "tb-border", "tb-border-radius")
	given["tb-width"] = cmp.Or(e.get("tb-width"), "110px")
	var images []*element
	for _, n := range e.children {
		if isRaw(n) {
			continue
		}
		image := c.element(n, in, given)
		image.index = len(images)
		images = append(images, image)
	}
	if len(images) == 0 {
		return
	}
	c.sheets = append(c.sheets, e.carouselSheet(in.carousel, len(images)))
	c.WriteString(ifNotMSO)
	c.open("div", "class", "mj-carousel")
	for _, image := range images {
		c.carouselRadio(image)
	}
	c.open("div", "class", "mj-carousel-content "+in.carousel+"-content",
		"style", style("display", "table", "width", "100%", "table-layout", "fixed", "text-align", "center", "font-size", "0px"))
	if in.thumbnails != "hidden" {
		for _, image := range images {
			c.carouselThumbnail(image)
		}
	}
	c.open("table", "style", style("caption-side", "top", "display", "table-caption", "table-layout", "fixed", "width", "100%"),
		"border", "0", "cellpadding", "0", "cellspacing", "0", "width", "100%", "role", "presentation", "class", "mj-carousel-main")
	c.WriteString("<tbody><tr>")
	c.carouselControl(e, in.carousel, "previous", len(images))
	c.WriteString(`<td style="padding:0px;"><div class="mj-carousel-images">`)
	for _, image := range images {
		c.carouselImage(image)
	}
	c.close("div", "td")
	c.carouselControl(e, in.carousel, "next", len(images))
	c.close("tr", "tbody", "table", "div", "div")
	c.WriteString(endIfNot + ifMSO)
	c.carouselImage(images[0])
	c.WriteString(endIf)
}

func (e *element) number() string { return strconv.Itoa(e.index + 1) }

func (c *compiler) carouselRadio(e *element) {
	checked := ""
	if e.index == 0 {
		checked = "checked"
	}
	radio := e.scope.carousel + "-radio"
	c.void("input", "", "class", "mj-carousel-radio "+radio+" "+radio+"-"+e.number(), "checked", checked, "type", "radio",
		"name", strings.Replace(e.scope.carousel, "carousel-", "carousel-radio-", 1), "id", radio+"-"+e.number(), "style", style("display", "none", "mso-hide", "all"))
}

func (c *compiler) carouselThumbnail(e *element) {
	display := "inline-block"
	if e.thumbnails == "supported" {
		display = "none"
	}
	class := "mj-carousel-thumbnail " + e.scope.carousel + "-thumbnail " + e.scope.carousel + "-thumbnail-" + e.number()
	if own := e.outlookClass("thumbnail"); own != "" {
		class += " " + own
	}
	c.open("a", "style", style("border", e.get("tb-border"), "border-radius", e.get("tb-border-radius"), "display", display,
		"overflow", "hidden", "width", e.get("tb-width")), "href", "#"+e.number(), "target", e.get("target"), "class", class)
	c.open("label", "for", e.scope.carousel+"-radio-"+e.number())
	c.void("img", "alt", "style", style("display", "block", "width", "100%", "height", "auto"),
		"src", cmp.Or(e.get("thumbnails-src"), e.get("src")), "alt", e.get("alt"), "width", number(whole(e.get("tb-width"))))
	c.close("label", "a")
}

func (c *compiler) carouselImage(e *element) {
	class, css := "mj-carousel-image mj-carousel-image-"+e.number(), ""
	if own := e.get("css-class"); own != "" {
		class += " " + own
	}
	if e.index > 0 {
		css = style("display", "none", "mso-hide", "all")
	}
	c.open("div", "class", class, "style", css)
	href := e.get("href")
	if href != "" {
		c.open("a", "href", href, "rel", e.get("rel"), "target", "_blank")
	}
	c.void("img", "alt", "title", e.get("title"), "src", e.get("src"), "alt", e.get("alt"),
		"style", style("border-radius", e.get("border-radius"), "display", "block", "width", px(e.width), "max-width", "100%", "height", "auto"),
		"width", e.wholeWidth(), "border", "0")
	if href != "" {
		c.close("a")
	}
	c.close("div")
}

// carouselControl writes the arrows of one side, one for each picture.
func (c *compiler) carouselControl(e *element, id, direction string, count int) {
	icon := map[string]string{"previous": e.get("left-icon"), "next": e.get("right-icon")}[direction]
	c.open("td", "class", id+"-icons-cell", "style", style("font-size", "0px", "display", "none", "mso-hide", "all", "padding", "0px"))
	c.open("div", "class", "mj-carousel-"+direction+"-icons", "style", style("display", "none", "mso-hide", "all"))
	for i := 1; i <= count; i++ {
		n := strconv.Itoa(i)
		c.open("label", "for", id+"-radio-"+n, "class", "mj-carousel-"+direction+" mj-carousel-"+direction+"-"+n)
		c.void("img", "alt", "src", icon, "alt", direction, "style", style("display", "block", "width", e.get("icon-width"), "height", "auto"),
			"width", number(whole(e.get("icon-width"))))
		c.close("label")
	}
	c.close("div", "td")
}

// carouselSheet are the rules that make radio buttons, which stand before the
// pictures, choose what is shown. From button i it is count-i siblings to there.
func (e *element) carouselSheet(id string, count int) string {
	one := func(i int) string { return strconv.Itoa((i+count)%count + 1) }
	siblings := func(n int) string { return strings.Repeat("+ * ", n) + "+ " }
	all := func(selector func(i int) string) string {
		var list []string
		for i := range count {
			list = append(list, selector(i))
		}
		return strings.Join(list, ",")
	}
	chosen := func(i int) string {
		return "." + id + "-radio-" + one(i) + ":checked " + siblings(count-1-i) + ".mj-carousel-content "
	}
	hovered := func(i int, what string) string {
		return "." + id + "-thumbnail" + what + ":hover " + siblings(count-1-i) + ".mj-carousel-main "
	}
	arrows := slices.Concat([]string{".mj-carousel-previous-icons", ".mj-carousel-next-icons"},
		[]string{all(func(i int) string { return chosen(i) + ".mj-carousel-next-" + one(i+1) })},
		[]string{all(func(i int) string { return chosen(i) + ".mj-carousel-previous-" + one(i-1) })})
	rules := []string{
		".mj-carousel", "-webkit-user-select: none; -moz-user-select: none; user-select: none;",
		"." + id + "-icons-cell", "display: table-cell !important; width: " + e.get("icon-width") + " !important;",
		".mj-carousel-radio,.mj-carousel-next,.mj-carousel-previous", "display: none !important;",
		".mj-carousel-thumbnail,.mj-carousel-next,.mj-carousel-previous", "touch-action: manipulation;",
		all(func(i int) string {
			return "." + id + "-radio:checked " + siblings(i) + ".mj-carousel-content .mj-carousel-image"
		}), "display: none !important;",
		all(func(i int) string { return chosen(i) + ".mj-carousel-image-" + one(i) }), "display: block !important;",
		strings.Join(arrows, ","), "display: block !important;",
		all(func(i int) string { return chosen(i) + "." + id + "-thumbnail-" + one(i) }),
		"border-color: " + e.get("tb-selected-border-color") + " !important;",
		all(func(i int) string { return chosen(i) + "." + id + "-thumbnail" }), "display: inline-block !important;",
		".mj-carousel-image img + div,.mj-carousel-thumbnail img + div", "display: none !important;",
		all(func(i int) string { return hovered(i, "") + ".mj-carousel-image" }), "display: none !important;",
		".mj-carousel-thumbnail:hover", "border-color: " + e.get("tb-hover-border-color") + " !important;",
		all(func(i int) string { return hovered(i, "-"+one(i)) + ".mj-carousel-image-" + one(i) }), "display: block !important;",
		// Programs that read no radio buttons show the first picture.
		".mj-carousel noinput", "display:block !important;",
		".mj-carousel noinput .mj-carousel-image-1", "display: block !important;",
		".mj-carousel noinput .mj-carousel-arrows,.mj-carousel noinput .mj-carousel-thumbnails", "display: none !important;",
		"[owa] .mj-carousel-thumbnail", "display: none !important;",
		"@media screen yahoo", "." + id + "-icons-cell,.mj-carousel-previous-icons,.mj-carousel-next-icons {display: none !important;}\n" +
			chosen(0) + "." + id + "-thumbnail-1 {border-color: transparent;}",
	}
	var b strings.Builder
	for i := 0; i < len(rules); i += 2 {
		b.WriteString(rules[i] + " {" + rules[i+1] + "}\n")
	}
	return b.String()
}
