package kube

import (
	"archive/tar"
	"bytes"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

// caVariables make the usual programs read a bundle of certificates.
var caVariables = []string{
	"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE",
	"REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO",
}

// caTarget is where a job finds the operator's certificates: in the work folder,
// which the containers beside the job see too.
func caTarget(work string) string { return work + "/_ca/ca-certificates.crt" }

// trust names the operator's certificates to a container, but not where it has
// its own.
func (o *Options) trust(env []corev1.EnvVar, work string) []corev1.EnvVar {
	if len(o.CACert) == 0 {
		return env
	}
	for _, k := range caVariables {
		if !slices.ContainsFunc(env, func(v corev1.EnvVar) bool { return v.Name == k }) {
			env = append(env, corev1.EnvVar{Name: k, Value: caTarget(work)})
		}
	}
	return env
}

// proxies adds the operator's to the variables of the job's container, in both
// spellings; where a workflow has one of them it is the workflow's own choice. They
// may hold a password, so they are kept as the other variables are.
func (o *Options) proxies(s *settings) {
	for _, k := range slices.Sorted(maps.Keys(o.Proxy)) {
		lower, upper := strings.ToLower(k), strings.ToUpper(k)
		if o.Proxy[k] == "" || slices.ContainsFunc(s.env, func(v variable) bool { return v.name == lower || v.name == upper }) {
			continue
		}
		s.setEnv(lower, o.Proxy[k])
		s.setEnv(upper, o.Proxy[k])
	}
}

// bringTrust puts the certificates where the variables say, before any step runs.
func (e *environment) bringTrust(ctx context.Context) error {
	cert := e.x.opts.CACert
	if len(cert) == 0 {
		return nil
	}
	target := caTarget(e.info.Paths.Work)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Base(target), Mode: 0o644, Size: int64(len(cert))})
	if err == nil {
		_, err = w.Write(cert)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return executor.Errorf("pack the certificates for jobs", executor.Failed, "%w", err)
	}
	return e.CopyIn(ctx, path.Dir(target), &buf)
}
