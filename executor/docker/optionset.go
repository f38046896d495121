package docker

import (
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"
	"github.com/drydock-ci/drydock/executor"
	syntax "github.com/drydock-ci/drydock/executor/option"
)

func setCPUs(s *settings, v string, _ role, _ Policy) error {
	// docker/cli: opts.NanoCPUs reads a rational, so that 0.1 is exact. Its
	// exponents could ask for gigabytes of digits; nobody writes them.
	r, ok := new(big.Rat), len(v) < 20 && !strings.ContainsAny(v, "eEpP")
	if ok {
		_, ok = r.SetString(v)
	}
	if !ok || r.Sign() < 0 {
		return fmt.Errorf("%q is not a number of processors", v)
	}
	nano := r.Mul(r, big.NewRat(1e9, 1))
	if !nano.IsInt() || !nano.Num().IsInt64() {
		return fmt.Errorf("%q is too precise or too large", v)
	}
	s.host.NanoCPUs = nano.Num().Int64()
	return nil
}

func setSwappiness(s *settings, v string, _ role, _ Policy) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < -1 || n > 100 {
		return fmt.Errorf("%q is not between 0 and 100", v)
	}
	if n >= 0 {
		s.host.MemorySwappiness = &n
	}
	return nil
}

func setPids(s *settings, v string, _ role, _ Policy) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", v)
	}
	s.host.PidsLimit = &n
	return nil
}

func addUlimit(s *settings, v string, _ role, _ Policy) error {
	u, err := units.ParseUlimit(v)
	if err != nil {
		return err
	}
	s.host.Ulimits = append(s.host.Ulimits, u)
	return nil
}

func addEnv(s *settings, v string, _ role, _ Policy) error {
	k, _, ok := strings.Cut(v, "=")
	if !ok || k == "" {
		// docker would take the value from its own environment, which is not
		// the job's to read.
		return fmt.Errorf("%q has no value: write NAME=VALUE", v)
	}
	s.config.Env = append(s.config.Env, v)
	return nil
}

func addLabel(s *settings, v string, _ role, _ Policy) error {
	k, val, _ := strings.Cut(v, "=")
	if k == "" || strings.HasPrefix(k, labelPrefix) {
		return fmt.Errorf("%q cannot be a label of a job", k)
	}
	if s.config.Labels == nil {
		s.config.Labels = map[string]string{}
	}
	s.config.Labels[k] = val
	return nil
}

func setName(s *settings, v string, _ role, _ Policy) error {
	// Names are one space for the whole engine, two runs would collide: it is
	// an alias in the job's network instead.
	return addAlias(s, v, "", Policy{})
}

func addAlias(s *settings, v string, _ role, _ Policy) error {
	if !hostName(v) {
		return fmt.Errorf("%q is not a host name", v)
	}
	s.aliases = append(s.aliases, v)
	return nil
}

// hostName accepts letters, digits, dot, dash and underscore.
func hostName(v string) bool {
	if v == "" || len(v) > 253 || v[0] == '-' || v[0] == '.' {
		return false
	}
	for _, c := range []byte(v) {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
		if !ok {
			return false
		}
	}
	return true
}

func setUser(s *settings, v string, _ role, _ Policy) error {
	if v == "" || strings.ContainsAny(v, " \t\n") {
		return fmt.Errorf("%q is not a user", v)
	}
	s.user = v
	return nil
}

func setWorkdir(s *settings, v string, r role, _ Policy) error {
	if !strings.HasPrefix(v, "/") {
		return fmt.Errorf("%q is not an absolute path", v)
	}
	if r == roleJob {
		s.notes = append(s.notes, "option --workdir has no effect: each step has its own working directory")
		return nil
	}
	s.config.WorkingDir = v
	return nil
}

func setEntrypoint(s *settings, v string, r role, _ Policy) error {
	if r == roleJob {
		return fmt.Errorf("a job container cannot have one, on GitHub neither")
	}
	s.entrypoint = &v
	return nil
}

func setNetwork(s *settings, v string, r role, p Policy) error {
	if r == roleJob {
		return refusal{fmt.Errorf("%q: a job container is on the job's own network, on GitHub too", v), "remove the option"}
	}
	if v != "host" {
		return refusal{fmt.Errorf("network %q is not the job's", v), "remove the option"}
	}
	if !p.AllowHostNamespaces {
		return refusal{fmt.Errorf("the network of this machine is not allowed"), hintNamespaces}
	}
	s.host.NetworkMode = "host"
	return nil
}

func addDNS(s *settings, v string, _ role, _ Policy) error {
	if net.ParseIP(v) == nil {
		return fmt.Errorf("%q is not an IP address", v)
	}
	s.host.DNS = append(s.host.DNS, v)
	return nil
}

func addHost(s *settings, v string, _ role, _ Policy) error {
	name, ip, ok := strings.Cut(v, ":")
	if !ok {
		name, ip, ok = strings.Cut(v, "=")
	}
	ip = strings.Trim(ip, "[]")
	if !ok || !hostName(name) || (ip != "host-gateway" && net.ParseIP(ip) == nil) {
		return fmt.Errorf("%q is not NAME:ADDRESS", v)
	}
	s.host.ExtraHosts = append(s.host.ExtraHosts, name+":"+ip)
	return nil
}

func addPort(s *settings, v string, _ role, _ Policy) error {
	ps, err := syntax.ParsePort(v)
	s.ports = append(s.ports, ps...)
	return err
}

// checkPort: every port is reachable inside the job's network anyway.
func checkPort(_ *settings, v string, _ role, _ Policy) error {
	_, err := syntax.ParsePort(v)
	return err
}

func addTmpfs(s *settings, v string, _ role, _ Policy) error {
	target, opts, _ := strings.Cut(v, ":")
	if err := checkTarget(target); err != nil {
		return err
	}
	if s.host.Tmpfs == nil {
		s.host.Tmpfs = map[string]string{}
	}
	s.host.Tmpfs[target] = opts
	return nil
}

func setInit(s *settings, v string, r role, _ Policy) error {
	on, err := parseSwitch(v)
	if err == nil && r == roleService {
		s.host.Init = &on
	}
	return err // the helper is a job container's init
}

func setStopTimeout(s *settings, v string, _ role, _ Policy) error {
	n, err := strconv.Atoi(v)
	if err != nil {
		return fmt.Errorf("%q is not a number of seconds", v)
	}
	s.config.StopTimeout = &n
	return nil
}

func setPull(s *settings, v string, _ role, _ Policy) error {
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

func setHealthCmd(s *settings, v string, _ role, _ Policy) error {
	if v == "" {
		return fmt.Errorf("it is empty")
	}
	s.health().Test = []string{"CMD-SHELL", v}
	return nil
}

func setRetries(s *settings, v string, _ role, _ Policy) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of retries", v)
	}
	s.health().Retries = n
	return nil
}

func noHealth(s *settings, v string, _ role, _ Policy) error {
	on, err := parseSwitch(v)
	if on {
		s.config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	}
	return err
}
