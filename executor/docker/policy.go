package docker

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/drydock-ci/drydock/executor"
)

// Policy is what the operator lets workflows ask of the engine. The zero value
// allows nothing that reaches out of the job's containers.
type Policy struct {
	// AllowPrivileged allows --privileged, --cap-add and --security-opt: a job
	// with it is root on the machine.
	AllowPrivileged bool
	// AllowMounts are folders of the engine's machine that volumes may name,
	// with everything below them.
	AllowMounts []string
	// AllowDevices are device paths for --device; "gpu" or "all" allows --gpus.
	AllowDevices []string
	// AllowHostNamespaces allows --pid=host, --ipc=host, --network=host of a
	// service and the like.
	AllowHostNamespaces bool
	// AllowSocket puts the engine's socket into jobs: such a job is root on
	// the machine.
	AllowSocket bool
}

// What would allow it, for the hints of errors.
const (
	hintPrivileged = "set docker.allow_privileged: true in your own drydock.yaml if every job may be root on this machine"
	hintNamespaces = "set docker.allow_host_namespaces: true in your own drydock.yaml to allow it"
	hintSocket     = "set docker.allow_socket: true in your own drydock.yaml if every job may be root on this machine"
)

// enginePath is where jobs expect the engine's socket.
const enginePath = "/var/run/docker.sock"

// policyFor is what a place may have: a confined one nothing of it.
func (x *Executor) policyFor(confined bool) Policy {
	if confined {
		return Policy{}
	}
	return x.opts.Policy
}

// hinted corrects the error of a confined place: no setting would help.
func hinted(err error, spec executor.Spec) error {
	var e *executor.Error
	if spec.Confined && errors.As(err, &e) && e.Kind == executor.Refused {
		e.Hint = "remove it: a job that is trusted less than others, such as a fork's, does not get it"
	}
	return err
}

// volume says whether a volume may be used.
func (p Policy) volume(v volume) error {
	if !v.bind {
		return nil
	}
	if isEngineSocket(v.source) {
		if p.AllowSocket {
			return nil
		}
		return refusal{fmt.Errorf("volume %q shows the engine's socket to the job", v.source), hintSocket}
	}
	if underAny(v.source, p.AllowMounts) {
		return nil
	}
	return refusal{
		fmt.Errorf("volume %q is a path of this machine", v.source),
		fmt.Sprintf("add it to docker.allow_mounts in your own drydock.yaml (allow_mounts: [%q]) to allow it", v.source),
	}
}

func isEngineSocket(p string) bool {
	switch path.Base(p) {
	case "docker.sock", "podman.sock", "containerd.sock":
		return true
	}
	return false
}

// underAny tells whether a cleaned path is one of roots or below it. Where the
// path, or a part of it, exists on this machine its links are followed first, so that a link
// inside an allowed folder does not lead out of it.
func underAny(p string, roots []string) bool {
	real := p
	for dir, rest := p, ""; ; dir, rest = path.Dir(dir), path.Join(path.Base(dir), rest) {
		if r, err := filepath.EvalSymlinks(dir); err == nil {
			real = path.Join(r, rest)
			break
		}
		if dir == "/" || dir == "." {
			break
		}
	}
	return under(p, roots) && (real == p || under(real, resolved(roots)))
}

func under(p string, roots []string) bool {
	for _, r := range roots {
		r = path.Clean(r)
		if r == "/" || p == r || strings.HasPrefix(p, r+"/") {
			return true
		}
	}
	return false
}

func resolved(roots []string) []string {
	out := slices.Clone(roots)
	for _, r := range roots {
		if real, err := filepath.EvalSymlinks(r); err == nil {
			out = append(out, real)
		}
	}
	return out
}

func setPrivileged(s *settings, v string, _ role, p Policy) error {
	on, err := parseSwitch(v)
	if err != nil || !on {
		return err
	}
	if !p.AllowPrivileged {
		return refusal{fmt.Errorf("not allowed"), hintPrivileged}
	}
	s.host.Privileged = true
	return nil
}

func addCap(s *settings, v string, _ role, p Policy) error {
	if !p.AllowPrivileged {
		return refusal{fmt.Errorf("capability %q is not allowed", v), hintPrivileged}
	}
	s.host.CapAdd = append(s.host.CapAdd, v)
	return nil
}

