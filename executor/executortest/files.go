package executortest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/drydock-ci/drydock/executor"
)

// entries of the tree that is copied.
var tree = []tar.Header{
	{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
	{Name: "d/deep/er/", Typeflag: tar.TypeDir, Mode: 0o750},
	{Name: "d/deep/er/file ä", Typeflag: tar.TypeReg, Mode: 0o644},
	{Name: "d/empty/", Typeflag: tar.TypeDir, Mode: 0o755},
	{Name: "d/link", Typeflag: tar.TypeSymlink, Linkname: "deep/er", Mode: 0o777},
	{Name: "d/tool", Typeflag: tar.TypeReg, Mode: 0o755},
	{Name: "d/zero", Typeflag: tar.TypeReg, Mode: 0o600},
}

func content(name string) string {
	if strings.HasSuffix(name, "zero") {
		return ""
	}
	return "this is " + name + "\n" + strings.Repeat("0123456789", 30_000)
}

// pack makes a tar stream; files hold content(name).
func (s *suite) pack(headers []tar.Header) io.Reader {
	s.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		data := ""
		if h.Typeflag == tar.TypeReg {
			data = content(h.Name)
			h.Size = int64(len(data))
		}
		if err := w.WriteHeader(&h); err != nil {
			s.Fatalf("make an archive: %v", err)
		}
		if _, err := io.WriteString(w, data); err != nil {
			s.Fatalf("make an archive: %v", err)
		}
	}
	w.Close()
	return &buf
}

// unpack lists a tar stream as "name mode type link size", and the contents.
func unpack(r io.Reader) (list []string, files map[string]string, err error) {
	files = map[string]string{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, r)
			return list, files, err
		}
		if err != nil {
			return list, files, err
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return list, files, err
		}
		mode := h.Mode & 0o777
		if h.Typeflag == tar.TypeSymlink {
			mode = 0o777 // of no meaning
		}
		list = append(list, fmt.Sprintf("%s %o %c %s", h.Name, mode, h.Typeflag, h.Linkname))
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = string(data)
		}
	}
}

func testCopy(s *suite) {
	env := s.place()
	into := path.Join(env.Info().Paths.Work, "new/folder")
	if err := env.CopyIn(s.ctx, into, s.pack(tree)); err != nil {
		s.Fatalf("copy in: %v", err)
	}
	// Again, over what is there.
	if err := env.CopyIn(s.ctx, into, s.pack(tree)); err != nil {
		s.Fatalf("copy in a second time: %v", err)
	}
	s.script(env, ScriptMode, "F", into+"/d/tool", "G", into+"/d/zero")
	out, err := env.CopyOut(s.ctx, into+"/d")
	if err != nil {
		s.Fatalf("copy out: %v", err)
	}
	list, files, err := unpack(out)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		s.Fatalf("copy out: %v", err)
	}
	// d/deep is implied by d/deep/er and appears on the way back.
	var want []string
	for _, h := range tree {
		want = append(want, fmt.Sprintf("%s %o %c %s", h.Name, h.Mode, h.Typeflag, h.Linkname))
		if h.Name == "d/" {
			want = append(want, "d/deep/ 755 5 ")
		}
	}
	if got := strings.Join(list, "\n"); got != strings.Join(want, "\n") {
		s.Errorf("came back as\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	for name, data := range files {
		if data != content(name) {
			s.Errorf("file %q came back with %d bytes, want %d", name, len(data), len(content(name)))
		}
	}
	// The place's user owns it.
	if exit, _ := s.run(env, s.sh(env, ScriptAppend, "F", into+"/d/zero")); exit.Code != 0 {
		s.Errorf("a copied file cannot be written to")
	}
}

func testCopyFile(s *suite) {
	env := s.place()
	file := s.temp(env, "one")
	if out := s.script(env, ScriptTouch, "F", file); out != "" {
		s.Errorf("output %q", out)
	}
	if out := s.script(env, ScriptAppend, "F", file); out != "more\n" {
		s.Errorf("output %q", out)
	}
	r, err := env.CopyOut(s.ctx, file)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	_, files, err := unpack(r)
	if err != nil || len(files) != 1 || files["one"] != "more\n" {
		s.Errorf("copied out %q, error %v", files, err)
	}
}

