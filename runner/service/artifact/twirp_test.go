package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/runner/service/blob"
	"github.com/drydock-ci/drydock/runner/service/token"
)

func TestUploadAndDownload(t *testing.T) {
	for _, test := range []struct {
		name, kind, wantType, wantDisposition string
		content                               string
	}{
		{"dist", "", "application/zip", `attachment; filename="dist.zip"; filename*=UTF-8''dist.zip`, "PK..."},
		{"dist", "application/zip", "application/zip", `attachment; filename="dist.zip"; filename*=UTF-8''dist.zip`, "PK..."},
		{"report.html", "text/html; charset=utf-8", "text/html; charset=utf-8", `attachment; filename="report.html"; filename*=UTF-8''report.html`, "<p>"},
		{"größe 100%.txt", "text/plain", "text/plain", `attachment; filename="gr__e 100_.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20100%25.txt`, "ä"},
		{"empty.bin", "application/octet-stream", "application/octet-stream", `attachment; filename="empty.bin"; filename*=UTF-8''empty.bin`, ""},
	} {
		t.Run(test.name+" "+test.kind, func(t *testing.T) {
			s := serve(t)
			build := s.job()
			more := []any{}
			if test.kind != "" {
				more = append(more, "mime_type", test.kind)
			}
			id := build.upload(test.name, test.content, more...)

			other := s.job(named("deploy"))
			got := other.twirp("ListArtifacts", map[string]any{"name_filter": test.name})
			want := map[string]any{"artifacts": []any{map[string]any{
				"workflow_run_backend_id": "4711", "workflow_job_run_backend_id": "build", "database_id": id, "name": test.name,
				"size": strconv.Itoa(len(test.content)), "digest": sum(test.content),
				"created_at": got.json["artifacts"].([]any)[0].(map[string]any)["created_at"],
			}}}
			if diff := cmp.Diff(want, got.json); diff != "" {
				t.Error(diff)
			}
			created, err := time.Parse(time.RFC3339, want["artifacts"].([]any)[0].(map[string]any)["created_at"].(string))
			if err != nil || time.Since(created).Abs() > time.Minute {
				t.Errorf("created_at = %v (%v)", created, err)
			}

			down := other.download(test.name)
			if down.status != 200 || string(down.body) != test.content {
				t.Errorf("download = %d %q", down.status, down.body)
			}
			if got := down.header.Get("Content-Type"); got != test.wantType {
				t.Errorf("Content-Type = %q, want %q", got, test.wantType)
			}
			if got := down.header.Get("Content-Disposition"); got != test.wantDisposition {
				t.Errorf("Content-Disposition = %q, want %q", got, test.wantDisposition)
			}
		})
	}
}

func TestNamesAreUniqueInAnAttempt(t *testing.T) {
	s := serve(t)
	first := s.job()
	link := first.create("a")
	first.twirp("CreateArtifact", map[string]any{"name": "a"}).refused(t, 409, "already_exists", `"a"`)
	s.job(named("other")).twirp("CreateArtifact", map[string]any{"name": "a"}).refused(t, 409, "already_exists", `"a"`)
	first.put(link, "1")
	first.twirp("FinalizeArtifact", map[string]any{"name": "a", "size": "1"})
	first.twirp("CreateArtifact", map[string]any{"name": "a"}).refused(t, 409, "already_exists", `"a"`)

	if got := s.send("PUT", link, http.Header{"x-ms-blob-type": {"BlockBlob"}}, []byte("2")); got.status < 400 {
		t.Errorf("a finished artifact takes content: %d", got.status)
	}
	if got := first.download("a"); string(got.body) != "1" {
		t.Errorf("content = %q, want it unchanged", got.body)
	}

	// A later attempt has the name for itself, and sees both.
	second := s.job(attempt(2))
	second.upload("a", "22")
	if diff := cmp.Diff([]string{"a", "a"}, second.names()); diff != "" {
		t.Error(diff)
	}
	if got := second.download("a"); string(got.body) != "22" {
		t.Errorf("content = %q, want that of the last attempt", got.body)
	}
	// Names differ in case; another repository's run of the same number is another run.
	first.upload("A", "x")
	foreign := s.job(ofRepo("octo/other"))
	foreign.upload("a", "foreign")
	if diff := cmp.Diff([]string{"a"}, foreign.names()); diff != "" {
		t.Error(diff)
	}
}

