package build

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drydock-ci/drydock/executor"
)

// inBoth runs a test at the Docker engine and at a buildkitd.
func inBoth(t *testing.T, test func(*testing.T, *Builder)) {
	t.Run("engine", func(t *testing.T) {
		b, err := New(Options{Engine: engineOf(docker(t)), Registry: anonymous(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		test(t, b)
	})
	t.Run("buildkitd", func(t *testing.T) { test(t, shared(t, Options{})) })
}

// scripts is a sandbox with busybox, whose steps are scripts that leave "a".
func scripts(t testing.TB, files string, all ...string) Sandbox {
	t.Helper()
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("needs the package busybox-static")
	}
	tools := t.TempDir()
	if err := os.WriteFile(filepath.Join(tools, "busybox"), program, 0o700); err != nil {
		t.Fatal(err)
	}
	s := Sandbox{
		Op: "try it", Platform: "linux/amd64", Out: t.TempDir(), Files: []string{"a"}, MaxFile: 100,
		Folders: []Folder{{Name: "tools", Path: tools, At: "/bin"}, {Name: "files", Path: files, At: "/src", Without: []string{"left", "**/*.out"}}},
		Env:     []string{"WORD=hello"},
	}
	for i, text := range all {
		s.Steps = append(s.Steps, Step{Name: "step " + string(rune('1'+i)), Args: []string{"/bin/busybox", "sh", "-c", text}, Dir: "/src/sub", Env: []string{"N=" + string(rune('1'+i)), "RUN=" + rand.Text()}})
	}
	return s
}

func TestSandbox(t *testing.T) {
	inBoth(t, func(t *testing.T, b *Builder) {
		files := folder(t, "sub/in", "1\n", "left/x", "", "sub/x.out", "")
		if err := os.Symlink(filepath.Join(files, "sub/in"), filepath.Join(files, "sub/link")); err != nil {
			t.Fatal(err)
		}
		var told told
		s := scripts(t, files,
			`cd /bin && exec ./busybox sh -c 'echo said; busybox find /src | busybox sort > /out/a; busybox echo 1 > /src/x || busybox echo "$WORD $N" >> /out/a'`,
			`/bin/busybox cat /src/sub/link >> /out/a || /bin/busybox echo "$N $HOME" >> /out/a; /bin/busybox ls / >> /out/a`)
		s.Progress = told.add
		if err := b.Run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(s.Out, "a"))
		if err != nil {
			t.Fatal(err)
		}
		want := "/src\n/src/sub\n/src/sub/in\n/src/sub/link\nhello 1\n2 /\nbin\ndev\netc\nout\nproc\nsrc\nsys\ntmp\n"
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
		for _, text := range []string{`log "step 1" "said"`, `started "step 2"`, "Read-only file system"} {
			if !strings.Contains(told.String(), text) {
				t.Errorf("nothing of %q is told:\n%s", text, &told)
			}
		}
	})
}

// TestSandboxKept: who names another id has other files, and all begin with the same.
func TestSandboxKept(t *testing.T) {
	inBoth(t, func(t *testing.T, b *Builder) {
		files, id := folder(t, "sub/in", ""), rand.Text()
		see := func(id string) string {
			t.Helper()
			s := scripts(t, files, `/bin/busybox ls /kept /more > /out/a; /bin/busybox echo 1 > /kept/mine; /bin/busybox echo 1 > /more/mine`)
			s.Folders[0].Common = true
			s.Kept = []Kept{{At: "/kept", ID: id}}
			s.Steps[0].Kept = []Kept{{At: "/more", ID: id, First: &Step{
				Name: "begin", Args: []string{"/bin/busybox", "sh", "-c", "/bin/busybox ls / > /more/first; ! /bin/busybox ls /src"},
			}}}
			if err := b.Run(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(s.Out, "a"))
			if err != nil {
				t.Fatal(err)
			}
			return string(got)
		}
		first, again, other := see(id), see(id), see(id+"-other")
		if first != "/kept:\n\n/more:\nfirst\n" || again != "/kept:\nmine\n\n/more:\nfirst\nmine\n" || other != first {
			t.Errorf("%q, %q, another %q", first, again, other)
		}
	})
}

func TestSandboxFails(t *testing.T) {
	inBoth(t, func(t *testing.T, b *Builder) {
		files := folder(t, "sub/in", "")
		for name, tt := range map[string]struct {
			script, want string
			kind         executor.ErrorKind
		}{
			"exit code":  {"exit 3", "try it: busybox ended with exit code 3", executor.Failed},
			"nothing":    {"true", `"a" did not come out`, executor.Refused},
			"too much":   {`cd /out; /bin/busybox head -c 101 /dev/zero > a`, `"a" has 101 bytes, and may have 100`, executor.Refused},
			"sparse":     {`cd /out; /bin/busybox truncate -s 300G a`, `"a" has 322122547200 bytes`, executor.Refused},
			"more":       {`cd /out; /bin/busybox touch a b`, `"b" came out, which nobody asked for`, executor.Refused},
			"a link":     {`cd /out; /bin/busybox ln -s /etc/passwd a`, `"a" came out, which nobody asked for`, executor.Refused},
			"a folder":   {`cd /out; /bin/busybox mkdir a`, `"a/" came out, which nobody asked for`, executor.Refused},
			"a pipe":     {`cd /out; /bin/busybox mkfifo a`, `"a" came out, which nobody asked for`, executor.Refused},
			"a device":   {`cd /out; /bin/busybox mknod a c 1 5`, `"a" came out, which nobody asked for`, executor.Refused},
			"its mounts": {`/bin/busybox mount -t tmpfs x /src`, `ended with exit code 1`, executor.Failed},
		} {
			t.Run(name, func(t *testing.T) {
				s := scripts(t, files, tt.script)
				err := b.Run(t.Context(), s)
				if err == nil || !strings.Contains(err.Error(), tt.want) || !executor.IsKind(err, tt.kind) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				for _, left := range []string{"a", "b"} {
					if info, err := os.Lstat(filepath.Join(s.Out, left)); err == nil && (left != "a" || !info.Mode().IsRegular()) {
						t.Errorf("%s is there", left)
					}
				}
			})
		}
	})
}

func TestSandboxPlatform(t *testing.T) {
	inBoth(t, func(t *testing.T, b *Builder) {
		s := scripts(t, folder(t, "sub/in", ""), "true")
		s.Platform = "linux/riscv64"
		if err := b.Run(t.Context(), s); !executor.IsKind(err, executor.Unsupported) || !strings.Contains(err.Error(), "its programs are for linux/riscv64") {
			t.Error(err)
		}
	})
}

func TestSandboxCancelled(t *testing.T) {
	inBoth(t, func(t *testing.T, b *Builder) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		s := scripts(t, folder(t, "sub/in", ""), "/bin/busybox echo on; /bin/busybox sleep 600")
		s.Progress = func(e Event) {
			if e.Kind == Log {
				cancel(cause)
			}
		}
		began := time.Now()
		if err := b.Run(ctx, s); !errors.Is(err, cause) || time.Since(began) > 2*time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
