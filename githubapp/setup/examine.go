package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/drydock-ci/drydock/githubapp/auth"
)

// Finding is one thing that was looked at.
type Finding struct {
	Check string // "key", "permissions", "events", "clock", "webhook", "deliveries"
	OK    bool
	Text  string
	Mend  string // what to do; empty when OK
}

// maxSkew is how wrong a clock may be: GitHub refuses tokens of an App that are
// made more than a minute ahead of its own.
const maxSkew = 30 * time.Second

// Examine looks at the App as GitHub knows it. An error is one of the way to
// GitHub; what is wrong with the App is a Finding.
func Examine(ctx context.Context, app *auth.App, server string) ([]Finding, error) {
	known, err := app.Check(ctx)
	var refused *github.ErrorResponse
	if errors.As(err, &refused) && refused.Response.StatusCode < 500 {
		return []Finding{
			{Check: "key", Text: err.Error(), Mend: "see that app.id and the private key belong together, and that the clock is right"},
			examineClock(known.Skew),
		}, nil
	}
	if err != nil {
		return nil, err
	}
	found := []Finding{{Check: "key", OK: true, Text: fmt.Sprintf("GitHub knows the App %q", known.Slug)}}
	found = append(found, examineClock(known.Skew), examinePermissions(known.Permissions), examineEvents(known.Events))
	hook, err := examineWebhook(ctx, app.Client(), server)
	if err != nil {
		return found, err
	}
	found = append(found, hook)
	last, err := examineDeliveries(ctx, app.Client())
	if err != nil {
		return found, err
	}
	return append(found, last), nil
}

// Verify gives the reason why a server cannot be this App: GitHub refuses its key. A
// GitHub that does not answer is only logged, for jobs must go on without it.
func Verify(ctx context.Context, app *auth.App, log *slog.Logger) error {
	known, err := app.Check(ctx)
	clock := examineClock(known.Skew)
	var refused *github.ErrorResponse
	switch {
	case err == nil && !clock.OK:
		log.Warn("this machine's clock is wrong", "by", clock.Text, "do", clock.Mend)
	case err == nil:
	case !errors.As(err, &refused) || refused.Response.StatusCode >= 500:
		log.Warn("GitHub does not answer", "err", err)
	case !clock.OK:
		return fmt.Errorf("%w: this machine's clock is %s: set it", err, clock.Text)
	default:
		return fmt.Errorf("%w: see that app.id and the private key belong together", err)
	}
	return nil
}

func examineClock(skew time.Duration) Finding {
	f := Finding{Check: "clock", OK: skew.Abs() <= maxSkew, Text: fmt.Sprintf("%s from GitHub's", skew.Abs().Round(time.Second))}
	if !f.OK {
		f.Mend = "set this machine's clock: GitHub refuses the App's tokens"
	}
	return f
}

// examinePermissions compares with what the server itself cannot do without; what jobs
// may want beyond is for their workflows to say.
func examinePermissions(has map[string]string) Finding {
	need := (Request{ReadOnly: true}).permissions()
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(need)) {
		if level := has[name]; level == "" || need[name] == "write" && level != "write" {
			missing = append(missing, name+": "+need[name])
		}
	}
	if len(missing) == 0 {
		return Finding{Check: "permissions", OK: true, Text: "all that the server needs"}
	}
	return Finding{Check: "permissions", Text: "missing: " + strings.Join(missing, ", "), Mend: "grant them in the App's settings on GitHub, then accept them in its installations"}
}

func examineEvents(has []string) Finding {
	var missing []string
	for _, name := range subscribed() {
		if !slices.Contains(has, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return Finding{Check: "events", OK: true, Text: "all that start workflows"}
	}
	return Finding{Check: "events", Text: "not subscribed: " + strings.Join(missing, ", "), Mend: "subscribe to them in the App's settings on GitHub: workflows on these events do not start"}
}

// examineWebhook tells where deliveries go.
func examineWebhook(ctx context.Context, client *github.Client, server string) (Finding, error) {
	hook, _, err := client.Apps.GetHookConfig(ctx)
	if err != nil {
		return Finding{}, fmt.Errorf("ask GitHub where deliveries go: %w", err)
	}
	f := Finding{Check: "webhook", Text: "deliveries go to " + hook.GetURL()}
	want := strings.TrimRight(server, "/") + "/webhook"
	switch {
	case hook.GetURL() != want:
		f.Mend = "set the webhook URL of the App to " + want + ", or server.url to where the server is"
	case hook.GetInsecureSSL() == "1":
		f.Text += ", and GitHub does not check the certificate"
		f.Mend = "turn on SSL verification in the App's settings"
	case hook.GetSecret() == "":
		f.Mend = "set a webhook secret in the App's settings: without it everybody can deliver"
	default:
		f.OK = true
	}
	return f, nil
}

// examineDeliveries looks at the newest ones.
func examineDeliveries(ctx context.Context, client *github.Client) (Finding, error) {
	list, _, err := client.Apps.ListHookDeliveries(ctx, &github.ListCursorOptions{PerPage: 20})
	if err != nil {
		return Finding{}, fmt.Errorf("ask GitHub for the newest deliveries: %w", err)
	}
	failed := 0
	for _, d := range list {
		if code := d.GetStatusCode(); code < 200 || code > 299 {
			failed++
		}
	}
	switch {
	case len(list) == 0:
		return Finding{Check: "deliveries", OK: true, Text: "none yet"}, nil
	case failed > 0:
		return Finding{
			Check: "deliveries", Text: fmt.Sprintf("%d of the newest %d were not taken: %s", failed, len(list), list[0].GetStatus()),
			Mend: "see that GitHub reaches the server and that the webhook secrets are equal; the server asks for lost ones again",
		}, nil
	}
	return Finding{Check: "deliveries", OK: true, Text: fmt.Sprintf("the newest %d were taken, the last %s", len(list), list[0].GetDeliveredAt().UTC().Format(time.RFC3339))}, nil
}
