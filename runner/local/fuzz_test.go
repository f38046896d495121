package local

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// FuzzEventFile derives from payloads that nobody vouches for.
func FuzzEventFile(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"ref":"refs/tags/v1","after":"--x"}`, `{"repository":{"full_name":"a/b","owner":7}}`,
		`{"pull_request":{"number":1,"head":{"sha":null}}}`, `{"sender":[{"login":"x"}]}`,
	} {
		f.Add("push", seed)
		f.Add("pull_request_target", seed)
	}
	r := &Repo{Root: "/nowhere", SHA: NoSHA, Owner: "octo", Name: "hello", Server: defaultServer, DefaultBranch: "main", Branch: "main"}
	f.Fuzz(func(t *testing.T, name, payload string) {
		e, err := BuildEvent(t.Context(), r, name, EventOptions{Payload: []byte(payload), File: "event.json", Now: time.Unix(0, 0)})
		if err != nil {
			return
		}
		if !commitPattern.MatchString(e.SHA) || !commitPattern.MatchString(e.Base) || strings.HasPrefix(e.Ref, "refs/") == e.Facts.NoRef || strings.Count(e.Repository, "/") != 1 {
			t.Errorf("%s gives %+v", payload, e)
		}
		Contexts(r, e, RunOptions{})
	})
}

// FuzzCommits reads what git log may print: messages and names are free text.
func FuzzCommits(f *testing.F) {
	one := strings.Join([]string{"sha", "tree", "p q", "n", "e", "d", "n", "e", "d", "message\n"}, "\x00")
	f.Add(one + "\x00\nA\x00file\x00D\x00D\x00" + one + "\x00")
	f.Add(one)
	f.Fuzz(func(t *testing.T, out string) {
		for _, c := range parseCommits(out) {
			c.subject()
			c.body()
		}
		parseShortstat(out)
	})
}
