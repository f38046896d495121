package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// record is what was said of a run, and who says it now. It is one value of the
// store, and gone when all has been said.
type record struct {
	By    string          `json:"by,omitempty"` // the reporter that works on it
	Until time.Time       `json:"until,omitzero"`
	Said  map[string]said `json:"said,omitempty"` // by entry.key
}

// said is what GitHub was told of one job.
type said struct {
	ID    int64  `json:"id,omitempty"` // of the check run; 0: it was asked for, the answer is not known
	State string `json:"state"`        // entry.state
	// Annotations is how many of the last state were sent.
	Annotations int `json:"annotations,omitempty"`
}

const recordPrefix = "check/"

func recordName(id store.RunID) string { return recordPrefix + strconv.FormatInt(int64(id), 10) }

func recordOf(name string) (store.RunID, bool) {
	id, err := strconv.ParseInt(strings.TrimPrefix(name, recordPrefix), 10, 64)
	return store.RunID(id), err == nil
}

// session is the right to report a run, for as long as the claim holds.
type session struct {
	r    *Reporter
	name string
	last []byte // as it stands in the store
	record
}

// claim takes a run, or says errClaimed.
func (r *Reporter) claim(ctx context.Context, id store.RunID) (*session, error) {
	s := &session{r: r, name: recordName(id)}
	var err error
	if s.last, err = r.Store.Value(ctx, s.name); err != nil {
		return nil, err
	}
	if s.last != nil {
		if err := json.Unmarshal(s.last, &s.record); err != nil {
			return nil, fmt.Errorf("read value %q: %w", s.name, err)
		}
	}
	if s.By != "" && s.By != r.Name && r.Now().Before(s.Until) {
		return nil, errClaimed
	}
	if s.Said == nil {
		s.Said = map[string]said{}
	}
	s.By = r.Name
	return s, s.save(ctx)
}

// save writes the record and holds the claim for longer.
func (s *session) save(ctx context.Context) error {
	s.Until = s.r.Now().Add(claimFor).UTC()
	return s.swap(ctx, &s.record)
}

// leave gives the run back; with all said the record goes.
func (s *session) leave(ctx context.Context, done bool) error {
	s.By, s.Until = "", time.Time{}
	if done {
		return s.swap(ctx, nil)
	}
	return s.swap(ctx, &s.record)
}

func (s *session) swap(ctx context.Context, to *record) error {
	var data []byte
	if to != nil {
		var err error
		if data, err = json.Marshal(to); err != nil {
			return err
		}
	}
	err := s.r.Store.SwapValue(ctx, s.name, s.last, data)
	if errors.Is(err, store.ErrConflict) {
		return errClaimed
	}
	if err == nil {
		s.last = data
	}
	return err
}
