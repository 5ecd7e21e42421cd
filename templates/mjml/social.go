package mjml

import (
	"cmp"
	"slices"
	"strings"
)

const socialIcons = "https://www.mailjet.com/images/theme/v1/icons/ico-social/"

// network is a place to share on: its colour, its icon when that is not called
// like it, and the address that shares a link, which stands behind before.
type network struct{ color, icon, before, after string }

var networks = map[string]network{
	"facebook":   {"#3b5998", "", "https://www.facebook.com/sharer/sharer.php?u=", ""},
	"twitter":    {"#55acee", "", "https://twitter.com/intent/tweet?url=", ""},
	"x":          {"#000000", "twitter-x", "https://twitter.com/intent/tweet?url=", ""},
	"google":     {"#dc4e41", "google-plus", "https://plus.google.com/share?url=", ""},
	"pinterest":  {"#bd081c", "", "https://pinterest.com/pin/create/button/?url=", "&media=&description="},
	"linkedin":   {"#0077b5", "", "https://www.linkedin.com/shareArticle?mini=true&url=", "&title=&summary=&source="},
	"tumblr":     {"#344356", "", "https://www.tumblr.com/widgets/share/tool?canonicalUrl=", ""},
	"xing":       {"#296366", "", "https://www.xing.com/app/user?op=share&url=", ""},
	"instagram":  {"#3f729b", "", "", ""},
	"web":        {"#4BADE9", "", "", ""},
	"snapchat":   {"#FFFA54", "", "", ""},
	"youtube":    {"#EB3323", "", "", ""},
	"github":     {"#000000", "", "", ""},
	"vimeo":      {"#53B4E7", "", "", ""},
	"medium":     {"#000000", "", "", ""},
	"soundcloud": {"#EF7F31", "", "", ""},
	"dribbble":   {"#D95988", "", "", ""},
}

const noShare = "-noshare" // behind the name of a network: link to it, share nothing

// inherited are the attributes that elements of mj-social have from it.
var inherited = []string{"border", "border-radius", "color", "font-family", "font-size", "font-weight", "font-style",
	"icon-size", "icon-height", "icon-padding", "text-padding", "line-height", "text-decoration"}

// given are attributes that an element hands down; padding comes from the
// attribute of another name.
func (e *element) given(names ...string) map[string]string {
	out := map[string]string{}
	for _, name := range names {
		if v := e.get(name); v != "" {
			out[name] = v
		}
	}
	return out
}

// social writes mj-social.
func (c *compiler) social(e *element) {
	given := e.given(inherited...)
	if v := e.get("inner-padding"); v != "" {
		given["padding"] = v
	}
	if e.get("mode") == "vertical" {
		c.table("style", style("margin", "0px"))
		c.WriteString("<tbody>")
		c.each(e, e.scope, given, c.socialElement)
		c.close("tbody", "table")
		return
	}
	c.outlook(func() {
		c.table("align", e.get("align"))
		c.WriteString("<tr>")
	})
	c.each(e, e.scope, given, func(child *element) {
		c.outlook(func() { c.WriteString("<td>") })
		c.table("align", e.get("align"), "style", style("float", "none", "display", "inline-table"))
		c.WriteString("<tbody>")
		c.socialElement(child)
		c.close("tbody", "table")
		c.outlook(func() { c.close("td") })
	})
	c.outlook(func() { c.close("tr", "table") })
}

func (c *compiler) socialElement(e *element) {
	href, src, color := e.network()
	link := func(css string) (end string) {
		if href != "" {
			c.open("a", "href", href, "style", css, "rel", e.get("rel"), "target", e.get("target"))
			return "a"
		}
		return ""
	}
	icon := func() {
		size := e.get("icon-size")
		c.open("td", "style", style(append(e.padding(), e.same("vertical-align")...)...))
		c.table("style", style("background", color, "border-radius", e.get("border-radius"), "width", size))
		c.WriteString("<tbody><tr>")
		height := e.get("icon-height")
		if height == "" {
			height = size
		}
		c.open("td", "style", style("padding", e.get("icon-padding"), "font-size", "0", "height", height, "vertical-align", "middle", "width", size))
		end := link("")
		c.void("img", "alt", "alt", e.get("alt"), "title", e.get("title"), "src", src,
			"style", style(append(e.same("border", "border-radius"), "display", "block")...),
			"width", number(whole(size)), "sizes", e.get("sizes"), "srcset", e.get("srcset"))
		if end != "" {
			c.close(end)
		}
		c.close("td", "tr", "tbody", "table", "td")
	}
	label := func() {
		if e.content == "" {
			return
		}
		c.open("td", "style", style("vertical-align", "middle", "padding", e.get("text-padding"), "text-align", e.get("align")))
		css := style(e.same("color", "font-size", "font-weight", "font-style", "font-family", "line-height", "text-decoration")...)
		end := link(css)
		if end == "" {
			end = "span"
			c.open("span", "style", css)
		}
		c.WriteString(e.content)
		c.close(end, "td")
	}
	parts := []func(){icon, label}
	if e.get("icon-position") == "right" {
		slices.Reverse(parts)
	}
	c.open("tr", "class", e.get("css-class"))
	for _, part := range parts {
		part()
	}
	c.close("tr")
}

// network gives address, icon and colour of an element.
func (e *element) network() (href, src, color string) {
	href, src, color = e.get("href"), e.get("src"), e.get("background-color")
	name, quiet := strings.CutSuffix(e.get("name"), noShare)
	n, ok := networks[name]
	if !ok {
		return href, src, color
	}
	if href != "" && n.before != "" && !quiet {
		href = n.before + href + n.after
	}
	if src == "" {
		src = socialIcons + cmp.Or(n.icon, name) + ".png"
	}
	return href, src, cmp.Or(color, n.color)
}
