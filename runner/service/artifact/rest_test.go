package artifact

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const demo = "/_api/repos/octo/demo/actions/" // as the path is compared without case

func TestDownloadFromAnotherRun(t *testing.T) {
	s := serve(t)
	id := s.job().upload("dist", "content")
	later := s.job(inRun("4712"))

	got := later.call("GET", demo+"runs/4711/artifacts?per_page=100&name=dist", nil)
	if got.status != 200 || got.json["total_count"] != 1.0 {
		t.Fatalf("list = %d %s", got.status, got.body)
	}
	shown := got.json["artifacts"].([]any)[0].(map[string]any)
	number, _ := strconv.ParseFloat(id, 64)
	for name, want := range map[string]any{
		"id": number, "name": "dist", "size_in_bytes": 7.0, "digest": sum("content"), "expired": false,
		"archive_download_url": s.url + "/_api/repos/Octo/Demo/actions/artifacts/" + id + "/zip",
	} {
		if shown[name] != want {
			t.Errorf("%s = %v, want %v", name, shown[name], want)
		}
	}
	one := later.call("GET", demo+"artifacts/"+id, nil)
	if diff := cmp.Diff(shown, one.json); diff != "" {
		t.Error(diff)
	}

	// Octokit does not follow; the download then carries no token.
	for _, kind := range []string{"Bearer ", "token "} {
		zip := s.send("GET", s.url+demo+"artifacts/"+id+"/zip", http.Header{"Authorization": {kind + later.bearer}}, nil)
		if zip.status != 302 {
			t.Fatalf("zip = %d %s", zip.status, zip.body)
		}
		if down := s.send("GET", zip.header.Get("Location"), nil, nil); down.status != 200 || string(down.body) != "content" {
			t.Errorf("download = %d %q", down.status, down.body)
		}
	}
}

func TestPages(t *testing.T) {
	s := serve(t)
	j := s.job()
	for i := range 5 {
		j.upload(fmt.Sprint("a", i), "x")
	}
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"", []string{"a4", "a3", "a2", "a1", "a0"}},
		{"?per_page=2", []string{"a4", "a3"}},
		{"?per_page=2&page=3", []string{"a0"}},
		{"?per_page=2&page=4", nil},
		{"?per_page=100000", []string{"a4", "a3", "a2", "a1", "a0"}},
		{"?name=a2", []string{"a2"}},
		{"?name=nothing", nil},
	} {
		got := j.call("GET", demo+"runs/4711/artifacts"+test.query, nil)
		var names []string
		for _, a := range got.json["artifacts"].([]any) {
			names = append(names, a.(map[string]any)["name"].(string))
		}
		if !slices.Equal(names, test.want) {
			t.Errorf("%q gives %q, want %q", test.query, names, test.want)
		}
	}
	for _, query := range []string{"?page=0", "?page=x", "?per_page=-1", "?per_page=99999999999999999999"} {
		j.call("GET", demo+"runs/4711/artifacts"+query, nil).refused(t, 400, "invalid_argument", "above 0")
	}
}

func TestRESTShowsTheOwnRepositoryOnly(t *testing.T) {
	s := serve(t)
	id := s.job().upload("a", "1")
	mine, foreign := s.job(inRun("4712")), s.job(ofRepo("octo/other"), inRun("4712"))
	for _, test := range []struct {
		name   string
		j      job
		path   string
		status int
	}{
		{"own", mine, demo + "artifacts/" + id, 200},
		{"another repository's path", foreign, demo + "artifacts/" + id, 404},
		{"another repository's zip", foreign, demo + "artifacts/" + id + "/zip", 404},
		{"another repository's run", foreign, demo + "runs/4711/artifacts", 404},
		{"own path, foreign id", foreign, "/_api/repos/octo/other/actions/artifacts/" + id, 404},
		{"own path, foreign zip", foreign, "/_api/repos/octo/other/actions/artifacts/" + id + "/zip", 404},
		{"unknown id", mine, demo + "artifacts/1", 404},
		{"negative id", mine, demo + "artifacts/-1", 404},
		{"no id", mine, demo + "artifacts/x", 404},
		{"path in the id", mine, demo + "artifacts/..%2f..%2fetc", 404},
		{"other call of the API", mine, "/_api/repos/octo/demo/issues", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.j.call("GET", test.path, nil)
			if got.status != test.status {
				t.Fatalf("%d %s, want %d", got.status, got.body, test.status)
			}
			if test.status == 404 && got.json["message"] == nil {
				t.Errorf("body = %s, want JSON with a message", got.body)
			}
		})
	}
	if got := foreign.call("GET", "/_api/repos/octo/other/actions/runs/4711/artifacts", nil); got.json["total_count"] != 0.0 {
		t.Errorf("another repository's run of the same number shows %s", got.body)
	}
	mine.call("DELETE", demo+"artifacts/"+id, nil).refused(t, 403, "permission_denied", "own run")
	if got := s.job().call("DELETE", demo+"artifacts/"+id, nil); got.status != 204 {
		t.Errorf("DELETE = %d %s", got.status, got.body)
	}
	mine.call("GET", demo+"artifacts/"+id, nil).refused(t, 404, "not_found", id)
}

func TestExpiredArtifactIsGone(t *testing.T) {
	s := serve(t)
	j := s.job()
	id := j.upload("a", "1")
	s.now = func() time.Time { return time.Now().Add(DefaultRetention + time.Hour) }
	if got := j.call("GET", demo+"artifacts/"+id, nil); got.json["expired"] != true {
		t.Errorf("expired = %s", got.body)
	}
	j.call("GET", demo+"artifacts/"+id+"/zip", nil).refused(t, 410, "not_found", "has expired")
	j.twirp("GetSignedArtifactURL", map[string]any{"name": "a"}).refused(t, 404, "not_found", `"a"`)
}

func TestConfiguredBase(t *testing.T) {
	s := serve(t, func(o *Options) { o.Base = "https://ci.example.com/" })
	j := s.job()
	id := j.upload("a", "1")
	got := j.call("GET", demo+"artifacts/"+id, nil)
	if link, _ := got.json["url"].(string); !strings.HasPrefix(link, "https://ci.example.com/_api/") {
		t.Errorf("url = %q", link)
	}
}
