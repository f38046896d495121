package livetest

import (
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// only is the pod of this world's one job.
func (w *world) only() pod {
	w.t.Helper()
	pods := w.pods()
	if len(pods) != 1 {
		w.t.Fatalf("%d pods", len(pods))
	}
	return pods[0]
}

// deletePod is what a person may do.
func (w *world) deletePod() {
	w.t.Helper()
	kubectl(w.t, "delete", "pod", "--wait=false", w.only().Metadata.Name)
}

// evict is what draining a node does.
func (w *world) evict() {
	w.t.Helper()
	m := w.only().Metadata
	cmd := exec.Command("kubectl", "create", "--raw", "/api/v1/namespaces/"+m.Namespace+"/pods/"+m.Name+"/eviction", "-f", "-")
	cmd.Stdin = strings.NewReader(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"` + m.Name + `","namespace":"` + m.Namespace + `"}}`)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("evict: %v: %s", err, out)
	}
}

// loseNode does to a pod what the cluster does when its node is gone: it is
// marked, then deleted.
func (w *world) loseNode() {
	w.t.Helper()
	name := w.only().Metadata.Name
	kubectl(w.t, "patch", "pod", name, "--subresource=status", "-p", `{"status":{"conditions":[`+
		`{"type":"DisruptionTarget","status":"True","reason":"DeletionByTaintManager","message":"Taint manager: deleting due to NoExecute taint"}]}}`)
	kubectl(w.t, "delete", "pod", "--wait=false", name)
}

// noPods is a quota of 0. Nothing in the test cluster keeps the books, so the
// test does.
func noPods(t testing.TB, ns string) {
	t.Helper()
	kubectl(t, "create", "quota", "none", "-n", ns, "--hard=pods=0")
	kubectl(t, "patch", "quota", "none", "-n", ns, "--subresource=status", "-p", `{"status":{"hard":{"pods":"0"},"used":{"pods":"0"}}}`)
}

// leaveNoObject waits until nothing of this world's runs is in the cluster: no
// pod, not even one that is being deleted, and no Secret.
func (w *world) leaveNoObject() {
	w.t.Helper()
	owner := w.owner()
	if owner == "" {
		return
	}
	eventually(w.t, patience, "nothing is left in the cluster", func() bool {
		var list struct{ Items []json.RawMessage }
		err := json.Unmarshal([]byte(kubectl(w.t, "get", "pods,secrets", "-A", "-o", "json", "-l", "drydock.io/owner="+owner)), &list)
		return err == nil && len(list.Items) == 0
	})
}

// line is the way to the API server, which can be cut.
type line struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool
}

// lineToServer makes the world's line, and gives its address.
func (w *world) lineToServer() string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	w.line = &line{conns: map[net.Conn]bool{}}
	go w.line.serve(l, strings.TrimPrefix(w.server(), "https://"))
	return "https://" + l.Addr().String()
}

func (l *line) serve(from net.Listener, to string) {
	for {
		in, err := from.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		down := l.down
		l.conns[in] = true
		l.mu.Unlock()
		out, err := net.Dial("tcp", to)
		if err != nil {
			in.Close()
			continue
		}
		if down {
			in.Close()
			out.Close()
			continue
		}
		go func() { _, _ = io.Copy(in, out); in.Close() }()
		go func() { _, _ = io.Copy(out, in); out.Close() }()
	}
}

// cut ends all connections, and says whether new ones come through. It tells how
// many there were.
func (l *line) cut(down bool) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	for c := range l.conns {
		if c.Close() == nil {
			n++
		}
		delete(l.conns, c)
	}
	return n
}
