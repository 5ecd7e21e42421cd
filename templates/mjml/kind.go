package mjml

import (
	"regexp"
	"slices"
	"strings"

	"rapport/templates/css"
)

// kind says what values an attribute takes.
type kind struct {
	form    string // text, fixed, color, bool, number, size, sides or choice
	choices []string
	units   []string
	sizes   *regexp.Regexp
}

func readKind(spec string) kind {
	form, rest, sized := strings.Cut(spec, "(")
	switch {
	case sized:
		units := strings.Split(strings.TrimSuffix(rest, ")"), ",")
		return kind{form: form, units: units, sizes: sizePattern(units)}
	case strings.Contains(spec, "|") || spec == "file-start":
		return kind{form: "choice", choices: strings.Split(spec, "|")}
	}
	return kind{form: spec}
}

// sizePattern matches one size in one of the units.
func sizePattern(units []string) *regexp.Regexp {
	sign := ""
	parts := []string{"0"}
	for _, u := range units {
		if rest, ok := strings.CutPrefix(u, "-"); ok {
			sign, u = "-?", rest
		}
		switch u {
		case "_":
			parts = append(parts, `[\d.]+`)
		case "auto":
			parts = append(parts, "auto")
		default:
			parts = append(parts, `[\d.]+`+regexp.QuoteMeta(u))
		}
	}
	return regexp.MustCompile(`^` + sign + `(?:` + strings.Join(parts, "|") + `)$`)
}

// mistake tells what is wrong with a value, "" for nothing.
func (k kind) mistake(value string) (message, hint string) {
	switch k.form {
	case "color":
		if !css.IsColor(value) {
			return "is no colour", "write a name such as navy, #rrggbb or rgb(…)"
		}
	case "bool":
		if value != "true" && value != "false" {
			return "is neither true nor false", ""
		}
	case "number":
		if value == "" || strings.Trim(value, "0123456789") != "" {
			return "is no whole number", ""
		}
	case "choice":
		if !slices.Contains(k.choices, value) {
			known := slices.DeleteFunc(slices.Clone(k.choices), func(s string) bool { return s == "" })
			return "is none of its values", "known are " + strings.Join(known, ", ")
		}
	case "size", "sides":
		fields := strings.Fields(value)
		most := 1
		if k.form == "sides" {
			most = 4
		}
		fits := len(fields) > 0 && len(fields) <= most
		for _, f := range fields {
			fits = fits && k.sizes.MatchString(f)
		}
		if !fits {
			return "is no size that it takes", k.example(most)
		}
	}
	return "", ""
}

func (k kind) example(most int) string {
	var list []string
	for _, u := range k.units {
		switch u = strings.TrimPrefix(u, "-"); u {
		case "_":
			list = append(list, "1.5")
		case "auto":
			list = append(list, u)
		case "em":
			list = append(list, "0.1em")
		default:
			list = append(list, "20"+u)
		}
	}
	s := "write it as " + strings.Join(list, " or ")
	if most > 1 {
		s += ", one to four of them"
	}
	return s
}

// mayWait: a value of this kind may be filled in later, since nothing is worked
// out from it.
func (k kind) mayWait() bool { return k.form == "text" || k.form == "color" }
