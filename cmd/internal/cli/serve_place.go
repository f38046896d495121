package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/config"
	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/store"
	"github.com/drydock-ci/drydock/runner"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// serverPlacer places the jobs of a server. A laptop's defaults are not a server's:
// nothing runs on this machine itself unless the configuration says so.
type serverPlacer struct{ placer }

func (p *serverPlacer) place(leg *plan.Leg, labels []string, group string) (runner.Place, error) {
	place, err := p.placer.place(leg, labels, group)
	if err == nil && place.Executor == "host" && !p.hostMeant(labels, group) {
		return runner.Place{}, fmt.Errorf("labels %s: no container engine is there, and nothing says that their jobs may run on the server's machine itself: "+
			"map the label to an image in \"runners\" or \"platforms\", or to %q", strings.Join(labels, ", "), config.PlatformHost)
	}
	if r, ok := p.runner(labels, group); ok && !p.typed(labels) {
		place.Offers = slices.Clone(r.Labels)
		if r.Group != "" {
			place.Offers = append(place.Offers, r.Group)
		}
	}
	return place, err
}

// hostMeant tells whether somebody wrote that jobs of the labels run here.
func (p *serverPlacer) hostMeant(labels []string, group string) bool {
	if r, ok := p.runner(labels, group); ok && r.Executor == config.ExecutorHost {
		return true
	}
	if p.config.Executor == config.ExecutorHost {
		return true
	}
	return slices.ContainsFunc(labels, func(label string) bool {
		label = strings.ToLower(label)
		return p.config.Platforms[label] == config.PlatformHost && p.config.Origin("platforms."+label).Source != config.FromDefault
	})
}

// sweepEvery is how often a server removes what jobs of it left behind.
const sweepEvery = 10 * time.Minute

// sweep removes what belongs to no run that is under way, now and then.
func (s *server) sweep(ctx context.Context, log *slog.Logger) {
	for {
		if err := s.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			log.Warn("remove what jobs left behind", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery):
		}
	}
}

func (s *server) sweepOnce(ctx context.Context) error {
	id, err := owner(s.stateDir)
	if err != nil {
		return err
	}
	for name, x := range s.p.executors() {
		if name == "kubernetes" && !s.a.onKubernetes() || name == "docker" && s.a.config.Executor == config.ExecutorKubernetes {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		_, err := x.Sweep(limited, id, func(run executor.RunID) bool { return s.app.Alive(ctx, string(run)) })
		cancel()
		if err != nil {
			return fmt.Errorf("sweep %s: %w", name, err)
		}
	}
	return nil
}

// keptArtifacts are the artifacts of the jobs' services, for the page.
type keptArtifacts struct{ services *services }

func (k keptArtifacts) ListArtifacts(ctx context.Context, run store.RunID) ([]api.Artifact, error) {
	server, err := k.services.open()
	if err != nil {
		return nil, err
	}
	list, err := server.Artifacts().List(ctx, strconv.FormatInt(int64(run), 10))
	if err != nil {
		return nil, err
	}
	var all []api.Artifact
	for _, a := range list {
		all = append(all, api.Artifact{Name: a.Name, Bytes: a.Size, Created: a.Created, Expires: a.Expires, Digest: a.Digest})
	}
	return all, nil
}

func (k keptArtifacts) OpenArtifact(ctx context.Context, run store.RunID, name string) (io.ReadCloser, int64, error) {
	server, err := k.services.open()
	if err != nil {
		return nil, 0, err
	}
	content, about, err := server.Artifacts().Open(ctx, strconv.FormatInt(int64(run), 10), name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	if err != nil {
		return nil, 0, err
	}
	if about.Loose {
		return content, -1, nil
	}
	return content, about.Size, nil
}
