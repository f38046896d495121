package tree

import (
	"context"
	"strconv"
	"strings"
)

// Logged is a commit as a list shows it.
type Logged struct {
	SHA     string `json:"sha"`
	Subject string `json:"subject"` // first line of the message
}

// Log lists commits that one commit has and another has not, the newest first, up to
// limit.
func (r *Repository) Log(ctx context.Context, from, to string, limit int) ([]Logged, error) {
	for _, sha := range []string{from, to} {
		if _, err := r.Resolve(ctx, sha); err != nil {
			return nil, err
		}
	}
	out, err := git(ctx, r.dir, "log", "-z", "--format=%H %s", "--max-count="+strconv.Itoa(limit), "--end-of-options", from+".."+to)
	if err != nil {
		return nil, err
	}
	var all []Logged
	for line := range strings.SplitSeq(out, "\x00") {
		if sha, subject, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all = append(all, Logged{sha, strings.ToValidUTF8(subject, "\uFFFD")})
		}
	}
	return all, nil
}
