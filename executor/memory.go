package executor

import (
	"fmt"
	"strings"
)

// Memory is what a place may use and the most that it did, in bytes; 0 is not
// known, or no limit.
type Memory struct {
	Limit int64 `json:"limit,omitempty"`
	Peak  int64 `json:"peak,omitempty"`
}

// String is "limit 64 MiB, peak 63.5 MiB".
func (m Memory) String() string {
	var parts []string
	if m.Limit > 0 {
		parts = append(parts, "limit "+Mebibytes(m.Limit))
	}
	if m.Peak > 0 {
		parts = append(parts, "peak "+Mebibytes(m.Peak))
	}
	return strings.Join(parts, ", ")
}

// Mebibytes is a size as people read it: "63.5 MiB".
func Mebibytes(n int64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<20)), ".0") + " MiB"
}
