package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseActrc(t *testing.T) {
	env := environment{"HOME=/home/ada"}
	got := ParseActrc([]byte("# usual\n-P ubuntu-latest=node:20\n  --env  A=b c \r\n\n--bind\n--secret-file=$HOME/s ${NONE}\nstray\n-v"), env.value)
	want := []string{"-P", "ubuntu-latest=node:20", "--env", "A=b c", "--bind", "--secret-file=/home/ada/s", "-v"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadActrc(t *testing.T) {
	root := t.TempDir()
	home, project, xdg := filepath.Join(root, "home"), filepath.Join(root, "project"), filepath.Join(root, "xdg")
	for path, text := range map[string]string{
		filepath.Join(xdg, "act", "actrc"): "-v", filepath.Join(home, ".actrc"): "--bind", filepath.Join(project, ".actrc"): "--rm",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "XDG_CONFIG_HOME=" + xdg}
	got, err := ReadActrc(project, env)
	if err != nil {
		t.Fatal(err)
	}
	want := []Actrc{
		{Path: filepath.Join(xdg, "act", "actrc"), Args: []string{"-v"}},
		{Path: filepath.Join(home, ".actrc"), Args: []string{"--bind"}},
		{Path: filepath.Join(project, ".actrc"), Args: []string{"--rm"}, Project: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// In the home folder its file is the user's, and counts once.
	got, err = ReadActrc(home, env)
	if err != nil || len(got) != 2 || got[1].Project {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := os.Mkdir(filepath.Join(root, ".actrc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadActrc(root, env); err == nil {
		t.Error("a folder named .actrc is no error")
	}
}

func FuzzParseActrc(f *testing.F) {
	f.Add([]byte("-P a=b\n--x"))
	f.Fuzz(func(t *testing.T, src []byte) {
		args := ParseActrc(src, func(string) string { return "" })
		if len(args) > 0 && (args[0] == "" || args[0][0] != '-') {
			t.Errorf("begins with %q", args[0])
		}
	})
}
