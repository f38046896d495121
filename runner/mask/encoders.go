package mask

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
)

// encoder is one way in which programs print a value. What it returns may be empty or equal to the value.
type encoder struct {
	name   string
	encode func(string) []string
}

// encoders are GitHub's and ours.
// actions/runner: HostContext.cs (its list), DTLogging/Logging/ValueEncoders.cs
var encoders = []encoder{
	{"base64", func(v string) []string { return base64Forms(v, base64.StdEncoding) }},
	{"base64-url", func(v string) []string { return base64Forms(v, base64.URLEncoding) }},
	{"base64-lines", base64Lines},
	{"base64-utf16", func(v string) []string { return base64Forms(utf16le(v), base64.StdEncoding) }}, // PowerShell
	{"hex", func(v string) []string { return hexForms(hex.EncodeToString([]byte(v))) }},
	{"hex-upper", func(v string) []string { return hexForms(strings.ToUpper(hex.EncodeToString([]byte(v)))) }},

	{"json", one(jsonEscape)},
	{"json-html", one(jsonHTML)}, // Go
	{"json-ascii", one(func(v string) string { return ascii(jsonEscape(v)) })},                                // Python
	{"json-slash", one(func(v string) string { return strings.ReplaceAll(ascii(jsonEscape(v)), "/", `\/`) })}, // PHP
	{"json-dotnet", one(jsonDotnet)},

	{"percent", func(v string) []string { return percentForms(v, unreserved, " ") }},
	{"percent-lower", func(v string) []string { return lowered(percentForms(v, unreserved, " ")) }},
	{"percent-component", func(v string) []string { return percentForms(v, unreserved+component, " ") }},
	{"percent-component-lower", func(v string) []string { return lowered(percentForms(v, unreserved+component, " ")) }},
	{"percent-uri", func(v string) []string { return percentForms(v, unreserved+component+reserved, " ") }},
	{"percent-path", func(v string) []string { return percentForms(v, unreserved+"$&+:=@", " ") }}, // Go, segments
	{"form", func(v string) []string { return percentForms(v, unreserved, "+") }},
	{"form-lower", func(v string) []string { return lowered(percentForms(v, unreserved, "+")) }},
	{"form-browser", func(v string) []string { return percentForms(v, strings.Trim(unreserved, "~")+"*", "+") }},

	{"xml", one(xml("&lt;", "&gt;", "&quot;", "&apos;"))},
	{"xml-decimal", one(xml("&lt;", "&gt;", "&#34;", "&#39;"))}, // Go
	{"xml-mixed", one(xml("&lt;", "&gt;", "&quot;", "&#39;"))},
	{"xml-hex", one(xml("&lt;", "&gt;", "&quot;", "&#x27;"))}, // Python
	{"xml-php", one(xml("&lt;", "&gt;", "&quot;", "&#039;"))},
	{"xml-attribute", one(xml("&lt;", "&gt;", "&quot;", "'"))},
	{"xml-text", one(xml("&lt;", "&gt;", `"`, "'"))},
	{"xml-canonical", one(xml("&lt;", ">", "&quot;", "'"))},
	{"xml-ascii", one(xmlASCII)},

	{"quote", one(replace(`"`, `\"`))}, // command line of the Docker client
	{"quote-doubled", one(replace(`"`, `""`))},
	{"apostrophe-doubled", one(replace("'", "''"))}, // expressions, PowerShell, YAML, SQL
	{"quotes-trimmed", trimQuotes},
	{"shell-single", one(replace("'", `'\''`))}, // also `set -x`
	{"shell-mixed", one(replace("'", `'"'"'`))}, // Python
	{"shell-double", one(replace(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`"))},
	{"shell-interactive", one(replace(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "!", `\!`))},
	{"shell-backslash", one(backslashed)}, // printf %q
	{"shell-dollar", func(v string) []string { return []string{dollarQuoted(v, true), dollarQuoted(v, false)} }},
	{"cmd", one(replace("^", "^^", "&", "^&", "<", "^<", ">", "^>", "|", "^|"))},
	{"powershell-double", one(replace("`", "``", `"`, "`\"", "$", "`$", "\n", "`n", "\r", "`r", "\t", "`t"))},
	{"powershell-sections", powerShellSections},
	{"literal", literals},
	{"literal-double", one(goQuoted)},
	// The workflow command that carries it.
	{"command", one(replace("%", "%25", "\r", "%0D", "\n", "%0A"))},
	{"command-property", one(replace("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C"))},
	{"utf8", func(v string) []string { // what is no UTF-8 is shown so
		return []string{strings.ToValidUTF8(v, "\uFFFD"), strings.Map(func(r rune) rune { return r }, v)}
	}},
}

// Encoders are the names of the ways to print a value that a Masker knows.
func Encoders() []string {
	names := []string{lines}
	for _, e := range encoders {
		names = append(names, e.name)
	}
	return names
}

// lines is the name for the lines of a value.
const lines = "lines"

// forms returns everything to look for when value is secret; duplicates are possible, empty strings are not.
func forms(value string, without []string) []string {
	on := func(name string) bool { return !slices.Contains(without, name) }
	value = strings.TrimSpace(value)
	plain := []string{value}
	if on(lines) {
		plain = appendLines(plain, value)
	}
	out := slices.Clone(plain)
	for _, e := range encoders {
		if !on(e.name) {
			continue
		}
		for _, p := range plain {
			out = append(out, e.encode(p)...)
		}
	}
	if on(lines) { // streams are masked line by line
		for _, form := range out {
			out = appendLines(out, form)
		}
	}
	return slices.DeleteFunc(out, func(form string) bool { return form == "" })
}

// appendLines adds the trimmed non-blank lines of s, if it has more than one.
// A line of JSON that is a brace or two is no secret; GitHub's runner would mask it everywhere.
func appendLines(out []string, s string) []string {
	if !strings.ContainsAny(s, "\r\n") {
		return out
	}
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); len(line) > 3 || strings.Trim(line, "{}[](),;\"'") != "" {
			out = append(out, line)
		}
	}
	return out
}

func one(f func(string) string) func(string) []string {
	return func(v string) []string { return []string{f(v)} }
}

func replace(oldnew ...string) func(string) string {
	return strings.NewReplacer(oldnew...).Replace
}

// utf16le is v as Windows keeps text in memory.
func utf16le(v string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(v)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}
