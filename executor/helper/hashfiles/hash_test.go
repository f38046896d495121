package hashfiles

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes files, each holding its own name; "a -> b" is a link.
func tree(t testing.TB, names ...string) string {
	t.Helper()
	ws := filepath.Join(t.TempDir(), "w[s]", "ws")
	for _, n := range names {
		name, target, isLink := strings.Cut(n, " -> ")
		p := filepath.Join(ws, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if isLink {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(n), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return ws
}

func walk(t testing.TB, q Query) ([]string, error) {
	var got []string
	err := Walk(t.Context(), q, func(f string) error {
		rel, err := filepath.Rel(q.Workspace, f)
		got = append(got, rel)
		return err
	})
	return got, err
}

// Thousands of random patterns of these kinds gave the same files in the same
// order as @actions/glob 0.5 under Node 20.
func TestWalk(t *testing.T) {
	ws := tree(t, "a/x.txt", "a.txt", "a-b/x.txt", "b/c/d/x.json", "b/c/x.txt", ".hid/x.txt", ".hid.txt", "B/x.txt",
		"c*d/x.txt", "cxd/x.txt", "[x]/x.txt", "é/x.txt", "node_modules/p/package-lock.json", "package-lock.json",
		"l -> b/c", "up -> ..", "broken -> nowhere", "self -> .")
	for _, c := range []struct {
		patterns string
		follow   bool
		want     string
	}{
		{"**/package-lock.json", false, "node_modules/p/package-lock.json package-lock.json"},
		{"**/package-lock.json\n!node_modules/**", false, "package-lock.json"},
		{"*.txt", false, ".hid.txt a.txt"},
		// Folders stand at the sorted place of their own name: "a" before
		// "a-b" before "a.txt".
		{"a*/**/x.txt", false, "a/x.txt a-b/x.txt"},
		{"a*", false, "a/x.txt a-b/x.txt a.txt"},
		{"b", false, "b/c/d/x.json b/c/x.txt"},
		{"b/", false, "b/c/d/x.json b/c/x.txt"},
		{"a.txt/", false, ""},
		{"a.txt/**", false, "a.txt"},
		{"b/c\na", false, "b/c/d/x.json b/c/x.txt a/x.txt"},
		{"a\nb/c", false, "a/x.txt b/c/d/x.json b/c/x.txt"},
		{"b/c/x.txt\nb\na.txt", false, "b/c/d/x.json b/c/x.txt a.txt"},
		{"# a.txt\n\n  a.txt  ", false, "a.txt"},
		{"!a.txt", false, ""},
		{"!!a.txt", false, "a.txt"},
		{"a.txt\n!a.txt\na.txt", false, "a.txt"},
		{"a\n!a", false, ""},
		{"c\\*d/*", false, "c*d/x.txt"},
		{"c[*]d/*", false, "c*d/x.txt"},
		{"c*d/*", false, "c*d/x.txt cxd/x.txt"},
		{"[x]/x.txt", false, ""},
		{"[[]x]/x.txt", false, "[x]/x.txt"},
		{"[a-b]/x.txt", false, "a/x.txt"},
		{"[!a-z]/x.txt", false, "B/x.txt é/x.txt"},
		{"?/x.txt", false, "B/x.txt a/x.txt é/x.txt"},
		{"{a,b}/x.txt", false, ""},
		{"./a.txt", false, "a.txt"},
		{"~/a.txt", false, ""},
		{"$WS/a.txt\n/etc/passwd", false, "a.txt"},
		{"l/*", false, ""},
		{"l/*", true, "l/d/x.json l/x.txt"},
		{"bro*", true, ""},
		{"self/a.txt", true, "self/a.txt"},
		{"nothing", false, ""},
		{"", false, ""},
	} {
		patterns := strings.ReplaceAll(c.patterns, "$WS", escape(ws))
		got, err := walk(t, Query{Workspace: ws, Patterns: []string{patterns}, FollowSymlinks: c.follow, Home: "/nowhere"})
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%q (follow %v): %q, %v; want %q", c.patterns, c.follow, got, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	ws := tree(t, "a", "broken -> nowhere")
	for pattern, want := range map[string]string{
		"../a": `"." and ".."`, "b/./a": `"." and ".."`, "b/..": `"." and ".."`, "!": "empty", "~": "home",
	} {
		if _, err := walk(t, Query{Workspace: ws, Patterns: []string{pattern}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", pattern, err, want)
		}
	}
	if _, err := Hash(t.Context(), Query{Workspace: ws, Patterns: []string{"**"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a broken link that is not followed: %v", err)
	}
	if _, err := walk(t, Query{Workspace: "ws", Patterns: []string{"**"}}); err == nil {
		t.Error("a relative workspace was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Hash(ctx, Query{Workspace: ws, Patterns: []string{"a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestHash(t *testing.T) {
	ws := tree(t, "a", "b", "dir -> .")
	total := sha256.New()
	for _, n := range []string{"a", "b"} {
		sum := sha256.Sum256([]byte(n))
		total.Write(sum[:])
	}
	got, err := Hash(t.Context(), Query{Workspace: ws, Patterns: []string{"**"}})
	if want := hex.EncodeToString(total.Sum(nil)); err != nil || got != want {
		t.Errorf("hash %q, %v; want %q", got, err, want)
	}
	if got, err := Hash(t.Context(), Query{Workspace: ws, Patterns: []string{"c"}}); err != nil || got != "" {
		t.Errorf("no file: %q, %v", got, err)
	}
}

func FuzzWalk(f *testing.F) {
	for _, p := range []string{"**", "a/**/b", "!a\n**", "[a-", "[!]", "[]a]", "\\", "a\\", "**/**/**/*?", "[z-a]*", "~/a", "# x", "/"} {
		f.Add(p)
	}
	ws := tree(f, "a/b/c", "a/b.c", "b", "[", "d/e/f/g/h -> ../..")
	f.Fuzz(func(t *testing.T, p string) {
		seen := map[string]bool{}
		_ = Walk(t.Context(), Query{Workspace: ws, Patterns: []string{p}, FollowSymlinks: len(p)%2 == 0, Home: "/home/x"}, func(file string) error {
			if !strings.HasPrefix(file, ws+"/") || seen[file] {
				t.Errorf("pattern %q gave %q, outside or twice", p, file)
			}
			seen[file] = true
			return nil
		})
	})
}
