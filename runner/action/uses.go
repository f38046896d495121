package action

import (
	"fmt"
	"path"
	"strings"
)

// Kind is what a `uses:` names.
type Kind string

// The kinds of references.
const (
	Repository Kind = "repository" // owner/repo[/path]@ref
	Local      Kind = "local"      // ./path, in the workspace
	Self       Kind = "self"       // $/path, in the repository that defines the workflow
	Image      Kind = "image"      // docker://image
)

// Ref is a parsed `uses:`. All its parts are safe as path elements and as
// arguments of a program.
type Ref struct {
	Kind       Kind   `json:"kind"`
	Repository string `json:"repository,omitempty"` // owner/repo
	Path       string `json:"path,omitempty"`       // below the root, with "/", "" for the root itself
	Ref        string `json:"ref,omitempty"`        // branch, tag or commit
	Image      string `json:"image,omitempty"`      // without docker://
}

// String is the reference as it is written in a workflow.
func (r Ref) String() string {
	switch r.Kind {
	case Local:
		return "./" + r.Path
	case Self:
		return "$/" + r.Path
	case Image:
		return imageScheme + r.Image
	default:
		return path.Join(r.Repository, r.Path) + "@" + r.Ref
	}
}

const (
	imageScheme = "docker://"
	maxUses     = 1024 // characters of a reference
	maxName     = 100  // characters of an owner or a repository (GitHub: 39 and 100)
	maxRef      = 250
)

// ParseUses reads the text of a `uses:`. The forms are those of
// actions/runner: WorkflowTemplateConverter.cs, ConvertToSteps; backslashes
// separate like slashes there.
func ParseUses(s string) (Ref, error) {
	ref, err := parseUses(s)
	if err != nil {
		return Ref{}, fmt.Errorf("read uses %q: %w", clip(s), err)
	}
	return ref, nil
}

func parseUses(s string) (Ref, error) {
	switch {
	case s == "":
		return Ref{}, fmt.Errorf("it is empty: write owner/repo@ref, ./path or docker://image")
	case len(s) > maxUses:
		return Ref{}, fmt.Errorf("it has %d characters, more than %d", len(s), maxUses)
	case strings.Contains(s, "${{"):
		return Ref{}, fmt.Errorf("expressions are not allowed here: write the name itself")
	case hasControl(s):
		return Ref{}, fmt.Errorf("it holds a control character")
	}
	if image, ok := strings.CutPrefix(s, imageScheme); ok {
		return parseImage(image)
	}
	slashed := strings.ReplaceAll(s, `\`, "/")
	if rest, ok := strings.CutPrefix(slashed, "./"); ok || slashed == "." {
		return inside(Local, rest)
	}
	if rest, ok := strings.CutPrefix(slashed, "$/"); ok {
		return inside(Self, rest)
	}
	return parseRepository(s)
}

func parseImage(image string) (Ref, error) {
	switch {
	case image == "":
		return Ref{}, fmt.Errorf("no image follows docker://")
	case strings.HasPrefix(image, "-"):
		return Ref{}, fmt.Errorf("an image does not begin with \"-\"")
	case strings.ContainsAny(image, " \\"):
		return Ref{}, fmt.Errorf("an image holds no blank and no backslash")
	}
	return Ref{Kind: Image, Image: image}, nil
}

func inside(kind Kind, rest string) (Ref, error) {
	clean := path.Clean("./" + strings.TrimLeft(rest, "/"))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return Ref{}, fmt.Errorf("the path leaves the repository: remove \"..\"")
	}
	if clean == "." {
		clean = ""
	}
	return Ref{Kind: kind, Path: clean}, nil
}

func parseRepository(s string) (Ref, error) {
	name, ref, found := strings.Cut(s, "@")
	if !found {
		return Ref{}, fmt.Errorf("a ref is missing: write owner/repo@ref, or ./path for an action of this repository")
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	if len(parts) < 2 {
		return Ref{}, fmt.Errorf("expected owner/repo@ref, owner/repo/path@ref, ./path or docker://image")
	}
	if err := checkRepository(parts[0], parts[1]); err != nil {
		return Ref{}, err
	}
	for _, part := range parts[2:] {
		if part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return Ref{}, fmt.Errorf("%q is not allowed in the path", part)
		}
	}
	if err := checkRef(ref); err != nil {
		return Ref{}, err
	}
	return Ref{Kind: Repository, Repository: parts[0] + "/" + parts[1], Path: strings.Join(parts[2:], "/"), Ref: ref}, nil
}

// checkRepository accepts the names that GitHub, its server edition and its
// relatives give out. A repository may begin with a dot (".github").
func checkRepository(owner, repo string) error {
	for _, part := range []struct{ what, name string }{{"owner", owner}, {"repository", repo}} {
		switch {
		case len(part.name) > maxName:
			return fmt.Errorf("the %s %q is longer than %d characters", part.what, clip(part.name), maxName)
		case hasOther(part.name):
			return fmt.Errorf("the %s %q may hold only letters, digits, \"-\", \"_\" and \".\"", part.what, part.name)
		case strings.HasPrefix(part.name, "-"):
			return fmt.Errorf("the %s %q begins with \"-\"", part.what, part.name)
		case strings.Contains(part.name, ".."), part.name == ".", strings.EqualFold(part.name, ".git"):
			return fmt.Errorf("%q is no name of a %s", part.name, part.what)
		}
	}
	if strings.HasPrefix(owner, ".") {
		return fmt.Errorf("the owner %q begins with a dot", owner)
	}
	return nil
}

const nameChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

func hasOther(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return !strings.ContainsRune(nameChars, r) }) >= 0
}

// checkRef holds a ref against git's own rules (git-check-ref-format), and
// against what would be an option.
func checkRef(ref string) error {
	switch {
	case ref == "":
		return fmt.Errorf("the ref after @ is empty: write a branch, tag or commit")
	case len(ref) > maxRef:
		return fmt.Errorf("the ref is longer than %d characters", maxRef)
	case hasControl(ref) || strings.ContainsAny(ref, " ~^:?*[\\"):
		return fmt.Errorf("the ref %q holds a character that no ref has", ref)
	case strings.HasPrefix(ref, "-"):
		return fmt.Errorf("the ref %q begins with \"-\"", ref)
	case strings.Contains(ref, ".."), strings.Contains(ref, "@{"), strings.HasSuffix(ref, "."):
		return fmt.Errorf("%q is no ref", ref)
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return fmt.Errorf("%q is no ref", ref)
		}
	}
	return nil
}

func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) >= 0
}

// clip keeps messages about hostile texts short.
func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
