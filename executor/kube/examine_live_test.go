package kube

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/drydock-ci/drydock/executor"
)

// found are the findings as text; "!" marks the bad, "?" the poor ones.
func found(all []Finding) string {
	var b strings.Builder
	for _, f := range all {
		b.WriteString(f.What + map[bool]string{true: "!"}[f.Bad] + map[bool]string{true: "?"}[f.Poor] + " " + f.Text)
		if f.Mend != "" {
			b.WriteString(" -> " + f.Mend)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestExamineNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n" +
		"clusters: [{name: a, cluster: {server: \"http://127.0.0.1:1\"}}]\nusers: [{name: a, user: {}}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for kubeconfig, want := range map[string]string{
		path: "access! probe the cluster at http://127.0.0.1:1: ", filepath.Join(t.TempDir(), "none"): "access! find a Kubernetes cluster: ",
	} {
		x, err := New(Options{Kubeconfig: kubeconfig, HelperImage: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if got := found(x.Examine(t.Context(), executor.Labels{})); !strings.HasPrefix(got, want) || !strings.Contains(got, " -> ") || strings.Count(got, "\n") != 1 {
			t.Errorf("got %s", got)
		}
	}
}

func TestExamine(t *testing.T) {
	_, _ = live(t, Options{}) // without a cluster the test ends here, not in one of its parts
	limit := func(ns, what, hard string) {
		x, _ := live(t, Options{})
		c, err := x.connection()
		if err != nil {
			t.Fatal(err)
		}
		// No controller of the test cluster fills in the status.
		full := corev1.ResourceList{corev1.ResourceName(what): resource.MustParse(hard)}
		q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: full}}
		err = c.core.Post().Namespace(ns).Resource("resourcequotas").Body(q).Do(t.Context()).Into(q)
		if err == nil {
			q.Status = corev1.ResourceQuotaStatus{Hard: full, Used: corev1.ResourceList{corev1.ResourceName(what): resource.MustParse("0")}}
			err = c.core.Put().Namespace(ns).Resource("resourcequotas").Name("q").SubResource("status").Body(q).Do(t.Context()).Error()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	level := func(name string) string {
		return namespace(t, "doctor", map[string]string{levelLabel: name})
	}
	for name, tc := range map[string]struct {
		o    func() Options
		user string
		want []string
	}{
		"fine":       {o: func() Options { return Options{Namespace: level("baseline")} }, want: []string{"access Kubernetes v1", "rights all that", "security the namespace enforces the level baseline", "quota there is none", "pod a pod with the helper (" + helperImage + ") started in"}},
		"restricted": {o: func() Options { return Options{Namespace: level("restricted"), Pod: Pod{Restricted: true}} }, want: []string{"security the namespace enforces the level restricted", "pod a pod"}},
		"stricter":   {o: func() Options { return Options{Namespace: level("restricted")} }, want: []string{"security! ", "set kubernetes.restricted", "pod! ", "violates PodSecurity"}},
		"no level":   {o: func() Options { return Options{Namespace: namespace(t, "doctor", nil)} }, want: []string{"security? ", "kubectl label namespace", "pod a pod"}},
		"no room":    {o: func() Options { ns := level("baseline"); limit(ns, "pods", "0"); return Options{Namespace: ns} }, want: []string{"quota? q: pods 0 of 0", "pod? there is no room for one now: exceeded quota"}},
		"wants limits": {o: func() Options {
			ns := level("baseline")
			limit(ns, "limits.memory", "1Gi")
			return Options{Namespace: ns}
		}, want: []string{"quota q: limits.memory 0 of 1Gi", "pod! ", "set kubernetes.requests"}},
		"no namespace": {o: func() Options { return Options{Namespace: "not-there"} }, want: []string{"rights! ", "not-there", " -> make the namespace"}},
		"no rights":    {o: func() Options { return Options{Namespace: "default"} }, user: "nobody", want: []string{"rights! ", "may not create pods", " -> give it the role of deploy/"}},
		"no such image": {o: func() Options {
			return Options{Namespace: level("baseline"), HelperImage: "drydock-test/none:1", PullWait: 3 * time.Second}
		}, want: []string{"pod! ", "make image-helper"}},
		"no node for it": {o: func() Options {
			return Options{Namespace: level("baseline"), Wait: 20 * time.Second, Pod: Pod{NodeSelector: map[string]string{"no": "node"}}}
		}, want: []string{"pod! ", "Unschedulable"}},
	} {
		t.Run(name, func(t *testing.T) {
			x, labels := live(t, tc.o())
			if tc.user != "" {
				c, err := x.connection()
				if err != nil {
					t.Fatal(err)
				}
				config := *c.config
				config.Impersonate = rest.ImpersonationConfig{UserName: tc.user}
				// The sweep at the end is the administrator's.
				y, err := New(x.opts)
				if err == nil {
					*y.found, err = newClient(&config, c.namespace)
				}
				if err != nil {
					t.Fatal(err)
				}
				x = y
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			got := found(x.Examine(ctx, labels))
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			if strings.Contains(got, "pod! ") && !strings.Contains(strings.Join(tc.want, ""), "pod! ") {
				t.Errorf("unexpected:\n%s", got)
			}
		})
	}
}
