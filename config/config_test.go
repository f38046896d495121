package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTable holds every row to the rules of the table.
func TestTable(t *testing.T) {
	c := &Config{}
	seen := map[string]string{}
	unique := func(what, key string) {
		if before, ok := seen[what]; ok {
			t.Errorf("%s has both %q and %q", what, before, key)
		}
		seen[what] = key
	}
	targets := map[any]bool{}
	for _, f := range Fields() {
		unique("key "+f.Key, f.Key)
		for _, flag := range append(slices.Clone(f.Aliases), f.Flag) {
			if flag != "" {
				unique("flag --"+flag, f.Key)
			}
		}
		if f.Short != "" {
			unique("flag -"+f.Short, f.Key)
		}
		if f.Key == "" || f.Doc == "" || strings.HasSuffix(f.Doc, ".") || f.Doc[:1] != strings.ToLower(f.Doc[:1]) {
			t.Errorf("%q: doc %q is missing or no phrase", f.Key, f.Doc)
		}
		if f.Env != envOf(f.Key) {
			t.Errorf("%q: env %q, want %q", f.Key, f.Env, envOf(f.Key))
		}
		if f.UserOnly && f.Flag != "" {
			t.Errorf("%q: a user-only setting has no flag: a project's .actrc could set it", f.Key)
		}
		if f.Kind != Bool && f.Arg == "" {
			t.Errorf("%q: no placeholder for its value", f.Key)
		}
		if len(f.Values) > 0 && !slices.Contains(f.Values, f.Default) {
			t.Errorf("%q: default %q is not allowed", f.Key, f.Default)
		}
		ref := f.ref(c)
		want := map[Kind]any{String: new(string), Bool: new(bool), Int: new(int), Duration: new(time.Duration), List: new([]string), Map: new(map[string]string), Runners: new([]Runner)}[f.Kind]
		if reflect.TypeOf(ref) != reflect.TypeOf(want) {
			t.Errorf("%q: kind %s points to a %T", f.Key, f.Kind, ref)
		}
		if targets[ref] {
			t.Errorf("%q: another row has the same field", f.Key)
		}
		targets[ref] = true
	}
	if n := leaves(reflect.TypeOf(*c)); n != len(fields) {
		t.Errorf("the struct has %d fields, the table %d rows", n, len(fields))
	}
}

func leaves(t reflect.Type) int {
	n := 0
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case !f.IsExported():
		case f.Type.Kind() == reflect.Struct:
			n += leaves(f.Type)
		default:
			n++
		}
	}
	return n
}

// world is a home folder and a repository with a folder in it.
type world struct{ home, project, dir string }

func newWorld(t *testing.T, userYAML, projectYAML string) world {
	t.Helper()
	root := t.TempDir()
	w := world{filepath.Join(root, "home"), filepath.Join(root, "project"), filepath.Join(root, "project", "sub")}
	for _, dir := range []string{filepath.Join(w.home, ".config", "drydock"), w.dir, filepath.Join(w.project, ".git")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{w.userFile(): userYAML, w.projectFile(): projectYAML} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w world) userFile() string    { return filepath.Join(w.home, ".config", "drydock", FileName) }
func (w world) projectFile() string { return filepath.Join(w.project, FileName) }

func (w world) load(flags map[string][]string, env ...string) (*Config, error) {
	return Load(Options{Dir: w.dir, Flags: flags,
		Env: append([]string{"HOME=" + w.home, "USERPROFILE=" + w.home, "XDG_CONFIG_HOME=" + filepath.Join(w.home, ".config")}, env...)})
}

func TestDefaults(t *testing.T) {
	w := newWorld(t, "", "")
	got, err := w.load(nil, "XDG_CACHE_HOME=/c", "XDG_STATE_HOME=/s")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Executor: "auto", Pull: "missing", CacheDir: "/c/drydock", StateDir: "/s/drydock",
		Server: Server{Listen: "127.0.0.1:8080", Approval: ApprovalAlways, LocalToken: true, Services: true},
		App:    App{Folder: "/s/drydock/app"}, Vault: Vault{KeyFile: "/s/drydock/server/vault.key"},
		Platforms: map[string]string{
			"ubuntu-latest": "ghcr.io/catthehacker/ubuntu:act-latest", "ubuntu-24.04": "ghcr.io/catthehacker/ubuntu:act-24.04",
			"ubuntu-22.04": "ghcr.io/catthehacker/ubuntu:act-22.04", "self-hosted": "host",
		},
		Kubernetes: Kubernetes{Wait: 15 * time.Minute, PullWait: 2 * time.Minute},
		Network:    Network{CA: "auto"}, Node: Node{UseHost: "auto"}, Log: Log{Level: "off"},
		History: History{KeepRuns: 50, KeepFor: 720 * time.Hour, KeepSize: "5GB"},
		Resume:  Resume{Within: 10 * time.Minute}, Requeue: RequeueSafe,
		Cache:     Cache{MaxSize: "10GB", MaxAge: 168 * time.Hour},
		Artifacts: Artifacts{Retention: 2160 * time.Hour},
		GitHub:    GitHub{ServerURL: "https://github.com", APIURL: "https://api.github.com"},
	}
	got.origins = nil
	if diff := cmp.Diff(want, *got, cmp.AllowUnexported(Config{}, Runner{})); diff != "" {
		t.Error(diff)
	}
}