func addSecurityOpt(s *settings, v string, _ role, p Policy) error {
	switch v {
	case "no-new-privileges", "no-new-privileges:true", "no-new-privileges=true":
		s.host.SecurityOpt = append(s.host.SecurityOpt, "no-new-privileges:true")
		return nil
	}
	if !p.AllowPrivileged {
		return refusal{fmt.Errorf("%q is not allowed", v), hintPrivileged}
	}
	s.host.SecurityOpt = append(s.host.SecurityOpt, v)
	return nil
}

func addSysctl(s *settings, v string, _ role, p Policy) error {
	k, val, ok := strings.Cut(v, "=")
	if !ok {
		return fmt.Errorf("%q is not NAME=VALUE", v)
	}
	// net.* belongs to the container's own network namespace.
	if (!strings.HasPrefix(k, "net.") || s.host.NetworkMode == "host") && !p.AllowPrivileged {
		return refusal{fmt.Errorf("%q is not one of net.*", k), hintPrivileged}
	}
	if s.host.Sysctls == nil {
		s.host.Sysctls = map[string]string{}
	}
	s.host.Sysctls[k] = val
	return nil
}

func addGroup(s *settings, v string, r role, _ Policy) error {
	if r == roleJob {
		return refusal{fmt.Errorf("it is supported for services only"), "add the group in the image"}
	}
	s.host.GroupAdd = append(s.host.GroupAdd, v)
	return nil
}

func addDevice(s *settings, v string, _ role, p Policy) error {
	parts := strings.SplitN(v, ":", 3)
	d := container.DeviceMapping{PathOnHost: path.Clean(parts[0]), CgroupPermissions: "rwm"}
	d.PathInContainer = d.PathOnHost
	for _, rest := range parts[1:] {
		if strings.HasPrefix(rest, "/") {
			d.PathInContainer = rest
		} else {
			d.CgroupPermissions = rest
		}
	}
	if !strings.HasPrefix(d.PathOnHost, "/dev/") {
		return fmt.Errorf("%q is not a path below /dev", parts[0])
	}
	if !under(d.PathOnHost, p.AllowDevices) {
		return refusal{
			fmt.Errorf("device %q is not allowed", d.PathOnHost),
			fmt.Sprintf("add it to docker.allow_devices in your own drydock.yaml (allow_devices: [%q]) to allow it", d.PathOnHost),
		}
	}
	s.host.Devices = append(s.host.Devices, d)
	return nil
}

// addGPUs reads docker's --gpus: all, a number, or fields such as device=0
// (docker/cli: opts.GpuOpts).
func addGPUs(s *settings, v string, _ role, p Policy) error {
	if !slices.Contains(p.AllowDevices, "gpu") && !slices.Contains(p.AllowDevices, "all") {
		return refusal{fmt.Errorf("GPUs are not allowed"), `add "gpu" to docker.allow_devices in your own drydock.yaml to allow them`}
	}
	fields, err := csv.NewReader(strings.NewReader(v)).Read()
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", v, err)
	}
	req := container.DeviceRequest{Capabilities: [][]string{{"gpu"}}}
	for i, f := range fields {
		key, value, has := strings.Cut(f, "=")
		switch {
		case !has && i == 0 && key == "all":
			req.Count = -1
		case !has && i == 0:
			if req.Count, err = strconv.Atoi(key); err != nil {
				return fmt.Errorf("%q is neither all nor a number", key)
			}
		case key == "count" && value == "all":
			req.Count = -1
		case key == "count":
			if req.Count, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("%q is not a number", value)
			}
		case key == "device":
			req.DeviceIDs = strings.Split(value, ",")
		case key == "driver":
			req.Driver = value
		case key == "capabilities":
			req.Capabilities[0] = append(req.Capabilities[0], strings.Split(value, ",")...)
		default:
			return fmt.Errorf("%q is not known", f)
		}
	}
	if len(req.DeviceIDs) == 0 && req.Count == 0 {
		req.Count = 1
	}
	s.host.DeviceRequests = append(s.host.DeviceRequests, req)
	return nil
}
