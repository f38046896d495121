package intake

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/repository"
	"github.com/drydock-ci/drydock/workflow/plan"
)

// calledFile is `uses:` of a job: a file of the same repository, or of another one
// at a ref. Only files directly in the folder of workflows can be called.
var calledFile = regexp.MustCompile(`^(?:(?:\./|\$/)|([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/)(\.github/workflows/[^/@\\]+\.ya?ml)(?:@(.+))?$`)

// loader reads reusable workflows: those of the repository at the commit of the
// file that calls, others at their ref through the installation.
func (i *Intake) loader(c *cause) plan.Loader {
	return func(ctx context.Context, from plan.Source, uses string) (plan.Source, []byte, error) {
		parts := calledFile.FindStringSubmatch(uses)
		if parts == nil || (parts[1] == "") != (parts[3] == "") {
			return plan.Source{}, nil, &repository.Error{
				Doing: fmt.Sprintf("read uses %q", uses), Kind: repository.Malformed,
				Err: fmt.Errorf("write ./.github/workflows/FILE.yml or OWNER/REPOSITORY/.github/workflows/FILE.yml@REF"),
			}
		}
		src := plan.Source{Repository: from.Repository, Ref: from.Ref, SHA: from.SHA, Path: parts[2]}
		ref, sha := c.repo, c.files
		if from.Repository != "" {
			ref, sha = c.repo.Named(from.Repository), from.SHA
		}
		if parts[1] != "" {
			ref = c.repo.Named(parts[1])
			if err := i.mayCall(ctx, c, ref); err != nil {
				return src, nil, err
			}
			var err error
			if sha, err = i.o.Reader.Resolve(ctx, ref, parts[3]); err != nil {
				return src, nil, err
			}
			src.Repository, src.Ref, src.SHA = parts[1], parts[3], sha
		}
		data, err := i.o.Reader.File(ctx, ref, sha, src.Path)
		return src, data, err
	}
}

// mayCall tells whether a workflow of another repository may be called. The
// installation may see private repositories that whoever wrote the workflow must
// not: so only those of the same owner, from a private repository, and not where
// code of a fork takes part. GitHub docs: reuse workflows: access
func (i *Intake) mayCall(ctx context.Context, c *cause, other repository.Ref) error {
	if strings.EqualFold(other.FullName(), c.repo.FullName()) {
		return nil
	}
	about, err := i.o.Reader.About(ctx, other)
	if err != nil {
		return err
	}
	if !about.Private || about.OwnerID == c.Repository.Owner.ID && c.Repository.Private && !c.fork {
		return nil
	}
	// As if it did not exist: its name alone may be secret.
	return &repository.Error{Doing: fmt.Sprintf("read repository %q", other.FullName()), Kind: repository.Gone}
}
