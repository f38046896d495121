package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDotenv(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     map[string]string
		err      string
	}{
		{name: "empty"},
		{name: "only a comment", in: "# nothing"},
		{name: "plain", in: "A=1\nB = two words \n\nC=\n", want: map[string]string{"A": "1", "B": "two words", "C": ""}},
		{name: "no value, no newline", in: "A=1\nB=", want: map[string]string{"A": "1", "B": ""}},
		{name: "windows", in: "\ufeffA=1\r\nB=2\r\n", want: map[string]string{"A": "1", "B": "2"}},
		{name: "export", in: "export A=1\nexport\tB=2\nexported=3\nexport=4", want: map[string]string{"A": "1", "B": "2", "exported": "3", "export": "4"}},
		{name: "yaml style", in: "A: 1\nurl: https://host/?a=b", want: map[string]string{"A": "1", "url": "https://host/?a=b"}},
		{name: "names", in: "a.b_c=1\nmy-input=2\ngrün=3", want: map[string]string{"a.b_c": "1", "my-input": "2", "grün": "3"}},
		{name: "comments", in: "A=1 # one\nB=a#b\nC=#c\nD=a # b # c\n  # E=5", want: map[string]string{"A": "1", "B": "a#b", "C": "#c", "D": "a # b"}},
		{name: "json", in: `A={"a": ["b", 'c']}`, want: map[string]string{"A": `{"a": ["b", 'c']}`}},
		{name: "single quotes", in: `A='a # $B "x" \n'` + "\nB='two\nlines' # said", want: map[string]string{"A": `a # $B "x" \n`, "B": "two\nlines"}},
		{name: "double quotes", in: `A="a\nb\t\"c\" \\ # d"` + "\nB=\"-----BEGIN\nEND-----\"\nC=3",
			want: map[string]string{"A": "a\nbt\"c\" \\ # d", "B": "-----BEGIN\nEND-----", "C": "3"}},
		{name: "variables", in: "A=1\nB=$A-${A}-$A\nC=\"<${B}>\"\nD='$A'\nE=\\$A\nF=\"\\$A\"",
			want: map[string]string{"A": "1", "B": "1-1-1", "C": "<1-1-1>", "D": "$A", "E": "$A", "F": "$A"}},
		{name: "dollar signs stay", in: "A=pa$Word\nB=$\nC=${\nD=$(id)\nE=${UNSET}\nF=5$", want: map[string]string{"A": "pa$Word", "B": "$", "C": "${", "D": "$(id)", "E": "${UNSET}", "F": "5$"}},
		{name: "open brace", in: "A=1\nB=${A", want: map[string]string{"A": "1", "B": "${A"}},
		{name: "last counts", in: "A=1\nA=2", want: map[string]string{"A": "2"}},

		{name: "no equals sign", in: "A=1\nsecret\nB=2", err: `(.env:2): a line without "="`},
		{name: "no name", in: "=1", err: "(.env:1): what stands before the \"=\" is no name"},
		{name: "bad name", in: "A=1\n\nA B=1", err: "(.env:3)"},
		{name: "open quote", in: "A=\"secret\nB=1", err: `(.env:1): the quote (") before the value of "A" is never closed`},
		{name: "escaped last quote", in: `A="secret\"`, err: "never closed"},
		{name: "text after", in: "A='x\ny' secret", err: `(.env:2): text after the closing quote of "A"`},
		{name: "endless growth", in: "A=0123456789\n" + strings.Repeat("A=$A$A$A$A$A$A$A$A$A$A\n", 20), err: "longer than"},
		{name: "no text", in: "A=\x00", err: "not text in UTF-8"},
		{name: "wrong encoding", in: "A=\xff", err: "not text in UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			vars, err := ParseDotenv(".env", []byte(tc.in))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got error %v, want %q", err, tc.err)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the error quotes a value: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]string
			for _, v := range vars {
				if got == nil {
					got = map[string]string{}
				}
				got[v.Name] = v.Value
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDotenvLines(t *testing.T) {
	got, err := ParseDotenv(".env", []byte("# c\nA='x\ny\nz'\nB=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Variable{{"A", "x\ny\nz", 2}, {"B", "1", 5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadVariables(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := ReadVariables(write("s.yaml", "A: 007\nB: |\n  two\n  lines\nC:\nD: yes\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Variable{{"A", "007", 1}, {"B", "two\nlines\n", 2}, {"C", "", 5}, {"D", "yes", 6}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := ReadVariables(write(".secrets", "A: x")); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := ReadVariables(write("empty.yml", "# nothing\n")); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ReadVariables(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	for name, text := range map[string]string{"list.yml": "- a\n", "nested.yml": "A: {b: c}\n", "broken.yml": "A: [\n"} {
		if _, err := ReadVariables(write(name, text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
}

func FuzzParseDotenv(f *testing.F) {
	for _, s := range []string{"A=1\nB=\"$A\\n\" # c", "export A='x\ny'", "A: \\$B", "=", "A=${A", "\"", "A=\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		vars, err := ParseDotenv(".env", src)
		if err != nil {
			return
		}
		lines := strings.Count(string(src), "\n") + 1
		line := 0
		for _, v := range vars {
			if !validName(v.Name) {
				t.Errorf("bad name %q", v.Name)
			}
			if v.Line < line || v.Line > lines {
				t.Errorf("line %d of %d after line %d", v.Line, lines, line)
			}
			line = v.Line
		}
	})
}
