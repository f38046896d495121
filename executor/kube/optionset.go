package kube

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/option"
)

func refused(why string) row {
	return row{apply: func(*settings, string, role) error { return refusal{fmt.Errorf("not possible in a pod"), why} }}
}

func span(at func(*health) *time.Duration) row {
	return row{apply: func(s *settings, v string, _ role) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration: write it as 10s or 1m30s", v)
		}
		*at(&s.health) = d
		return nil
	}}
}

func parseSwitch(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", v)
	}
	return b, nil
}

// size reads docker's sizes, in which m is 2^20.
func size(v string) (resource.Quantity, error) {
	n, err := units.RAMInBytes(v)
	if err != nil || n <= 0 {
		return resource.Quantity{}, fmt.Errorf("%q is not a size: write it as 512m or 2g", v)
	}
	return *resource.NewQuantity(n, resource.BinarySI), nil
}

func setCPUs(s *settings, v string, _ role) error {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n <= 0 || n > 1e5 {
		return fmt.Errorf("%q is not a number of processors", v)
	}
	s.limits[corev1.ResourceCPU] = *resource.NewMilliQuantity(int64(n*1000+0.5), resource.DecimalSI)
	return nil
}

func setMemory(s *settings, v string, _ role) error {
	q, err := size(v)
	s.limits[corev1.ResourceMemory] = q
	return err
}

func setReservation(s *settings, v string, _ role) error {
	q, err := size(v)
	s.requests[corev1.ResourceMemory] = q
	return err
}

func setShm(s *settings, v string, _ role) error {
	q, err := size(v)
	s.shm = &q
	return err
}

func addEnv(s *settings, v string, _ role) error {
	k, val, ok := strings.Cut(v, "=")
	if !ok || k == "" {
		return fmt.Errorf("%q has no value: write NAME=VALUE", v)
	}
	s.setEnv(k, val)
	return nil
}

func setHostname(s *settings, v string, r role) error {
	if r != roleJob {
		return addAlias(s, v, r)
	}
	if !dnsName(v) || strings.Contains(v, ".") {
		return refusal{fmt.Errorf("%q cannot be a pod's host name", v), "use lower-case letters, digits and dashes"}
	}
	s.hostname = v
	return nil
}

func addAlias(s *settings, v string, _ role) error {
	if !hostName(v) {
		return fmt.Errorf("%q is not a host name", v)
	}
	s.aliases = append(s.aliases, v)
	return nil
}

func setUser(s *settings, v string, _ role) error {
	if v == "" || strings.ContainsAny(v, " \t\n") {
		return fmt.Errorf("%q is not a user", v)
	}
	s.user = v
	return nil
}

func setWorkdir(s *settings, v string, r role) error {
	if !strings.HasPrefix(v, "/") {
		return fmt.Errorf("%q is not an absolute path", v)
	}
	if r == roleJob {
		s.notes = append(s.notes, "option --workdir has no effect: each step has its own working directory")
		return nil
	}
	s.dir = v
	return nil
}

func setEntrypoint(s *settings, v string, r role) error {
	if r == roleJob {
		return fmt.Errorf("a job container cannot have one, on GitHub neither")
	}
	s.entrypoint = &v
	return nil
}

func addHost(s *settings, v string, _ role) error {
	name, ip, ok := strings.Cut(v, ":")
	if !ok {
		name, ip, ok = strings.Cut(v, "=")
	}
	ip = strings.Trim(ip, "[]")
	if !ok || !dnsName(name) || net.ParseIP(ip) == nil {
		return fmt.Errorf("%q is not NAME:ADDRESS", v)
	}
	s.hosts = append(s.hosts, corev1.HostAlias{IP: ip, Hostnames: []string{name}})
	return nil
}

func addPort(s *settings, v string, _ role) error {
	ps, err := option.ParsePort(v)
	s.ports = append(s.ports, ps...)
	return err
}

// checkPort: every port is reachable inside the pod anyway.
func checkPort(_ *settings, v string, _ role) error {
	_, err := option.ParsePort(v)
	return err
}

func setReadOnly(s *settings, v string, _ role) (err error) {
	s.readOnly, err = parseSwitch(v)
	return err
}

func setPlatform(s *settings, v string, _ role) error {
	s.platform = v
	_, err := archOf(v)
	return err
}

// archOf reads os/arch; empty: any.
func archOf(platform string) (string, error) {
	if platform == "" {
		return "", nil
	}
	os, arch, ok := strings.Cut(platform, "/")
	arch, _, _ = strings.Cut(arch, "/")
	if !ok || os != "linux" || arch == "" {
		return "", fmt.Errorf("platform %q is not linux/arch, such as linux/amd64", platform)
	}
	return arch, nil
}

func setPull(s *settings, v string, _ role) error {
	switch v {
	case "always":
		s.pull = executor.PullAlways
	case "missing":
		s.pull = executor.PullMissing
	case "never":
		s.pull = executor.PullNever
	default:
		return fmt.Errorf("%q is none of always, missing, never", v)
	}
	s.hasPull = true
	return nil
}

func setHealthCmd(s *settings, v string, _ role) error {
	if v == "" {
		return fmt.Errorf("it is empty")
	}
	s.health.cmd = v
	return nil
}

func setRetries(s *settings, v string, _ role) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 1e6 {
		return fmt.Errorf("%q is not a number of retries", v)
	}
	s.health.retries = n
	return nil
}

func noHealth(s *settings, v string, _ role) (err error) {
	s.health.off, err = parseSwitch(v)
	return err
}

// baselineCaps are what a container may add at the level "baseline"
// (kubernetes: pod-security-standards); a runtime gives them by itself.
var baselineCaps = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
	"SETPCAP", "SETUID", "SYS_CHROOT",
}

func capability(v string) corev1.Capability {
	return corev1.Capability(strings.TrimPrefix(strings.ToUpper(v), "CAP_"))
}

func dropCap(s *settings, v string, _ role) error {
	s.capDrop = append(s.capDrop, capability(v))
	return nil
}

func addCap(s *settings, v string, _ role) error {
	c := capability(v)
	if !slices.Contains(baselineCaps, string(c)) {
		return refusal{fmt.Errorf("capability %q is not allowed", v), hintPrivileged}
	}
	s.capAdd = append(s.capAdd, c)
	return nil
}

func addSecurityOpt(_ *settings, v string, _ role) error {
	switch v {
	case "no-new-privileges", "no-new-privileges:true", "no-new-privileges=true":
		return nil // always so
	}
	return refusal{fmt.Errorf("%q is not allowed", v), hintPrivileged}
}

func setPrivileged(_ *settings, v string, _ role) error {
	on, err := parseSwitch(v)
	if err != nil || !on {
		return err
	}
	return refusal{fmt.Errorf("not allowed"), hintPrivileged}
}
