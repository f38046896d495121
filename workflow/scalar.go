package workflow

import (
	"math"
	"strconv"
	"strings"
)

// The tags that GitHub's reader knows; every other explicit tag is an error.
const (
	tagString = "!!str"
	tagBool   = "!!bool"
	tagInt    = "!!int"
	tagFloat  = "!!float"
	tagNull   = "!!null"
)

// resolvePlain gives the kind of a plain, untagged scalar by the YAML 1.2
// core schema (actions/runner: YamlObjectReader.cs). ok is false for a number
// that GitHub cannot hold, as 0x1FFFFFFFF.
func resolvePlain(text string) (n Node, ok bool) {
	if matchNull(text) {
		return Node{Kind: Null, Text: text}, true
	}
	if b, match := matchBool(text); match {
		return Node{Kind: Bool, Text: text, Bool: b}, true
	}
	if f, match := matchNumber(text); match {
		return Node{Kind: Number, Text: text, Number: f}, true
	}
	if isPrefixedInt(text) {
		return Node{}, false
	}
	return Node{Kind: String, Text: text}, true
}

func matchNull(s string) bool {
	switch s {
	case "", "null", "Null", "NULL", "~":
		return true
	}
	return false
}

func matchBool(s string) (value, ok bool) {
	switch s {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// matchNumber is an integer or a float of the core schema. Too large decimals
// become infinite, as in .NET; too large hexadecimals do not match.
func matchNumber(s string) (float64, bool) {
	if f, ok := matchInt(s); ok {
		return f, true
	}
	return matchFloat(s)
}

func matchInt(s string) (float64, bool) {
	if isPrefixedInt(s) {
		base := 16
		if s[1] == 'o' {
			base = 8
		}
		// 32 bits, two's complement: 0xFFFFFFFF is -1 for GitHub.
		u, err := strconv.ParseUint(s[2:], base, 32)
		return float64(int32(uint32(u))), err == nil
	}
	digits := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits = s[1:]
	}
	if digits == "" || countDigits(digits) != len(digits) {
		return 0, false
	}
	return decimal(s), true
}

func matchFloat(s string) (float64, bool) {
	switch s {
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1), true
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), true
	}
	// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
	rest := s
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		rest = rest[1:]
	}
	whole := countDigits(rest)
	rest = rest[whole:]
	fraction := 0
	if strings.HasPrefix(rest, ".") {
		fraction = countDigits(rest[1:])
		rest = rest[1+fraction:]
	}
	if whole+fraction == 0 {
		return 0, false
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '-' || rest[0] == '+') {
			rest = rest[1:]
		}
		exponent := countDigits(rest)
		if exponent == 0 {
			return 0, false
		}
		rest = rest[exponent:]
	}
	if rest != "" {
		return 0, false
	}
	return decimal(s), true
}

// decimal parses digits whose form was checked; the only error left is a
// value out of range, for which ParseFloat gives the infinity.
func decimal(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func countDigits(s string) int {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// isPrefixedInt tells whether the text has the form 0x… or 0o….
func isPrefixedInt(s string) bool {
	if len(s) < 3 || s[0] != '0' {
		return false
	}
	switch s[1] {
	case 'x':
		return strings.Trim(s[2:], "0123456789abcdefABCDEF") == ""
	case 'o':
		return strings.Trim(s[2:], "01234567") == ""
	}
	return false
}
