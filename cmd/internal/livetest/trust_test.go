package livetest

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// companyServer answers over HTTPS with a certificate of an authority that
// nobody knows but its file; containers reach it by the name of their machine.
func companyServer(t *testing.T) (url, bundle string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Company"}, DNSNames: []string{"host.docker.internal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("trusted answer\n"))
	})}}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	bundle = filepath.Join(t.TempDir(), "company.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "https://host.docker.internal:" + port + "/", bundle
}

const clientProgram = `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	r, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	io.Copy(os.Stdout, r.Body)
}
`

func TestCompanyCertificates(t *testing.T) {
	w := newWorld(t)
	url, bundle := companyServer(t)
	src := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(src, []byte(clientProgram), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(w.repo, "get"), src)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.workflow(`
jobs:
  machine:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: ./get ` + url + `
      - uses: docker://` + busybox + `
        with: {entrypoint: /github/workspace/get, args: "` + url + `"}
  contained:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    steps: [{uses: actions/checkout@v4}, {run: ./get ` + url + `}]
`)
	w.env = []string{"DRYDOCK_NETWORK_CA=" + bundle}
	if r := w.pass(); r.count("trusted answer") != 3 {
		t.Errorf("%d answers:\n%s", r.count("trusted answer"), r.text())
	}
	w.env = []string{"SSL_CERT_FILE=" + bundle} // auto: what this machine trusts
	if r := w.pass("-j", "machine"); r.count("trusted answer") != 2 {
		t.Errorf("auto: %d answers:\n%s", r.count("trusted answer"), r.text())
	}
	w.env = []string{"DRYDOCK_NETWORK_CA=off", "SSL_CERT_FILE=" + bundle}
	r := w.run()
	r.wantCode(1)
	if r.count("trusted answer") > 0 || !strings.Contains(r.text(), "x509") {
		t.Errorf("off:\n%s", r.text())
	}
}

func TestProxyVariables(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  machine:
    runs-on: ubuntu-latest
    services:
      web:
        image: "` + busybox + `"
        ports: ["8123:80"]
        entrypoint: sh
        command: -c 'env > /tmp/env; exec httpd -f -p 80 -h /tmp'
        options: --health-cmd "wget -Y off -q -O /dev/null http://localhost/env" --health-interval 200ms --health-retries 200
    steps:
      - run: env | grep -i _proxy | sed 's/^/job /'; wget -Y off -q -O - http://localhost:8123/env | grep -i _proxy | sed 's/^/service /'
      - uses: docker://` + busybox + `
        with: {entrypoint: sh, args: "-c 'env | grep -i _proxy | sed s/^/action./'"}
`)
	// What an action reaches without the proxy is the services of its job, too.
	w.env = []string{"HTTP_PROXY=http://upper:1", "https_proxy=http://lower:2", "no_proxy=localhost,.corp"}
	r := w.pass()
	for _, who := range []string{"job ", "service ", "action."} {
		r.wantLines(who+"http_proxy=http://upper:1", who+"HTTP_PROXY=http://upper:1",
			who+"https_proxy=http://lower:2", who+"HTTPS_PROXY=http://lower:2")
	}
	for _, who := range []string{"job ", "service "} {
		r.wantLines(who+"no_proxy=localhost,.corp", who+"NO_PROXY=localhost,.corp")
	}
	if n := strings.Count(r.text(), "] action.no_proxy=localhost,.corp,") + strings.Count(r.text(), "] action.NO_PROXY=localhost,.corp,"); n != 2 {
		t.Errorf("%d variables of the action name what it reaches without the proxy, want 2:\n%s", n, r.text())
	}
}
