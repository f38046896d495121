package local

import (
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/workflow/event"
	"github.com/drydock-ci/drydock/workflow/expr"
)

// RunOptions name a run of one workflow.
type RunOptions struct {
	Workflow string    // name:, else the path
	Path     string    // .github/workflows/ci.yml
	ID       string    // digits, unique; else made of the time
	Number   int       // of the runs of this workflow; else 1
	Attempt  int       // else 1
	Now      time.Time // else the time of the call
}

// Contexts are the contexts that the event gives: github, without the fields
// that a step or its place add. Ids are strings, as on GitHub.
func Contexts(r *Repo, e *Event, o RunOptions) map[string]expr.Value {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.ID == "" {
		// Below 2^53, so that JavaScript reads it without loss.
		o.ID = strconv.FormatInt(o.Now.UnixMicro(), 10)
	}
	owner, _, _ := strings.Cut(e.Repository, "/")
	kind, short := event.SplitRef(e.Ref)
	host := r.Server[strings.Index(r.Server, "://")+3:]
	text := expr.String
	// An id of the payload is the one to show.
	identity := func(name string, path ...string) expr.Value {
		if v := field(e.Payload, path...); v.Kind() == expr.KindNumber {
			return text(v.Text())
		}
		return text(strconv.Itoa(id(name)))
	}
	senderID := identity(e.Actor, "sender", "id")
	if field(e.Payload, "sender", "login").Text() != e.Actor {
		senderID = text(strconv.Itoa(id(e.Actor)))
	}
	public := e.Public
	if v := field(e.Payload, "repository", "private"); v.Kind() == expr.KindBool {
		public = !v.Truthy()
	}
	github := expr.NewObject(false).
		Set("ref", text(e.Ref)).
		Set("sha", text(e.SHA)).
		Set("repository", text(e.Repository)).
		Set("repository_owner", text(owner)).
		Set("repository_owner_id", identity(owner, "repository", "owner", "id")).
		Set("repositoryUrl", text("git://"+host+"/"+e.Repository+".git")).
		Set("run_id", text(o.ID)).
		Set("run_number", text(strconv.Itoa(max(o.Number, 1)))).
		Set("retention_days", text("90")).
		Set("run_attempt", text(strconv.Itoa(max(o.Attempt, 1)))).
		Set("repository_visibility", text(visibility(public))).
		Set("repository_id", identity(r.Server+"/"+e.Repository, "repository", "id")).
		Set("actor_id", senderID).
		Set("actor", text(e.Actor)).
		Set("triggering_actor", text(e.Actor)).
		Set("workflow", text(orDefault(o.Workflow, o.Path))).
		Set("head_ref", text(e.HeadRef)).
		Set("base_ref", text(e.BaseRef)).
		Set("event_name", text(e.Name)).
		Set("event", e.Payload).
		Set("server_url", text(r.Server)).
		Set("api_url", text(apiURL(r.Server))).
		Set("graphql_url", text(graphqlURL(r.Server))).
		Set("ref_name", text(short)).
		Set("ref_protected", expr.Bool(false)).
		Set("ref_type", text(kind)).
		Set("secret_source", text("Actions")).
		Set("workflow_ref", text(e.Repository+"/"+o.Path+"@"+e.Ref)).
		Set("workflow_sha", text(e.SHA))
	return map[string]expr.Value{"github": github.Value()}
}
