package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/declaration"
)

const (
	defaultType = "service-published"
	maxType     = 100 // characters; GitHub docs: "Create a repository dispatch event"
)

// dispatch is what GitHub gets for a repository that is told.
func (n *Notifier) dispatch(ctx context.Context, to declaration.Notification, r pipeline.Request, result pipeline.Result) (message, error) {
	m := message{client: n.github, to: fmt.Sprintf("repository %q", to.Dispatch.Text)}
	owner, name, ok := strings.Cut(to.Dispatch.Text, "/")
	if !ok {
		return m, fmt.Errorf("it is not written as owner/repo")
	}
	event := defaultType
	if to.EventType.Given() {
		event = to.EventType.Text
	}
	if len([]rune(event)) > maxType {
		return m, fmt.Errorf("its event-type has more than %d characters, and GitHub refuses it: shorten it", maxType)
	}
	if n.Token == nil {
		return m, errNoToken
	}
	token, err := n.Token(ctx, to.Dispatch.Text)
	if err != nil {
		return m, err
	}
	if token == "" {
		return m, errNoToken
	}
	m.address = strings.TrimSuffix(n.API, "/") + "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + "/dispatches"
	m.header = http.Header{
		"Accept": {"application/vnd.github+json"}, "Authorization": {"Bearer " + token}, "Content-Type": {"application/json"},
		"X-Github-Api-Version": {"2022-11-28"},
	}
	m.hint = "the token must be one that may write to the contents of " + to.Dispatch.Text
	m.body, err = json.Marshal(struct {
		Type    string `json:"event_type"`
		Payload facts  `json:"client_payload"`
	}{event, n.facts(r, result)})
	return m, err
}
