package livetest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	kubeHelper = "drydock-test/livehelper:1"
	kubeServer = "drydock-test/liveserver:1"
	kubeAsked  = "DRYDOCK_TEST_KUBE"
)

var nodeSource string // a folder with the node of testdata

// prepareNode builds what stands for node.
func prepareNode(dir string) error {
	nodeSource = filepath.Join(dir, "nodes")
	for _, major := range []string{"node20", "node24"} {
		if err := command(root, "go", "build", "-trimpath", "-ldflags", "-s -w",
			"-o", filepath.Join(nodeSource, major, "bin", "node"), "./cmd/internal/livetest/testdata/node"); err != nil {
			return err
		}
	}
	return nil
}

// prepareKube brings images to the cluster: DRYDOCK_TEST_KUBE_LOAD is a command
// that takes the path of an image's tar. Without it they have to be there.
func prepareKube(dir string) error {
	load := strings.Fields(os.Getenv("DRYDOCK_TEST_KUBE_LOAD"))
	if len(load) == 0 {
		return nil
	}
	// As the target "helper" of the Dockerfile.
	build := filepath.Join(dir, "helper")
	if err := os.MkdirAll(build, 0o755); err != nil {
		return err
	}
	program, err := os.ReadFile(filepath.Join(root, "executor/helper/program/linux-"+runtime.GOARCH))
	if err == nil {
		err = os.WriteFile(filepath.Join(build, "drydock-helper"), program, 0o755)
	}
	if err == nil {
		err = command(build, "tar", "--numeric-owner", "--owner=0", "--group=0", "-cf", "../helper.layer.tar", "drydock-helper")
	}
	if err == nil {
		err = command(dir, client, "import", "--change", "USER 65532:65532", "--change", `ENTRYPOINT ["/drydock-helper"]`, "helper.layer.tar", kubeHelper)
	}
	if err == nil {
		err = prepareServerImage(dir)
	}
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "images.tar")
	if err := command(dir, client, append([]string{"save", "-o", file, kubeHelper, kubeServer}, images()...)...); err != nil {
		return err
	}
	defer os.Remove(file)
	return command(dir, load[0], append(load[1:], file)...)
}

// prepareServerImage makes what the Dockerfile makes by default.
func prepareServerImage(dir string) error {
	files := filepath.Join(dir, "server")
	for _, folder := range []string{"tmp", "home/drydock", "usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(files, folder), 0o755); err != nil {
			return err
		}
	}
	err := command(root, "deploy/image/git.sh", files)
	if err == nil {
		err = command(dir, "cp", binary, filepath.Join(files, "usr/local/bin/drydock"))
	}
	if err == nil {
		err = command(files, "tar", "--numeric-owner", "--owner=0", "--group=0", "-cf", "../server.layer.tar", ".")
	}
	if err == nil {
		err = command(dir, client, "import", "--change", "USER 65532:65532", "--change", "ENV HOME=/home/drydock PATH=/usr/local/bin:/usr/bin",
			"--change", `ENTRYPOINT ["/usr/local/bin/drydock"]`, "server.layer.tar", kubeServer)
	}
	return err
}

// newKubeWorld makes a world whose jobs run in the cluster; when the test ends no
// pod of it may be left.
func newKubeWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv(kubeAsked) != "1" {
		t.Skip("needs a cluster: set DRYDOCK_TEST_KUBE=1 and KUBECONFIG")
	}
	t.Parallel()
	w := &world{t: t, home: t.TempDir(), env: []string{
		"KUBECONFIG=" + os.Getenv("KUBECONFIG"), "DRYDOCK_EXECUTOR=kubernetes", "DRYDOCK_KUBERNETES_HELPER_IMAGE=" + kubeHelper,
		"DRYDOCK_KUBERNETES_NAMESPACE=default", "DRYDOCK_NODE_SOURCE=" + nodeSource, "DRYDOCK_OFFLINE=true",
	}}
	w.init()
	t.Cleanup(w.leaveNoPod)
	return w
}

// kubectl runs kubectl as the tests' own user.
func kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("kubectl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// pod is the part of a pod that tests look at.
type pod struct {
	Metadata struct {
		Name, Namespace   string
		DeletionTimestamp string
		Labels            map[string]string
	}
	Spec struct {
		NodeSelector       map[string]string
		ServiceAccountName string
		Containers         []struct {
			Name, Image string
			Resources   struct{ Limits map[string]string }
		}
	}
}

// pods lists those of this world's runs, in all namespaces.
func (w *world) pods() []pod {
	w.t.Helper()
	owner := w.owner()
	if owner == "" {
		return nil
	}
	var list struct{ Items []pod }
	if err := json.Unmarshal([]byte(kubectl(w.t, "get", "pods", "-A", "-o", "json", "-l", "drydock.io/owner="+owner)), &list); err != nil {
		w.t.Fatal(err)
	}
	return list.Items
}

// leaveNoPod is at the end of every test: what is being deleted counts as gone.
func (w *world) leaveNoPod() {
	if w.t.Skipped() {
		return
	}
	for _, p := range w.pods() {
		if p.Metadata.DeletionTimestamp == "" {
			w.t.Errorf("still there: pod %s", p.Metadata.Name)
			kubectl(w.t, "delete", "pod", "--wait=false", "-n", p.Metadata.Namespace, p.Metadata.Name)
		}
	}
	if left, _ := filepath.Glob(w.state("locks", "*")); len(left) > 0 {
		w.t.Errorf("still there: %q", left)
	}
}

// namespace makes one that goes with the test.
func namespace(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("livetest-%d", time.Now().UnixNano())
	kubectl(t, "create", "namespace", name)
	t.Cleanup(func() { kubectl(t, "delete", "namespace", "--wait=false", name) })
	eventually(t, patience, "the namespace has its service account", func() bool {
		return exec.Command("kubectl", "get", "serviceaccount", "-n", name, "default").Run() == nil
	})
	return name
}
