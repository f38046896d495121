package kube

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

func TestSurroundings(t *testing.T) {
	x := newTest(t, Options{CACert: []byte("PEM"), Proxy: map[string]string{"http_proxy": "http://u:p@proxy", "no_proxy": "own"}})
	d, err := x.draft(executor.Spec{
		Name: "build", Kind: executor.Machine, Image: executor.Image{Ref: "app:1"},
		Env: map[string]string{"NO_PROXY": "theirs", "PIP_CERT": "/theirs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	find := func(name string) (corev1.EnvVar, bool) {
		env := d.pod.Spec.Containers[0].Env
		i := slices.IndexFunc(env, func(v corev1.EnvVar) bool { return v.Name == name })
		if i < 0 {
			return corev1.EnvVar{}, false
		}
		return env[i], true
	}
	if v, _ := find("SSL_CERT_FILE"); v.Value != "/home/runner/work/_ca/ca-certificates.crt" {
		t.Errorf("SSL_CERT_FILE: %+v", v)
	}
	if v, _ := find("PIP_CERT"); v.Value == "/home/runner/work/_ca/ca-certificates.crt" {
		t.Error("the workflow's own PIP_CERT is gone")
	}
	for _, name := range []string{"http_proxy", "HTTP_PROXY"} {
		if v, ok := find(name); !ok || v.Value != "" || v.ValueFrom == nil {
			t.Errorf("%s may hold a password, and is %+v", name, v)
		}
	}
	if _, ok := find("no_proxy"); ok {
		t.Error("no_proxy stands beside the workflow's NO_PROXY")
	}
}
