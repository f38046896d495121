package version

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSemver(t *testing.T) {
	for _, text := range []string{"1.2.3", "v1.2.3", "0.0.0", "1.2.3-rc.1", "1.2.3-0.3.x-y"} {
		v, ok := ParseSemver(text)
		if !ok || v.String() != strings.TrimPrefix(text, "v") {
			t.Errorf("ParseSemver(%q) = %v, %v", text, v, ok)
		}
	}
	if v, ok := ParseSemver("v1.2.3+linux"); !ok || v.String() != "1.2.3" {
		t.Errorf("build metadata stays: %v, %v", v, ok)
	}
	for _, text := range []string{"", "v", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "1.2.3-ä", "-1.2.3", "1.2.99999999999999999999"} {
		if v, ok := ParseSemver(text); ok {
			t.Errorf("ParseSemver(%q) = %v, want none", text, v)
		}
	}
	// semver.org, section 11
	ordered := []string{"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0"}
	for i := 1; i < len(ordered); i++ {
		a, _ := ParseSemver(ordered[i-1])
		b, _ := ParseSemver(ordered[i])
		if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
			t.Errorf("%s is not older than %s", a, b)
		}
	}
}

func TestHighest(t *testing.T) {
	for _, tt := range []struct {
		service, tags, want string
	}{
		{"agenda", "v1.9.0 v1.10.0 nightly", "1.10.0"},
		{"agenda", "v9.0.0 agenda/v1.2.3 agenda-v1.3.0 c4p/v4.0.0", "1.3.0"},
		{"agenda", "c4p/v4.0.0 nightly", ""},
		{"agenda", "", ""},
		{"", "v1.0.0", "1.0.0"},
	} {
		v, ok := Highest(tt.service, strings.Fields(tt.tags))
		if ok != (tt.want != "") || ok && v.String() != tt.want {
			t.Errorf("Highest(%q, %q) = %v, %v, want %q", tt.service, tt.tags, v, ok, tt.want)
		}
	}
}

func TestNext(t *testing.T) {
	sha := "0123456789abcdef"
	release, _ := ParseSemver("1.2.3")
	pre, _ := ParseSemver("1.2.3-rc.1")
	for _, tt := range []struct {
		last Semver
		want string
	}{{release, "1.2.4-5.g0123456"}, {pre, "1.2.3-rc.1.5.g0123456"}, {Semver{}, "0.0.1-5.g0123456"}} {
		got := Next(tt.last, 5, sha)
		if got.String() != tt.want || got.Compare(tt.last) <= 0 {
			t.Errorf("Next(%s) = %s, want %s", tt.last, got, tt.want)
		}
	}
}

func TestTags(t *testing.T) {
	sha := "0123456789abcdef0123456789abcdef01234567"
	push := Facts{SHA: sha, Branch: "feature/Größe#1"}
	release := Facts{SHA: sha, Version: "1.2.3"}
	pull := Facts{SHA: sha, PullRequest: 12}
	of := func(tags string) []Semver { return Of("", strings.Fields(tags)) }
	for _, tt := range []struct {
		templates, want string
		facts           Facts
	}{
		{"", "0123456 feature-Gr--e-1", push},
		{"", "0123456 1.2.3", release},
		{"", "0123456 pr-12", pull},
		{"${version} ${minor} ${major} ${latest}", "1.2.3 1.2 1 latest", release},
		{"${version} ${minor} ${major} ${latest}", "1.3.0-rc.1", Facts{SHA: sha, Version: "1.3.0-rc.1"}},
		{"v${version}", "0123456", push}, // always one
		{"${branch}-${sha} ${full-sha} ${sha} ${sha}", "feature-Gr--e-1-0123456 " + sha + " 0123456", push},
		{"stable", "stable", push},
		{"stable ${branch} ${branch}-${sha} ${sha}", "0123456", Facts{SHA: sha, Branch: "main", Behind: true}},
		{"stable ${version}", "1.2.3", Facts{SHA: sha, Version: "1.2.3", Behind: true}},
		{"${version} ${minor} ${major} ${latest}", "1.2.9", Facts{SHA: sha, Version: "1.2.9", Releases: of("v1.3.0-rc.1 v1.3.0 v1.2.10")}},
		{"${version} ${minor} ${major} ${latest}", "1.2.9 1.2", Facts{SHA: sha, Version: "1.2.9", Releases: of("v1.3.0 v1.2.10-rc.1")}},
		{"${version} ${minor} ${major} ${latest}", "1.2.9 1.2 1", Facts{SHA: sha, Version: "1.2.9", Releases: of("v1.2.9 v2.0.0")}},
		{"${version} ${minor} ${major} ${latest}", "1.2.9 1.2 1 latest", Facts{SHA: sha, Version: "1.2.9", Releases: of("v1.2.9 v1.2.8 v2.0.0-rc.1")}},
		{"${next}", "1.2.4-5.g0123456", Facts{SHA: sha, Next: "1.2.4-5.g0123456"}},
	} {
		got, err := Tags(strings.Fields(tt.templates), tt.facts)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("Tags(%q) = %q, %v, want %q", tt.templates, got, err, tt.want)
		}
	}
	if _, err := Tags(nil, Facts{}); err == nil {
		t.Error("a tag out of nothing")
	}
}

func TestParseTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":            "must not be empty",
		"${shaa}":     `no variable "shaa"`,
		"${sha":       "never closed",
		"{sha}":       "cannot stand in a tag",
		"a b":         "cannot stand in a tag",
		"-${sha}":     "starts with",
		"ümlaut":      "cannot stand in a tag",
		"a:${branch}": "cannot stand in a tag",
	} {
		if _, err := ParseTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseTemplate(%q): %v, want %q", text, err, want)
		}
	}
}

func TestSanitizeLong(t *testing.T) {
	a, b := Sanitize(strings.Repeat("x", 200)), Sanitize(strings.Repeat("x", 201))
	if len(a) != maxTag || len(b) != maxTag || a == b {
		t.Errorf("long branches: %d, %d, same %v", len(a), len(b), a == b)
	}
}

var ociTag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`) // OCI distribution specification

func FuzzTemplate(f *testing.F) {
	f.Add("${branch}-${sha}", "feature/x")
	f.Add("v${version}${", "..-")
	f.Fuzz(func(t *testing.T, text, branch string) {
		tags, err := Tags([]string{text}, Facts{SHA: "0123456789", Branch: branch, Version: "1.2.3", PullRequest: 1})
		if err != nil {
			return
		}
		if !slices.ContainsFunc(tags, ociTag.MatchString) || len(tags) != 1 {
			t.Errorf("template %q of branch %q gives %q", text, branch, tags)
		}
	})
}
