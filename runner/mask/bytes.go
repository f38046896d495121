package mask

import (
	"encoding/base64"
	"strings"
)

// minFragment is the shortest piece of an encoded value that is worth masking: shorter ones are all over ordinary text.
const minFragment = 4

// minHex is the same for hexadecimal text.
const minHex = 8

// base64Forms returns v in base64 on its own and inside a longer text, where it can begin at any of three bit offsets.
func base64Forms(v string, encoding *base64.Encoding) []string {
	out := []string{encoding.EncodeToString([]byte(v))}
	encoding = encoding.WithPadding(base64.NoPadding)
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
	return out
}

// base64Lines are the lines of `base64` and of PEM.
func base64Lines(v string) []string {
	var out []string
	for _, width := range []int{64, 76} {
		out = append(out, wrapped(base64.StdEncoding.EncodeToString([]byte(v)), width)...)
	}
	return out
}

// hexForms returns h and its lines as `xxd -p` makes them.
func hexForms(h string) []string {
	if len(h) < minHex {
		return nil
	}
	return append(wrapped(h, 60), h)
}

// wrapped cuts text into lines, if it is longer than one; a rest that is too short to be recognised is left out.
func wrapped(text string, width int) []string {
	if len(text) <= width {
		return nil
	}
	var out []string
	for ; len(text) >= minHex; text = text[min(width, len(text)):] {
		out = append(out, text[:min(width, len(text))])
	}
	return out
}
