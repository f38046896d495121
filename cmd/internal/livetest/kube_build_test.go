package livetest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

const buildkitd = "drydock-test/buildkitd:1"

// TestKubeBuild runs a workflow with a Dockerfile action in the cluster: a rootless
// builder there, as deploy/ has it, builds the image, a registry takes it, the node
// gets it. The second run finds it there.
func TestKubeBuild(t *testing.T) {
	w := newKubeWorld(t)
	buildInCluster(t, w)
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	w.file("built/busybox", string(program))
	w.file("built/Dockerfile", `FROM scratch
COPY --chmod=755 busybox /bin/sh
RUN echo built by $(id -u) >/made && chown 1000:1000 /made
ENTRYPOINT ["/bin/sh", "-c", "cat /made; echo action ran with $0; echo \"did=it\" >>$GITHUB_OUTPUT"]
CMD ["nothing"]
`)
	w.file("built/action.yml", "name: built\noutputs: {did: {description: d}}\nruns: {using: docker, image: Dockerfile, args: [an argument]}\n")
	w.workflow(`jobs:
  built:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - {id: a, uses: ./built}
      - run: echo it gave ${{ steps.a.outputs.did }}
`)
	r := w.run()
	r.wantCode(0)
	text := r.jobText("built")
	for _, words := range []string{"COPY --chmod=755 busybox /bin/sh", "built by 0", "action ran with an argument", "it gave it"} {
		if !strings.Contains(text, words) {
			t.Errorf("the first run does not say %q: %s", words, text)
		}
	}
	r = w.run()
	r.wantCode(0)
	text = r.jobText("built")
	if !strings.Contains(text, "The image is there") || strings.Contains(text, "COPY --chmod") || !strings.Contains(text, "it gave it") {
		t.Errorf("the second run: %s", text)
	}
}

// oneBuilder: deploy/ puts the builder into a namespace of that name.
var oneBuilder sync.Mutex

// buildInCluster starts a builder in the cluster, as an operator would, and a
// registry here, whose address it returns.
func buildInCluster(t *testing.T, w *world) string {
	t.Helper()
	oneBuilder.Lock()
	t.Cleanup(oneBuilder.Unlock)
	certs := t.TempDir()
	certificates(t, certs)
	images := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	images.Listener.Close()
	listener, err := net.Listen("tcp", ":0") //nolint:gosec // pods reach it at the node's address
	if err != nil {
		t.Fatal(err)
	}
	images.Listener = listener
	images.Start()
	t.Cleanup(images.Close)
	_, number, _ := net.SplitHostPort(listener.Addr().String())
	node := kubectl(t, "get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}")
	address := net.JoinHostPort(node, number)
	builder(t, certs, address)
	forward := exec.Command("kubectl", "-n", "drydock-builder", "port-forward", "deployment/drydock-builder", ":1234")
	out, err := forward.StdoutPipe()
	if err == nil {
		err = forward.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = forward.Process.Kill(); _ = forward.Wait() })
	line, _ := bufio.NewReader(out).ReadString('\n')
	port := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(line)
	if port == nil {
		t.Fatalf("kubectl port-forward: %q", line)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	w.env = append(w.env, "DRYDOCK_KUBERNETES_BUILDER=tcp://localhost:"+port[1], "DRYDOCK_KUBERNETES_BUILDER_CERTS="+certs,
		"DRYDOCK_KUBERNETES_REGISTRY="+"127.0.0.1:"+number+"/ci", "DRYDOCK_SERVER_PLAIN_REGISTRIES="+address)
	return address
}

// builder applies deploy/overlays/builder with an image made here; it reaches the
// registry plain without TLS.
func builder(t *testing.T, certs, plain string) {
	t.Helper()
	if load := strings.Fields(os.Getenv("DRYDOCK_TEST_KUBE_LOAD")); len(load) > 0 {
		if err := command(root, ".ci/testimage.sh", "buildkitd"); err != nil {
			t.Skipf("needs buildkitd: run make buildkit: %v", err)
		}
		file := filepath.Join(t.TempDir(), "image.tar")
		if err := command(root, client, "save", "-o", file, buildkitd); err != nil {
			t.Fatal(err)
		}
		if err := command(root, load[0], append(load[1:], file)...); err != nil {
			t.Fatal(err)
		}
	}
	text := kubectl(t, "kustomize", filepath.Join(root, "deploy/overlays/builder"))
	image := regexp.MustCompile(`image: docker.io/moby/buildkit:\S+`)
	if !image.MatchString(text) {
		t.Fatalf("no image in %s", text)
	}
	file := filepath.Join(t.TempDir(), "builder.yaml")
	if err := os.WriteFile(file, []byte(image.ReplaceAllString(text, "image: docker.io/"+buildkitd)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kubectl(t, "delete", "--wait=false", "-f", file) })
	eventually(t, patience, "the builder's namespace", func() bool {
		return exec.Command("kubectl", "create", "namespace", "drydock-builder").Run() == nil // one of before may still be going
	})
	// Before the pod: a ConfigMap that is optional may come too late for it.
	config := filepath.Join(t.TempDir(), "buildkitd.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[registry.%q]\n  http = true\n", plain), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "-n", "drydock-builder", "create", "configmap", "drydock-builder-config", "--from-file="+config)
	at := func(name string) string { return filepath.Join(certs, name) }
	kubectl(t, "-n", "drydock-builder", "create", "secret", "generic", "drydock-builder-certs",
		"--from-file=ca.pem="+at("ca.pem"), "--from-file=cert.pem="+at("server.pem"), "--from-file=key.pem="+at("server-key.pem"))
	kubectl(t, "apply", "-f", file)
	kubectl(t, "-n", "drydock-builder", "rollout", "status", "--timeout=240s", "deployment/drydock-builder")
}

// certificates makes an authority, and one certificate for the builder and one,
// cert.pem, for its client.
func certificates(t *testing.T, dir string) {
	t.Helper()
	var ca *x509.Certificate
	var caKey *ecdsa.PrivateKey
	for i, names := range [][2]string{{"ca.pem", "ca-key.pem"}, {"server.pem", "server-key.pem"}, {"cert.pem", "key.pem"}} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: names[0]}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			DNSNames: []string{"localhost"}, BasicConstraintsValid: true, IsCA: i == 0,
		}
		if ca == nil {
			ca, caKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for j, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: raw}} {
			if err := os.WriteFile(filepath.Join(dir, names[j]), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
