package dockerfile

import (
	"bytes"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Ignore is what a .dockerignore keeps out of the context. A nil one keeps out
// nothing.
type Ignore struct {
	matcher *patternmatcher.PatternMatcher
}

// maxPatterns bounds those that every file is looked for in.
const maxPatterns = 1000

// ParseIgnore reads a .dockerignore. One with too many patterns keeps out nothing.
func ParseIgnore(src []byte) (*Ignore, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(src))
	if err != nil || len(patterns) > maxPatterns {
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	return &Ignore{matcher}, nil
}

// Ignored tells whether a file, relative to the context, is kept out. Where
// builders may differ it is not.
func (i *Ignore) Ignored(file string) bool {
	if i == nil {
		return false
	}
	var parent patternmatcher.MatchInfo
	ignored := false
	for at := 0; at < len(file); {
		next := len(file)
		if slash := strings.IndexByte(file[at:], '/'); slash >= 0 {
			next = at + slash
		}
		var err error
		if ignored, parent, err = i.matcher.MatchesUsingParentResults(file[:next], parent); err != nil {
			return false
		}
		at = next + 1
	}
	if !ignored {
		return false
	}
	// Older builders look at the file and the folders above at once.
	ignored, err := i.matcher.MatchesOrParentMatches(file)
	return ignored && err == nil
}

// Exceptions tells whether some patterns bring back what others keep out.
func (i *Ignore) Exceptions() bool { return i != nil && i.matcher.Exclusions() }