func testCopyMissing(s *suite) {
	env := s.place()
	r, err := env.CopyOut(s.ctx, s.temp(env, "missing"))
	if err == nil {
		_, err = r.Read(make([]byte, 1))
		r.Close()
	}
	s.wantKind("copy out what is not there", err, executor.NotFound)
}

func testEvil(s *suite) {
	env := s.place()
	work := env.Info().Paths.Work
	into := path.Join(work, "in")
	outside := path.Join(work, "evil")
	for name, headers := range map[string][]tar.Header{
		"parent":         {{Name: "../evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"hidden parent":  {{Name: "a/../../evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"absolute":       {{Name: outside, Typeflag: tar.TypeReg, Mode: 0o644}},
		"through a link": {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "l/evil", Typeflag: tar.TypeReg, Mode: 0o644}},
		"through an absolute link": {
			{Name: "m", Typeflag: tar.TypeSymlink, Linkname: work}, {Name: "m/evil", Typeflag: tar.TypeReg, Mode: 0o644},
		},
		"hard link": {{Name: "h", Typeflag: tar.TypeLink, Linkname: "../../../../../../../../etc/passwd"}},
		"device":    {{Name: "dev", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}},
		"pipe":      {{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o666}},
	} {
		if err := env.CopyIn(s.ctx, into, s.pack(headers)); err == nil {
			s.Errorf("%s: the archive was taken", name)
		}
		if exit, _ := s.run(env, s.sh(env, ScriptTest, "F", outside)); exit.Code == 0 {
			s.Fatalf("%s: the archive wrote outside", name)
		}
	}
	if err := env.CopyIn(s.ctx, into, strings.NewReader(strings.Repeat("no tar ", 1000))); err == nil {
		s.Errorf("garbage was taken for an archive")
	}
	s.script(env, ScriptTrue) // the place still works
}

func testHashFiles(s *suite) {
	env := s.place()
	ws := path.Join(env.Info().Paths.Work, "ws")
	names := []string{"a/lock", "a.lock", "b/c/lock", "b/other", "lock"}
	var headers []tar.Header
	for _, n := range names {
		headers = append(headers, tar.Header{Name: n, Typeflag: tar.TypeReg, Mode: 0o644})
	}
	if err := env.CopyIn(s.ctx, ws, s.pack(headers)); err != nil {
		s.Fatal(err)
	}
	for _, c := range []struct {
		patterns []string
		files    []string
	}{
		{[]string{"**/lock"}, []string{"a/lock", "b/c/lock", "lock"}},
		{[]string{"**"}, names},
		{[]string{"b"}, []string{"b/c/lock", "b/other"}},
		{[]string{"lock", "a"}, []string{"lock", "a/lock"}},
		{[]string{"**/*lock\n!b/**\n# lock"}, []string{"a/lock", "a.lock", "lock"}},
		{[]string{ws + "/a.?ock", "/etc/*"}, []string{"a.lock"}},
		{[]string{"nothing"}, nil},
	} {
		got, err := env.HashFiles(s.ctx, executor.HashQuery{Workspace: ws, Patterns: c.patterns})
		if err != nil || got != hashOf(c.files) {
			s.Errorf("hashFiles(%q) = %q, %v; want the hash of %q", c.patterns, got, err, c.files)
		}
	}
	if _, err := env.HashFiles(s.ctx, executor.HashQuery{Workspace: ws, Patterns: []string{"../x"}}); err == nil {
		s.Errorf("hashFiles(\"../x\") gave no error")
	}
}

func hashOf(files []string) string {
	if files == nil {
		return ""
	}
	total := sha256.New()
	for _, f := range files {
		sum := sha256.Sum256([]byte(content(f)))
		total.Write(sum[:])
	}
	return hex.EncodeToString(total.Sum(nil))
}