func TestPrecedence(t *testing.T) {
	w := newWorld(t, "executor: kubernetes\n", "executor: docker\n")
	for _, tc := range []struct {
		name   string
		user   bool
		file   bool
		env    string
		flag   string
		want   string
		origin Origin
	}{
		{"default", false, false, "", "", "auto", Origin{}},
		{"user file", true, false, "", "", "kubernetes", Origin{FromUserFile, w.userFile() + ":1:11"}},
		{"project file", true, true, "", "", "docker", Origin{FromProjectFile, w.projectFile() + ":1:11"}},
		{"env", true, true, "host", "", "host", Origin{FromEnv, "DRYDOCK_EXECUTOR"}},
		{"flag", true, true, "host", "docker", "docker", Origin{FromFlag, "--executor"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			here := w
			if !tc.user {
				here.home = t.TempDir()
			}
			if !tc.file {
				here.dir = t.TempDir()
			}
			var flags map[string][]string
			if tc.flag != "" {
				flags = map[string][]string{"executor": {tc.flag}}
			}
			c, err := here.load(flags, "DRYDOCK_EXECUTOR="+tc.env)
			if err != nil {
				t.Fatal(err)
			}
			if c.Executor != tc.want || c.Origin("executor") != tc.origin {
				t.Errorf("got %q from %+v, want %q from %+v", c.Executor, c.Origin("executor"), tc.want, tc.origin)
			}
		})
	}
}

func TestMapsMergeAndListsReplace(t *testing.T) {
	w := newWorld(t,
		"docker:\n  allow_mounts: [~/data, rel, /abs/]\n  allow_devices: /dev/kvm\nplatforms:\n  ubuntu-latest: user/image\n  Big: user/big\n",
		"platforms:\n  ubuntu-latest: project/image\n  mac: -self-hosted\n")
	c, err := w.load(map[string][]string{"platform": {"BIG=flag/big:1", "x=HOST"}})
	if err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{"ubuntu-latest": "project/image", "big": "flag/big:1", "mac": "host", "x": "host", "self-hosted": "host"} {
		if got := c.Platforms[label]; got != want {
			t.Errorf("%s: got %q, want %q", label, got, want)
		}
	}
	for key, want := range map[string]string{
		"platforms.ubuntu-latest": w.projectFile() + ":2:18", "platforms.big": "--platform", "platforms.self-hosted": "default",
	} {
		if got := c.Origin(key).String(); got != want {
			t.Errorf("%s: from %q, want %q", key, got, want)
		}
	}
	wantMounts := []string{filepath.Join(w.home, "data"), filepath.Join(filepath.Dir(w.userFile()), "rel"), "/abs"}
	if diff := cmp.Diff(wantMounts, c.Docker.AllowMounts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/dev/kvm"}, c.Docker.AllowDevices); diff != "" {
		t.Error(diff)
	}

	c, err = w.load(nil, "DRYDOCK_DOCKER_ALLOW_MOUNTS=/one, two", "DRYDOCK_PLATFORMS=a=b,c=d")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/one", filepath.Join(w.dir, "two")}, c.Docker.AllowMounts); diff != "" {
		t.Error(diff)
	}
	if c.Platforms["a"] != "b" || c.Platforms["c"] != "d" || c.Platforms["mac"] != "host" {
		t.Errorf("got %v", c.Platforms)
	}
}

