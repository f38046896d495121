package artifact

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const workflow = "/_apis/pipelines/workflows/4711/artifacts?api-version=6.0-preview"

// container opens an upload of the old protocol and gives its URL.
func (j job) container(name string) string {
	j.t.Helper()
	got := j.call("POST", workflow, fmt.Appendf(nil, `{"Type":"actions_storage","Name":%q}`, name))
	if got.status != 201 {
		j.t.Fatalf("POST: %d %s", got.status, got.body)
	}
	return got.json["fileContainerResourceUrl"].(string)
}

// piece sends bytes first to first+len(content)-1 of a file of total bytes.
func (j job) piece(container, path, content string, first, total int, header ...string) reply {
	j.t.Helper()
	header = append(header, "Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, first+len(content)-1, total))
	return j.call("PUT", container+"?itemPath="+url.QueryEscape(path), []byte(content), header...)
}

func (j job) whole(container, path, content string) {
	j.t.Helper()
	if got := j.piece(container, path, content, 0, len(content)); got.status != 201 {
		j.t.Fatalf("PUT %q: %d %s", path, got.status, got.body)
	}
}

func (j job) finish(name string) reply {
	j.t.Helper()
	return j.call("PATCH", workflow+"&artifactName="+url.QueryEscape(name), []byte(`{"Size":1}`))
}

// content reads all files of an artifact as the old download-artifact does.
func (j job) content(name string) map[string]string {
	j.t.Helper()
	got := j.call("GET", workflow, nil)
	files := map[string]string{}
	for _, v := range got.json["value"].([]any) {
		a := v.(map[string]any)
		if a["name"] != name {
			continue
		}
		items := j.call("GET", a["fileContainerResourceUrl"].(string)+"?itemPath="+url.QueryEscape(name), nil)
		for _, v := range items.json["value"].([]any) {
			item := v.(map[string]any)
			if item["itemType"] != "file" {
				continue
			}
			file := j.call("GET", item["contentLocation"].(string), nil, "Accept-Encoding", "identity")
			if file.status != 200 || float64(len(file.body)) != item["fileLength"] {
				j.t.Errorf("%s: %d, %d bytes of %v", item["path"], file.status, len(file.body), item["fileLength"])
			}
			files[item["path"].(string)] = string(file.body)
		}
	}
	return files
}

func pack(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLooseUploadAndDownload(t *testing.T) {
	s := serve(t)
	j := s.job()
	at := j.container("dist")
	j.whole(at, "dist/a.txt", "alpha")
	j.whole(at, `dist\win\b.txt`, "beta")
	if got := j.call("PUT", at+"?itemPath=dist/empty", nil, "Content-Range", "bytes 0--1/0"); got.status != 201 {
		t.Errorf("empty file: %d %s", got.status, got.body)
	}
	// Pieces of one gzip stream; the last comes twice, since its answer was lost.
	text := strings.Repeat("gamma ", 1000)
	packed := pack(t, text)
	for _, part := range [][2]int{{0, 20}, {20, 40}, {40, len(packed)}, {40, len(packed)}} {
		got := j.piece(at, "dist/c.txt", packed[part[0]:part[1]], part[0], len(packed), "Content-Encoding", "gzip", "x-tfs-filelength", fmt.Sprint(len(text)))
		if got.status != 201 {
			t.Fatalf("piece %v: %d %s", part, got.status, got.body)
		}
	}
	if files := j.content("dist"); len(files) != 0 {
		t.Errorf("an unfinished artifact shows %q", files)
	}
	if got := j.finish("dist"); got.status != 200 {
		t.Fatalf("PATCH: %d %s", got.status, got.body)
	}
	want := map[string]string{"dist/a.txt": "alpha", "dist/win/b.txt": "beta", "dist/empty": "", "dist/c.txt": text}
	if diff := cmp.Diff(want, s.job(named("deploy")).content("dist")); diff != "" {
		t.Error(diff)
	}
	// After the job, and in a process that starts anew.
	s.Abandon(t.Context(), j.grant)
	if len(s.containers) != 0 || len(s.loose) != 0 {
		t.Error("the container of a job that has ended is still in memory")
	}
	if diff := cmp.Diff(want, serveAt(t, s.root).job().content("dist")); diff != "" {
		t.Error(diff)
	}
	// Today's protocol does not see it, and has the name for itself.
	if names := j.names(); len(names) != 0 {
		t.Errorf("artifacts = %q", names)
	}
	j.upload("dist", "x")
}

func TestLooseKeepsCompressedFilesAsTheyAre(t *testing.T) {
	s := serve(t)
	j := s.job()
	at := j.container("a")
	packed := pack(t, "text")
	j.piece(at, "a/f", packed, 0, len(packed), "Content-Encoding", "gzip", "x-tfs-filelength", "4")
	j.finish("a")
	items := j.call("GET", at+"?itemPath=a", nil).json["value"].([]any)
	location := items[1].(map[string]any)["contentLocation"].(string)
	got := j.call("GET", location, nil, "Accept-Encoding", "gzip")
	if got.header.Get("Content-Encoding") != "gzip" || got.header.Get("Content-Length") != fmt.Sprint(len(packed)) || string(got.body) != packed {
		t.Errorf("headers = %v, %d bytes, want the gzip stream itself", got.header, len(got.body))
	}
}

func TestLooseArtifactsMerge(t *testing.T) {
	s := serve(t)
	one, two := s.job(), s.job(named("two"))
	at, same := one.container("all"), two.container("all")
	if at != same {
		t.Errorf("two jobs upload the same artifact to %q and %q", at, same)
	}
	one.whole(at, "all/1", "1")
	one.whole(at, "all/both", "old")
	two.whole(same, "all/2", "2")
	one.finish("all")
	if diff := cmp.Diff(map[string]string{"all/1": "1", "all/both": "old"}, one.content("all")); diff != "" {
		t.Error(diff)
	}
	two.whole(same, "all/both", "new")
	two.finish("all")
	want := map[string]string{"all/1": "1", "all/2": "2", "all/both": "new"}
	if diff := cmp.Diff(want, one.content("all")); diff != "" {
		t.Error(diff)
	}

	// Also when another process had the first part.
	s.Abandon(t.Context(), one.grant)
	s.Abandon(t.Context(), two.grant)
	again := serveAt(t, s.root)
	three := again.job(named("three"))
	three.whole(three.container("all"), "all/3", "3")
	three.finish("all")
	want["all/3"] = "3"
	if diff := cmp.Diff(want, three.content("all")); diff != "" {
		t.Error(diff)
	}

	body, a, err := again.Open(t.Context(), "4711", "all")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if a.File() != "all.zip" || len(archive.File) != 4 || a.Files != 4 || a.Size != 6 {
		t.Errorf("opened %+v with %d files", a, len(archive.File))
	}
	if err := again.Delete(t.Context(), "4711", "all"); err != nil {
		t.Fatal(err)
	}
	for info, err := range again.store.List(t.Context(), "") {
		t.Errorf("left: %q %v", info.Key, err)
	}
}

func TestLooseLeavesNothingUnfinished(t *testing.T) {
	s := serve(t)
	j := s.job()
	at := j.container("a")
	j.whole(at, "a/whole", "1")
	j.piece(at, "a/half", "1", 0, 2)
	j.finish("a").refused(t, 400, "invalid_argument", "half")
	s.Abandon(t.Context(), j.grant)
	for info, err := range s.store.List(t.Context(), "") {
		t.Errorf("left: %q %v", info.Key, err)
	}
	if got := j.piece(at, "a/half", "2", 1, 2); got.status != 404 {
		t.Errorf("a piece after the job: %d %s", got.status, got.body)
	}
}

func TestLooseBadRequests(t *testing.T) {
	s := serve(t)
	j := s.job()
	at := j.container("a")
	for _, path := range []string{
		"", "a", "a/", "/a/b", "b/c", "a/../b", "a/..", "a/./b", "a//b", `a\..\..\b`, "a/b\x00c", "a/b:c", "a/b*", "a/\xff",
		"../a/b", "a/" + strings.Repeat("x", 256), "a/" + strings.Repeat("x/", 3000) + "y", "a/%2e%2e/b/../c",
	} {
		if got := j.piece(at, path, "x", 0, 1); got.status != 400 || got.json["code"] != "invalid_argument" {
			t.Errorf("itemPath %.60q: %d %s", path, got.status, got.body)
		}
	}
	for _, header := range []string{"", "bytes 0-1/1", "bytes 1-0/2", "bytes 0-0/*", "bytes -1-0/1", "bytes 0-0/0", "bytes 0-99999999999999999999/1", "items 0-0/1", "bytes 0-1/2", "bytes 0--1/1"} {
		if got := j.call("PUT", at+"?itemPath=a/b", []byte("x"), "Content-Range", header); got.status != 400 {
			t.Errorf("Content-Range %q: %d %s", header, got.status, got.body)
		}
	}
	j.piece(at, "a/b", "x", 1, 2).refused(t, 400, "invalid_argument", "has no upload")
	j.piece(at, "a/b", "x", 0, 1, "Content-Encoding", "gzip").refused(t, 400, "invalid_argument", "x-tfs-filelength")
	for _, bad := range badNames {
		if got := j.call("POST", workflow, fmt.Appendf(nil, `{"Type":"actions_storage","Name":%q}`, bad)); got.status != 400 {
			t.Errorf("name %.40q: %d %s", bad, got.status, got.body)
		}
	}
	j.call("POST", workflow, []byte(`{"Name":"a","RetentionDays":-1}`)).refused(t, 400, "invalid_argument", "negative")
	j.call("POST", workflow, []byte(strings.Repeat("a", 2<<20))).refused(t, 413, "invalid_argument", "longer")
	j.finish("nothing").refused(t, 404, "not_found", "nothing")

	other := s.job(inRun("4712"))
	for _, got := range []reply{other.call("GET", workflow, nil), other.call("POST", workflow, []byte(`{"Name":"a"}`)), other.finish("a")} {
		got.refused(t, 403, "permission_denied", "4711")
	}
	for _, path := range []string{at, at + "/abcdefghijklmnop", at + "/files.json", at + "x", at + "/..%2f..%2fx"} {
		if got := other.call("GET", path, nil); got.status != 404 {
			t.Errorf("GET %s by another run: %d %s", path, got.status, got.body)
		}
	}
	other.piece(at, "a/b", "x", 0, 1).refused(t, 404, "not_found", "container")
	j.whole(at, "a/b", "x")
	j.finish("a")
	for _, path := range []string{at + "/files.json", at + "/..%2f..%2fx", at + "/abcdefghijklmnop", at + "/-gz"} {
		j.call("GET", path, nil).refused(t, 404, "not_found", "no file")
	}
}

func TestLooseRetention(t *testing.T) {
	s := serve(t, func(o *Options) { o.Retention = 10 * 24 * time.Hour })
	j := s.job()
	for days, want := range map[int]int{0: 10, 3: 3, 400: 10} {
		got := j.call("POST", workflow, fmt.Appendf(nil, `{"Name":"a%d","RetentionDays":%d}`, days, days))
		expires, err := time.Parse(time.RFC3339, got.json["expiresOn"].(string))
		if left := time.Until(expires).Hours() / 24; err != nil || left > float64(want) || left < float64(want)-0.1 {
			t.Errorf("%d days asked: %v days, want %d (%v)", days, left, want, err)
		}
	}
}
