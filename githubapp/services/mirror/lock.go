package mirror

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// tryLock takes the lock of an open file. It is free again when nobody has the file
// open any more: this process, and those that it gave it to. Two opens of one file
// exclude each other within a process, too.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// ownGroup lets the end of the command be the end of its children.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
