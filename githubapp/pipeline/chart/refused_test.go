package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What Helm refuses is refused before anything is sent, with its place; where helm
// is asked, it agrees.
func TestRefused(t *testing.T) {
	const good = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
	large := strings.Repeat("x", maxFile+1)
	bomb := packed("a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n", "a/b", strings.Repeat("0", maxChart+1))
	tests := []struct {
		name  string
		files map[string]string
		want  string // of the error
		helm  bool   // refuses it too
	}{
		{"no chart", map[string]string{"values.yaml": "a: 1\n"}, `deploy: there is no Chart.yaml`, true},
		{"ignored", map[string]string{"Chart.yaml": good, ".helmignore": "Chart*\n"}, `deploy: there is no Chart.yaml`, false},
		{"no YAML", map[string]string{"Chart.yaml": "apiVersion: v2\nname: [web\nversion: 1.0.0\n"}, `deploy/Chart.yaml:1: did not find`, true},
		{"a list", map[string]string{"Chart.yaml": "- a\n"}, `deploy/Chart.yaml:1: it must be a mapping`, true},
		{"no name", map[string]string{"Chart.yaml": "apiVersion: v2\nname:\nversion: 0.1.0\n"}, `deploy/Chart.yaml:2: the chart has no name`, true},
		{"a path", map[string]string{"Chart.yaml": "apiVersion: v2\nname: ../web\nversion: 0.1.0\n"}, `deploy/Chart.yaml:2: "../web" can be no chart`, true},
		{"capitals", map[string]string{"Chart.yaml": "apiVersion: v2\nname: Web\nversion: 0.1.0\n"}, `deploy/Chart.yaml:2: "Web" can be no chart`, false},
		{"format", map[string]string{"Chart.yaml": "apiVersion: v3\nname: web\nversion: 0.1.0\n"}, `deploy/Chart.yaml:1: apiVersion "v3" is not known`, false},
		{"type", map[string]string{"Chart.yaml": good + "type: operator\n"}, `deploy/Chart.yaml:4: helm refuses the chart: validation: chart.metadata.type`, true},
		{"maintainers", map[string]string{"Chart.yaml": good + "icon: x\nmaintainers: Ann\n"}, `deploy/Chart.yaml:5: helm refuses the chart: `, true},
		{"dependencies twice", map[string]string{"Chart.yaml": good + "dependencies:\n- {name: a}\n- {name: a}\n"}, `deploy/Chart.yaml:4: helm refuses the chart: validation: more than one dependency`, true},
		{"dependency missing", map[string]string{"Chart.yaml": good + "dependencies:\n- {name: redis, version: 1.0.0, repository: https://charts.example}\n"}, `deploy/Chart.yaml:4: the chart "redis" that it depends on is not in charts/: run "helm dependency update deploy"`, true},
		{"version twice", map[string]string{"Chart.yaml": good + "version: 0.2.0\n"}, `deploy/Chart.yaml:4: key "version" is there twice`, false},
		{"long version", map[string]string{"Chart.yaml": "apiVersion: v2\nname: web\nversion: >\n  0.1.0\n"}, `deploy/Chart.yaml:3: the value of "version" cannot be replaced`, false},
		{"flow", map[string]string{"Chart.yaml": "{apiVersion: v2, name: web, version: 0.1.0}\n"}, `deploy/Chart.yaml:1: it has no "appVersion", and none can be added`, false},
		{"values", map[string]string{"Chart.yaml": good, "values.yaml": "a: 1\n b: 2\n"}, `deploy/values.yaml:2: `, true},
		{"tag twice", map[string]string{"Chart.yaml": good, "values.yaml": "image:\n  tag: a\n  tag: b\n"}, `deploy/values.yaml:3: key "tag" is there twice`, false},
		{"long tag", map[string]string{"Chart.yaml": good, "values.yaml": "image:\n  tag: |\n    a\n"}, `deploy/values.yaml:2: the value of "image.tag" cannot be replaced: write it on one line`, false},
		{"alias", map[string]string{"Chart.yaml": good, "values.yaml": "a: &a x\nimage:\n  tag: *a\n"}, `deploy/values.yaml:3: the value of "image.tag" cannot be replaced`, false},
		{"ignore file", map[string]string{"Chart.yaml": good, ".helmignore": "a\nb/**\n"}, `deploy/.helmignore:2: "b/**": double-star`, true},
		{"chart in it", map[string]string{"Chart.yaml": good, "charts/a/values.yaml": "a: 1\n"}, `helm refuses the chart: error unpacking subchart a in web: Chart.yaml file is missing`, true},
		{"no archive", map[string]string{"Chart.yaml": good, "charts/a.tgz": "text"}, `deploy/charts/a.tgz: it is no packed chart`, true},
		{"bomb", map[string]string{"Chart.yaml": good, "charts/a.tgz": bomb}, `deploy/charts/a.tgz: it is no packed chart: the chart unpacks to more than 20971520 bytes`, false},
		{"archive in an archive", map[string]string{"Chart.yaml": good, "charts/a.tgz": packed("a/Chart.yaml", good, "a/charts/b.tgz", "")}, `deploy/charts/a.tgz: it holds the packed chart "a/charts/b.tgz"`, false},
		{"symlink out", map[string]string{"Chart.yaml": good, "templates/a.yaml": "-> ../../secret"}, `deploy/templates/a.yaml: it is a symlink that leads nowhere, in a circle, or out of the chart's folder`, false},
		{"symlink away", map[string]string{"Chart.yaml": good, "templates/a.yaml": "-> /etc/passwd"}, `deploy/templates/a.yaml: it is a symlink`, false},
		{"folder out", map[string]string{"Chart.yaml": good, "templates": "-> .."}, `deploy/templates: it is a symlink`, false},
		{"symlink as Chart.yaml", map[string]string{"Chart.yaml": "-> ../secret"}, `deploy/Chart.yaml: it is a symlink`, false},
		{"symlink to nothing", map[string]string{"Chart.yaml": good, "a": "-> b"}, `deploy/a: it is a symlink that leads nowhere`, true},
		{"circle", map[string]string{"Chart.yaml": good, "sub/up": "-> .."}, `it is a symlink that leads nowhere, in a circle`, true},
		{"large", map[string]string{"Chart.yaml": good, "a": large}, `deploy/a: it has 5242881 bytes`, true},
		{"all too large", map[string]string{"Chart.yaml": good, "a": large[1:], "b": large[1:], "c": large[1:], "d": large[1:]}, `the chart has more than 20971520 bytes`, false},
		{"dots", map[string]string{"Chart.yaml": good, "..data": "x"}, `deploy/..data: helm refuses charts that hold a file of this name`, false},
		{"schema", map[string]string{"Chart.yaml": good, "Chart.lock": "a: [\n"}, `helm refuses the chart: cannot load Chart.lock`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarbour(t)
			h.write(tt.files)
			if err := os.WriteFile(filepath.Join(h.folder, "secret"), []byte("apiVersion: v2\nname: canary\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, said, err := h.chart("1.0.0", "abc1234")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if n := h.uploads.Load(); n != 0 {
				t.Errorf("%d uploads", n)
			}
			if err != nil && strings.Contains(err.Error()+said, "canary") {
				t.Errorf("a file outside the chart is told: %v %s", err, said)
			}
			if !tt.helm {
				return
			}
			if out, err := runHelm(t, "package", filepath.Join(h.folder, "deploy"), "-d", t.TempDir()); err == nil {
				t.Errorf("helm packs it: %s", out)
			}
		})
	}
	t.Run("outside the repository", func(t *testing.T) {
		h := newHarbour(t)
		if err := os.Symlink(t.TempDir(), filepath.Join(h.folder, "deploy")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.chart("1.0.0"); err == nil || !strings.Contains(err.Error(), `open the chart "deploy"`) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("version", func(t *testing.T) {
		h := newHarbour(t)
		h.write(map[string]string{"Chart.yaml": good})
		if _, _, err := h.chart("1.0"); err == nil || !strings.Contains(err.Error(), `"1.0" is no semantic version`) {
			t.Errorf("error %v", err)
		}
	})
}
