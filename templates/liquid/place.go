package liquid

import "strings"

// Place is where in the HTML an output stands; it decides how a value is escaped.
type Place uint8

const (
	inText       Place = iota // between tags, also title and textarea
	inComment                 // a comment, which for Outlook may hold HTML
	inAttr                    // a quoted attribute
	inBareAttr                // an attribute without quotes
	inURLStart                // the first part of an address
	inURLPart                 // an address whose scheme and host stand already
	inURLQuery                // behind ? or #, or where a scheme or host is still being written
	inCSS                     // a style attribute or element
	inScript                  // a script element or an event attribute
	inTag                     // inside a tag, outside of values
	inPlainStart              // as inURLStart and so on, in an address that is escaped later
	inPlainPart
	inPlainQuery
)

// scanState is the part of the HTML that the scanner is in.
type scanState uint8

const (
	sText scanState = iota
	sTagOpen
	sTagName
	sInTag
	sAttrName
	sAfterName
	sBeforeValue
	sDouble
	sSingle
	sUnquoted
	sComment
	sRawText
	sDeclaration
	sAddress // an address by itself, for hooks
)

// urlPart is how far an address has come.
type urlPart uint8

const (
	uStart  urlPart = iota // nothing yet
	uScheme                // letters that may turn into a scheme
	uHost                  // behind //
	uPath                  // scheme and host are fixed
	uQuery                 // behind ? or #
	uGiven                 // began with a value: scheme, host and more are in it
)

// scanner follows the HTML that the literal texts of a template make. It is a
// value: a branch goes on with a copy.
type scanner struct {
	state  scanState
	tag    string // the element whose tag is being read, in lower case
	attr   string
	raw    string // the element whose text is being read: style, script, title, textarea
	tail   string // the last bytes, for the ends of comments and raw text
	url    urlPart
	ending bool // an end tag
}

// feed reads literal text.
func (s *scanner) feed(text []byte) {
	for _, c := range text {
		s.next(c)
	}
}

func (s *scanner) next(c byte) {
	switch s.state {
	case sText:
		if c == '<' {
			s.state = sTagOpen
		}
	case sTagOpen:
		s.tagOpen(c)
	case sTagName:
		s.tagName(c)
	case sInTag, sAfterName:
		s.inTag(c)
	case sAttrName:
		s.attrName(c)
	case sBeforeValue:
		switch {
		case isSpace(c):
		case c == '"':
			s.state, s.url = sDouble, uStart
		case c == '\'':
			s.state, s.url = sSingle, uStart
		case c == '>':
			s.closeTag()
		default:
			s.state, s.url = sUnquoted, uStart
			s.address(c)
		}
	case sDouble:
		if c == '"' {
			s.state = sInTag
			return
		}
		s.address(c)
	case sSingle:
		if c == '\'' {
			s.state = sInTag
			return
		}
		s.address(c)
	case sUnquoted:
		if isSpace(c) {
			s.state = sInTag
		} else if c == '>' {
			s.closeTag()
		} else {
			s.address(c)
		}
	case sComment:
		s.remember(c, 3)
		if s.tail == "-->" {
			s.state = sText
		}
	case sRawText:
		s.remember(c, len(s.raw)+2)
		if strings.EqualFold(s.tail, "</"+s.raw) {
			s.state, s.tag, s.ending = sInTag, s.raw, true
			s.raw = ""
		}
	case sDeclaration:
		if c == '>' {
			s.state = sText
		}
		if s.remember(c, 2); s.tail == "--" && s.tag == "!" {
			s.state, s.tail = sComment, ""
		} else if c != '-' {
			s.tag = ""
		}
	case sAddress:
		s.address(c)
	}
}

func (s *scanner) remember(c byte, n int) {
	s.tail += string(c)
	if len(s.tail) > n {
		s.tail = s.tail[len(s.tail)-n:]
	}
}

func (s *scanner) tagOpen(c byte) {
	switch {
	case c == '!':
		s.state, s.tail, s.tag = sDeclaration, "", "!"
	case c == '?':
		s.state, s.tail, s.tag = sDeclaration, "", ""
	case c == '/':
		s.ending = true
		s.state, s.tag = sTagName, ""
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		s.ending = false
		s.state, s.tag = sTagName, string(lower(c))
	case c == '<':
	default:
		s.state = sText
	}
}

func (s *scanner) tagName(c byte) {
	switch {
	case isSpace(c), c == '/':
		s.state = sInTag
	case c == '>':
		s.closeTag()
	default:
		s.tag += string(lower(c))
	}
}

func (s *scanner) inTag(c byte) {
	switch {
	case isSpace(c), c == '/':
	case c == '>':
		s.closeTag()
	case c == '=' && s.state == sAfterName:
		s.state = sBeforeValue
	default:
		s.state, s.attr = sAttrName, string(lower(c))
	}
}

