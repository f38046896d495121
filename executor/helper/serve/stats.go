//go:build linux

package serve

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/drydock-ci/drydock/executor/helper/wire"
)

// cgroup is the folder of the helper's own control group (version 2). Inside
// a container it is the root of what can be seen.
func cgroup() string {
	const root = "/sys/fs/cgroup"
	data, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.SplitSeq(string(data), "\n") {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			if _, err := os.Stat(root + path + "/memory.events"); err == nil {
				return root + path
			}
		}
	}
	return root
}

var cgroupDir = cgroup()

// oldDir is where version 1 has the place's memory.
const oldDir = "/sys/fs/cgroup/memory"

// oomKills counts what the kernel killed for memory in the place so far.
func oomKills() int64 {
	data, err := os.ReadFile(cgroupDir + "/memory.events")
	if err != nil {
		data, _ = os.ReadFile(oldDir + "/memory.oom_control")
	}
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if v, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			n, _ := strconv.ParseInt(string(v), 10, 64)
			return n
		}
	}
	return 0
}

// unlimited is more than any machine has: version 1 writes "no limit" so.
const unlimited = 1 << 60

// figures reads memory and disk; what cannot be known stays 0.
func figures(path string) *wire.Figure {
	f := &wire.Figure{MemoryUsed: number(cgroupDir + "/memory.current"), MemoryTotal: number(cgroupDir + "/memory.max")}
	if f.MemoryUsed == 0 {
		if total := number(oldDir + "/memory.limit_in_bytes"); total < unlimited {
			f.MemoryUsed, f.MemoryTotal = number(oldDir+"/memory.usage_in_bytes"), total
		}
	}
	if f.MemoryTotal == 0 {
		total, available := meminfo()
		f.MemoryTotal, f.MemoryUsed = total, total-available
	}
	if path == "" {
		path = "/"
	}
	var st syscall.Statfs_t
	if syscall.Statfs(path, &st) == nil {
		f.DiskFree = int64(st.Bavail) * st.Bsize
		f.DiskTotal = int64(st.Blocks) * st.Bsize
	}
	return f
}

func number(path string) int64 {
	data, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n
}

func meminfo() (total, available int64) {
	data, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "MemTotal:":
			total = n << 10
		case "MemAvailable:":
			available = n << 10
		}
	}
	return total, available
}
