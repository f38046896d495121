package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// Why says what a delivery meant to one workflow. Run is 0 when it did not start
// it; then Reasons say what was against it, else what was for it.
type Why struct {
	Workflow string      `json:"workflow"` // path; "" when no file was looked at
	Event    string      `json:"event"`
	Run      store.RunID `json:"run"`
	Reasons  []string    `json:"reasons"`
}

const (
	whyPrefix = "why/"
	maxWhy    = 256 << 10 // bytes; what a thousand workflows say, about
)

// WhyOf tells what a delivery meant to each workflow, nil when that is not known.
func WhyOf(ctx context.Context, values store.Values, id store.DeliveryID) ([]Why, error) {
	data, err := values.Value(ctx, whyPrefix+string(id))
	if err != nil || data == nil {
		return nil, err
	}
	var list []Why
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("read why of delivery %q: %w", id, err)
	}
	return list, nil
}

func (i *Intake) noteWhy(ctx context.Context, id store.DeliveryID, list []Why) error {
	if id == "" || len(list) == 0 {
		return nil
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("note why of delivery %q: %w", id, err)
	}
	for len(data) > maxWhy && len(list) > 1 {
		list = list[:len(list)/2]
		if data, err = json.Marshal(list); err != nil {
			return fmt.Errorf("note why of delivery %q: %w", id, err)
		}
	}
	return i.put(ctx, whyPrefix+string(id), data)
}

// put sets a value whatever it was.
func (i *Intake) put(ctx context.Context, name string, value []byte) error {
	for {
		old, err := i.o.Store.Value(ctx, name)
		if err != nil {
			return err
		}
		if old != nil && bytes.Equal(old, value) || old == nil && value == nil {
			return nil
		}
		if err = i.o.Store.SwapValue(ctx, name, old, value); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// prune drops what was kept of deliveries that were forgotten.
func (i *Intake) prune(ctx context.Context) error {
	known := map[string]bool{}
	f := store.DeliveryFilter{Limit: 1000}
	for more := true; more; {
		list, err := i.o.Store.ListDeliveries(ctx, f)
		if err != nil {
			return err
		}
		more = false
		for _, d := range list {
			if !known[string(d.ID)] {
				known[string(d.ID)], more = true, len(list) == f.Limit
			}
			f.Before = d.Received.Add(1) // several may have come at one time
		}
	}
	// By first letters, so that not all values are in memory at once: those of
	// GitHub's ids, and r of run and repair.
	for _, first := range "0123456789abcdefr" {
		values, err := i.o.Store.ListValues(ctx, whyPrefix+string(first))
		if err != nil {
			return err
		}
		for name := range values {
			if !known[strings.TrimPrefix(name, whyPrefix)] {
				if err := i.put(ctx, name, nil); err != nil {
					return err
				}
			}
		}
	}
	return i.pruneRepairs(ctx)
}