func TestOneOfManyCreatorsWins(t *testing.T) {
	s := serve(t)
	var group sync.WaitGroup
	status := make([]int, 20)
	for i := range status {
		j := s.job(named(fmt.Sprint("job-", i)))
		group.Go(func() { status[i] = j.twirp("CreateArtifact", map[string]any{"name": "a"}).status })
	}
	group.Wait()
	won := 0
	for _, code := range status {
		switch code {
		case 200:
			won++
		case 409:
		default:
			t.Errorf("status %d", code)
		}
	}
	if won != 1 {
		t.Errorf("%d creators won, want 1", won)
	}
}

func TestTwoServersOnOneStore(t *testing.T) {
	a := serve(t)
	b := serveAt(t, a.root)
	one, two := a.job(), b.job(named("other"))
	one.put(one.create("x"), "1")
	two.put(two.create("x"), "2")
	finalize := map[string]any{"name": "x", "size": "1"}
	if got := one.twirp("FinalizeArtifact", finalize); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	two.twirp("FinalizeArtifact", finalize).refused(t, 409, "already_exists", `"x"`)
	if got := two.download("x"); string(got.body) != "1" {
		t.Errorf("content = %q, want the first one's", got.body)
	}
	var left []string
	for info, err := range a.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, info.Key)
	}
	if len(left) != 3 { // id, record, content
		t.Errorf("the store holds %q, want one artifact", left)
	}
}

func TestDelete(t *testing.T) {
	s := serve(t)
	j := s.job()
	id := j.upload("a", "1")
	link := j.twirp("GetSignedArtifactURL", map[string]any{"name": "a"}).json["signed_url"].(string)
	got := s.job(named("other")).twirp("DeleteArtifact", map[string]any{"name": "a"})
	if got.status != 200 || got.json["ok"] != true || got.json["artifact_id"] != id {
		t.Fatalf("DeleteArtifact = %d %s", got.status, got.body)
	}
	j.twirp("DeleteArtifact", map[string]any{"name": "a"}).refused(t, 404, "not_found", `"a"`)
	j.twirp("GetSignedArtifactURL", map[string]any{"name": "a"}).refused(t, 404, "not_found", `"a"`)
	if got := s.send("GET", link, nil, nil); got.status != 404 {
		t.Errorf("the content of a deleted artifact answers %d", got.status)
	}
	for info, err := range s.store.List(t.Context(), "") {
		t.Errorf("left: %q %v", info.Key, err)
	}
	// overwrite: true
	if again := j.upload("a", "2"); again <= id {
		t.Errorf("id %s after %s: ids must grow", again, id)
	}
}

