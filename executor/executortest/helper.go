package executortest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "drydock-helper-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "drydock-helper")
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, "github.com/drydock-ci/drydock/cmd/drydock-helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		os.Stderr.Write(out)
		return "", err
	}
	return program, nil
})

// Main runs a package's tests with a freshly built helper, for its TestMain:
// os.Exit(executortest.Main(m)). It sets DRYDOCK_HELPER unless that names one
// already, say one that was built with the race detector.
func Main(m *testing.M) int {
	if os.Getenv("DRYDOCK_HELPER") != "" {
		return m.Run()
	}
	program, err := built()
	if err != nil {
		os.Stderr.WriteString("build the helper: " + err.Error() + "\n")
		return 1
	}
	defer os.RemoveAll(filepath.Dir(program))
	os.Setenv("DRYDOCK_HELPER", program)
	return m.Run()
}
