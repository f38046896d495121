package host

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// safeName makes a folder's name of an id that may hold anything. A name that
// had to be changed gets a part of its hash, so that two stay two.
func safeName(s, empty string) string {
	if s == "" {
		return empty
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '-'
	}, s)
	clean = strings.TrimLeft(clean, "._")
	if clean == s && len(s) <= 60 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return clean[:min(len(clean), 50)] + "-" + hex.EncodeToString(sum[:4])
}
