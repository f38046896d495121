package repository

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Pull is a pull request now.
type Pull struct {
	Number           int
	Open             bool
	HeadSHA, HeadRef string
	BaseRef          string
	// Mergeable is nil while GitHub finds out; MergeSHA is the merge commit of
	// refs/pull/N/merge once it is true.
	Mergeable *bool
	MergeSHA  string
	Created   time.Time
	Raw       json.RawMessage
}

type pullAnswer struct {
	Number     int
	State      string
	Mergeable  *bool
	Merge      string    `json:"merge_commit_sha"`
	Created    time.Time `json:"created_at"`
	Head, Base struct{ Ref, SHA string }
}

func decodePull(raw json.RawMessage) (Pull, error) {
	var a pullAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return Pull{}, fmt.Errorf("decode a pull request: %w", err)
	}
	return Pull{
		Number: a.Number, Open: a.State == "open", HeadSHA: a.Head.SHA, HeadRef: a.Head.Ref, BaseRef: a.Base.Ref,
		Mergeable: a.Mergeable, MergeSHA: a.Merge, Created: a.Created, Raw: raw,
	}, nil
}

// Pull asks for a pull request; asking makes GitHub find out whether it merges.
func (r *Reader) Pull(ctx context.Context, ref Ref, number string) (Pull, error) {
	doing := fmt.Sprintf("read pull request %q of %q", number, ref.FullName())
	var raw json.RawMessage
	if res, err := r.decode(ctx, ref, "pulls/"+escape(number), &raw); err != nil {
		return Pull{}, r.whyNot(ctx, doing, ref, NoFile, refused(doing, NoFile, res, err))
	}
	return decodePull(raw)
}

// OpenPulls lists up to limit open pull requests, the last changed first.
func (r *Reader) OpenPulls(ctx context.Context, ref Ref, limit int) ([]Pull, error) {
	doing := fmt.Sprintf("list the pull requests of %q", ref.FullName())
	var all []Pull
	for page := 1; page != 0 && len(all) < limit; {
		var got []json.RawMessage
		res, err := r.decode(ctx, ref, fmt.Sprintf("pulls?state=open&sort=updated&direction=desc&per_page=100&page=%d", page), &got)
		if err != nil {
			return nil, refused(doing, Gone, res, err)
		}
		for _, raw := range got[:min(len(got), limit-len(all))] {
			p, err := decodePull(raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", doing, err)
			}
			all = append(all, p)
		}
		page = res.NextPage
	}
	return all, nil
}
