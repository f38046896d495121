package expr

import (
	"math"
	"strconv"
	"strings"
)

// Text is the value as a string: null is empty, arrays and objects are "Array" and "Object"
// (actions/runner: EvaluationResult.cs, ConvertToString).
func (v Value) Text() string {
	switch v.kind {
	case KindNull:
		return ""
	case KindBool:
		if v.num != 0 {
			return "true"
		}
		return "false"
	case KindNumber:
		return string(appendNumber(nil, v.num))
	case KindString:
		return v.str
	default:
		return v.kind.String()
	}
}

// Num is the value as a number: null is 0, text is read as parseNumber does, arrays and objects are NaN.
func (v Value) Num() float64 {
	switch v.kind {
	case KindNull:
		return 0
	case KindBool, KindNumber:
		return v.num
	case KindString:
		return parseNumber(v.str)
	default:
		return math.NaN()
	}
}

// Truthy is false for null, false, 0, NaN and the empty string only.
func (v Value) Truthy() bool {
	switch v.kind {
	case KindNull:
		return false
	case KindBool, KindNumber:
		return v.num != 0 && v.num == v.num
	case KindString:
		return v.str != ""
	default:
		return true
	}
}

// appendNumber writes a double as .NET's format "G15" in the invariant culture does, with -0 as 0.
func appendNumber(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', 14, 64) // [-]d.ddddddddddddddE±XX with 15 digits
	if text[0] == '-' {
		dst = append(dst, '-')
		text = text[1:]
	}
	e := strings.IndexByte(string(text), 'e')
	exp, _ := strconv.Atoi(string(text[e+1:]))
	digits := append([]byte{text[0]}, text[2:e]...)
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	if exp <= -5 || exp >= 15 {
		return appendScientific(dst, digits, exp)
	}
	return appendFixed(dst, digits, exp)
}

func appendScientific(dst, digits []byte, exp int) []byte {
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	sign := byte('+')
	if exp < 0 {
		sign, exp = '-', -exp
	}
	dst = append(dst, 'E', sign)
	if exp < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(exp), 10)
}

func appendFixed(dst, digits []byte, exp int) []byte {
	if exp < 0 {
		dst = append(dst, "0."...)
		for ; exp < -1; exp++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	for i := 0; i <= exp; i++ {
		if i < len(digits) {
			dst = append(dst, digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	if len(digits) > exp+1 {
		dst = append(dst, '.')
		dst = append(dst, digits[exp+1:]...)
	}
	return dst
}

// parseNumber reads text as a number: surrounding white space is ignored, nothing is 0, and what is no number is NaN.
// Hexadecimal and octal are 32-bit integers (0xFFFFFFFF is -1), as in GitHub's runner
// (actions/runner: ExpressionUtility.cs, ParseNumber).
func parseNumber(s string) float64 {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return 0
	case isDecimal(s):
		f, _ := strconv.ParseFloat(s, 64) // out of range: an infinity, as in .NET
		return f
	case len(s) > 2 && s[0] == '0' && s[1] == 'x':
		return parseInt32(s[2:], 16)
	case len(s) > 2 && s[0] == '0' && s[1] == 'o':
		return parseInt32(s[2:], 8)
	}
	sign, word := 1, s
	if s[0] == '-' {
		sign, word = -1, s[1:]
	} else if s[0] == '+' {
		word = s[1:]
	}
	// .NET's Double.TryParse takes the infinity symbol in any case.
	if len(word) == len("Infinity") && strings.EqualFold(word, "Infinity") {
		return math.Inf(sign)
	}
	return math.NaN()
}

func parseInt32(digits string, base int) float64 {
	if digits[0] == '+' || digits[0] == '-' || digits[0] == '_' {
		return math.NaN()
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return math.NaN()
	}
	return float64(int32(uint32(n)))
}

// isDecimal accepts [+-] digits [. digits] [e [+-] digits] with at least one digit before or after the point.
func isDecimal(s string) bool {
	i := 0
	if s[0] == '+' || s[0] == '-' {
		i++
	}
	whole := digitsAt(s, i)
	i += whole
	fraction := 0
	if i < len(s) && s[i] == '.' {
		fraction = digitsAt(s, i+1)
		i += 1 + fraction
	}
	if whole+fraction == 0 {
		return false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exponent := digitsAt(s, i)
		if exponent == 0 {
			return false
		}
		i += exponent
	}
	return i == len(s)
}

func digitsAt(s string, i int) int {
	n := 0
	for i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '9' {
		n++
	}
	return n
}
