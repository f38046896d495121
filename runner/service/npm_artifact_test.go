package service

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/runner"
)

// noise is content that does not compress.
func noise(size int) string {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // the same each time
	return string(b)
}

type uploaded struct {
	ID     int64
	Size   int64
	Digest string
}

type seen struct {
	Artifacts []struct {
		Name   string
		ID     int64
		Size   int64
		Digest string
	}
}

func (s seen) names() []string {
	names := []string{}
	for _, a := range s.Artifacts {
		names = append(names, a.Name)
	}
	return names
}

// Today's client: upload-artifact and download-artifact from v4 on.
func TestArtifactClient(t *testing.T) {
	s, at := serve(t)
	c := startClients(t, at)
	upload := open(t, s, message(github(nil, withDefault)))
	build := c.job(upload.Token)
	deploy := c.job(open(t, s, message(github(nil, withDefault))).Token)

	big := noise(20 << 20) // three blocks
	want := map[string]string{"a.txt": "alpha", "deep/ä b.txt": "beta", "big.bin": big}
	files := build.write(want)
	var dist, empty, raw uploaded
	build.call("artifact.upload", map[string]any{"name": "dist", "files": files, "root": build.work}).ok(&dist)
	build.call("artifact.upload", map[string]any{
		"name": "empty", "files": build.write(map[string]string{"zero": ""}), "root": build.work,
		"options": map[string]any{"retentionDays": 1, "compressionLevel": 0},
	}).ok(&empty)
	build.call("artifact.upload", map[string]any{
		"name": "ignored", "files": build.write(map[string]string{"report.html": "<p>"}), "root": build.work,
		"options": map[string]any{"skipArchive": true},
	}).ok(&raw)

	c.run("list", func(t *testing.T) {
		var all seen
		deploy.call("artifact.list", nil).ok(&all)
		if diff := cmp.Diff([]string{"dist", "empty", "report.html"}, all.names()); diff != "" {
			t.Fatal(diff)
		}
		got := all.Artifacts[0]
		if got.ID != dist.ID || got.Size != dist.Size || got.Digest != "sha256:"+dist.Digest || dist.Digest == "" {
			t.Errorf("listed %+v, uploaded %+v", got, dist)
		}
	})
	c.run("find by name", func(t *testing.T) {
		var got struct{ Artifact struct{ ID int64 } }
		deploy.call("artifact.get", map[string]any{"name": "dist"}).ok(&got)
		if got.Artifact.ID != dist.ID {
			t.Errorf("found %d, want %d", got.Artifact.ID, dist.ID)
		}
		deploy.call("artifact.get", map[string]any{"name": "nothing"}).fails("Artifact not found")
	})
	c.run("download", func(t *testing.T) {
		for id, want := range map[int64]map[string]string{dist.ID: want, empty.ID: {"zero": ""}, raw.ID: {"report.html": "<p>"}} {
			into := t.TempDir()
			var got struct{ DigestMismatch bool }
			deploy.call("artifact.download", map[string]any{"id": id, "options": map[string]any{"path": into, "expectedHash": digestOf(id, dist, empty, raw)}}).ok(&got)
			if got.DigestMismatch {
				t.Errorf("artifact %d: the client finds another digest", id)
			}
			if diff := cmp.Diff(want, tree(t, into)); diff != "" {
				t.Errorf("artifact %d: %.2000s", id, diff)
			}
		}
		deploy.call("artifact.download", map[string]any{"id": 1}).fails("No artifacts found for ID: 1")
	})
	c.run("same name", func(t *testing.T) {
		build.call("artifact.upload", map[string]any{"name": "dist", "files": files, "root": build.work}).fails("(409) Conflict")
	})
	c.run("overwrite", func(t *testing.T) {
		var gone struct{ ID int64 }
		build.call("artifact.delete", map[string]any{"name": "empty"}).ok(&gone)
		if gone.ID != empty.ID {
			t.Errorf("deleted %d, want %d", gone.ID, empty.ID)
		}
		var again uploaded
		build.call("artifact.upload", map[string]any{"name": "empty", "files": build.write(map[string]string{"zero": "0"}), "root": build.work}).ok(&again)
		if again.ID <= empty.ID {
			t.Errorf("id %d after %d", again.ID, empty.ID)
		}
		build.call("artifact.delete", map[string]any{"name": "nothing"}).fails("not found")
	})
	c.run("attempts", func(t *testing.T) {
		second := c.job(open(t, s, message(github(map[string]string{"run_attempt": "2"}, withDefault))).Token)
		var again uploaded
		second.call("artifact.upload", map[string]any{"name": "dist", "files": second.write(map[string]string{"a": "2"}), "root": second.work}).ok(&again)
		var all, latest seen
		second.call("artifact.list", nil).ok(&all)
		second.call("artifact.list", map[string]any{"options": map[string]any{"latest": true}}).ok(&latest)
		if len(all.Artifacts) != 4 || len(latest.Artifacts) != 3 {
			t.Errorf("all = %q, latest = %q", all.names(), latest.names())
		}
		for _, a := range latest.Artifacts {
			if a.Name == "dist" && a.ID != again.ID {
				t.Errorf("the latest dist is %d, want %d", a.ID, again.ID)
			}
		}
		second.call("artifact.delete", map[string]any{"name": "dist"}).ok(nil)
	})
	c.run("from another run", func(t *testing.T) {
		later := c.job(open(t, s, message(github(map[string]string{"run_id": "4712"}, withDefault))).Token, "GITHUB_RUN_ID", "4712")
		find := map[string]any{"token": later.env["ACTIONS_RUNTIME_TOKEN"], "workflowRunId": 4711, "repositoryOwner": "octo", "repositoryName": "demo"}
		var none, all seen
		later.call("artifact.list", nil).ok(&none)
		later.call("artifact.list", map[string]any{"options": map[string]any{"findBy": find}}).ok(&all)
		if len(none.Artifacts) != 0 || len(all.Artifacts) != 3 {
			t.Errorf("own run: %q, other run: %q", none.names(), all.names())
		}
		var got struct{ Artifact struct{ ID int64 } }
		later.call("artifact.get", map[string]any{"name": "dist", "options": map[string]any{"findBy": find}}).ok(&got)
		into := t.TempDir()
		later.call("artifact.download", map[string]any{"id": got.Artifact.ID, "options": map[string]any{"path": into, "findBy": find}}).ok(nil)
		if diff := cmp.Diff(want, tree(t, into)); diff != "" {
			t.Errorf("%.2000s", diff)
		}
		find["repositoryName"] = "other"
		later.call("artifact.list", map[string]any{"options": map[string]any{"findBy": find}}).fails("there is no repository")
	})
	c.run("dead token", func(t *testing.T) {
		upload.Close()
		r := build.call("artifact.upload", map[string]any{"name": "late", "files": files, "root": build.work})
		r.fails("job has ended")
		r.fails("401")
	})
}

