package history

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A value that holds a secret's value, an input that repeats a token, say, is
// kept with a mark instead of it: the secret's name and a text that nobody
// could know when the value was written. Whoever has the secrets again can
// put them back.

func newMark() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// marked stands for the value of a secret. Two bytes of a sum tell later
// whether the secret still has that value, and nobody what it is.
func marked(name, value, mark string) string {
	sum := sha256.Sum256([]byte(mark + "\x00" + value))
	return "***" + name + ":" + mark + ":" + hex.EncodeToString(sum[:2]) + "***"
}

// hider replaces the values of secrets, the longest first.
func hider(secrets map[string]string, mark string) *strings.Replacer {
	names := slices.SortedFunc(maps.Keys(secrets), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(secrets[b]), len(secrets[a])), strings.Compare(a, b))
	})
	var pairs []string
	for _, name := range names {
		if v := secrets[name]; v != "" && utf8.ValidString(v) { // JSON holds no other
			pairs = append(pairs, v, marked(name, v, mark))
		}
	}
	return strings.NewReplacer(pairs...)
}

// hide replaces the values of secrets in the strings of a JSON text. Keys stay.
func hide(data []byte, secrets map[string]string, mark string) []byte {
	r := hider(secrets, mark)
	return mapStrings(data, func(s string) string { return r.Replace(s) })
}

// restore puts the values back; a secret that is not there, or has another
// value now, is an error: the text would be another one.
func restore(data []byte, secrets map[string]string, mark string) ([]byte, error) {
	if mark == "" || !bytes.Contains(data, []byte(mark)) {
		return data, nil
	}
	var missing, changed []string
	pattern := regexp.MustCompile(`\*\*\*([^*]*?):` + regexp.QuoteMeta(mark) + `:[0-9a-f]{4}\*\*\*`)
	out := mapStrings(data, func(s string) string {
		return pattern.ReplaceAllStringFunc(s, func(m string) string {
			name := pattern.FindStringSubmatch(m)[1]
			v, ok := secrets[name]
			switch {
			case !ok && !slices.Contains(missing, name):
				missing = append(missing, name)
			case ok && m != marked(name, v, mark) && !slices.Contains(changed, name):
				changed = append(changed, name)
			}
			return v
		})
	})
	if len(missing) > 0 {
		return nil, fmt.Errorf("the record holds the value of secret %s, which is not kept: give it again with -s %s", strings.Join(missing, ", "), missing[0])
	}
	if len(changed) > 0 {
		return nil, fmt.Errorf("the record holds the value that secret %s had then, and it has another one now: start a new run", strings.Join(changed, ", "))
	}
	return out, nil
}

// mapStrings changes the string values, not the keys, of a JSON text and
// leaves all else as it is, numbers and order too.
func mapStrings(data []byte, change func(string) string) []byte {
	var out []byte
	for i := 0; i < len(data); {
		if data[i] != '"' {
			j := bytes.IndexByte(data[i:], '"')
			if j < 0 {
				j = len(data) - i
			}
			out = append(out, data[i:i+j]...)
			i += j
			continue
		}
		end := i + 1
		for end < len(data) && data[end] != '"' {
			if data[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(data))
		text := data[i:end]
		i = end
		var s string
		isKey := bytes.HasPrefix(bytes.TrimLeft(data[end:], " \t\r\n"), []byte(":"))
		if !isKey && json.Unmarshal(text, &s) == nil {
			if changed := change(s); changed != s {
				text, _ = json.Marshal(changed) // of a string: never fails
			}
		}
		out = append(out, text...)
	}
	return out
}
