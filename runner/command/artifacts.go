package command

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxSubjects is the number of artifact subjects that a job can declare.
const MaxSubjects = 500

// SubjectKind is what a line of $GITHUB_ARTIFACTS declares.
type SubjectKind string

const (
	SubjectFile SubjectKind = "file"
	SubjectOCI  SubjectKind = "oci"
)

// Subject is one artifact that a step declares. A parsed file subject has only Path and Line;
// who can read the file adds Name (its base name) and Digest ("sha256:…") before AddSubjects.
type Subject struct {
	Name   string      `json:"name"`
	Digest string      `json:"digest"`
	Kind   SubjectKind `json:"kind"`
	Path   string      `json:"-"` // relative to the workspace, or absolute as the step sees it
	Line   int         `json:"-"`
}

var (
	scheme       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.\-]*://`)
	digestSuffix = regexp.MustCompile(`^(.+)@(sha256|sha384|sha512):([0-9a-fA-F]+)$`)
	digestLength = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}
)

// ParseArtifacts reads $GITHUB_ARTIFACTS. A bad line makes the whole file count for nothing and fails the step.
// actions/runner: CreateArtifactsFileCommand.cs
func ParseArtifacts(data []byte) ([]Subject, error) {
	if len(data) > MaxSummary {
		return nil, fmt.Errorf("process file command \"artifacts\": %w", errTooLarge)
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(decodeText(data))
	var subjects []Subject
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		subject, err := parseSubject(line)
		if err != nil {
			return nil, fmt.Errorf("process file command \"artifacts\", line %d: %q: %w", i+1, line, err)
		}
		subject.Line = i + 1
		subjects = append(subjects, subject)
	}
	return subjects, nil
}

func parseSubject(line string) (Subject, error) {
	if strings.Contains(line, "=") {
		return Subject{}, fmt.Errorf("entries with \"=\" are reserved")
	}
	prefix := scheme.FindString(line)
	rest := line[len(prefix):]
	match := digestSuffix.FindStringSubmatch(rest)
	switch strings.ToLower(prefix) {
	case "file://":
		if strings.TrimSpace(rest) == "" {
			return Subject{}, fmt.Errorf("a file:// entry needs a path")
		}
		return Subject{Kind: SubjectFile, Path: rest}, nil
	case "oci://":
		if match == nil {
			return Subject{}, fmt.Errorf("an oci:// entry must end in @sha256:, @sha384: or @sha512: and hexadecimal digits")
		}
		if want := digestLength[match[2]]; len(match[3]) != want {
			return Subject{}, fmt.Errorf("a %s digest has %d hexadecimal digits, not %d", match[2], want, len(match[3]))
		}
	case "":
		if match == nil || len(match[3]) != digestLength[match[2]] {
			return Subject{Kind: SubjectFile, Path: line}, nil
		}
	default:
		return Subject{}, fmt.Errorf("unsupported scheme %q: use file:// or oci://", prefix)
	}
	return Subject{Kind: SubjectOCI, Name: match[1], Digest: match[2] + ":" + strings.ToLower(match[3])}, nil
}

// AddSubjects returns a job's subjects with those of a step added. The same name and digest again is nothing new,
// another digest is an error; on an error the job's subjects stay as they were.
func AddSubjects(job, step []Subject) ([]Subject, error) {
	all := slices.Clone(job)
	digests := make(map[string]string, len(all))
	for _, s := range all {
		digests[s.Name] = s.Digest
	}
	for _, s := range step {
		known, ok := digests[s.Name]
		if ok && known == s.Digest {
			continue
		}
		if ok {
			return job, fmt.Errorf("process file command \"artifacts\", line %d: %q was declared as %s before and is %s now", s.Line, s.Name, known, s.Digest)
		}
		if len(all) == MaxSubjects {
			return job, fmt.Errorf("process file command \"artifacts\", line %d: a job can declare at most %d artifacts", s.Line, MaxSubjects)
		}
		digests[s.Name] = s.Digest
		all = append(all, s)
	}
	return all, nil
}

// ArtifactsList returns the content of $GITHUB_ARTIFACTS_LIST.
func ArtifactsList(subjects []Subject) ([]byte, error) {
	sorted := slices.Clone(subjects)
	slices.SortFunc(sorted, func(a, b Subject) int { return strings.Compare(a.Name, b.Name) })
	if sorted == nil {
		sorted = []Subject{}
	}
	return json.Marshal(struct {
		Version  int       `json:"version"`
		Subjects []Subject `json:"subjects"`
	}{1, sorted})
}
