package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Access is how much of a token's scopes a zone leaves.
type Access string

// The kinds of access.
const (
	NoAccess Access = "none"
	ReadOnly Access = "read"
	Full     Access = "write" // what the job asks for
)

// When says which runs wait for somebody's approval.
type When string

// The choices.
const (
	Never     When = "never"
	FirstTime When = "first-time" // of people who never contributed
	Always    When = "always"
)

// Capabilities are what jobs of a zone may have. The zero value is nothing, and an
// approval that is always asked for.
type Capabilities struct {
	Token        Access // of GITHUB_TOKEN
	Secrets      bool   // of organisation, repository and environment
	IDToken      bool   // with `permissions: id-token: write`
	CacheWrite   bool
	Environments bool // jobs with `environment:` run
	Open         bool // what the operator opens to jobs: the engine's socket, privileges, folders and devices of the machine
	Host         bool // jobs may run on the server's machine itself, where a label says so
	Approval     When // before a run begins; "": Always
	// Barred are labels and groups, in lower case, of runners that jobs may not run
	// on, whatever label led them there.
	Barred []string
}

// Policy are the capabilities of each zone.
type Policy map[Zone]Capabilities

// Default is GitHub's own rules, and where those are known to be abused something
// stricter: what a fork takes part in writes no cache, and never runs on the
// server's machine itself.
func Default() Policy {
	all := Capabilities{
		Token: Full, Secrets: true, IDToken: true, CacheWrite: true, Environments: true, Open: true, Host: true, Approval: Never,
	}
	target := all
	target.CacheWrite, target.IDToken, target.Open, target.Host = false, false, false, false
	return Policy{
		Fork:       {Token: ReadOnly, Approval: Always},
		ForkTarget: target,
		// A pull request's caches are its own: they are in the scope of its ref.
		PullRequest: all,
		Branch:      all,
		Protected:   all,
		Schedule:    all,
	}
}

// Of is what a zone may have; one that the policy does not know has nothing.
func (p Policy) Of(z Zone) Capabilities {
	c, known := p[z]
	if !known {
		return Capabilities{Token: NoAccess, Approval: Always}
	}
	if c.Token == "" {
		c.Token = NoAccess
	}
	if c.Approval == "" {
		c.Approval = Always
	}
	return c
}

// WithApproval gives the policy with another rule for forks.
func (p Policy) WithApproval(w When) (Policy, error) {
	if !slices.Contains([]When{Always, FirstTime, Never}, w) {
		return nil, fmt.Errorf("approval of forks: %q is not one of %s, %s, %s", w, Always, FirstTime, Never)
	}
	out := maps.Clone(p)
	c := out.Of(Fork)
	c.Approval = w
	out[Fork] = c
	return out, nil
}

// denials are what an operator can take away from a zone.
var denials = map[string]func(*Capabilities){
	"token": func(c *Capabilities) { c.Token = NoAccess },
	"write": func(c *Capabilities) {
		if c.Token == Full {
			c.Token = ReadOnly
		}
	},
	"secrets":      func(c *Capabilities) { c.Secrets = false },
	"id-token":     func(c *Capabilities) { c.IDToken = false },
	"cache-write":  func(c *Capabilities) { c.CacheWrite = false },
	"environments": func(c *Capabilities) { c.Environments = false },
	"engine":       func(c *Capabilities) { c.Open = false },
	"host":         func(c *Capabilities) { c.Host = false },
}

// barredPrefix stands before a label that is taken away.
const barredPrefix = "runs-on="

// Without gives the policy less what a list takes away, each as ZONE:WHAT, where
// WHAT may be runs-on=LABEL. It never gives a zone more.
func (p Policy) Without(list []string) (Policy, error) {
	out := maps.Clone(p)
	for _, text := range list {
		name, what, _ := strings.Cut(text, ":")
		zone := Zone(strings.TrimSpace(name))
		if !slices.Contains(Zones(), zone) {
			return nil, fmt.Errorf("take %q away: there is no zone %q: use one of %v", text, zone, Zones())
		}
		c := out.Of(zone)
		what = strings.TrimSpace(what)
		if label, ok := strings.CutPrefix(what, barredPrefix); ok && label != "" {
			c.Barred = append(slices.Clone(c.Barred), strings.ToLower(label))
		} else if deny, ok := denials[what]; ok {
			deny(&c)
		} else {
			return nil, fmt.Errorf("take %q away: %q is neither one of %s nor %sLABEL", text, what, strings.Join(slices.Sorted(maps.Keys(denials)), ", "), barredPrefix)
		}
		out[zone] = c
	}
	return out, nil
}

// Bars gives the first label of a runner that bars it, "" when there is none.
func (c Capabilities) Bars(labels []string) string {
	for _, label := range labels {
		if slices.Contains(c.Barred, strings.ToLower(label)) {
			return label
		}
	}
	return ""
}

// NeedsApproval tells why a run has to be approved; "": it has not. The
// association is GitHub's word for the author: OWNER, MEMBER, COLLABORATOR,
// CONTRIBUTOR, FIRST_TIMER, NONE...
func (c Capabilities) NeedsApproval(association string) string {
	switch c.Approval {
	case Never:
		return ""
	case FirstTime:
		if slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR"}, strings.ToUpper(association)) {
			return ""
		}
		return "a first contribution: somebody with write access has to approve it"
	}
	return "code of a fork: somebody with write access has to approve it"
}

// Reduce takes from the scopes that a job asks for what its zone does not have.
func (c Capabilities) Reduce(scopes map[string]string) map[string]string {
	out := map[string]string{}
	for name, level := range scopes {
		switch {
		case name == "id-token":
			if c.IDToken {
				out[name] = level
			}
		case c.Token == Full:
			out[name] = level
		case c.Token == ReadOnly && (level == "read" || level == "write"):
			out[name] = "read"
		}
	}
	return out
}
