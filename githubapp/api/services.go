package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/services/ledger"
	"github.com/drydock-ci/drydock/githubapp/store"
)

// Services are what became of the services that repositories declare.
type Services interface {
	// Services are where those of a repository stand, by name.
	Services(ctx context.Context, repository store.RepositoryID) ([]ledger.Service, error)
	// Builds are those of one service, the newest first.
	Builds(ctx context.Context, repository store.RepositoryID, service string) ([]ledger.Build, error)
	// Between lists the commits that one commit has and another has not, the newest
	// first, as far as they are known here.
	Between(ctx context.Context, r Repository, from, to string) ([]Commit, error)
}

// Commit is one of a list.
type Commit struct {
	SHA     string `json:"sha"`
	Subject string `json:"subject"`
}

// repositoryServices are those of one repository.
type repositoryServices struct {
	Repository string           `json:"repository"`
	Services   []ledger.Service `json:"services"`
}

// listServices lists those of all repositories that the caller may see and that have
// any.
func (s *Server) listServices(c *call) error {
	if s.Services == nil || s.Directory == nil {
		return notHere("list services")
	}
	all, err := s.Directory.Repositories(c.r.Context())
	if err != nil {
		return err
	}
	out := []repositoryServices{}
	for _, r := range all {
		can, err := s.permission(c.r.Context(), c.caller, r)
		if err != nil {
			return err
		}
		if can < Read {
			continue
		}
		list, err := s.Services.Services(c.r.Context(), r.ID)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			out = append(out, repositoryServices{r.Name, list})
		}
	}
	writeJSON(c.w, 200, map[string]any{"repositories": out})
	return nil
}

func (s *Server) servicesOf(c *call) error {
	if s.Services == nil {
		return notHere("list services")
	}
	list, err := s.Services.Services(c.r.Context(), c.repo.ID)
	if err != nil {
		return err
	}
	if list == nil {
		list = []ledger.Service{}
	}
	writeJSON(c.w, 200, repositoryServices{c.repo.Name, list})
	return nil
}

func (s *Server) serviceBuilds(c *call) error {
	list, err := s.builds(c)
	if err != nil {
		return err
	}
	writeJSON(c.w, 200, map[string]any{"repository": c.repo.Name, "service": c.r.PathValue("service"), "builds": list})
	return nil
}

// builds are those of the path's service.
func (s *Server) builds(c *call) ([]ledger.Build, error) {
	if s.Services == nil {
		return nil, notHere("list services")
	}
	list, err := s.Services.Builds(c.r.Context(), c.repo.ID, c.r.PathValue("service"))
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	return list, err
}

// compareBuilds tells what two builds of a service differ in.
func (s *Server) compareBuilds(c *call) error {
	list, err := s.builds(c)
	if err != nil {
		return err
	}
	from, err := chosen(c, list, "from")
	if err != nil {
		return err
	}
	to, err := chosen(c, list, "to")
	if err != nil {
		return err
	}
	commits, err := s.Services.Between(c.r.Context(), c.repo, from.Commit, to.Commit)
	if err != nil {
		return err
	}
	if commits == nil {
		commits = []Commit{}
	}
	writeJSON(c.w, 200, map[string]any{
		"repository": c.repo.Name, "from": from, "to": to, "difference": ledger.Compare(from, to), "commits": commits,
	})
	return nil
}

// chosen is the build that a parameter names: RUN or RUN.ATTEMPT.
func chosen(c *call, list []ledger.Build, name string) (ledger.Build, error) {
	text := c.r.URL.Query().Get(name)
	run, attempt, dotted := strings.Cut(text, ".")
	id, err := strconv.ParseInt(run, 10, 64)
	n := 0
	if err == nil && dotted {
		n, err = strconv.Atoi(attempt)
	}
	if err != nil {
		return ledger.Build{}, badRequest("%s %q: it is RUN or RUN.ATTEMPT, such as 12.1", name, text)
	}
	for _, b := range list {
		if int64(b.Run) == id && (!dotted || b.Attempt == n) {
			return b, nil
		}
	}
	return ledger.Build{}, store.ErrNotFound
}
