package command

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseKeyValues(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []KeyValue
		err  string
	}{
		{"empty", "", nil, ""},
		{"one", "A=b\n", []KeyValue{{"A", "b", 1}}, ""},
		{"no newline at the end", "A=b", []KeyValue{{"A", "b", 1}}, ""},
		{"empty lines", "\n\nA=b\n\nC=d\n\n", []KeyValue{{"A", "b", 3}, {"C", "d", 5}}, ""},
		{"nothing is trimmed", " A = b \n", []KeyValue{{" A ", " b ", 1}}, ""},
		{"equals in the value", "A=b=c\n", []KeyValue{{"A", "b=c", 1}}, ""},
		{"heredoc sign in the value", "A=b<<c\n", []KeyValue{{"A", "b<<c", 1}}, ""},
		{"empty value", "A=\n", []KeyValue{{"A", "", 1}}, ""},
		{"same name twice", "A=1\nA=2\n", []KeyValue{{"A", "1", 1}, {"A", "2", 2}}, ""},
		{"CR belongs to the value", "A=b\r\n", []KeyValue{{"A", "b\r", 1}}, ""},
		{"heredoc", "A<<EOF\none\ntwo\nEOF\nB=c\n", []KeyValue{{"A", "one\ntwo", 1}, {"B", "c", 5}}, ""},
		{"heredoc empty", "A<<EOF\nEOF\n", []KeyValue{{"A", "", 1}}, ""},
		{"heredoc of an empty line", "A<<EOF\n\nEOF\n", []KeyValue{{"A", "", 1}}, ""},
		{"heredoc of two empty lines", "A<<EOF\n\n\nEOF\n", []KeyValue{{"A", "\n", 1}}, ""},
		{"heredoc keeps entries as text", "A<<EOF\nB=c\nD<<X\nEOF\n", []KeyValue{{"A", "B=c\nD<<X", 1}}, ""},
		{"heredoc end without newline", "A<<EOF\nb\nEOF", []KeyValue{{"A", "b", 1}}, ""},
		{"heredoc delimiter with equals", "A<<E=F\nb\nE=F\n", []KeyValue{{"A", "b", 1}}, ""},
		{"heredoc delimiter must be the whole line", "A<<EOF\n EOF\nEOF \nxEOF\nEOF\n", []KeyValue{{"A", " EOF\nEOF \nxEOF", 1}}, ""},
		{"heredoc delimiter is not trimmed", "A<< EOF\nb\n EOF\n", []KeyValue{{"A", "b", 1}}, ""},
		{"heredoc with CRLF", "A<<EOF\r\nb\r\nEOF\r\n", []KeyValue{{"A", "b\r", 1}}, ""},
		{"second heredoc sign belongs to the delimiter", "A<<B<<C\nx\nB<<C\n", []KeyValue{{"A", "x", 1}}, ""},
		{"no sign", "A=b\nnonsense\nC=d\n", []KeyValue{{"A", "b", 1}}, `process file command "output", line 2: invalid format "nonsense"`},
		{"no name", "=b\n", nil, "name must not be empty"},
		{"heredoc without name", "<<EOF\nb\nEOF\n", nil, "must not be empty"},
		{"heredoc without delimiter", "A<<\nb\n", nil, "must not be empty"},
		{"no end", "A=b\nC<<EOF\nd\n", []KeyValue{{"A", "b", 1}}, `line 2: invalid value: matching delimiter not found "EOF"`},
		{"nothing after the delimiter", "A<<EOF", nil, "matching delimiter not found"},
		{"last line without newline", "A<<EOF\nb", nil, "has no newline"},
		{"UTF-8 mark", "\xef\xbb\xbfA=b\n", []KeyValue{{"A", "b", 1}}, ""},
		{"UTF-16 little endian", "\xff\xfeA\x00=\x00\xfc\x00\n\x00", []KeyValue{{"A", "ü", 1}}, ""},
		{"UTF-16 big endian", "\xfe\xff\x00A\x00=\x00\xfc\x00\n", []KeyValue{{"A", "ü", 1}}, ""},
		{"invalid UTF-8", "A=\xff\n", []KeyValue{{"A", "\uFFFD", 1}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseKeyValues("output", []byte(tt.in))
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func FuzzParseKeyValues(f *testing.F) {
	f.Add([]byte("A=b\nC<<EOF\nx\nEOF\n"), "value")
	f.Add([]byte("\xff\xfeA\x00"), "a\nEOF\nb=c")
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		pairs, _ := ParseKeyValues("env", data)
		for _, p := range pairs {
			if p.Name == "" || strings.Contains(p.Name, "\n") {
				t.Fatalf("%q gives the name %q", data, p.Name)
			}
		}
		ParsePaths(data)
		// A value in a heredoc comes back unless it holds the delimiter: a file cannot break out of it.
		const delimiter = "ghadelimiter_1"
		value = strings.ToValidUTF8(value, "")
		if slices.Contains(strings.Split(value, "\n"), delimiter) {
			return
		}
		got, err := ParseKeyValues("env", []byte("NAME<<"+delimiter+"\n"+value+"\n"+delimiter+"\n"))
		if err != nil || len(got) != 1 || got[0].Value != value {
			t.Fatalf("value %q came back as %+v, %v", value, got, err)
		}
	})
}

func TestParsePaths(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"/a\n", []string{"/a"}},
		{"/a\n\n/b", []string{"/a", "/b"}},
		{"/a\r\n/b\r\n", []string{"/a", "/b"}},
		{"/a\n/b\n/a\n", []string{"/b", "/a"}},
		{" /with space \n", []string{" /with space "}},
	}
	for _, tt := range tests {
		if got := ParsePaths([]byte(tt.in)); !slices.Equal(got, tt.want) {
			t.Errorf("ParsePaths(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCheckSummary(t *testing.T) {
	if err := CheckSummary(make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	if err := CheckSummary(make([]byte, 1<<20+1)); err == nil {
		t.Error("too large, but no error")
	}
}

func TestCheckEnv(t *testing.T) {
	for _, name := range []string{"A", "GITHUB_SHA", "RUNNER_OS", "PATH", "node", "a b"} {
		if err := CheckEnv(name, "v"); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"NODE_OPTIONS", "Node_Options", "", "A=B", "A\x00"} {
		if CheckEnv(name, "v") == nil {
			t.Errorf("%q is allowed", name)
		}
	}
	if err := CheckEnv("A", "b\x00c"); err == nil || !strings.Contains(err.Error(), "NUL") {
		t.Errorf("a value with a NUL byte: %v", err)
	}
}

func TestParseArtifacts(t *testing.T) {
	sha256, sha384, sha512 := strings.Repeat("aB", 32), strings.Repeat("c", 96), strings.Repeat("d", 128)
	tests := []struct {
		in   string
		want []Subject
		err  string
	}{
		{"", nil, ""},
		{"# comment\n\n  \n", nil, ""},
		{"dist/app.tar.gz\n", []Subject{{Kind: SubjectFile, Path: "dist/app.tar.gz", Line: 1}}, ""},
		{"  /abs/path \r\n", []Subject{{Kind: SubjectFile, Path: "/abs/path", Line: 1}}, ""},
		{"\nFILE://a@b\n", []Subject{{Kind: SubjectFile, Path: "a@b", Line: 2}}, ""},
		{"oci://reg/img@sha256:" + sha256, []Subject{{Kind: SubjectOCI, Name: "reg/img", Digest: "sha256:" + strings.ToLower(sha256), Line: 1}}, ""},
		{"reg/img:1@sha384:" + sha384, []Subject{{Kind: SubjectOCI, Name: "reg/img:1", Digest: "sha384:" + sha384, Line: 1}}, ""},
		{"OCI://img@sha512:" + sha512, []Subject{{Kind: SubjectOCI, Name: "img", Digest: "sha512:" + sha512, Line: 1}}, ""},
		{"img@sha256:abc", []Subject{{Kind: SubjectFile, Path: "img@sha256:abc", Line: 1}}, ""},
		{"file://img@sha256:" + sha256, []Subject{{Kind: SubjectFile, Path: "img@sha256:" + sha256, Line: 1}}, ""},
		{"oci://img@sha256:abc", nil, "64 hexadecimal digits, not 3"},
		{"oci://img", nil, "must end in"},
		{"oci://img@md5:" + sha256, nil, "must end in"},
		{"oci://@sha256:" + sha256, nil, "must end in"},
		{"file:// ", nil, "needs a path"},
		{"good\nhttps://x/y", nil, `line 2: "https://x/y": unsupported scheme "https://"`},
		{"name=value", nil, "reserved"},
		{strings.Repeat("#", MaxSummary+1), nil, "1024 KiB"},
	}
	for _, tt := range tests {
		got, err := ParseArtifacts([]byte(tt.in))
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%.60q: got %+v, want %+v", tt.in, got, tt.want)
		}
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.60q: error %v, want %q", tt.in, err, tt.err)
		}
	}
}

func TestAddSubjects(t *testing.T) {
	b := Subject{Name: "b", Digest: "sha256:1", Kind: SubjectFile}
	a := Subject{Name: "a", Digest: "sha256:2", Kind: SubjectOCI}
	job, err := AddSubjects(nil, []Subject{b, a, b})
	if err != nil || len(job) != 2 {
		t.Fatalf("%+v, %v", job, err)
	}
	list, err := ArtifactsList(job)
	want := `{"version":1,"subjects":[{"name":"a","digest":"sha256:2","kind":"oci"},{"name":"b","digest":"sha256:1","kind":"file"}]}`
	if err != nil || string(list) != want {
		t.Errorf("list %s, %v", list, err)
	}
	if list, _ := ArtifactsList(nil); string(list) != `{"version":1,"subjects":[]}` {
		t.Errorf("empty list %s", list)
	}
	after, err := AddSubjects(job, []Subject{{Name: "c", Digest: "sha256:3"}, {Name: "a", Digest: "sha256:9", Line: 7}})
	if err == nil || !strings.Contains(err.Error(), "line 7") || len(after) != 2 {
		t.Errorf("conflict: %+v, %v", after, err)
	}
	var many []Subject
	for i := range MaxSubjects {
		many = append(many, Subject{Name: fmt.Sprint(i), Digest: "x"})
	}
	full, err := AddSubjects(nil, many)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AddSubjects(full, many[:3]); err != nil {
		t.Errorf("the same subjects again: %v", err)
	}
	if _, err := AddSubjects(full, []Subject{b}); err == nil {
		t.Error("one too many, but no error")
	}
}
