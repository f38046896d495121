package kube

import (
	"encoding/json"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/executortest"
)

// TestSmallestRole: what Probe asks for is all that a job needs.
func TestSmallestRole(t *testing.T) {
	ns := namespace(t, "role", nil)
	x, labels := live(t, Options{Namespace: ns, Externals: "/externals"})
	c, err := x.connection()
	if err != nil {
		t.Fatal(err)
	}
	var rules []map[string]any
	for _, r := range append(rights, besideRight) {
		res := r.resource
		if r.sub != "" {
			res += "/" + r.sub
		}
		rules = append(rules, map[string]any{"apiGroups": []string{""}, "resources": []string{res}, "verbs": []string{r.verb}})
	}
	user := "somebody-" + random()
	meta := map[string]any{"name": "drydock"}
	for resource, object := range map[string]map[string]any{
		"roles": {"kind": "Role", "metadata": meta, "rules": rules},
		"rolebindings": {
			"kind": "RoleBinding", "metadata": meta,
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "drydock"},
			"subjects": []map[string]any{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}},
		},
	} {
		object["apiVersion"] = "rbac.authorization.k8s.io/v1"
		body, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		err = c.core.Post().AbsPath("/apis/rbac.authorization.k8s.io/v1/namespaces/"+ns+"/"+resource).
			SetHeader("Content-Type", "application/json").Body(body).Do(t.Context()).Error()
		if err != nil {
			t.Fatal(err)
		}
	}
	config := *c.config
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	y, _ := live(t, Options{Namespace: ns, Externals: "/externals"})
	if *y.found, err = newClient(&config, ns); err != nil {
		t.Fatal(err)
	}
	executortest.Eventually(t, "the role counts", func() bool { _, err := y.Probe(t.Context()); return err == nil })
	e := create(t, y, executor.Spec{
		Name: "role", Labels: labels, Kind: executor.Container, Env: map[string]string{"A": "b"},
		Services: []executor.Service{web("web", "80", "-e PORT=80")}, Provide: []executor.Provided{{Source: "/cache", Target: "/__e"}},
	})
	want(t, e, answers("http://web/i")+"echo $A; wget -q -O- http://web/i; cat /__e/node/which; touch /__e/x 2>/dev/null || echo read-only", "b\nhello\na node build\nread-only")
	if !e.Info().Provided {
		t.Error("node is there, but nobody says so")
	}
	again, err := y.Attach(t.Context(), e.ID())
	if err != nil || !again.Info().Provided {
		t.Fatalf("attach: %v", err)
	}
	b, err := e.Container(t.Context(), executor.ContainerSpec{Name: "a", Image: executor.Image{Ref: testImage}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, b, "wget -q -O- http://web/i", "hello")
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := y.Sweep(t.Context(), labels.Owner, nil); err != nil {
		t.Error(err)
	}
}
