package helper

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// TestInstallWhileForking starts what was installed while other processes are
// started all the time: one that is between fork and exec would hold the new
// file open for writing ("text file busy").
func TestInstallWhileForking(t *testing.T) {
	program := "#!/bin/sh\nexit 0\n" + strings.Repeat("# a large program\n", 100_000)
	dir, stop := t.TempDir(), make(chan struct{})
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = exec.Command("/bin/true").Run()
				}
			}
		})
	}
	for i := range 150 {
		path, err := install(dir, fmt.Sprint(i), int64(len(program)), strings.NewReader(program))
		if err == nil {
			err = exec.Command(path).Run()
		}
		if err != nil {
			t.Errorf("round %d: %v", i, err)
			break
		}
	}
	close(stop)
	others.Wait()
}
