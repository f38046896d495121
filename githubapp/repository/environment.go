package repository

import (
	"context"
	"fmt"
	"time"
)

// Environment is how a deployment environment is protected. One that does not
// exist is not.
type Environment struct {
	Wait              time.Duration
	Reviewers         []Reviewer
	PreventSelfReview bool
	// ProtectedOnly: only protected branches. Patterns, unless nil: only branches
	// and tags that match one.
	ProtectedOnly bool
	Patterns      []RefPattern
}

// Reviewer is a user or a team.
type Reviewer struct {
	Team bool
	ID   int64
	Name string // login or slug
}

// RefPattern allows branches, or tags, of a name.
type RefPattern struct {
	Tag     bool
	Pattern string
}

// Environment asks for the protection of an environment.
func (r *Reader) Environment(ctx context.Context, ref Ref, name string) (Environment, error) {
	doing := fmt.Sprintf("read environment %q of %q", name, ref.FullName())
	var got struct {
		Rules []struct {
			Type      string
			Wait      int  `json:"wait_timer"` // minutes
			Prevent   bool `json:"prevent_self_review"`
			Reviewers []struct {
				Type     string
				Reviewer struct {
					ID          int64
					Login, Slug string
				}
			}
		} `json:"protection_rules"`
		Policy *struct {
			Protected bool `json:"protected_branches"`
			Custom    bool `json:"custom_branch_policies"`
		} `json:"deployment_branch_policy"`
	}
	// A slash of the name is no part of the path.
	address := "environments/" + escapeSegment(name)
	if res, err := r.decode(ctx, ref, address, &got); err != nil {
		err = r.whyNot(ctx, doing, ref, NoFile, refused(doing, NoFile, res, err))
		if KindOf(err) == NoFile {
			return Environment{}, nil
		}
		return Environment{}, err
	}
	var e Environment
	for _, rule := range got.Rules {
		switch rule.Type {
		case "wait_timer":
			e.Wait = time.Duration(rule.Wait) * time.Minute
		case "required_reviewers":
			e.PreventSelfReview = rule.Prevent
			for _, w := range rule.Reviewers {
				e.Reviewers = append(e.Reviewers, Reviewer{Team: w.Type == "Team", ID: w.Reviewer.ID, Name: w.Reviewer.Login + w.Reviewer.Slug})
			}
		}
	}
	if got.Policy == nil {
		return e, nil
	}
	e.ProtectedOnly = got.Policy.Protected
	if !got.Policy.Custom {
		return e, nil
	}
	e.Patterns = []RefPattern{}
	for page := 1; page != 0; {
		var list struct {
			Policies []struct{ Name, Type string } `json:"branch_policies"`
		}
		res, err := r.decode(ctx, ref, fmt.Sprintf("%s/deployment-branch-policies?per_page=100&page=%d", address, page), &list)
		if err != nil {
			return Environment{}, refused(doing, Gone, res, err)
		}
		for _, p := range list.Policies {
			e.Patterns = append(e.Patterns, RefPattern{Tag: p.Type == "tag", Pattern: p.Name})
		}
		page = res.NextPage
	}
	return e, nil
}
