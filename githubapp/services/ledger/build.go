package ledger

import (
	"time"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// Build is one pipeline of one service.
type Build struct {
	Service    string             `json:"service"`
	Run        store.RunID        `json:"run"`
	Attempt    int                `json:"attempt"`
	Job        plan.LegID         `json:"job"`
	Repository store.RepositoryID `json:"repository"`

	Commit      string `json:"commit"` // SHA
	Ref         string `json:"ref"`    // refs/heads/main
	Event       string `json:"event"`
	PullRequest int    `json:"pullRequest,omitempty"`

	Outcome pipeline.Outcome `json:"outcome"`
	Reason  string           `json:"reason"`          // why it was built or not
	Error   string           `json:"error,omitempty"` // why it failed

	Image     string   `json:"image,omitempty"` // with its registry, without a tag
	Digest    string   `json:"digest,omitempty"`
	Size      int64    `json:"size,omitempty"` // bytes, compressed
	Platforms []string `json:"platforms,omitempty"`
	Published bool     `json:"published"` // tags were moved
	Version   string   `json:"version,omitempty"`
	Tags      []string `json:"tags,omitempty"` // that were moved
	Chart     string   `json:"chart,omitempty"`

	Bases []Base            `json:"bases,omitempty"`
	Args  map[string]string `json:"args,omitempty"` // of the build; never secrets

	Stages []pipeline.Stage `json:"stages,omitempty"`
	Time   time.Time        `json:"time"` // of its end
	Took   time.Duration    `json:"took"` // nanoseconds
}

// Base is an image that the service's was made from, as it was then.
type Base struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"`
}