func TestFilters(t *testing.T) {
	s := serve(t)
	j := s.job()
	ids := map[string]string{}
	for _, name := range []string{"c", "a", "b"} {
		ids[name] = j.upload(name, name)
	}
	number, _ := strconv.ParseInt(ids["a"], 10, 64)
	for _, test := range []struct {
		name   string
		filter []any
		want   []string
	}{
		{"all, by id", nil, []string{"c", "a", "b"}},
		{"name", []any{"name_filter", "b"}, []string{"b"}},
		{"camel case", []any{"nameFilter", "b"}, []string{"b"}},
		{"no such name", []any{"name_filter", "B"}, []string{}},
		{"id as text", []any{"id_filter", ids["a"]}, []string{"a"}},
		{"id as number", []any{"id_filter", number}, []string{"a"}},
		{"both", []any{"name_filter", "b", "id_filter", ids["a"]}, []string{}},
		{"null", []any{"name_filter", nil, "id_filter", nil}, []string{"c", "a", "b"}},
		{"unknown field", []any{"colour", "red"}, []string{"c", "a", "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, j.names(test.filter...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFinalizeChecksWhatWasUploaded(t *testing.T) {
	for _, test := range []struct {
		name    string
		content string
		fields  map[string]any
		status  int
		code    string
		msg     string
	}{
		{"good", "abc", map[string]any{"size": "3", "hash": sum("abc")}, 200, "", ""},
		{"size as number", "abc", map[string]any{"size": 3}, 200, "", ""},
		{"upper case hash", "abc", map[string]any{"size": 3, "hash": "sha256:" + strings.ToUpper(sum("abc")[7:])}, 200, "", ""},
		{"hash of other content", "abc", map[string]any{"size": 3, "hash": sum("abd")}, 400, "invalid_argument", "digest"},
		{"truncated", "ab", map[string]any{"size": 3, "hash": sum("abc")}, 400, "invalid_argument", "2 bytes"},
		{"too long", "abcd", map[string]any{"size": 3}, 400, "invalid_argument", "4 bytes"},
		{"no size", "abc", map[string]any{}, 400, "invalid_argument", "3 bytes"},
		{"negative size", "abc", map[string]any{"size": -1}, 400, "invalid_argument", "negative"},
		{"other algorithm", "abc", map[string]any{"size": 3, "hash": "md5:900150983cd24fb0d6963f7d28e17f72"}, 400, "invalid_argument", "sha256"},
		{"short hash", "abc", map[string]any{"size": 3, "hash": "sha256:ab"}, 400, "invalid_argument", "sha256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t)
			j := s.job()
			j.put(j.create("a"), test.content)
			test.fields["name"] = "a"
			got := j.twirp("FinalizeArtifact", test.fields)
			if test.status == 200 {
				if got.status != 200 {
					t.Fatalf("%d %s", got.status, got.body)
				}
				// The client that lost the answer asks again.
				if again := j.twirp("FinalizeArtifact", test.fields); again.json["artifact_id"] != got.json["artifact_id"] {
					t.Errorf("the second answer is %s, the first was %s", again.body, got.body)
				}
				return
			}
			got.refused(t, test.status, test.code, test.msg)
			if names := j.names(); len(names) != 0 {
				t.Errorf("artifacts = %q, want none", names)
			}
		})
	}
}

func TestFinalizeWithoutAnUpload(t *testing.T) {
	s := serve(t)
	j := s.job()
	j.twirp("FinalizeArtifact", map[string]any{"name": "a", "size": 1}).refused(t, 404, "not_found", "begun no upload")
	j.create("a")
	s.job(named("other")).twirp("FinalizeArtifact", map[string]any{"name": "a"}).refused(t, 404, "not_found", "begun no upload")
	j.twirp("FinalizeArtifact", map[string]any{"name": "a"}).refused(t, 400, "invalid_argument", "nothing was put")
	j.upload("a", "1") // the name is free again
}

func TestUnfinishedArtifactsAreNotSeenAndVanish(t *testing.T) {
	s := serve(t)
	j := s.job()
	link := j.create("a")
	j.put(link, "1")
	if names := j.names(); len(names) != 0 {
		t.Errorf("artifacts = %q, want none", names)
	}
	j.twirp("GetSignedArtifactURL", map[string]any{"name": "a"}).refused(t, 404, "not_found", `"a"`)
	s.Abandon(t.Context(), j.grant)
	if got := s.send("PUT", link, http.Header{"x-ms-blob-type": {"BlockBlob"}}, []byte("2")); got.status != 404 {
		t.Errorf("an upload of a job that has ended answers %d", got.status)
	}
	s.job(named("other")).upload("a", "2")
}

// brokenStore fails to take what a test names.
type brokenStore struct {
	blob.Store
	fails func(key string) error
}

func (b brokenStore) Create(ctx context.Context, key string, data []byte) (blob.Info, error) {
	if err := b.fails(key); err != nil {
		return blob.Info{}, err
	}
	return b.Store.Create(ctx, key, data)
}

func TestFinalizeCanBeTriedAgain(t *testing.T) {
	failures := 2
	s := serve(t, func(o *Options) {
		o.Store = brokenStore{o.Store, func(key string) error {
			if strings.HasPrefix(key, idPrefix) && failures > 0 {
				failures--
				return errors.New("the disk is away")
			}
			return nil
		}}
	})
	j := s.job()
	j.put(j.create("a"), "1")
	for range 2 {
		j.twirp("FinalizeArtifact", map[string]any{"name": "a", "size": 1}).refused(t, 500, "internal", "the disk is away")
	}
	if got := j.twirp("FinalizeArtifact", map[string]any{"name": "a", "size": 1}); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := j.download("a"); string(got.body) != "1" {
		t.Errorf("content = %q", got.body)
	}
}

func TestOneJobCannotBeginTooMuch(t *testing.T) {
	s := serve(t)
	j := s.job()
	for i := range maxPending {
		j.create(fmt.Sprint("a", i))
	}
	j.twirp("CreateArtifact", map[string]any{"name": "b"}).refused(t, 403, "resource_exhausted", "not allowed")
	s.job(named("other")).upload("b", "1")
	at := j.container("a")
	for i := range maxParts {
		j.piece(at, fmt.Sprint("a/", i), "x", 0, 2)
	}
	j.piece(at, "a/one-more", "x", 0, 2).refused(t, 403, "resource_exhausted", "not allowed")
	s.Abandon(t.Context(), j.grant)
	j.upload("b2", "1")
}

func TestRunsAreApart(t *testing.T) {
	s := serve(t)
	j := s.job()
	j.upload("a", "1")
	other := s.job(inRun("4712"))
	if names := other.names(); len(names) != 0 {
		t.Errorf("another run sees %q", names)
	}
	for _, method := range []string{"CreateArtifact", "FinalizeArtifact", "ListArtifacts", "GetSignedArtifactURL", "DeleteArtifact"} {
		text := []byte(`{"workflow_run_backend_id":"4711","workflow_job_run_backend_id":"build","name":"a"}`)
		other.call("POST", TwirpPath+method, text, "Content-Type", "application/json").refused(t, 403, "permission_denied", "4711")
	}
	if got := j.download("a"); string(got.body) != "1" {
		t.Errorf("content = %q", got.body)
	}
}

// Each kind of token at each endpoint: see peers.md 4, token scope bypass.
func TestTokensAtEveryEndpoint(t *testing.T) {
	s := serve(t)
	j := s.job()
	id := j.upload("a", "1")
	foreign, err := token.NewIssuer().Issue(j.grant)
	if err != nil {
		t.Fatal(err)
	}
	dead := s.job(named("dead"))
	s.tokens.Revoke(dead.bearer)
	bearers := map[string]string{"none": "", "foreign": "Bearer " + foreign, "revoked": "Bearer " + dead.bearer, "nonsense": "Bearer a.b.c", "basic": "Basic eDp5"}

	type endpoint struct{ method, path string }
	endpoints := []endpoint{
		{"POST", "/_apis/pipelines/workflows/4711/artifacts"}, {"PATCH", "/_apis/pipelines/workflows/4711/artifacts?artifactName=a"},
		{"GET", "/_apis/pipelines/workflows/4711/artifacts"}, {"PUT", "/_apis/resources/Containers/1?itemPath=a/b"},
		{"GET", "/_apis/resources/Containers/1"}, {"GET", "/_apis/resources/Containers/1/abcdefghij"},
		{"GET", "/_api/repos/Octo/Demo/actions/runs/4711/artifacts"}, {"GET", "/_api/repos/Octo/Demo/actions/artifacts/" + id},
		{"GET", "/_api/repos/Octo/Demo/actions/artifacts/" + id + "/zip"}, {"DELETE", "/_api/repos/Octo/Demo/actions/artifacts/" + id},
	}
	for method := range calls {
		endpoints = append(endpoints, endpoint{"POST", TwirpPath + method})
	}
	for _, e := range endpoints {
		for kind, bearer := range bearers {
			header := http.Header{"Content-Type": {"application/json"}}
			if bearer != "" {
				header.Set("Authorization", bearer)
			}
			got := s.send(e.method, s.url+e.path, header, []byte(`{"workflow_run_backend_id":"4711","name":"a"}`))
			if got.status != 401 || got.json["code"] != "unauthenticated" {
				t.Errorf("%s %s with token %s: %d %s", e.method, e.path, kind, got.status, got.body)
			}
		}
	}
	if got := j.download("a"); string(got.body) != "1" {
		t.Errorf("content = %q", got.body)
	}
}

func TestBadRequests(t *testing.T) {
	s := serve(t)
	j := s.job()
	const ids = `"workflow_run_backend_id":"4711"`
	for _, test := range []struct {
		name, method, kind, body string
		status                   int
		code, msg                string
	}{
		{"no body", "CreateArtifact", "application/json", "", 400, "invalid_argument", "no JSON object"},
		{"an array", "CreateArtifact", "application/json", "[]", 400, "invalid_argument", "no JSON object"},
		{"null", "CreateArtifact", "application/json", "null", 400, "invalid_argument", "no JSON object"},
		{"half", "CreateArtifact", "application/json", `{"name":`, 400, "invalid_argument", "no JSON object"},
		{"two", "CreateArtifact", "application/json", `{} {}`, 400, "invalid_argument", "no JSON object"},
		{"not UTF-8", "CreateArtifact", "application/json", "{\"name\":\"\xff\"}", 400, "invalid_argument", "UTF-8"},
		{"huge", "CreateArtifact", "application/json", `{"name":"` + strings.Repeat("a", 2<<20) + `"}`, 413, "invalid_argument", "longer than"},
		{"no run", "CreateArtifact", "application/json", `{"name":"a"}`, 400, "invalid_argument", "workflow_run_backend_id"},
		{"name is a number", "CreateArtifact", "application/json", `{` + ids + `,"name":1}`, 400, "invalid_argument", `"name"`},
		{"no name", "CreateArtifact", "application/json", `{` + ids + `}`, 400, "invalid_argument", "empty"},
		{"time", "CreateArtifact", "application/json", `{` + ids + `,"name":"a","expires_at":"tomorrow"}`, 400, "invalid_argument", "RFC 3339"},
		{"past", "CreateArtifact", "application/json", `{` + ids + `,"name":"a","expires_at":"2001-01-01T00:00:00Z"}`, 400, "invalid_argument", "has passed"},
		{"media type", "CreateArtifact", "application/json", `{` + ids + `,"name":"a","mime_type":"text/html\r\nX-Evil: 1"}`, 400, "invalid_argument", "media type"},
		{"size", "FinalizeArtifact", "application/json", `{` + ids + `,"name":"a","size":1.5}`, 400, "invalid_argument", `"size"`},
		{"size as text", "FinalizeArtifact", "application/json", `{` + ids + `,"name":"a","size":"x"}`, 400, "invalid_argument", `"size"`},
		{"size overflows", "FinalizeArtifact", "application/json", `{` + ids + `,"name":"a","size":"9223372036854775808"}`, 400, "invalid_argument", `"size"`},
		{"unknown method", "Nothing", "application/json", `{}`, 404, "bad_route", "Nothing"},
		{"protobuf", "CreateArtifact", "application/protobuf", `{}`, 404, "bad_route", "application/protobuf"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j.call("POST", TwirpPath+test.method, []byte(test.body), "Content-Type", test.kind).refused(t, test.status, test.code, test.msg)
		})
	}
	j.call("GET", TwirpPath+"ListArtifacts", nil, "Content-Type", "application/json").refused(t, 404, "bad_route", "GET")
}

// What act was attacked with (CVE-2023-22726), and what clients refuse.
var badNames = []string{
	"", ".", "..", "../a", "a/b", `a\b`, "/etc/passwd", "a:b", "a<b", "a>b", "a|b", "a*b", "a?b", `a"b`, "a\rb", "a\nb", "a\x00b", "a\tb",
	strings.Repeat("a", 256), strings.Repeat("ä", 128),
}

func TestBadNames(t *testing.T) {
	s := serve(t)
	j := s.job()
	for _, bad := range badNames {
		for _, method := range []string{"CreateArtifact", "FinalizeArtifact", "GetSignedArtifactURL", "DeleteArtifact"} {
			if got := j.twirp(method, map[string]any{"name": bad}); got.status != 400 || got.json["code"] != "invalid_argument" {
				t.Errorf("%s with the name %.40q: %d %s", method, bad, got.status, got.body)
			}
		}
	}
	for _, good := range []string{"a", "..a", "a..", "%2e%2e", "a b", "größe", "名前", "~", "-", strings.Repeat("a", 255)} {
		j.upload(good, "x")
		if got := j.download(good); string(got.body) != "x" {
			t.Errorf("name %.40q: content = %q", good, got.body)
		}
	}
}

func TestRetention(t *testing.T) {
	s := serve(t, func(o *Options) { o.Retention = 48 * time.Hour })
	j := s.job(func(g *token.Grant) { g.Expires = time.Now().Add(200 * time.Hour) })
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
	j.upload("default", "1")
	j.upload("short", "1", "expires_at", at(24*time.Hour))
	j.upload("long", "1", "expires_at", at(1000*time.Hour))
	want := map[string]time.Duration{"default": 48 * time.Hour, "short": 24 * time.Hour, "long": 48 * time.Hour}
	all, err := s.List(t.Context(), "4711")
	if err != nil || len(all) != 3 {
		t.Fatalf("List = %v, %v", all, err)
	}
	for _, a := range all {
		if left := time.Until(a.Expires); left > want[a.Name] || left < want[a.Name]-time.Minute {
			t.Errorf("%s expires in %s, want %s", a.Name, left, want[a.Name])
		}
	}

	if n, err := s.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("Expire = %d, %v, want nothing to do", n, err)
	}
	s.now = func() time.Time { return time.Now().Add(30 * time.Hour) }
	if diff := cmp.Diff([]string{"default", "long"}, j.names()); diff != "" {
		t.Error(diff)
	}
	j.upload("short", "again") // the name of an expired one is free
	s.now = func() time.Time { return time.Now().Add(100 * time.Hour) }
	if n, err := s.Expire(t.Context()); n != 3 || err != nil {
		t.Errorf("Expire = %d, %v, want 3", n, err)
	}
	for info, err := range s.store.List(t.Context(), "") {
		t.Errorf("left: %q %v", info.Key, err)
	}
}

