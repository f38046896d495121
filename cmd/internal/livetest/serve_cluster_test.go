package livetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/githubapp/githubtest"
	"github.com/drydock-ci/drydock/githubapp/setup"
	"github.com/drydock-ci/drydock/githubapp/vault"
)

// deployed is the server in the cluster, as deploy/overlays/server puts it there,
// with a GitHub on this machine. Names of namespaces are the test's own.
type deployed struct {
	*served
	namespace string
	ingress   *httptest.Server
	pod       atomic.Pointer[url.URL]
}

// deployServer does what deploy/README.md says.
func deployServer(t *testing.T) *deployed {
	t.Helper()
	w := newKubeWorld(t)
	d := &deployed{namespace: fmt.Sprintf("live-server-%d", time.Now().UnixNano())}

	// Pods reach this machine at the address of its node, and only by TLS.
	node := kubectl(t, "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	certificate, ca := certify(t, node)
	listener, err := net.Listen("tcp", net.JoinHostPort(node, "0"))
	if err != nil {
		t.Fatal(err)
	}
	front := "https://" + listener.Addr().String()
	address := freePort(t)
	gh := githubtest.New(t, githubtest.Options{Listen: address, URL: front})
	tlsServer := &httptest.Server{
		Listener: listener, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		Config: &http.Server{Handler: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address}), ReadHeaderTimeout: time.Minute},
	}
	tlsServer.StartTLS()
	t.Cleanup(tlsServer.Close)

	// What stands for the cluster's ingress.
	d.ingress = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.Host = r.In.Host // the server answers to its own name alone
			r.Out.URL.Scheme, r.Out.URL.Host = "http", d.pod.Load().Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	t.Cleanup(d.ingress.Close)
	d.pod.Store(&url.URL{Host: "127.0.0.1:1"})
	d.served = &served{world: w, gh: gh, url: d.ingress.URL}
	gh.User("mona")
	d.bearer = gh.UserToken("mona")

	state := t.TempDir()
	if err := os.Chown(state, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	w.ownerFile = filepath.Join(state, "server", "owner")
	d.apply(state, ca)
	gh.SetWebhook(d.url + "/webhook")
	d.ready("")
	return d
}