func (s *scanner) attrName(c byte) {
	switch {
	case c == '=':
		s.state = sBeforeValue
	case c == '>':
		s.closeTag()
	case isSpace(c):
		s.state = sAfterName
	case c == '/':
		s.state = sInTag
	default:
		s.attr += string(lower(c))
	}
}

func (s *scanner) closeTag() {
	s.state = sText
	if s.ending {
		return
	}
	switch s.tag {
	case "style", "script", "title", "textarea", "xmp", "iframe", "noembed", "noframes":
		s.state, s.raw, s.tail = sRawText, s.tag, ""
	}
}

// address follows an address by one more character.
func (s *scanner) address(c byte) {
	switch s.url {
	case uStart, uScheme:
		if c <= ' ' {
			return // browsers skip blanks here
		}
		switch c {
		case ':':
			s.url, s.tail = uPath, ":"
		case '/':
			s.url, s.tail = uPath, "/"
		case '?', '#':
			s.url = uQuery
		default:
			s.url = uScheme
		}
	case uPath:
		switch {
		case c == '?' || c == '#':
			s.url = uQuery
		case c == '/' && (s.tail == "/" || s.tail == ":/"):
			s.url, s.tail = uHost, ""
		case c == '/' && s.tail == ":":
			s.tail = ":/"
		default:
			s.tail = ""
		}
	case uHost:
		switch c {
		case '/':
			s.url, s.tail = uPath, "."
		case '?', '#':
			s.url = uQuery
		}
	case uGiven:
		// A value has brought an unknown part of the address.
		if c == '?' || c == '#' || c == '&' || c == '=' {
			s.url = uQuery
		}
	}
}

// dynamic notes that a value stands here.
func (s *scanner) dynamic() {
	switch s.state {
	case sBeforeValue:
		s.state, s.url = sUnquoted, uGiven
	case sTagOpen:
		s.state = sText
	case sAfterName, sInTag:
		s.state, s.attr = sInTag, ""
	case sDouble, sSingle, sUnquoted, sAddress:
		if s.url == uStart {
			s.url = uGiven
		}
	}
	if s.state == sComment || s.state == sRawText {
		s.tail = ""
	}
}

var addressAttrs = map[string]bool{
	"href": true, "src": true, "action": true, "formaction": true, "background": true, "cite": true,
	"poster": true, "data": true, "longdesc": true, "xlink:href": true, "manifest": true, "ping": true,
}

// place says where a value put here would stand.
func (s *scanner) place() Place {
	switch s.state {
	case sText:
		return inText
	case sComment:
		return inComment
	case sRawText:
		switch s.raw {
		case "style":
			return inCSS
		case "script":
			return inScript
		}
		return inText
	case sAddress:
		return s.urlPlace() + (inPlainStart - inURLStart)
	case sDouble, sSingle, sUnquoted, sBeforeValue:
		switch {
		case strings.HasPrefix(s.attr, "on"):
			return inScript
		case s.attr == "style":
			return inCSS
		case addressAttrs[s.attr]:
			return s.urlPlace()
		case s.state == sUnquoted || s.state == sBeforeValue:
			return inBareAttr
		}
		return inAttr
	}
	return inTag
}

func (s *scanner) urlPlace() Place {
	if s.state == sBeforeValue {
		return inURLStart
	}
	switch s.url {
	case uStart:
		return inURLStart
	case uPath, uGiven:
		return inURLPart
	}
	return inURLQuery
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Site is the kind of place in an HTML source, for those who put tokens into one.
type Site uint8

// The sites at which a token can stand.
const (
	SiteText    Site = iota // among the content of elements
	SiteValue               // in an attribute's value
	SiteTag                 // in a tag, between attributes
	SiteTagName             // where a tag's name should be
	SiteRaw                 // in style, script, title, textarea or a comment
)

// Sites tells for each token which site of the HTML it stands at. Texts of
// all branches are read one after the other, as a browser would read the source.
func Sites(tokens []Token) []Site {
	sites := make([]Site, len(tokens))
	var s scanner
	for i, t := range tokens {
		if t.Kind == Text {
			s.feed([]byte(t.Markup))
			continue
		}
		switch s.state {
		case sText:
			sites[i] = SiteText
		case sComment, sRawText, sDeclaration:
			sites[i] = SiteRaw
		case sDouble, sSingle, sUnquoted, sBeforeValue:
			sites[i] = SiteValue
		case sTagOpen, sTagName:
			sites[i] = SiteTagName
		default:
			sites[i] = SiteTag
		}
		if t.Kind == Output || s.state != sBeforeValue {
			s.dynamic()
		}
	}
	return sites
}
