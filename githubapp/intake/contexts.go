package intake

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow"
	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// contexts are github, inputs and vars as they are before any job runs. The run's
// real numbers are not known yet: see provisionalID.
// GitHub docs: actions/reference/workflows-and-actions/contexts: github context
func (i *Intake) contexts(ctx context.Context, c *cause, p parsed, run store.Run) (map[string]expr.Value, workflow.Diagnostics, error) {
	typed, problems := inputs(c, p)
	if problems.HasErrors() {
		return nil, problems, nil
	}
	payload := c.payload
	in := expr.NewObject(false)
	if len(typed) > 0 {
		all := expr.NewObject(false) // github.event.inputs holds texts alone, defaults too
		for _, v := range typed {
			in.Set(v.Name, inputValue(v))
			all.Set(v.Name, expr.String(v.Text))
		}
		payload = payload.With("inputs", all.Value())
	}
	vars := map[string]string{}
	if i.o.Variables != nil {
		var err error
		if vars, err = i.o.Variables(ctx, c.Repository.Owner.ID, int64(c.repo.ID), ""); err != nil {
			return nil, nil, fmt.Errorf("variables of %s: %w", c.repo.FullName(), err)
		}
	}
	text := expr.String
	kind, shortRef := event.SplitRef(c.ref)
	server := strings.TrimSuffix(i.o.Endpoints.Web, "/")
	api := strings.TrimSuffix(i.o.Endpoints.API, "/")
	_, host, _ := strings.Cut(server, "://")
	// Files of the default branch belong to its ref, whatever the event happened to.
	filesRef := c.ref
	if c.files != c.sha {
		filesRef = "refs/heads/" + c.facts.DefaultBranch
	}
	visibility := "public"
	if c.Repository.Private {
		visibility = "private"
	}
	secrets := "Actions"
	switch {
	case c.Sender.Login == dependabot:
		secrets = "Dependabot"
	case c.fork && c.name != "pull_request_target":
		secrets = "None"
	}
	github := expr.NewObject(false).
		Set("ref", text(c.ref)).
		Set("sha", text(c.sha)).
		Set("repository", text(c.repo.FullName())).
		Set("repository_owner", text(c.repo.Owner)).
		Set("repository_owner_id", text(digits(c.Repository.Owner.ID))).
		Set("repositoryUrl", text("git://"+host+"/"+c.repo.FullName()+".git")).
		Set("run_id", text(provisionalID(run.Origin))).
		Set("run_number", text("")).
		Set("retention_days", text("90")).
		Set("run_attempt", text("1")).
		Set("repository_visibility", text(visibility)).
		Set("repository_id", text(digits(int64(c.repo.ID)))).
		Set("actor_id", text(digits(c.Sender.ID))).
		Set("actor", text(c.Sender.Login)).
		Set("triggering_actor", text(c.Sender.Login)).
		Set("workflow", text(run.Name)).
		Set("head_ref", text(c.facts.HeadRef)).
		Set("base_ref", text(c.facts.BaseRef)).
		Set("event_name", text(c.name)).
		Set("event", payload).
		Set("server_url", text(server)).
		Set("api_url", text(api)).
		Set("graphql_url", text(graphqlURL(api))).
		Set("ref_name", text(shortRef)).
		Set("ref_protected", expr.Bool(c.protected)).
		Set("ref_type", text(kind)).
		Set("secret_source", text(secrets)).
		Set("workflow_ref", text(c.repo.FullName()+"/"+p.path+"@"+filesRef)).
		Set("workflow_sha", text(c.files))
	return map[string]expr.Value{"github": github.Value(), "inputs": in.Value(), "vars": expr.StringMap(vars, false)}, problems, nil
}

// provisionalID stands for github.run_id until the store has given the run its
// number. It differs from run to run, as the real one does: `group: ci-${{
// github.run_id }}` must not bring runs together.
func provisionalID(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return strconv.FormatUint(1e15+binary.BigEndian.Uint64(sum[:8])%8e15, 10) // below 2^53
}

// graphqlURL: GitHub Enterprise Server has /api/v3 and /api/graphql.
func graphqlURL(api string) string {
	if base, ok := strings.CutSuffix(api, "/v3"); ok {
		return base + "/graphql"
	}
	return api + "/graphql"
}

// protected asks whether the ref is a protected branch; refs of pull requests and
// tags are none.
func (i *Intake) protected(ctx context.Context, c *cause) (bool, error) {
	branch, ok := strings.CutPrefix(c.ref, "refs/heads/")
	if !ok {
		return false, nil
	}
	return i.o.Reader.Protected(ctx, c.repo, branch)
}
