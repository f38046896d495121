package mask

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// minFragment is the shortest piece of an encoded value that is worth masking: shorter ones are all over ordinary text.
const minFragment = 4

// minHex is the same for hexadecimal text.
const minHex = 8

// forms returns everything to look for when value is secret; duplicates are possible, empty strings are not.
// actions/runner: HostContext.cs (list of encoders), DTLogging/Logging/ValueEncoders.cs; further forms are ours.
func forms(value string) []string {
	var out []string
	value = strings.TrimSpace(value)
	plain := []string{value}
	plain = appendLines(plain, value)
	for _, p := range plain {
		out = append(out, p)
		out = append(out, base64Forms(p)...)
		out = append(out, hexForms(p)...)
		out = append(out, textForms(p)...)
	}
	// Streams are masked line by line, so each form that has lines must be found by its lines, too.
	for _, form := range out {
		out = appendLines(out, form)
	}
	kept := out[:0]
	for _, form := range out {
		if form != "" {
			kept = append(kept, form)
		}
	}
	return kept
}

// appendLines adds the trimmed non-blank lines of s, if it has more than one.
func appendLines(out []string, s string) []string {
	if !strings.ContainsAny(s, "\r\n") {
		return out
	}
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// textForms escapes v as JSON, URL, XML, shell and expression text.
func textForms(v string) []string {
	strict := percentEncode(v, unreserved)
	component := percentEncode(v, unreserved+"!*'()") // encodeURIComponent of JavaScript
	out := []string{
		jsonEscape(v, false), jsonEscape(v, true), asciiEscape(jsonEscape(v, false)),
		strict, lowerPercent(strict), component, lowerPercent(component), url.QueryEscape(v), url.PathEscape(v),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(v),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(v),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(v),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(v),
		strings.ReplaceAll(v, `"`, `\"`), // command line of the Docker client
		strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(v),
		strings.ReplaceAll(v, "'", `'\''`), // also what `set -x` prints
		strings.ReplaceAll(v, "'", `'"'"'`),
		strings.ReplaceAll(v, "'", "''"), // expression text, PowerShell and YAML
	}
	if len(v) > 8 && strings.HasPrefix(v, `"`) && strings.HasSuffix(v, `"`) {
		out = append(out, v[1:len(v)-1])
	}
	return append(out, powerShellSections(v)...)
}

// powerShellSections returns the two parts that PowerShell prints apart when a value with & runs as a command.
func powerShellSections(v string) []string {
	cut := strings.LastIndex(v, "&") + 1
	skip := 0
	if i := strings.Index(v, "&+"); i >= 0 {
		cut, skip = i+2, 1 // the letter after &+ is coloured on its own
	}
	if cut == 0 {
		return nil
	}
	var out []string
	if cut >= 6 {
		out = append(out, v[:cut])
	}
	if len(v)-cut-skip >= 6 {
		out = append(out, v[cut+skip:])
	}
	return out
}

// base64Forms returns v in base64 on its own and inside a longer text, where it can begin at any of three bit offsets.
func base64Forms(v string) []string {
	out := []string{base64.StdEncoding.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte(v))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			text := encoding.EncodeToString(append(make([]byte, shift), v...))
			bits := (shift + len(v)) * 8
			head := (shift*8 + 5) / 6 // characters that carry bits of what comes before
			text = text[head:]
			add := func(s string) {
				if len(s) >= minFragment {
					out = append(out, s)
				}
			}
			// The last character is only known when the value ends the text; then padding may follow.
			if bits%6 != 0 {
				add(text[:max(0, len(text)-1)])
				add(text + strings.Repeat("=", (3-(bits/8)%3)%3))
			}
			add(text)
		}
	}
	// `base64` and PEM wrap their lines.
	for _, width := range []int{64, 76} {
		for text := out[0]; len(out[0]) > width && len(text) >= minHex; text = text[min(width, len(text)):] {
			out = append(out, text[:min(width, len(text))])
		}
	}
	return out
}

func hexForms(v string) []string {
	h := hex.EncodeToString([]byte(v))
	if len(h) < minHex {
		return nil
	}
	return []string{h, strings.ToUpper(h)}
}

// jsonEscape returns v as the inside of a JSON string, optionally with <, > and & as \u00XX.
func jsonEscape(v string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(v); err != nil { // a string always encodes
		return ""
	}
	s := strings.TrimSuffix(b.String(), "\n")
	return s[1 : len(s)-1]
}

// asciiEscape writes what is not ASCII as \uXXXX, as Python's json does.
func asciiEscape(v string) string {
	var b strings.Builder
	for _, r := range v {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u`)
			h := strconv.FormatUint(uint64(unit), 16)
			b.WriteString("0000"[len(h):] + h)
		}
	}
	return b.String()
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

func percentEncode(v, keep string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if c := v[i]; strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// lowerPercent turns %2F into %2f.
func lowerPercent(v string) string {
	b := []byte(v)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(v[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}
