package livetest

import (
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
)

// TestServeServices: the server builds, of the services of examples/monorepo, those
// that a push touches.
func TestServeServices(t *testing.T) {
	w := newWorld(t)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	address := images.Listener.Addr().String()
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVER_PLAIN_REGISTRIES="+address)
	s.pushServices(address)
}

// TestKubeServeServices: as TestServeServices, with a builder in the cluster.
func TestKubeServeServices(t *testing.T) {
	w := newKubeWorld(t)
	address := buildInCluster(t, w)
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash)
	s.pushServices(address)
}

// monorepo is examples/monorepo with its images in another registry.
func monorepo(t testing.TB, registry string) githubtest.Files {
	t.Helper()
	files := githubtest.Files{}
	top := os.DirFS(filepath.Join(root, "examples/monorepo"))
	err := fs.WalkDir(top, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(top, path)
		files[path] = strings.ReplaceAll(string(content), "localhost:5000", registry)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// conclusions are the check runs of a commit's services, by service.
func (s *served) conclusions(r *githubtest.Repository, sha string) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for title, c := range s.completed(r, sha, 8) {
		all[strings.TrimSuffix(strings.TrimPrefix(title, "Services / "), " (push)")] = c.Conclusion
	}
	return all
}

func (s *served) pushServices(registry string) {
	t := s.t
	t.Helper()
	repo := s.gh.Repository("octo/conference", nil)
	digest := func(service, tag string) string {
		t.Helper()
		ref, err := name.ParseReference(registry + "/conference/" + service + ":" + tag)
		if err != nil {
			t.Fatal(err)
		}
		found, err := remote.Head(ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			return ""
		}
		return found.Digest.String()
	}
	built := func(sha string) (names []string) {
		t.Helper()
		for service, conclusion := range s.conclusions(repo, sha) {
			switch conclusion {
			case "success":
				names = append(names, service)
			case "neutral":
			default:
				t.Errorf("%s of %.7s: %s: %s", service, sha, conclusion, s.checks(repo, sha)["Services / "+service+" (push)"].Summary)
			}
		}
		slices.Sort(names)
		return names
	}
	want := func(sha string, services ...string) {
		t.Helper()
		if got := built(sha); !slices.Equal(got, services) {
			t.Errorf("%.7s built %v, want %v", sha, got, services)
		}
	}
	everything := []string{"admin", "agenda", "assets", "c4p", "frontend", "gateway", "notifications", "tickets"}
	first := repo.Push("main", monorepo(t, registry), "The conference")
	want(first, everything...)

	talk := repo.Push("main", githubtest.Files{"internal/talk/more.go": "package talk\n\nfunc init() { println(\"talks\") }\n"}, "Announce talks")
	users := built(talk)
	if len(users) != 3 {
		t.Errorf("a change of a shared package built %v", users)
	}
	for _, service := range users {
		check := s.checks(repo, talk)["Services / "+service+" (push)"]
		if !strings.Contains(check.Summary, "internal/talk/more.go") || !strings.Contains(check.Summary, "Go import") || !strings.Contains(check.Summary, digest(service, talk[:7])) {
			t.Errorf("the summary of %s: %s", service, check.Summary)
		}
	}
	for _, service := range everything {
		if same := digest(service, talk[:7]) == digest(service, first[:7]); same == slices.Contains(users, service) {
			t.Errorf("%s: same digest as before: %v", service, same)
		}
	}
	readme := repo.Push("main", githubtest.Files{"README.md": "# Conference\n"}, "Say more")
	want(readme)
	if check := s.checks(repo, readme)["Services / agenda (push)"]; !strings.Contains(check.Summary, "none of 1 changed file is an input") {
		t.Errorf("the summary of a service that is not built: %s", check.Summary)
	}
	one := repo.Push("main", githubtest.Files{"services/tickets/price.go": "package main\n\nconst price = 1\n"}, "Price tickets")
	want(one, "tickets")

	// Pull requests are built, and publish nothing.
	head := repo.Push("topic", githubtest.Files{"services/tickets/price.go": "package main\n\nconst price = 2\n"}, "Dearer")
	s.eventually("the branch is planned", func() bool { return len(s.checks(repo, head)) >= 8 })
	pull := repo.PullRequest(githubtest.Pull{Head: "topic", By: "octocat"})
	var check githubtest.CheckRun
	s.eventually("the pull request is built", func() bool {
		check = s.checks(repo, pull.Head())["Services / tickets (pull_request)"]
		return check.Status == "completed"
	})
	if check.Conclusion != "success" || !strings.Contains(check.Summary, "pull requests are built and not published") {
		t.Errorf("the check of a pull request: %s %s", check.Conclusion, check.Summary)
	}
	var services struct {
		Services []struct {
			Service   string
			Published struct{ Commit, Digest string }
		}
	}
	s.get("/api/v1/repositories/octo/conference/services", &services)
	if len(services.Services) != 8 {
		t.Errorf("the API knows %d services", len(services.Services))
	}
	for _, one := range services.Services {
		if one.Published.Digest != digest(one.Service, "main") {
			t.Errorf("%s: the API says %s, the registry %s", one.Service, one.Published.Digest, digest(one.Service, "main"))
		}
	}

	// By hand, without publishing.
	before := digest("agenda", "main")
	s.program("dispatch", "drydock.yaml", "--server", s.url, "-R", "octo/conference", "--input", "services=agenda", "--input", "publish=false").wait().wantCode(0)
	s.eventually("the dispatched service is made", func() bool {
		check = s.checks(repo, one)["Services / agenda (workflow_dispatch)"]
		return check.Status == "completed"
	})
	if check.Conclusion != "success" || !strings.Contains(check.Summary, "it was started so") || digest("agenda", "main") != before {
		t.Errorf("the check of a dispatch: %s %s", check.Conclusion, check.Summary)
	}
	if list := string(s.get("/api/v1/repositories/octo/conference/workflows", nil)); !strings.Contains(list, `"path":"drydock.yaml"`) {
		t.Errorf("services are not offered to be dispatched: %s", list)
	}
}

// TestServeServicesKilled: a service whose server is killed in the middle of its
// test is made all the same, and its secrets stay secret.
func TestServeServicesKilled(t *testing.T) {
	w := newWorld(t)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	address := images.Listener.Addr().String()
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVER_PLAIN_REGISTRIES="+address)
	repo := s.gh.Repository("octo/demo", nil)
	s.file("key.txt", "hunter2-hunter2\n")
	s.program("secret", "set", "API_KEY", "--repository", "octo/demo", "--file", "key.txt").wait().wantCode(0)
	sha := repo.Push("main", githubtest.Files{
		"drydock.yaml": `services:
  shop:
    path: shop
    test: {workflow: .github/workflows/test.yml, job: unit}
    image: ` + address + `/shop
`,
		"shop/Dockerfile": "FROM scratch\nCOPY data.txt /\n",
		"shop/data.txt":   "1",
		".github/workflows/test.yml": `on: workflow_dispatch
jobs:
  prepare:
    runs-on: ubuntu-latest
    outputs: {word: "${{ steps.a.outputs.word }}"}
    steps: [{id: a, run: 'echo word=ready >> "$GITHUB_OUTPUT"'}]
  unit:
    needs: prepare
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo "testing $SERVICE_NAME, ${{ needs.prepare.outputs.word }}, with ${{ secrets.API_KEY }}"
          sleep 4
          echo tested
  other:
    runs-on: ubuntu-latest
    steps: [{run: exit 1}]
`,
	}, "Open a shop")
	s.eventually("the test runs", func() bool { return strings.Contains(s.newestLog("shop"), "testing shop, ready, with ***") })
	s.stop(syscall.SIGKILL)
	s.start()
	check := s.completed(repo, sha, 1)["Services / shop (push)"]
	text := s.newestLog("shop")
	if check.Conclusion != "success" || !strings.Contains(check.Summary, sha[:7]) || !strings.Contains(text, "tested") {
		t.Errorf("%s: %s\n%s", check.Conclusion, check.Summary, text)
	}
	if strings.Contains(text+check.Summary, "hunter2") {
		t.Error("the secret is in the log")
	}
	ref, err := name.ParseReference(address + "/shop:" + sha[:7])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(ref); err != nil {
		t.Error(err)
	}
}

// TestServeServicesLogins: a registry that asks for a login gets that of the
// repository's secrets, and nobody else's.
func TestServeServicesLogins(t *testing.T) {
	w := newWorld(t)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	images := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "robot" || password != "hunter2-hunter2" {
			rw.Header().Set("WWW-Authenticate", `Basic realm="images"`)
			http.Error(rw, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(images.Close)
	address := images.Listener.Addr().String()
	s := serve(t, w, "DRYDOCK_PLATFORMS=ubuntu-latest="+bash, "DRYDOCK_SERVER_REGISTRY_LOGINS="+address+"=REG_USER:REG_PASSWORD", "DRYDOCK_SERVER_PLAIN_REGISTRIES="+address)
	s.gh.User("mona")
	repo := s.gh.Repository("octo/demo", nil)
	repo.Collaborator("mona", "write")
	sha := repo.Push("main", githubtest.Files{
		"drydock.yaml":    "services: {shop: {path: shop, image: " + address + "/shop}}\n",
		"shop/Dockerfile": "FROM scratch\nCOPY data.txt /\n", "shop/data.txt": "1",
	}, "Open a shop")
	check := s.completed(repo, sha, 1)["Services / shop (push)"]
	if check.Conclusion != "failure" || !strings.Contains(check.Summary, "the secrets REG\\_USER and REG\\_PASSWORD are not there") && !strings.Contains(check.Summary, "the secrets REG_USER and REG_PASSWORD are not there") {
		t.Errorf("without secrets: %s %s", check.Conclusion, check.Summary)
	}
	for name, value := range map[string]string{"REG_USER": "robot", "REG_PASSWORD": "hunter2-hunter2"} {
		s.file("value.txt", value)
		s.program("secret", "set", name, "--repository", "octo/demo", "--file", "value.txt").wait().wantCode(0)
	}
	s.gh.Rerequest(check.ID, "mona")
	s.eventually("the second try has passed", func() bool {
		check = s.checks(repo, sha)["Services / shop (push)"]
		return check.Conclusion == "success"
	})
	if all := check.Summary + string(s.peek("/api/v1/runs/1/attempts/2/log?job=shop")); strings.Contains(all, "hunter2") || !strings.Contains(all, "sent sha256:") {
		t.Errorf("what is told: %s", all)
	}
}