func TestPullAndOffline(t *testing.T) {
	for _, tc := range []struct {
		yaml, want, err string
	}{
		{"pull: true", "always", ""},
		{"pull: False", "missing", ""},
		{"pull: never", "never", ""},
		{"offline: true", "never", ""},
		{"offline: true\npull: missing", "missing", ""},
		{"offline: true\npull: always", "", "needs the network, but offline is on"},
	} {
		c, err := newWorld(t, "", tc.yaml).load(nil)
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: got %v, want %q", tc.yaml, err, tc.err)
			}
		case err != nil:
			t.Errorf("%s: %v", tc.yaml, err)
		case c.Pull != tc.want:
			t.Errorf("%s: got %q, want %q", tc.yaml, c.Pull, tc.want)
		}
	}
	// act's name for the flag counts too
	c, err := newWorld(t, "", "").load(map[string][]string{"action-offline-mode": {"true"}})
	if err != nil || !c.Offline || c.Origin("pull").Name != "--offline" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestProblems(t *testing.T) {
	for _, tc := range []struct {
		name, user, project string
		env                 []string
		flags               map[string][]string
		want                []string
	}{
		{name: "unknown key", project: "offline: true\nexeutor: host\n", want: []string{`drydock.yaml:2:1): unknown key "exeutor": did you mean "executor"?`}},
		{name: "unknown nested key", user: "docker:\n  hots: x\n", want: []string{`drydock.yaml:2:3): unknown key "docker.hots": did you mean "docker.host"?`}},
		{name: "key in the wrong place", project: "allow_socket: true\n", want: []string{`did you mean "docker.allow_socket"?`}},
		{name: "flag's name as key", project: "platform: {}\n", want: []string{`did you mean "platforms"?`}},
		{name: "hopeless key", project: "zzzzzzzzzz: 1\n", want: []string{`unknown key "zzzzzzzzzz": see`}},
		{name: "all at once", project: "a_b_c_d: 1\nmax_parallel: many\n", env: []string{"DRYDOCK_OFFLINE=perhaps"},
			want: []string{`"a_b_c_d"`, `"max_parallel" (`, `"many" is not a whole number`, `"offline" (DRYDOCK_OFFLINE): "perhaps" is neither true nor false`}},
		{name: "twice", project: "pull: never\npull: always\n", want: []string{`drydock.yaml:2:1): key "pull" stands here again, first in line 1`}},
		{name: "broken file", project: "pull: [\n", want: []string{"drydock.yaml", "yaml: line"}},
		{name: "two documents", project: "pull: never\n---\npull: always\n", want: []string{"more than one document"}},
		{name: "no mapping", project: "- pull\n", want: []string{"drydock.yaml:1:1): the file must be a mapping"}},
		{name: "group is no mapping", user: "docker: /var/run/docker.sock\n", want: []string{`drydock.yaml:1:9): "docker" must be a mapping`}},
		{name: "scalar wanted", project: "pull: [always]\n", want: []string{`drydock.yaml:1:7): "pull" must be a string`}},
		{name: "map wanted", project: "platforms: host\n", want: []string{`"platforms" must be a map`}},
		{name: "list of lists", user: "docker:\n  allow_mounts: [[/a]]\n", want: []string{`"docker.allow_mounts" must be a list of values`}},
		{name: "map of maps", project: "platforms:\n  a: {image: b}\n", want: []string{`drydock.yaml:2:3): "platforms" must map names to values`}},
		{name: "project opens the machine", project: "docker:\n  allow_socket: true\n",
			want: []string{`drydock.yaml:2:3): "docker.allow_socket" decides`, "DRYDOCK_DOCKER_ALLOW_SOCKET"}},
		{name: "project sends tokens elsewhere", project: "github:\n  api_url: https://evil\n", want: []string{`"github.api_url" decides`}},
		{name: "not a value", flags: map[string][]string{"executor": {"dcoker"}},
			want: []string{`"executor" (--executor): "dcoker" is not one of auto, docker, host, kubernetes: did you mean "docker"?`}},
		{name: "no image", project: "platforms:\n  a: ''\n", want: []string{`"platforms.a" (`, "drydock.yaml:2:6", "is no image"}},
		{name: "flag without image", flags: map[string][]string{"platform": {"ubuntu"}}, want: []string{`flag --platform: "ubuntu" is not of the form LABEL=IMAGE`}},
		{name: "variable without image", env: []string{"DRYDOCK_PLATFORMS==x"}, want: []string{`variable DRYDOCK_PLATFORMS: "=x" is not of the form`}},
		{name: "negative", env: []string{"DRYDOCK_MAX_PARALLEL=-1"}, want: []string{"-1 is less than 0"}},
		{name: "engine", env: []string{"DRYDOCK_DOCKER_HOST=/var/run/docker.sock"}, want: []string{"is no engine address"}},
		{name: "addresses", env: []string{"DRYDOCK_GITHUB_SERVER_URL=github.com", "DRYDOCK_NODE_SOURCE=ftp://x/{version}"},
			want: []string{`"github.com" is no http or https URL`, "is neither a folder nor a http or https URL"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := newWorld(t, tc.user, tc.project).load(tc.flags, tc.env...)
			if err == nil {
				t.Fatal("no error")
			}
			if c != nil {
				t.Error("something half-read is returned")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestUserMayOpenTheMachine(t *testing.T) {
	w := newWorld(t, "docker: {allow_socket: true, allow_privileged: yes, host: &h 'tcp://h:1'}\n", "")
	if _, err := w.load(nil); err == nil || !strings.Contains(err.Error(), `"yes" is neither true nor false`) {
		t.Errorf("got %v: yes is no boolean in YAML 1.2", err)
	}
	w = newWorld(t, "docker: {allow_socket: TRUE, allow_mounts: }\nnode: {source: \"https://h/{version}\"}\nnetwork: {ca: ca.pem}\n", "")
	c, err := w.load(nil, "DRYDOCK_DOCKER_ALLOW_PRIVILEGED=1", "DRYDOCK_GITHUB_API_URL=https://ghe/api/v3/")
	if err != nil {
		t.Fatal(err)
	}
	if !c.Docker.AllowSocket || !c.Docker.AllowPrivileged || c.Docker.AllowMounts != nil || c.Node.Source != "https://h/{version}" ||
		c.Network.CA != filepath.Join(filepath.Dir(w.userFile()), "ca.pem") || c.GitHub.APIURL != "https://ghe/api/v3" {
		t.Errorf("got %+v", c)
	}
}

func TestProjectFileIsLookedForUpToTheRepository(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "repo", "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	touch := func(elements ...string) string {
		path := filepath.Join(elements...)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	find := func(dir, want string) {
		t.Helper()
		got, err := findProjectFile(dir)
		if err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	above := touch(root, FileName)
	find(deep, "") // no repository: a file above is a stranger's
	find(root, above)
	touch(root, "repo", ".git") // a work tree's .git is a file
	find(deep, "")
	own := touch(root, "repo", FileName)
	find(deep, own)
	touch(deep, "drydock.yml")
	if _, err := findProjectFile(deep); err == nil || !strings.Contains(err.Error(), "rename it") {
		t.Errorf("got %v, want advice to rename", err)
	}
}

func TestSettings(t *testing.T) {
	c, err := newWorld(t, "", "").load(map[string][]string{"max-parallel": {"3"}}, "DRYDOCK_DOCKER_ALLOW_MOUNTS=/a,/b")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range c.Settings() {
		lines = append(lines, fmt.Sprintf("%s=%s (%s)", s.Key, s.Value, s.Origin))
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		"executor=auto (default)", "platforms.self-hosted=host (default)", "max_parallel=3 (--max-parallel)",
		"docker.allow_mounts=/a,/b (DRYDOCK_DOCKER_ALLOW_MOUNTS)", "offline=false (default)",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no line %q in\n%s", want, all)
		}
	}
}

func TestDuration(t *testing.T) {
	var d time.Duration
	f := Field{Key: "d", Kind: Duration, ref: func(*Config) any { return &d }}
	c := &Config{origins: map[string]Origin{}}
	if err := c.apply(f, value{texts: []string{"1m30s"}}, nil); err != nil || d != 90*time.Second || text(&d) != "1m30s" {
		t.Errorf("got %v, %v", d, err)
	}
	if err := c.apply(f, value{texts: []string{"90"}}, nil); err == nil || !strings.Contains(err.Error(), "unit") {
		t.Errorf("got %v, want an error that asks for a unit", err)
	}
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"executor: host\n", "docker: {allow_mounts: [a, b]}\n", "a: &a [*a]\n", "platforms: &p\n  a: *p\n", "? [a]\n: b\n", "<<: {pull: x}\n", "--- a\n--- b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		values, errs := parseFile("drydock.yaml", src, FromProjectFile)
		for key := range values {
			if row, ok := fieldOf(key); !ok || row.UserOnly {
				t.Errorf("read the key %q", key)
			}
		}
		for _, err := range errs {
			if !strings.Contains(err.Error(), "drydock.yaml") {
				t.Errorf("error without a place: %v", err)
			}
		}
	})
}

func TestPasswordsAreHidden(t *testing.T) {
	w := newWorld(t, "", "")
	c, err := w.load(nil, "DRYDOCK_DATABASE_URL=postgres://drydock:hunter2@db/drydock")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows the password", s.Key)
		}
	}
	if _, err := w.load(nil, "DRYDOCK_DATABASE_URL=mysql://drydock:hunter2@db/drydock"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error of a wrong database: %v", err)
	}
}