func TestArtifactsSurviveARestart(t *testing.T) {
	s := serve(t)
	id := s.job().upload("a", "1")
	again := serveAt(t, s.root)
	j := again.job()
	if got := j.download("a"); string(got.body) != "1" {
		t.Errorf("content = %q", got.body)
	}
	j.twirp("CreateArtifact", map[string]any{"name": "a"}).refused(t, 409, "already_exists", `"a"`)
	if next := j.upload("b", "2"); next <= id {
		t.Errorf("id %s after %s: ids must grow", next, id)
	}
}

func TestIDsGrowWhenTheClockStands(t *testing.T) {
	s := serve(t)
	still := time.Now()
	s.now = func() time.Time { return still }
	j := s.job()
	last := ""
	for i := range 5 {
		id := j.upload(fmt.Sprint("a", i), "x")
		if id <= last {
			t.Errorf("id %s after %s", id, last)
		}
		if n, _ := strconv.ParseInt(id, 10, 64); n >= 1<<53 {
			t.Errorf("id %s is no exact number in JavaScript", id)
		}
		last = id
	}
}

func FuzzFields(f *testing.F) {
	for _, seed := range []string{
		`{"workflow_run_backend_id":"1","name":"a","expires_at":"2026-01-02T03:04:05Z"}`, `{"workflowRunBackendId":"1","size":"12"}`,
		`{"size":12}`, `{"size":1e3}`, `{"name":null}`, `[]`, `{"a":{"b":[1,2,{"c":null}]}}`, "", "null", `{"size":-0}`, `{"name":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		message, err := readFields(strings.NewReader(text))
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("%q is taken for JSON", text)
		}
		for _, field := range []string{"workflow_run_backend_id", "name", "size", "expires_at", "hash"} {
			if n, err := message.integer(field); err == nil && n != 0 && message.lookup(field) == nil {
				t.Errorf("%q: the absent field %q is %d", text, field, n)
			}
			if _, err := message.time(field); err == nil && message.lookup(field) != nil {
				if s, err := message.text(field); err != nil {
					t.Errorf("%q: %q is a time and no text %q", text, field, s)
				}
			}
		}
		if wanted, err := message.text("name"); err == nil && checkName(wanted) == nil {
			key := Artifact{Run: "1", Repository: "o/r", Name: wanted}.recordKey()
			if strings.Contains(key, "..") || strings.Count(key, "/") != 3 {
				t.Errorf("name %q makes the key %q", wanted, key)
			}
		}
	})
}

// TestForget: a job that begins again has its names, and no other loses any.
func TestForget(t *testing.T) {
	s := serve(t)
	first := s.job()
	first.upload("a", "of the first try")
	first.upload("b", "of the first try")
	s.job(named("other")).upload("c", "of another job")
	s.job(attempt(2)).upload("a", "of another attempt")
	s.job(ofRepo("octo/other")).upload("a", "of another repository")
	if err := s.Forget(t.Context(), first.grant); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c", "a"}, first.names()); diff != "" { // the oldest first
		t.Error(diff)
	}
	first.upload("b", "of the second try")
	if got := first.download("b"); string(got.body) != "of the second try" {
		t.Errorf("content = %q", got.body)
	}
	if got := s.job(ofRepo("octo/other")).download("a"); string(got.body) != "of another repository" {
		t.Errorf("content = %q", got.body)
	}
}
