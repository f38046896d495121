package event

import (
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/workflow"
)

// FuzzGlob holds any pattern against any value: no panic, and no time that
// grows faster than both lengths.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"main", "main"}, {"feature/**", "feature/a/b"}, {"v[12].[0-9]+", "v1.10"}, {"!**/x?+", "a/x"}, {`\!a`, "!a"},
		{"[A-]x]", "A"}, {"[a-", "a"}, {"C++", "C++"}, {"***", "\xff\n"}, {"[]", ""}, {`\`, `\`},
		{strings.Repeat("**a", 300), strings.Repeat("a", 900) + "b"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		began := time.Now()
		w := &workflow.Workflow{File: "ci.yml", On: workflow.On{Triggers: []workflow.Trigger{{
			Event: "push", Branches: []*workflow.Node{workflow.Str(text)}, PathsIgnore: []*workflow.Node{workflow.Str(text)},
		}}}}
		if len(value) > 1<<16 {
			value = value[:1<<16]
		}
		v := Match(w, Event{Name: "push", Ref: "refs/heads/" + value, Files: []string{value}, FilesKnown: true})
		if v.Why() == "" {
			t.Errorf("%q and %q: no reason", text, value)
		}
		Check(w)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%q and %q: took %v", text, value, took)
		}
		// A name without special characters matches itself alone.
		if !strings.ContainsAny(text, `*?+[]\!`) && value != "" && len(text) <= maxPattern && len(v.Reasons) > 1 {
			if got := v.Reasons[1].Holds; got != (branch("refs/heads/"+value) == text) {
				t.Errorf("%q and %q: got %v", text, value, got)
			}
		}
	})
}

// FuzzCron: what is accepted has five fields of plain cron and fires at times
// that grow; nothing panics.
func FuzzCron(f *testing.F) {
	for _, seed := range [][2]string{
		{"*/5 * * * *", ""}, {"30 2 29 2 *", "Europe/Berlin"}, {"0 0 31 4 *", ""}, {"TZ=0", ""}, {"@every 1ns", ""},
		{"0 0 * JAN-DEC SUN,7", "America/New_York"}, {"59/1 23/7 1-31/40 */3 0-7", "Pacific/Apia"}, {"0 0 * * *", "../x"},
	} {
		f.Add(seed[0], seed[1], int64(1_800_000_000))
	}
	f.Fuzz(func(t *testing.T, text, zone string, seconds int64) {
		s, err := ParseCron(text, zone)
		if err != nil {
			if err.Error() == "" || !s.Next(time.Unix(seconds, 0)).IsZero() {
				t.Errorf("%q: refused with %q, but fires", text, err)
			}
			return
		}
		if len(strings.Fields(text)) != 5 || strings.ContainsAny(text, "@?#LW=") && !strings.ContainsAny(strings.ToUpper(text), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Errorf("%q was accepted", text)
		}
		s.Interval()
		at := time.Unix(seconds%4_000_000_000, 0)
		for range 5 {
			next := s.Next(at)
			if next.IsZero() {
				return
			}
			if !next.After(at) || next.Second() != 0 && next.Year() > 1980 {
				t.Fatalf("%q in %q: after %v comes %v", text, zone, at, next)
			}
			at = next
		}
	})
}

// FuzzFilters holds any lists of filters against any event: the verdict is that
// of its reasons, each reason has its text and place, and the same question has
// the same answer.
func FuzzFilters(f *testing.F) {
	for _, seed := range []struct{ patterns, types, ref, files, message string }{
		{"main\nreleases/**", "opened", "refs/heads/releases/10", "docs/a.md\nsrc/a.go", "Fix"},
		{"**\n!v1.*", "", "refs/tags/v1.2", "", "[skip ci]"},
		{"docs/**\n!docs/**/x.md", "synchronize\nlabeled", "refs/heads/main", "docs/a/x.md", "a\n\n\nskip-checks: true"},
		{"!only", "", "refs/pull/1/merge", "\xff", "[no ci"},
		{"", "created", "", "a\nb\nc", "***NO_CI***"},
	} {
		for i := range uint8(6) {
			f.Add(i, seed.patterns, seed.types, seed.ref, seed.files, seed.message)
		}
	}
	names := []string{"push", "pull_request", "pull_request_target", "workflow_run", "merge_group", "release"}
	f.Fuzz(func(t *testing.T, kind uint8, patterns, types, ref, files, message string) {
		if len(patterns)+len(types)+len(ref)+len(files)+len(message) > 1<<14 {
			return
		}
		name, ignore := names[int(kind)%len(names)], kind >= 128
		trigger := workflow.Trigger{Event: name, Types: nodes(types)}
		list := []*[]*workflow.Node{&trigger.Branches, &trigger.Tags, &trigger.Paths, &trigger.Workflows}
		if ignore {
			list = []*[]*workflow.Node{&trigger.BranchesIgnore, &trigger.TagsIgnore, &trigger.PathsIgnore}
		}
		for _, l := range list {
			*l = nodes(patterns)
		}
		e := Event{
			Name: name, Action: types, Ref: ref, BaseRef: ref, HeadBranch: ref, WorkflowName: message,
			Files: strings.Split(files, "\n"), FilesKnown: kind&64 == 0, Message: message,
		}
		w := &workflow.Workflow{File: "ci.yml", On: workflow.On{Triggers: []workflow.Trigger{trigger}}}
		v := Match(w, e)
		runs := len(v.Reasons) > 0
		for _, r := range v.Reasons {
			runs = runs && r.Holds
			if !strings.HasPrefix(r.Text, r.Filter+": ") || r.Pattern != "" && r.Filter == "" {
				t.Errorf("reason %+v", r)
			}
		}
		if runs != v.Runs || v.Why() == "" {
			t.Errorf("runs: %v, but the reasons say %v: %s", v.Runs, runs, v.Why())
		}
		if again := Match(w, e); again.Runs != v.Runs || again.Why() != v.Why() {
			t.Errorf("%s, then %s", v.Why(), again.Why())
		}
		Check(w)
	})
}

// nodes are the lines of a text.
func nodes(text string) []*workflow.Node {
	var list []*workflow.Node
	for line := range strings.SplitSeq(text, "\n") {
		if text != "" {
			list = append(list, workflow.Str(line))
		}
	}
	return list
}

// FuzzPayload derives from payloads that nobody vouches for.
func FuzzPayload(f *testing.F) {
	for _, name := range append(webhooks, "x") {
		f.Add(name, []byte(`{"action":"a","ref":"refs/heads/x","pull_request":{"number":1,"head":{"sha":"a"}},"deployment":{"ref":1},"inputs":{"a":[]}}`))
	}
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		facts, err := Payload(name, raw)
		if err == nil && facts.Event.Name != name {
			t.Errorf("%q became %q", name, facts.Event.Name)
		}
	})
}
