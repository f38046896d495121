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
	Said  map[string]said `json:"said,omitempty"` // by keyOf
	// Gone is how often in a row GitHub gave no access; nobody asks again before
	// NotBefore.
	Gone      int       `json:"gone,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
}

// said is what GitHub was told of one job.
type said struct {
	ID    int64  `json:"id,omitempty"`    // of the check run; 0: it was asked for, the answer is not known
	State string `json:"state,omitempty"` // the last entry.state that something was said of
	// Annotations is how many of that state were sent, -1: all, and all else.
	Annotations int `json:"annotations,omitempty"`
	// Doubt says that annotations may have arrived whose answer did not.
	Doubt bool `json:"doubt,omitempty"`
	// Refused says that GitHub takes nothing of that state, however often it is told.
	Refused bool `json:"refused,omitempty"`
}

// due is what was said of an entry so far, and whether there is more to say.
func (c *record) due(e entry, attempt int) (said, bool) {
	was, known := c.Said[keyOf(e.key)]
	if !known && e.check != 0 {
		if e.key.Attempt < attempt { // all was said before the next attempt
			return was, false
		}
		was.Doubt = e.output
	}
	if was.ID == 0 {
		was.ID = e.check
	}
	return was, was.State != e.state || was.Annotations >= 0 || was.ID == 0 && !was.Refused
}

// anyDue tells whether there is more to say of any entry.
func (c *record) anyDue(entries []entry, attempt int) bool {
	for _, e := range entries {
		if _, more := c.due(e, attempt); more {
			return true
		}
	}
	return false
}

// closes tells whether the record of a run that has ended can go. What GitHub
// refused is remembered for as long as somebody would look at it again.
func (c *record) closes(finished, now time.Time) bool {
	for _, s := range c.Said {
		if s.Refused && finished.After(now.Add(-recent)) {
			return false
		}
	}
	return true
}

const recordPrefix = "check/"

func recordName(id store.RunID) string { return recordPrefix + strconv.FormatInt(int64(id), 10) }

func recordOf(name string) (store.RunID, bool) {
	id, err := strconv.ParseInt(strings.TrimPrefix(name, recordPrefix), 10, 64)
	return store.RunID(id), err == nil
}

// readRecord is the zero record when there is none.
func (r *Reporter) readRecord(ctx context.Context, id store.RunID) (c record, raw []byte, err error) {
	if raw, err = r.Store.Value(ctx, recordName(id)); err != nil || raw == nil {
		return c, raw, err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, raw, fmt.Errorf("read value %q: %w", recordName(id), err)
	}
	return c, raw, nil
}

// session is the right to report a run, for as long as the claim holds.
type session struct {
	r     *Reporter
	name  string
	last  []byte // as it stands in the store
	saved time.Time
	record
}

// claim takes a run, or says errClaimed.
func (r *Reporter) claim(ctx context.Context, id store.RunID) (*session, error) {
	s := &session{r: r, name: recordName(id)}
	var err error
	if s.record, s.last, err = r.readRecord(ctx, id); err != nil {
		return nil, err
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
	s.saved = s.r.Now()
	s.Until = s.saved.Add(claimFor).UTC()
	return s.swap(ctx, &s.record)
}

// saveSometimes is for what does no harm when it is forgotten: what is said twice
// is the same, and check runs that were made are found again.
func (s *session) saveSometimes(ctx context.Context) error {
	if age := s.r.Now().Sub(s.saved); age >= 0 && age < saveEvery {
		return nil
	}
	return s.save(ctx)
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
