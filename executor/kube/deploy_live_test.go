package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"k8s.io/client-go/rest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

const deploy = "../../deploy/"

// object is what a manifest says.
type object map[string]any

func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (o object) name() string { return fmt.Sprint(o["kind"], "/", o.at("metadata", "name")) }

// command runs a program and gives what it prints.
func command(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// manifests reads YAML documents, by kind and name.
func manifests(t *testing.T, text string) map[string]object {
	t.Helper()
	all := map[string]object{}
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var o map[string]any
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if o != nil {
			all[object(o).name()] = o
		}
	}
}

// verbs are the rules of a role, one for each verb.
func verbs(t *testing.T, role object) []right {
	t.Helper()
	var all []right
	for _, r := range role["rules"].([]any) {
		rule := object(r.(map[string]any))
		for _, res := range rule["resources"].([]any) {
			resource, sub, _ := strings.Cut(res.(string), "/")
			for _, v := range rule["verbs"].([]any) {
				all = append(all, right{v.(string), resource, sub})
			}
		}
	}
	return all
}

// allow lets a user do that, and no more, in a namespace.
func allow(t *testing.T, c *client, ns, user string, rights []right) {
	t.Helper()
	rules := []map[string]any{}
	for _, r := range rights {
		resource := r.resource
		if r.sub != "" {
			resource += "/" + r.sub
		}
		rules = append(rules, map[string]any{"apiGroups": []string{""}, "resources": []string{resource}, "verbs": []string{r.verb}})
	}
	const api = "rbac.authorization.k8s.io"
	meta := map[string]any{"name": user}
	for resource, object := range map[string]map[string]any{
		"roles": {"apiVersion": api + "/v1", "kind": "Role", "metadata": meta, "rules": rules},
		"rolebindings": {
			"apiVersion": api + "/v1", "kind": "RoleBinding", "metadata": meta,
			"roleRef":  map[string]any{"apiGroup": api, "kind": "Role", "name": user},
			"subjects": []map[string]any{{"apiGroup": api, "kind": "User", "name": user}},
		},
	} {
		body, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		err = c.core.Post().AbsPath("/apis/"+api+"/v1/namespaces/"+ns+"/"+resource).
			SetHeader("Content-Type", "application/json").Body(body).Do(t.Context()).Error()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// life is all that a job does, and what a service that does not start leaves.
func life(ctx context.Context, x *Executor, labels executor.Labels) (err error) {
	sick := web("sick", "80", `-e PORT=80 --health-cmd "echo no pulse; exit 1" --health-interval 1s --health-retries 1`)
	sick.Command = []string{"sh", "-c", "echo last words; exec sleep 60"}
	var n notes
	_, err = x.Create(ctx, executor.Spec{
		Name: "sick", Labels: labels, Kind: executor.Container, Image: executor.Image{Ref: testImage}, Services: []executor.Service{sick}, Log: n.log,
	})
	if !executor.IsKind(err, executor.Unhealthy) {
		return fmt.Errorf("a sick service: %w", err)
	}
	for _, want := range []string{"last words", "no pulse"} {
		if !strings.Contains(n.String(), want) {
			return fmt.Errorf("a sick service: its log lacks %q: %s", want, n.String())
		}
	}
	e, err := x.Create(ctx, executor.Spec{
		Name: "life", Labels: labels, Kind: executor.Container, Image: executor.Image{Ref: testImage}, Env: map[string]string{"A": "b"},
		Services: []executor.Service{web("web", "80", "-e PORT=80")}, Containers: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(ctx)) }()
	again, err := x.Attach(ctx, e.ID())
	if err != nil {
		return err
	}
	b, err := again.(executor.Containers).Container(ctx, executor.ContainerSpec{Name: "a", Image: executor.Image{Ref: testImage}, Dir: "/"})
	if err != nil {
		return err
	}
	for i, place := range []executor.Environment{e, again, b} {
		var out bytes.Buffer
		exit, err := executor.Run(ctx, place, executor.Command{
			ID: executor.ProcessID(fmt.Sprint("p", i)), Argv: []string{"sh", "-c", answers("http://web/i") + "wget -q -O- http://web/i"}, Dir: "/",
		}, func(_ int64, data []byte) { out.Write(data) }, executor.DefaultStop)
		if err != nil || exit.Code != 0 || out.String() != "hello\n" {
			return fmt.Errorf("a step: %d, %q: %w", exit.Code, out.String(), err)
		}
	}
	swept, err := x.Sweep(ctx, labels.Owner, nil)
	if err == nil && len(swept.Removed) != 1 {
		err = fmt.Errorf("swept %v", swept.Removed)
	}
	return err
}

// TestDeployedRole applies deploy/base to the cluster, and lives with the token
// of its service account.
func TestDeployedRole(t *testing.T) {
	admin, labels := live(t, Options{})
	c, err := admin.connection()
	if err != nil {
		t.Fatal(err)
	}
	objects := manifests(t, command(t, "", "kubectl", "kustomize", deploy+"overlays/isolated"))
	ns := fmt.Sprint(objects["ServiceAccount/drydock"].at("metadata", "namespace"))
	command(t, "", "kubectl", "apply", "-k", deploy+"overlays/isolated")
	t.Cleanup(func() { command(t, "", "kubectl", "delete", "-k", deploy+"overlays/isolated", "--wait=false") })

	var token struct {
		Status struct{ Token string }
	}
	raw, err := c.core.Post().AbsPath("/api/v1/namespaces/"+ns+"/serviceaccounts/drydock/token").SetHeader("Content-Type", "application/json").
		Body([]byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`)).Do(t.Context()).Raw()
	if err == nil {
		err = json.Unmarshal(raw, &token)
	}
	if err != nil {
		t.Fatal(err)
	}
	x, _ := live(t, Options{Namespace: ns})
	config := &rest.Config{Host: c.config.Host, BearerToken: token.Status.Token, TLSClientConfig: rest.TLSClientConfig{CAData: c.config.CAData, CAFile: c.config.CAFile}}
	if *x.found, err = newClient(config, ns); err != nil {
		t.Fatal(err)
	}
	executortest.Eventually(t, "the role counts", func() bool { _, err := x.Probe(t.Context()); return err == nil })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := life(ctx, x, labels); err != nil {
		t.Error(err)
	}
	// It is as small as it can be: without any line of it a job fails, or is told
	// that it would.
	all := verbs(t, objects["Role/drydock"])
	for i, r := range all {
		t.Run("without "+r.String(), func(t *testing.T) {
			t.Parallel()
			ns := namespace(t, "less", nil)
			user := "less-" + random()
			allow(t, c, ns, user, slices.Delete(slices.Clone(all), i, i+1))
			labels := executor.Labels{Owner: executor.OwnerID(user), Run: "run-1", Job: "build"}
			y, err := New(Options{Namespace: ns, HelperImage: helperImage, Wait: 30 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			config := *c.config
			config.Impersonate = rest.ImpersonationConfig{UserName: user}
			if *y.found, err = newClient(&config, ns); err != nil {
				t.Fatal(err)
			}
			other := all[(i+1)%len(all)]
			executortest.Eventually(t, "the role counts", func() bool { ok, _ := (*y.found).may(t.Context(), other); return ok })
			_, err = y.Probe(t.Context())
			if err == nil {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err = life(ctx, y, labels)
			}
			if err == nil {
				t.Error("all works")
			}
			t.Log(err)
			// What was made without the right to delete it.
			z, err := New(Options{Namespace: ns, HelperImage: helperImage})
			if err == nil {
				_, err = z.Sweep(context.Background(), labels.Owner, nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestChart: the chart gives what the manifests give.
func TestChart(t *testing.T) {
	live(t, Options{})
	helm := os.Getenv("DRYDOCK_TEST_HELM")
	if helm == "" {
		if found, _ := filepath.Glob("../../bin/tools/helm-*"); len(found) > 0 {
			helm = found[0]
		} else if path, err := exec.LookPath("helm"); err == nil {
			helm = path
		} else {
			t.Skip("needs helm: run make helm, or set DRYDOCK_TEST_HELM")
		}
	}
	command(t, "", helm, "lint", "--strict", deploy+"chart")
	want := manifests(t, command(t, "", "kubectl", "kustomize", deploy+"overlays/isolated"))
	got := manifests(t, command(t, "", helm, "template", "any", deploy+"chart"))
	if policy, ok := got["NetworkPolicy/drydock-jobs"]; ok {
		delete(policy.at("metadata").(map[string]any), "labels") // a component's resources have none
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifests and chart differ: %s", diff)
	}
	want = manifests(t, command(t, "", "kubectl", "kustomize", deploy+"overlays/server"))
	text := command(t, "", helm, "template", "any", deploy+"chart", "--set", "server.enabled=true")
	got = manifests(t, text)
	delete(got["NetworkPolicy/drydock-jobs"].at("metadata").(map[string]any), "labels")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifests and chart differ with the server: %s", diff)
	}
	if out, err := exec.Command(helm, "template", "any", deploy+"chart", "--set", "server.enabled=true,server.replicas=2").CombinedOutput(); err == nil || !strings.Contains(string(out), "server.database") {
		t.Errorf("several replicas without a database: %s", out)
	}
	text = command(t, "", helm, "template", "any", deploy+"chart", "--set", "quota.pods=3,namespace.podSecurity=restricted,namespace.name=default,namespace.create=false")
	if q := manifests(t, text)["ResourceQuota/drydock-jobs"]; q.at("spec", "hard", "pods") != 3 {
		t.Errorf("quota: %v", q)
	}
	if _, has := manifests(t, text)["Namespace/default"]; has {
		t.Error("a namespace is made although it shall not")
	}
	command(t, text, "kubectl", "apply", "--dry-run=server", "-f", "-")
	if out, err := exec.Command(helm, "template", "any", deploy+"chart", "--set", "namespace.podSecurity=privileged").CombinedOutput(); err == nil {
		t.Errorf("jobs may be privileged: %s", out)
	}
}
