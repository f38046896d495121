package trust

import (
	"maps"
	"reflect"
	"testing"
)

func TestZoneOf(t *testing.T) {
	for _, c := range []struct {
		name string
		f    Facts
		want Zone
	}{
		{"fork", Facts{Event: "pull_request", Fork: true, Ref: "refs/pull/1/merge"}, Fork},
		{"fork's review", Facts{Event: "pull_request_review", Fork: true}, Fork},
		{"fork, target", Facts{Event: "pull_request_target", Fork: true, Ref: "refs/heads/main", Protected: true}, ForkTarget},
		{"after a fork's run", Facts{Event: "workflow_run", Fork: true, Ref: "refs/heads/main", Protected: true}, ForkTarget},
		{"a dispatch about a fork", Facts{Event: "repository_dispatch", Fork: true}, Fork},
		{"an event that nobody knows, with a fork", Facts{Event: "brand_new", Fork: true, Ref: "refs/heads/main", Protected: true}, Fork},
		{"a stranger's comment", Facts{Event: "issue_comment", Stranger: true, Ref: "refs/heads/main", Protected: true}, ForkTarget},
		{"a stranger's issue", Facts{Event: "issues", Stranger: true, Ref: "refs/heads/main"}, ForkTarget},
		{"after a run for a stranger", Facts{Event: "workflow_run", Stranger: true, Ref: "refs/heads/main", Protected: true}, ForkTarget},
		{"a stranger in an event that nobody knows", Facts{Event: "brand_new", Stranger: true, Ref: "refs/tags/v1"}, ForkTarget},
		{"a fork's pull request of a stranger", Facts{Event: "pull_request", Fork: true, Stranger: true}, Fork},
		{"own pull request", Facts{Event: "pull_request", Ref: "refs/pull/1/merge"}, PullRequest},
		{"own pull request into a protected branch", Facts{Event: "pull_request", Ref: "refs/pull/1/merge", Protected: true}, PullRequest},
		{"merge queue", Facts{Event: "merge_group", Ref: "refs/heads/gh-readonly-queue/main/pr-1", Protected: true}, PullRequest},
		{"branch", Facts{Event: "push", Ref: "refs/heads/topic"}, Branch},
		{"protected branch", Facts{Event: "push", Ref: "refs/heads/main", Protected: true}, Protected},
		{"tag", Facts{Event: "push", Ref: "refs/tags/v1"}, Protected},
		{"protected, but no branch", Facts{Event: "push", Ref: "refs/pull/1/merge", Protected: true}, Branch},
		{"comment", Facts{Event: "issue_comment", Ref: "refs/heads/main"}, Branch},
		{"schedule", Facts{Event: "schedule", Ref: "refs/heads/main"}, Schedule},
		{"dispatch", Facts{Event: "workflow_dispatch", Ref: "refs/heads/topic"}, Schedule},
		{"nothing known", Facts{}, Branch},
	} {
		if got := ZoneOf(c.f); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestTable spells every cell of the default policy: a change of it is a change
// of what strangers may do.
func TestTable(t *testing.T) {
	type row struct {
		token                                                  Access
		secrets, idToken, cacheWrite, environments, open, host bool
		approval                                               When
	}
	want := map[Zone]row{
		//            token     secrets id-token cache  environ open   host   approval
		Fork:            {ReadOnly, false, false, false, false, false, false, Always},
		ForkTarget:      {Full, true, false, false, true, false, false, Never},
		PullRequest:     {Full, true, true, true, true, true, true, Never},
		Branch:          {Full, true, true, true, true, true, true, Never},
		Protected:       {Full, true, true, true, true, true, true, Never},
		Schedule:        {Full, true, true, true, true, true, true, Never},
		Zone("unheard"): {NoAccess, false, false, false, false, false, false, Always},
		Zone(""):        {NoAccess, false, false, false, false, false, false, Always},
	}
	for _, z := range Zones() {
		if _, ok := want[z]; !ok {
			t.Errorf("zone %q has no row", z)
		}
	}
	p := Default()
	for z, w := range want {
		c := p.Of(z)
		got := row{c.Token, c.Secrets, c.IDToken, c.CacheWrite, c.Environments, c.Open, c.Host, c.Approval}
		if got != w {
			t.Errorf("%q: %+v, want %+v", z, got, w)
		}
	}
	if got := (Policy{Branch: {}}).Of(Branch); !reflect.DeepEqual(got, Capabilities{Token: NoAccess, Approval: Always}) {
		t.Errorf("an empty row: %+v", got)
	}
}

func TestApproval(t *testing.T) {
	for _, c := range []struct {
		when        When
		association string
		want        bool
	}{
		{Always, "OWNER", true}, {Always, "", true}, {"", "OWNER", true}, {"sometimes", "OWNER", true},
		{FirstTime, "NONE", true}, {FirstTime, "", true}, {FirstTime, "FIRST_TIMER", true}, {FirstTime, "FIRST_TIME_CONTRIBUTOR", true},
		{FirstTime, "contributor", false}, {FirstTime, "MEMBER", false},
		{Never, "NONE", false},
	} {
		if got := (Capabilities{Approval: c.when}).NeedsApproval(c.association) != ""; got != c.want {
			t.Errorf("%q of %q: %v", c.when, c.association, got)
		}
	}
	p, err := Default().WithApproval(FirstTime)
	if err != nil || p.Of(Fork).Approval != FirstTime || p.Of(Fork).Secrets || Default().Of(Fork).Approval != Always {
		t.Errorf("%+v, %v", p.Of(Fork), err)
	}
	if _, err := Default().WithApproval("later"); err == nil {
		t.Error("an unknown word is accepted")
	}
}

func TestWithout(t *testing.T) {
	all := Capabilities{Token: Full, Secrets: true, IDToken: true, CacheWrite: true, Environments: true, Open: true, Host: true, Approval: Never}
	base := Policy{Branch: all, Fork: {Token: NoAccess, Approval: Always}}
	for what, change := range map[string]func(*Capabilities){
		"token": func(c *Capabilities) { c.Token = NoAccess }, "write": func(c *Capabilities) { c.Token = ReadOnly },
		"secrets": func(c *Capabilities) { c.Secrets = false }, "id-token": func(c *Capabilities) { c.IDToken = false },
		"cache-write": func(c *Capabilities) { c.CacheWrite = false }, "environments": func(c *Capabilities) { c.Environments = false },
		"engine": func(c *Capabilities) { c.Open = false }, "host": func(c *Capabilities) { c.Host = false },
	} {
		want := all
		change(&want)
		got, err := base.Without([]string{"branch: " + what, "fork:" + what})
		if err != nil || !reflect.DeepEqual(got.Of(Branch), want) || !reflect.DeepEqual(got.Of(Fork), base.Of(Fork)) || !reflect.DeepEqual(base.Of(Branch), all) {
			t.Errorf("without %s: %+v, %v", what, got, err)
		}
	}
	for _, text := range []string{"branch", "branch:", ":secrets", "branch:everything", "main:secrets", "Branch:secrets", "branch:secrets:host", "branch:runs-on=", "branch:runs-on", ""} {
		if p, err := base.Without([]string{text}); err == nil {
			t.Errorf("%q: %v", text, p)
		}
	}
}

func TestBars(t *testing.T) {
	base := Default()
	p, err := base.Without([]string{"fork:runs-on=Deploy", "fork: runs-on=gpu", "fork-target:runs-on=deploy"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		zone   Zone
		labels []string
		want   string
	}{
		{Fork, []string{"self-hosted", "DEPLOY"}, "DEPLOY"}, {Fork, []string{"gpu"}, "gpu"}, {Fork, []string{"ubuntu-latest"}, ""}, {Fork, nil, ""},
		{ForkTarget, []string{"gpu"}, ""}, {ForkTarget, []string{"deploy"}, "deploy"}, {Branch, []string{"deploy"}, ""},
	} {
		if got := p.Of(c.zone).Bars(c.labels); got != c.want {
			t.Errorf("%s with %v: %q, want %q", c.zone, c.labels, got, c.want)
		}
	}
	if base.Of(Fork).Bars([]string{"deploy"}) != "" {
		t.Error("the policy itself was changed")
	}
}

func TestTies(t *testing.T) {
	for association, want := range map[string]bool{
		"OWNER": true, "MEMBER": true, "collaborator": true,
		"CONTRIBUTOR": false, "FIRST_TIMER": false, "FIRST_TIME_CONTRIBUTOR": false, "MANNEQUIN": false, "NONE": false, "": false, "OWNERS": false,
	} {
		if got := Ties(association); got != want {
			t.Errorf("%q: %v", association, got)
		}
	}
}

func TestReduce(t *testing.T) {
	asked := map[string]string{"contents": "write", "issues": "read", "packages": "none", "id-token": "write"}
	for _, c := range []struct {
		name string
		c    Capabilities
		want map[string]string
	}{
		{"nothing", Capabilities{Token: NoAccess}, map[string]string{}},
		{"no word", Capabilities{}, map[string]string{}},
		{"read", Capabilities{Token: ReadOnly}, map[string]string{"contents": "read", "issues": "read"}},
		{"all", Capabilities{Token: Full, IDToken: true}, asked},
		{"no identity", Capabilities{Token: Full}, map[string]string{"contents": "write", "issues": "read", "packages": "none"}},
	} {
		if got := c.c.Reduce(asked); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
