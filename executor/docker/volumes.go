package docker

import (
	"encoding/csv"
	"fmt"
	"path"
	"strings"

	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-units"
)

// volume is one entry of `volumes:` or of --volume, --mount.
type volume struct {
	source   string // a host path, a volume's name, or empty: a volume of this container alone
	target   string
	bind     bool
	readOnly bool
	tmpfs    bool
	size     int64 // of a tmpfs
}

// parseVolume reads TARGET, NAME:TARGET[:OPTIONS] and /PATH:TARGET[:OPTIONS].
func parseVolume(text string) (volume, error) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	v := volume{}
	switch len(parts) {
	case 1:
		v.target = parts[0]
	case 2, 3:
		v.source, v.target = parts[0], parts[1]
		if len(parts) == 3 {
			for _, o := range strings.Split(parts[2], ",") {
				switch o {
				case "ro", "readonly":
					v.readOnly = true
				case "rw", "", "z", "Z", "cached", "delegated", "consistent", "nocopy":
					// Relabelling and caching hints change nothing for a job.
				default:
					return v, fmt.Errorf("volume %q: %q is not supported: use ro or rw", text, o)
				}
			}
		}
		if v.source == "" {
			return v, fmt.Errorf("volume %q has no source", text)
		}
	default:
		return v, fmt.Errorf("volume %q has too many colons: write SOURCE:TARGET or SOURCE:TARGET:ro", text)
	}
	return v, v.check(text)
}

// check cleans the paths and tells host paths from names.
func (v *volume) check(text string) error {
	if err := checkTarget(v.target); err != nil {
		return fmt.Errorf("volume %q: %w", text, err)
	}
	v.target = path.Clean(v.target)
	if v.source == "" {
		return nil
	}
	if strings.HasPrefix(v.source, "/") {
		v.source, v.bind = path.Clean(v.source), true
		return nil
	}
	if v.bind || strings.ContainsAny(v.source, `/\~.`) && !volumeName(v.source) {
		return fmt.Errorf("volume %q: source %q is neither an absolute path nor a volume's name", text, v.source)
	}
	if !volumeName(v.source) {
		return fmt.Errorf("volume %q: %q cannot be a volume's name: use letters, digits, _ . and -", text, v.source)
	}
	return nil
}

// volumeName is docker's rule for names.
func volumeName(s string) bool {
	return len(s) >= 2 && len(s) <= 128 && s[0] != '_' && hostName(s)
}

// checkTarget keeps mounts away from what the back end itself puts there.
func checkTarget(target string) error {
	if !strings.HasPrefix(target, "/") {
		return fmt.Errorf("target %q is not an absolute path", target)
	}
	if strings.ContainsRune(target, 0) {
		return fmt.Errorf("target %q holds a NUL character", target)
	}
	c := path.Clean(target)
	for _, own := range []string{"/", "/proc", "/sys", "/dev", machineWork, containerWork} {
		if c == own {
			return fmt.Errorf("target %q cannot be covered", target)
		}
	}
	if under(c, []string{placeDir, "/proc", "/sys"}) || under(c, []string{path.Dir(caTarget)}) {
		return fmt.Errorf("target %q cannot be covered", target)
	}
	return nil
}

func addVolume(s *settings, text string, _ role, p Policy) error {
	v, err := parseVolume(text)
	if err != nil {
		return err
	}
	if err := p.volume(v); err != nil {
		return err
	}
	s.volumes = append(s.volumes, v)
	return nil
}

// addMount reads type=bind,source=/a,target=/b,readonly.
func addMount(s *settings, text string, _ role, p Policy) error {
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", text, err)
	}
	v, kind := volume{}, "volume"
	for _, f := range fields {
		key, value, has := strings.Cut(f, "=")
		switch strings.ToLower(key) {
		case "type":
			kind = strings.ToLower(value)
		case "source", "src":
			v.source = value
		case "target", "destination", "dst":
			v.target = value
		case "readonly", "ro":
			v.readOnly = true
			if has {
				if v.readOnly, err = parseSwitch(value); err != nil {
					return err
				}
			}
		case "tmpfs-size":
			if v.size, err = units.RAMInBytes(value); err != nil || v.size < 0 {
				return fmt.Errorf("%q is not a size", value)
			}
		case "tmpfs-mode", "consistency", "volume-nocopy":
			// without effect on a job
		default:
			return refusal{fmt.Errorf("field %q is not supported", key), "use type, source, target and readonly"}
		}
	}
	switch kind {
	case "bind":
		if !strings.HasPrefix(v.source, "/") {
			return fmt.Errorf("source %q of a bind mount is not an absolute path", v.source)
		}
	case "volume":
		if strings.HasPrefix(v.source, "/") {
			return fmt.Errorf("source %q of a volume is a path: write type=bind", v.source)
		}
	case "tmpfs":
		if v.source != "" {
			return fmt.Errorf("a tmpfs has no source")
		}
		v.tmpfs = true
	default:
		return refusal{fmt.Errorf("type %q is not supported", kind), "use volume, bind or tmpfs"}
	}
	if err := v.check(text); err != nil {
		return err
	}
	if err := p.volume(v); err != nil {
		return err
	}
	s.volumes = append(s.volumes, v)
	return nil
}

// mounts turns volumes into what the engine is asked for. Named volumes belong
// to the job: their real name starts with prefix, and they carry its labels.
func mounts(vs []volume, prefix string, labels map[string]string) (out []mount.Mount, named []string) {
	for _, v := range vs {
		m := mount.Mount{Type: mount.TypeVolume, Source: v.source, Target: v.target, ReadOnly: v.readOnly}
		switch {
		case v.tmpfs:
			m.Type = mount.TypeTmpfs
			if v.size > 0 {
				m.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: v.size}
			}
		case v.bind:
			m.Type = mount.TypeBind
		default:
			if v.source != "" {
				m.Source = prefix + "-" + v.source
				named = append(named, m.Source)
			}
			m.VolumeOptions = &mount.VolumeOptions{Labels: labels}
		}
		out = append(out, m)
	}
	return out, named
}
