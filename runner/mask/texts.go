package mask

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonEscape returns v as the inside of a JSON string.
func jsonEscape(v string) string { return jsonInside(v, false) }

// jsonHTML also writes <, > and & as \u00XX.
func jsonHTML(v string) string { return jsonInside(v, true) }

func jsonInside(v string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(v); err != nil { // a string always encodes
		return ""
	}
	s := strings.TrimSuffix(b.String(), "\n")
	return s[1 : len(s)-1]
}

// ascii writes what is not ASCII as \uXXXX.
func ascii(v string) string {
	return utf16Escaped(v, "%04x", func(r rune) bool { return r >= utf8.RuneSelf })
}

// jsonDotnet is the default of System.Text.Json: everything that HTML might take for its own is \uXXXX.
func jsonDotnet(v string) string {
	v = strings.NewReplacer(`\"`, `\u0022`, "'", `\u0027`, "<", `\u003C`, ">", `\u003E`, "&", `\u0026`, "+", `\u002B`, "`", `\u0060`).
		Replace(jsonEscape(v))
	return utf16Escaped(v, "%04X", func(r rune) bool { return r >= utf8.RuneSelf })
}

func utf16Escaped(v, format string, escape func(rune) bool) string {
	var b strings.Builder
	for _, r := range v {
		if !escape(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u`+format, unit)
		}
	}
	return b.String()
}

const (
	unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	component  = "!*'()"       // encodeURIComponent of JavaScript keeps them
	reserved   = ";/?:@&=+$,#" // encodeURI keeps them, too
)

// percentForms encodes v for a URL.
func percentForms(v, keep, space string) []string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case strings.IndexByte(keep, c) >= 0:
			b.WriteByte(c)
		case c == ' ' && space != " ":
			b.WriteString(space)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return []string{b.String()}
}

// lowered turns %2F into %2f.
func lowered(all []string) []string {
	for n, v := range all {
		b := []byte(v)
		for i := 0; i+2 < len(b); i++ {
			if b[i] == '%' {
				copy(b[i+1:i+3], strings.ToLower(v[i+1:i+3]))
				i += 2
			}
		}
		all[n] = string(b)
	}
	return all
}

func xml(lt, gt, quote, apostrophe string) func(string) string {
	return replace("&", "&amp;", "<", lt, ">", gt, `"`, quote, "'", apostrophe)
}

// xmlASCII writes what is not ASCII as a number.
func xmlASCII(v string) string {
	var b strings.Builder
	for _, r := range xml("&lt;", "&gt;", `"`, "'")(v) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		}
	}
	return b.String()
}