// apply makes the Secrets and applies the overlay with what is an operator's own.
func (d *deployed) apply(state string, ca []byte) {
	t, ns, jobs := d.t, d.namespace, d.namespace+"-jobs"
	t.Helper()
	app := d.gh.App()
	folder := t.TempDir()
	if err := setup.Save(filepath.Join(folder, "app"), setup.Credentials{
		ID: app.ID, Slug: app.Slug, ClientID: app.ClientID, Server: d.gh.URL(),
		PrivateKey: app.PrivateKey, WebhookSecrets: [][]byte{[]byte(app.WebhookSecret)}, ClientSecret: app.ClientSecret,
	}); err != nil {
		t.Fatal(err)
	}
	deploy, err := filepath.EvalSymlinks(filepath.Join(root, "deploy/overlays/server"))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := filepath.EvalSymlinks(folder)
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(overlay, deploy)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(overlay, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("vault.key", vault.NewKey()+"\n")
	write("ca.pem", string(ca))
	write("kustomization.yaml", `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [`+relative+`]
images: [{name: drydock, newName: `+strings.TrimSuffix(kubeServer, ":1")+`, newTag: "1"}]
patches: [{path: config.yaml}, {path: ca.yaml}]
`)
	write("config.yaml", `
apiVersion: v1
kind: ConfigMap
metadata: {name: drydock, namespace: drydock}
data:
  drydock.yaml: |
    executor: kubernetes
    pull: never
    platforms: {ubuntu-latest: "`+bash+`"}
    kubernetes: {namespace: drydock-jobs, helper_image: "`+kubeHelper+`"}
    github: {server_url: "`+d.gh.URL()+`", api_url: "`+d.gh.URL()+`/api/v3"}
    server: {listen: ":8080", url: "`+d.url+`", public_metrics: true}
    app: {folder: /etc/drydock-app}
    vault: {key_file: /etc/drydock-vault/vault.key}
    cache: {path: /var/lib/drydock/caches}
    log: {level: info}
`)
	// A GitHub whose certificate is no public one: as deploy/README.md says.
	write("ca.yaml", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: drydock, namespace: drydock}
spec:
  template:
    spec:
      containers:
        - name: drydock
          env: [{name: SSL_CERT_FILE, value: /etc/drydock-ca/ca.pem}, {name: GIT_SSL_CAINFO, value: /etc/drydock-ca/ca.pem}]
          volumeMounts: [{name: ca, mountPath: /etc/drydock-ca, readOnly: true}]
      volumes: [{name: ca, configMap: {name: drydock-ca}}]
`)
	// The tests' own namespaces: others may use the usual ones.
	text := kubectl(t, "kustomize", overlay)
	text = regexp.MustCompile(`(?m)\bdrydock-jobs\b`).ReplaceAllString(text, jobs)
	text = regexp.MustCompile(`(?m)namespace: drydock$`).ReplaceAllString(text, "namespace: "+ns)
	text = regexp.MustCompile(`(?m)(kind: Namespace\nmetadata:\n(?:  labels:\n(?:    .*\n)*)?  name: )drydock$`).ReplaceAllString(text, "${1}"+ns)
	volume := fmt.Sprintf(`
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s}
spec:
  capacity: {storage: 20Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  claimRef: {namespace: %[1]s, name: drydock}
  hostPath: {path: "%[2]s"}
`, ns, state)

	kubectl(t, "create", "namespace", ns)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := exec.Command("kubectl", "logs", "-n", ns, "-l", "app.kubernetes.io/component=server", "--prefix", "--tail=200").CombinedOutput()
			about, _ := exec.Command("kubectl", "describe", "pods", "-n", ns).CombinedOutput()
			t.Logf("the server's log:\n%s\n%s", out, about)
		}
		// The server first: nobody else may take up what it leaves.
		kubectl(t, "delete", "deployment", "-n", ns, "drydock", "--cascade=foreground", "--timeout=180s")
		kubectl(t, "delete", "namespace", ns, jobs, "--wait=false")
		kubectl(t, "delete", "persistentvolume", ns, "--wait=false")
	})
	kubectl(t, "create", "secret", "generic", "drydock-app", "-n", ns, "--from-file="+filepath.Join(folder, "app"))
	kubectl(t, "create", "secret", "generic", "drydock-vault", "-n", ns, "--from-file="+filepath.Join(overlay, "vault.key"))
	kubectl(t, "create", "configmap", "drydock-ca", "-n", ns, "--from-file="+filepath.Join(overlay, "ca.pem"))
	apply := exec.Command("kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(text + volume)
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("apply: %v: %s", err, out)
	}
}

// serverPod is one of the Deployment's.
type serverPod struct {
	Metadata struct{ Name, UID, DeletionTimestamp string }
	Status   struct {
		PodIP      string
		Conditions []struct{ Type, Status string }
	}
}

// ready waits for a pod other than the one before.
func (d *deployed) ready(before string) string {
	d.t.Helper()
	name := ""
	d.eventually("the server's pod is ready", func() bool {
		var list struct{ Items []serverPod }
		if err := json.Unmarshal([]byte(kubectl(d.t, "get", "pods", "-n", d.namespace, "-l", "app.kubernetes.io/component=server", "-o", "json")), &list); err != nil {
			d.t.Fatal(err)
		}
		for _, p := range list.Items {
			for _, c := range p.Status.Conditions {
				if c.Type == "Ready" && c.Status == "True" && p.Metadata.Name != before && p.Metadata.DeletionTimestamp == "" {
					name = p.Metadata.Name
					d.pod.Store(&url.URL{Host: net.JoinHostPort(p.Status.PodIP, "8080")})
					return true
				}
			}
		}
		return false
	})
	return name
}

// certify makes a certificate for an address, that certifies itself.
func certify(t *testing.T, address string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestKubeServerDeployed: the server is a pod, its jobs are pods; a push becomes
// green check runs, with an action that the server fetches. When its pod is deleted
// in mid-step, the next one goes on with the job.
func TestKubeServerDeployed(t *testing.T) {
	d := deployServer(t)
	pod := d.ready("")
	action := d.gh.Repository("octo/act", githubtest.Files{"action.yml": `
name: act
runs: {using: composite, steps: [{shell: bash, run: echo from the action}]}
`})
	action.Push("v1", githubtest.Files{"README.md": "an action\n"}, "release")
	repo := d.gh.Repository("octo/demo", nil)
	repo.Collaborator("mona", "write")
	set := exec.Command("kubectl", "exec", "-i", "-n", d.namespace, "deployment/drydock", "--", "drydock", "secret", "set", "KEY", "--repository", "octo/demo")
	set.Stdin = strings.NewReader("hunter2-hunter2\n")
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("set a secret: %v: %s", err, out)
	}
	sha := repo.Push("main", githubtest.Files{".github/workflows/ci.yml": `
name: CI
on: push
jobs:
  long:
    runs-on: ubuntu-latest
    steps:
      - uses: octo/act@v1
      - run: 'echo "secret: ${{ secrets.KEY }}"'
      - run: i=0; while [ "$((i = i + 1))" -le 50 ]; do echo "line $i"; sleep 0.5; done
      - run: echo end
  after:
    needs: long
    runs-on: ubuntu-latest
    steps: [{run: echo after}]
`}, "add ci")
	log := func() string {
		var runs struct{ Runs []struct{ ID int64 } }
		if d.get("/api/v1/runs", &runs); len(runs.Runs) == 0 {
			return ""
		}
		return string(d.get(fmt.Sprintf("/api/v1/runs/%d/attempts/1/log?job=long", runs.Runs[0].ID), nil))
	}
	d.eventually("the step runs", func() bool { return strings.Contains(log(), "line 3\n") })
	deleted := time.Now()
	kubectl(t, "delete", "pod", "-n", d.namespace, pod, "--wait=false")
	d.ready(pod)
	t.Logf("another pod of the server is ready after %.1f s", time.Since(deleted).Seconds())
	checks := d.completed(repo, sha, 2)
	for _, name := range []string{"CI / long (push)", "CI / after (push)"} {
		if c := checks[name]; c.Conclusion != "success" {
			t.Errorf("check run %s: %+v", name, c)
		}
	}
	text := log()
	if !strings.Contains(text, "from the action") || !strings.Contains(text, "secret: ***") {
		t.Errorf("the action did not run, or there is no secret:\n%s", text)
	}
	res, err := http.Get(d.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	figures, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(figures), `drydock_jobs_finished_total{conclusion="success",executor="kubernetes"}`) {
		t.Errorf("metrics: %d %s (%v)", res.StatusCode, figures, err)
	}
	for i := 1; i <= 50; i++ {
		if n := strings.Count(text, fmt.Sprintf("line %d\n", i)); n != 1 {
			t.Errorf("line %d is there %d times:\n%s", i, n, text)
		}
	}
}
