package build

import (
	"context"
	"os"
	"regexp"

	buildkit "github.com/moby/buildkit/client"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	"github.com/drydock-ci/drydock/executor"
)

// Parts of the addresses of sources. Only names of the internet are let through: an
// address in digits has too many forms, and a name of one word is one of the own
// network. The last part begins with a letter, so it is no number.
const (
	nameForm  = `(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z][a-zA-Z0-9-]*\.?`
	ownNames  = `(?:[^/?#]*[.@])?(?i:localhost|local|internal|home\.arpa)\.?` // RFC 6761, 6762, 8375; ICANN: internal
	userForm  = `(?:[^/?#\\]*@)?`
	hostEnd   = `(?::[0-9]*)?(?:[/?#]|$)`
	imageForm = `^docker-image(?:\+blob)?://`
	gitRemote = `(?:(?:https?|git|ssh)://)?`
)

// sourcePolicy says what a server's builds may take from where: files, repositories
// and images from names of the internet, and images from registries that the operator
// named. Of rules that match the last one counts (moby/buildkit: sourcepolicy).
func (o Options) sourcePolicy() *spb.Policy {
	if !o.PublicOnly {
		return nil
	}
	p := &spb.Policy{Version: 1}
	add := func(action spb.PolicyAction, form string, attributes ...*spb.AttrConstraint) {
		p.Rules = append(p.Rules, &spb.Rule{Action: action, Selector: &spb.Selector{Identifier: form, MatchType: spb.MatchType_REGEX, Constraints: attributes}})
	}
	const allow, deny = spb.PolicyAction_ALLOW, spb.PolicyAction_DENY
	add(deny, `^(?:https?|git)://`)
	add(allow, `^https?://`+userForm+nameForm+hostEnd)
	add(deny, `^https?://`+ownNames+hostEnd)

	// What is fetched is git.fullurl, if it is there. The short form of ssh has no
	// other user than its first.
	public := userForm + nameForm + hostEnd + `|(?:[a-zA-Z0-9._-]+@)?` + nameForm + `:[^@]*$`
	own := userForm + ownNames + hostEnd + `|` + userForm + ownNames + `:`
	full := func(form string) *spb.AttrConstraint {
		return &spb.AttrConstraint{Key: "git.fullurl", Condition: spb.AttrMatch_MATCHES, Value: form}
	}
	add(allow, `^git://(?:`+public+`)`, full(`^$|^`+gitRemote+`(?:`+public+`)`))
	add(deny, `^git://(?:`+own+`)`)
	add(deny, `^git://`, full(`^`+gitRemote+`(?:`+own+`)`))

	add(deny, imageForm)
	add(allow, imageForm+`(?:[a-z0-9_-]+/|[^/]*$)`) // Docker Hub's
	add(allow, imageForm+nameForm+`(?::[0-9]+)?/`)
	add(deny, imageForm+ownNames+`(?::[0-9]+)?/`)
	for _, host := range o.Private {
		add(allow, imageForm+regexp.QuoteMeta(host)+`(?::[0-9]+)?/`)
	}
	return p
}

// checkSources is for builders that are older than policies, and leave them unread:
// BuildKit 0.11 and Docker 24 brought both them and Info. What the Dockerfile says
// itself is read here then.
func (b *Builder) checkSources(ctx context.Context, c *buildkit.Client, r *Request) error {
	policy := b.opts.sourcePolicy()
	if policy == nil {
		return nil
	}
	_, err := c.Info(ctx)
	if err == nil {
		return nil
	}
	if grpcerrors.Code(err) != codes.Unimplemented {
		return b.fail(ctx, r.op(), r, err)
	}
	if r.Tar != nil {
		return executor.Errorf(r.op(), executor.Unsupported, "%s is too old to keep a build out of its own network", b.where())
	}
	src, err := os.ReadFile(r.Dockerfile)
	if err != nil {
		return executor.Errorf(r.op(), executor.NotFound, "%w", err)
	}
	if err := checkDockerfile(ctx, src, r, policy); err != nil {
		return b.fail(ctx, r.op(), r, err)
	}
	return nil
}
