package action

import (
	"strings"
	"testing"
)

func TestParseUses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Ref
		text string // of String; "" is in
	}{
		{in: "actions/checkout@v4", want: Ref{Kind: Repository, Repository: "actions/checkout", Ref: "v4"}},
		{in: "a/b/c/d@feature/x-1", want: Ref{Kind: Repository, Repository: "a/b", Path: "c/d", Ref: "feature/x-1"}},
		{in: `a\b\c@v1`, want: Ref{Kind: Repository, Repository: "a/b", Path: "c", Ref: "v1"}, text: "a/b/c@v1"},
		{in: "a/b/@v1", want: Ref{Kind: Repository, Repository: "a/b", Ref: "v1"}, text: "a/b@v1"},
		{in: "o/.github/.github/workflows/ci.yml@main", want: Ref{Kind: Repository, Repository: "o/.github", Path: ".github/workflows/ci.yml", Ref: "main"}},
		{in: "emu_user/x.y@refs/heads/main", want: Ref{Kind: Repository, Repository: "emu_user/x.y", Ref: "refs/heads/main"}},
		{in: "./", want: Ref{Kind: Local}},
		{in: "./.github/actions/x/", want: Ref{Kind: Local, Path: ".github/actions/x"}, text: "./.github/actions/x"},
		{in: `.\a\b`, want: Ref{Kind: Local, Path: "a/b"}, text: "./a/b"},
		{in: "./a/../b", want: Ref{Kind: Local, Path: "b"}, text: "./b"},
		{in: "./with space", want: Ref{Kind: Local, Path: "with space"}},
		{in: "$/.github/actions/x", want: Ref{Kind: Self, Path: ".github/actions/x"}},
		{in: "docker://alpine:3.20", want: Ref{Kind: Image, Image: "alpine:3.20"}},
		{in: "docker://r.example:5000/a/b@sha256:00", want: Ref{Kind: Image, Image: "r.example:5000/a/b@sha256:00"}},
	} {
		got, err := ParseUses(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseUses(%q) = %+v, %v; want %+v", c.in, got, err, c.want)
			continue
		}
		if text := c.text; text == "" && got.String() != c.in || text != "" && got.String() != text {
			t.Errorf("ParseUses(%q).String() = %q", c.in, got)
		}
	}
}

func TestParseUsesRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                      "empty",
		"actions/checkout":                      "ref is missing",
		"checkout@v4":                           "expected owner/repo@ref",
		"a/b@":                                  "ref after @ is empty",
		"a/b@-v":                                `begins with "-"`,
		"a/b@--upload-pack=touch":               `begins with "-"`,
		"a/b@v1..v2":                            "is no ref",
		"a/b@v1@v2@{1}":                         "is no ref",
		"a/b@v 1":                               "character that no ref has",
		"a/b@v1\n":                              "control character",
		"a/b@x\x00":                             "control character",
		"a/b@v*":                                "character that no ref has",
		"a/b@a:b":                               "character that no ref has",
		"a/b@/x":                                "is no ref",
		"a/b@x.lock":                            "is no ref",
		"-a/b@v1":                               `begins with "-"`,
		"a/-b@v1":                               `begins with "-"`,
		"../b@v1":                               "is no name",
		"a/..@v1":                               "is no name",
		"a/.git@v1":                             "is no name",
		".a/b@v1":                               "begins with a dot",
		"a/b/../c@v1":                           "not allowed in the path",
		"a/b/.GIT/x@v1":                         "not allowed in the path",
		"ö/b@v1":                                "may hold only",
		"a b/c@v1":                              "may hold only",
		"https://github.com/a/b@v1":             "may hold only",
		"ext::sh -c id/b@v1":                    "may hold only",
		"./../x":                                "leaves the repository",
		"$/../../x":                             "leaves the repository",
		"docker://":                             "no image",
		"docker://-v/:/h":                       `begin with "-"`,
		"docker://a b":                          "no blank",
		"${{ matrix.a }}":                       "expressions are not allowed",
		"a/" + strings.Repeat("b", 101) + "@v1": "longer than 100",
		"a/b@" + strings.Repeat("b", 300):       "longer than 250",
		strings.Repeat("a", 2000):               "more than 1024",
	} {
		got, err := ParseUses(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseUses(%q) = %+v, %v; want an error with %q", in, got, err, want)
		}
	}
}

func FuzzParseUses(f *testing.F) {
	for _, s := range []string{"actions/checkout@v4", "./a/../b", "$/x", "docker://a:b", "a/b/c@-x", `a\b@c`, "a/b@v1..2", "./..", "a/../b@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseUses(s)
		if err != nil {
			return
		}
		for _, part := range []string{ref.Repository, ref.Path, ref.Ref, ref.Image} {
			if strings.HasPrefix(part, "-") && ref.Kind != Local && ref.Kind != Self && part != ref.Path {
				t.Fatalf("%q: %q would be an option", s, part)
			}
			if strings.ContainsAny(part, "\x00\n\r") {
				t.Fatalf("%q: control character in %q", s, part)
			}
		}
		for part := range strings.SplitSeq(ref.Path+"/"+ref.Repository, "/") {
			if part == ".." {
				t.Fatalf("%q: %+v leaves its folder", s, ref)
			}
		}
		again, err := ParseUses(ref.String())
		if err != nil || again != ref {
			t.Fatalf("%q: %+v reads back as %+v, %v", s, ref, again, err)
		}
	})
}
