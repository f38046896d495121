package config

import (
	"fmt"
	"strings"
)

// group tells whether keys nest below this one.
func group(key string) bool {
	for _, f := range fields {
		if strings.HasPrefix(f.Key, key+".") {
			return true
		}
	}
	return false
}

// suggestKey finds the key that an unknown one was probably meant to be: the
// same name in another place, or a name that is spelled nearly so.
func suggestKey(prefix, key string) string {
	name := strings.TrimPrefix(key, prefix)
	var all []string
	for _, f := range fields {
		last := f.Key[strings.LastIndexByte(f.Key, '.')+1:]
		if strings.EqualFold(last, name) || strings.EqualFold(f.Flag, name) || strings.EqualFold(f.Key, name) {
			return f.Key
		}
		all = append(all, f.Key)
		if i := strings.IndexByte(f.Key, '.'); i > 0 {
			all = append(all, f.Key[:i])
		}
	}
	return closest(key, all)
}

// closest finds the candidate that at most a third of the letters tell from text.
func closest(text string, candidates []string) string {
	best, least := "", max(2, len(text)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(text), c); d < least {
			best, least = c, d
		}
	}
	return best
}

func hint(suggestion string) string {
	if suggestion == "" {
		return ": see \"drydock config print\" for all keys"
	}
	return fmt.Sprintf(": did you mean %q?", suggestion)
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
