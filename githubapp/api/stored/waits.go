package stored

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/api"
	"github.com/drydock-ci/drydock/githubapp/queue"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// waits is what a run waits for, as its row said in one version.
type waits struct {
	version   int64
	approvals []api.Wanted
	reasons   map[string]string // of jobs and legs that have not begun
	problem   string            // why it cannot be said
}

// addWaits tells of a run that goes on what it waits for.
func (b *Backend) addWaits(ctx context.Context, out *api.Run, row *store.Run) error {
	w, ok := b.waits.find(row.ID)
	if !ok || w.version != row.Version {
		whole, err := b.Store.Run(ctx, row.ID)
		if err != nil {
			return fmt.Errorf("read run %d: %w", row.ID, err)
		}
		w = waitsOf(whole)
		b.waits.keep(row.ID, w)
	}
	out.Approvals = slices.Clone(w.approvals)
	if w.problem != "" {
		out.Annotations = append(out.Annotations, api.Annotation{Level: "warning", Message: w.problem})
	}
	for i, j := range out.Jobs {
		if j.State == store.Completed || j.State == store.InProgress {
			continue
		}
		if reason := w.reasons[string(j.ID)]; reason != "" {
			out.Jobs[i].Reason = reason
		}
	}
	return nil
}

func waitsOf(r *store.Run) waits {
	w := waits{version: r.Version, reasons: map[string]string{}}
	s, err := queue.StatusOf(r)
	if err != nil {
		w.problem = "what the run waits for cannot be read: " + err.Error()
		return w
	}
	if s.Approval != "" {
		w.approvals = append(w.approvals, api.Wanted{SHA: r.HeadSHA, Reason: s.Approval})
	}
	if s.State != nil {
		for _, h := range s.State.Holds() {
			if strings.TrimSpace(h.Reason) == "waits for" { // for nothing: the run has not begun
				continue
			}
			id := h.Leg
			if id == "" {
				id = h.Job
			}
			w.reasons[string(id)] = h.Reason
		}
	}
	for _, e := range s.Environments {
		w.reasons[string(e.Job)] = e.Reason
		same := func(a api.Wanted) bool { return strings.EqualFold(a.Environment, e.Environment) }
		if strings.HasPrefix(e.Reason, queue.ReviewReason) && !slices.ContainsFunc(w.approvals, same) {
			w.approvals = append(w.approvals, api.Wanted{Environment: e.Environment, SHA: r.HeadSHA, Reason: e.Reason})
		}
	}
	return w
}
