package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endTimeout is how long a helper may take to end all that it has.
const endTimeout = 12 * time.Second

// spawn starts the helper in a session of its own: neither Ctrl-C nor the end
// of this program ends it.
func spawn(program string, args, env []string, log string) (int, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stderr = env, "/", out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() { _ = cmd.Wait() }() // collects it, should it end before this program
	return cmd.Process.Pid, nil
}

// startTime is the kernel's start time of a process, empty for one that is
// gone or has ended.
func startTime(pid int) string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	i := bytes.LastIndexByte(data, ')')
	if i < 0 {
		return ""
	}
	// proc(5): state is field 3, starttime field 22.
	f := strings.Fields(string(data[i+1:]))
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return ""
	}
	return f[19]
}

// terminate asks the helper to end all that it has, and ends it.
func terminate(st state) error {
	if !st.alive() {
		return nil
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(st.Pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end helper %d: %w", st.Pid, err)
		}
		for end := time.Now().Add(endTimeout); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if !st.alive() {
				return nil
			}
		}
	}
	return fmt.Errorf("end helper %d: it does not end", st.Pid)
}

func kernel() string {
	data, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return "linux " + strings.TrimSpace(string(data))
}
