// Package talk is what the conference is about.
package talk

import "strings"

// Talk is one talk.
type Talk struct {
	Title   string `json:"title"`
	Speaker string `json:"speaker"`
	Minutes int    `json:"minutes"`
}

// Valid tells whether a proposal can become a talk.
func (t Talk) Valid() bool {
	return strings.TrimSpace(t.Title) != "" && strings.TrimSpace(t.Speaker) != "" && t.Minutes > 0
}
