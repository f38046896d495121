package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Options say how a Dockerfile is built.
type Options struct {
	Target    string // stage; empty: the last
	Args      map[string]string
	Platforms []string // empty: any
}

// Inputs are what a build can read of its context.
type Inputs struct {
	Sources []Source
	Images  []Image
	// Triggers tells that the image has ONBUILD instructions: what is built from
	// it may copy more than its own Dockerfile says.
	Triggers bool
	// Doubts say what else the image may be made from that cannot be told.
	Doubts []string
}

// Source is one source of COPY, ADD or RUN --mount=type=bind.
type Source struct {
	// Pattern is relative to the context, clean; "." is all of it. It may hold
	// wildcards, as path.Match has them, and "**".
	Pattern string
	// Text is the source as it was written, for reasons.
	Text string
	Line int // in the Dockerfile
	// Outside tells that the text points out of the context: builders read it as if
	// the context was the root of everything.
	Outside bool
	// Doubt says why more is counted than the text names; empty: it is not.
	Doubt string
	// GoMain is the folder, in the context, of the one Go main package that is all
	// that the stage makes of its folders: only what it is built from matters of
	// them. Empty: all of the source matters.
	GoMain string
}

// Image is an image that is built from or copied from.
type Image struct {
	Name string
	Line int
	// Base tells that a stage starts from it, so that its ONBUILD triggers run.
	Base bool
}

// String names the instruction's place and text.
func (s Source) String() string {
	if s.Doubt != "" {
		return fmt.Sprintf("line %d: %s: %s", s.Line, s.Text, s.Doubt)
	}
	return fmt.Sprintf("line %d: %s", s.Line, s.Text)
}

// Match tells whether a change of the file, relative to the context, changes what
// the source gives. A folder stands for all below it; and a file stands for the
// folder that it replaced.
func (s Source) Match(file string) bool {
	if s.Pattern == "." || file == "." || within(s.Pattern, file) {
		return true
	}
	if !strings.ContainsAny(s.Pattern, `*?[\`) {
		return within(file, s.Pattern)
	}
	if i := strings.Index(s.Pattern, "**"); i >= 0 {
		literal := s.Pattern[:strings.LastIndexByte("/"+s.Pattern[:i], '/')]
		return Source{Pattern: path.Clean("./" + literal)}.overlaps(file)
	}
	// Part by part: the file, what is below a match, and what a match is below of.
	for pattern, more, deeper := s.Pattern, true, true; more && deeper; {
		var wanted, part string
		wanted, pattern, more = strings.Cut(pattern, "/")
		part, file, deeper = strings.Cut(file, "/")
		if wanted == part {
			continue
		}
		ok, err := path.Match(wanted, part)
		if err != nil {
			return true // the builder decides what it means
		}
		if !ok {
			return false
		}
	}
	return true
}

// overlaps is Match for a part of a pattern without wildcards, or all.
func (s Source) overlaps(file string) bool {
	if strings.ContainsAny(s.Pattern, `*?[\`) {
		return true
	}
	return s.Match(file)
}

// within tells whether file is folder, or lies below it.
func within(folder, file string) bool {
	return folder == "." || file == folder || strings.HasPrefix(file, folder) && file[len(folder)] == '/'
}

// add puts a source in once; one too many is all that Analyze needs to see.
func (in *Inputs) add(s Source) {
	if len(in.Sources) <= maxInstructions && !slices.Contains(in.Sources, s) {
		in.Sources = append(in.Sources, s)
	}
}

func (in *Inputs) addImage(i Image) {
	if len(in.Images) <= maxInstructions && i.Name != "scratch" && !slices.Contains(in.Images, i) {
		in.Images = append(in.Images, i)
	}
}