func digestOf(id int64, all ...uploaded) string {
	for _, u := range all {
		if u.ID == id {
			return "sha256:" + u.Digest
		}
	}
	return ""
}

// The client before: upload-artifact and download-artifact v3.
func TestArtifactClientV1(t *testing.T) {
	s, at := serve(t)
	c := startClients(t, at)
	token := func() string { return open(t, s, message(github(nil, withDefault))).Token }
	build, other, deploy := c.job(token()), c.job(token()), c.job(token())

	text := strings.Repeat("text that compresses well\n", 10_000)                                             // above 64 KiB: compressed on disk
	files := map[string]string{"a.txt": "alpha", "deep/er/b.txt": text, "empty": "", "noise": noise(9 << 20)} // the last in two pieces
	var up struct {
		ArtifactItems []string
		FailedItems   []string
	}
	build.call("artifact1.upload", map[string]any{"name": "dist", "files": build.write(files), "root": build.work}).ok(&up)
	if len(up.FailedItems) != 0 {
		t.Fatalf("failed: %q", up.FailedItems)
	}
	other.call("artifact1.upload", map[string]any{"name": "dist", "files": other.write(map[string]string{"a.txt": "again", "c": "c"}), "root": other.work}).ok(nil)
	other.call("artifact1.upload", map[string]any{"name": "more", "files": other.write(map[string]string{"d": "d"}), "root": other.work, "options": map[string]any{"retentionDays": 2}}).ok(nil)
	files["a.txt"], files["c"] = "again", "c"

	into := t.TempDir()
	deploy.call("artifact1.download", map[string]any{"name": "dist", "path": into}).ok(nil)
	if diff := cmp.Diff(files, tree(t, into)); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	all := map[string]string{"more/d": "d"}
	for name, content := range files {
		all["dist/"+name] = content
	}
	into = t.TempDir()
	deploy.call("artifact1.all", map[string]any{"path": into}).ok(nil)
	if diff := cmp.Diff(all, tree(t, into)); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	deploy.call("artifact1.download", map[string]any{"name": "nothing", "path": into}).fails("Unable to find an artifact with the name: nothing")
}

// core.getIDToken, checked as a cloud does with what the server publishes.
func TestIDTokenClient(t *testing.T) {
	s, at := serve(t)
	c := startClients(t, at)
	allowed := open(t, s, message(github(nil, withDefault), mayIDToken))
	forbidden := open(t, s, message(github(nil, withDefault)))
	if !allowed.IDToken || forbidden.IDToken {
		t.Fatalf("id tokens: %v, %v", allowed.IDToken, forbidden.IDToken)
	}
	asks := func(e runner.Endpoints) jobClients {
		return c.job(e.Token, "ACTIONS_ID_TOKEN_REQUEST_URL", at+runner.IDTokenPath)
	}

	for audience, want := range map[string]string{"": "https://github.com/Octo", "sts.amazonaws.com": "sts.amazonaws.com", "api://x y&z": "api://x y&z"} {
		args := map[string]any{}
		if audience != "" {
			args["audience"] = audience
		}
		var text string
		asks(allowed).call("core.idtoken", args).ok(&text)
		body := jwt.MapClaims{}
		_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(want), jwt.WithIssuer(strings.TrimSuffix(at, "/")), jwt.WithExpirationRequired()).
			ParseWithClaims(text, body, func(parsed *jwt.Token) (any, error) { return publishedKey(t, at, parsed.Header["kid"]), nil })
		if err != nil {
			t.Fatalf("audience %q: %v", audience, err)
		}
		if body["sub"] != "repo:Octo/Demo:ref:refs/heads/feature" || body["repository"] != "Octo/Demo" || body["sha"] != "abc" {
			t.Errorf("claims = %v", body)
		}
	}
	asks(forbidden).call("core.idtoken", nil).fails("id-token: write")
	allowed.Close()
	asks(allowed).call("core.idtoken", nil).fails("job has ended")
}

// publishedKey reads the key of that id from the server.
func publishedKey(t *testing.T, at string, kid any) *rsa.PublicKey {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	response, err := client.Get(at + ".well-known/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var set struct{ Keys []map[string]string }
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key["kid"] != kid {
			continue
		}
		n, err := base64.RawURLEncoding.DecodeString(key["n"])
		if err != nil {
			t.Fatal(err)
		}
		e, err := base64.RawURLEncoding.DecodeString(key["e"])
		if err != nil {
			t.Fatal(err)
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	t.Fatalf("no key %v in %v", kid, set)
	return nil
}
