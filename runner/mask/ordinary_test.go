package mask

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// realSecrets are 50 secrets of the kinds that repositories have.
func realSecrets() []string {
	r := rand.New(rand.NewPCG(11, 12))
	random := func(letters string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	const (
		alnum  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		digits = "0123456789"
		base   = alnum + "+/"
		signs  = alnum + "!@#$%^&*()-_=+[]{}:,.<>?"
	)
	pem := func(kind string, lines int) string {
		var b strings.Builder
		b.WriteString("-----BEGIN " + kind + "-----\n")
		for range lines {
			b.WriteString(random(base, 64) + "\n")
		}
		return b.String() + random(base, 22) + "==\n-----END " + kind + "-----\n"
	}
	account, _ := json.MarshalIndent(map[string]any{
		"type": "service_account", "project_id": "acme-" + random(digits, 6), "private_key_id": random("0123456789abcdef", 40),
		"private_key": pem("PRIVATE KEY", 24), "client_email": "ci@acme-" + random(digits, 6) + ".iam.gserviceaccount.com",
		"token_uri": "https://oauth2.googleapis.com/token",
	}, "", "  ")
	all := []string{
		string(account), pem("OPENSSH PRIVATE KEY", 8), pem("RSA PRIVATE KEY", 25), pem("CERTIFICATE", 18),
		"postgres://app:" + random(alnum, 14) + "@db.internal:5432/app?sslmode=require",
		"https://hooks.chat.example/services/T" + random(alnum, 8) + "/B" + random(alnum, 8) + "/" + random(alnum, 24),
		"hunter2", "Tr0ub4dor&3", "correct horse battery staple", random(digits, 9), random(digits, 6), "deploy-bot@acme.example",
		base64.StdEncoding.EncodeToString([]byte(random(alnum, 12) + ":" + random(alnum, 20))), `{"auth":"` + random(alnum, 24) + `","user":"ci"}`,
		"npm_" + random(alnum, 36), "xoxb-" + random(digits, 11) + "-" + random(alnum, 24), "sk_live_" + random(alnum, 24), "dckr_pat_" + random(alnum+"-_", 27),
		"eyJ" + random(alnum, 33) + "." + random(alnum+"-_", 120) + "." + random(alnum+"-_", 43), "glpat-" + random(alnum, 20),
	}
	for len(all) < 50 {
		all = append(all, "ghp_"+random(alnum, 36), "AKIA"+random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16), random(base, 40),
			random(signs, 8+r.IntN(16)), random("0123456789abcdef", 32), random(alnum, 8+r.IntN(8)))
	}
	return all[:50]
}

// ordinaryLog calls line with about size bytes of log: the real code of the Go tree in the lines that compilers, tests
// and package managers print around such text, with hashes of all kinds.
func ordinaryLog(t testing.TB, size int, line func(string)) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src")
	r := rand.New(rand.NewPCG(21, 22))
	bytes := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	forms := []func(file, code string, n int) string{
		func(file, code string, n int) string { return fmt.Sprintf("%s:%d:%d: %s", file, n, n%70, code) },
		func(_, code string, n int) string { return fmt.Sprintf("%5d |     %s", n, code) },
		func(_, code string, _ int) string { return code },
		func(_, code string, _ int) string { return "+ " + code },
		func(file, _ string, n int) string {
			return fmt.Sprintf("ok  \t%s\t%d.%03ds\tcoverage: %d.%d%% of statements", file, n%90, n%1000, n%100, n%10)
		},
		func(_, code string, n int) string {
			return fmt.Sprintf("    --- PASS: TestServer/%s (%d.%02ds)", strings.ReplaceAll(code, " ", "_"), n%9, n%100)
		},
		func(file, _ string, n int) string {
			return fmt.Sprintf("npm warn deprecated %s@%d.%d.%d: this package is no longer supported", filepath.Base(file), n%20, n%9, n%7)
		},
		func(_, _ string, _ int) string {
			return "resolved sha512-" + base64.StdEncoding.EncodeToString(bytes(64))
		},
		func(_, _ string, n int) string {
			return fmt.Sprintf("%x: Pull complete (layer %d, digest sha256:%x)", bytes(6), n, bytes(32))
		},
		func(file, _ string, n int) string {
			return fmt.Sprintf("2026-11-20T10:%02d:%02d.%07dZ INFO  [%s] listening on 127.0.0.1:%d", n%60, n%60, n*7919%10000000, file, 1024+n%60000)
		},
		func(file, code string, _ int) string {
			b, _ := json.Marshal(map[string]string{"level": "info", "file": file, "msg": code})
			return string(b)
		},
		func(file, _ string, n int) string {
			return fmt.Sprintf("[%3d%%] Building CXX object CMakeFiles/app.dir/%s.o", n%100, file)
		},
	}
	for size > 0 {
		err := filepath.WalkDir(src, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
				return err
			}
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			rel, _ := filepath.Rel(src, name)
			scanner := bufio.NewScanner(f)
			scanner.Buffer(nil, 1<<20)
			for n := 1; scanner.Scan() && size > 0; n++ {
				code := strings.TrimSpace(scanner.Text())
				if code == "" {
					continue
				}
				text := forms[n%len(forms)](rel, code, n)
				size -= len(text) + 1
				line(text)
			}
			if size <= 0 {
				return fs.SkipAll
			}
			return scanner.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestOrdinaryLogsStayReadable masks 100 MB of logs that hold no secret.
func TestOrdinaryLogsStayReadable(t *testing.T) {
	size := 100 << 20
	if testing.Short() {
		size = 10 << 20
	}
	m := New(realSecrets()...)
	lines, changed := 0, 0
	shown := map[string]int{}
	ordinaryLog(t, size, func(text string) {
		lines++
		if masked := m.MaskShown(text); masked != text {
			if changed++; len(shown) < 20 {
				shown[text+" -> "+masked]++
			}
		}
	})
	t.Logf("%d of %d lines changed (%.5f %%)", changed, lines, float64(changed)*100/float64(lines))
	if changed*1000 > lines {
		for text := range shown {
			t.Log(text)
		}
		t.Error("more than one line of 1000 is masked")
	}
}

// TestShortSecrets says what becomes of values that are all over a log: they are masked, as GitHub does; a value
// that is nothing but white space and the braces in lines of a longer one are not.
func TestShortSecrets(t *testing.T) {
	tests := []struct{ value, in, want string }{
		{"1", "exit 1, MQ== and 31", "exit ***, *** and 3***"},
		{"true", "ok: true, dHJ1ZQ", "ok: ***, ***"},
		{"\n", "a b", "a b"},
		{" \r\n\t", "a b\r", "a b\r"},
		{"{\n  \"k\": \"v-v-v\"\n}", "if x {\n}\n\"k\": \"v-v-v\"", "if x {\n}\n***"},
		{"first\n},\n]\n", "a[0], b]},", "a[0], b]},"},
		{"first\n};;)\n", "x};;)", "x***"},
	}
	for _, tt := range tests {
		if got := New(tt.value).Mask(tt.in); got != tt.want {
			t.Errorf("secret %q: Mask(%q) = %q, want %q", tt.value, tt.in, got, tt.want)
		}
	}
}
