package kube

import (
	"encoding/csv"
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// volume is one entry of `volumes:` or of --volume, --mount, --tmpfs: a folder
// that lives as long as the pod.
type volume struct {
	name     string // those of one name are one folder; empty: of this container alone
	target   string
	readOnly bool
	memory   bool
	size     *resource.Quantity
}

const hintVolume = "a pod sees no folder of a machine: use a named volume, or copy the files in a step"

// parseVolume reads TARGET and NAME:TARGET[:OPTIONS].
func parseVolume(text string) (volume, error) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	v := volume{target: parts[0]}
	if len(parts) > 3 {
		return v, fmt.Errorf("volume %q has too many colons: write NAME:TARGET or NAME:TARGET:ro", text)
	}
	if len(parts) > 1 {
		v.name, v.target = parts[0], parts[1]
		if v.name == "" {
			return v, fmt.Errorf("volume %q has no source", text)
		}
	}
	if len(parts) == 3 {
		for o := range strings.SplitSeq(parts[2], ",") {
			switch o {
			case "ro", "readonly":
				v.readOnly = true
			case "rw", "", "z", "Z", "cached", "delegated", "consistent", "nocopy":
			default:
				return v, fmt.Errorf("volume %q: %q is not supported: use ro or rw", text, o)
			}
		}
	}
	return v, v.check(text)
}

func (v *volume) check(text string) error {
	if strings.HasPrefix(v.name, "/") {
		return refusal{fmt.Errorf("volume %q is a path of a machine", text), hintVolume}
	}
	if strings.ContainsAny(v.name, `/\~.`) && !hostName(v.name) {
		return fmt.Errorf("volume %q: source %q cannot be a volume's name", text, v.name)
	}
	if err := checkTarget(v.target); err != nil {
		return fmt.Errorf("volume %q: %w", text, err)
	}
	v.target = path.Clean(v.target)
	return nil
}

// checkTarget keeps mounts away from what the back end itself puts there.
func checkTarget(target string) error {
	if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, ":\x00") {
		return fmt.Errorf("target %q is not an absolute path", target)
	}
	c := path.Clean(target)
	for _, own := range []string{"/", "/proc", "/sys", "/dev", "/dev/shm", "/etc/hosts", machineWork, containerWork, githubDir} {
		if c == own {
			return fmt.Errorf("target %q cannot be covered", target)
		}
	}
	for _, own := range []string{placeDir, "/proc", "/sys"} {
		if c == own || strings.HasPrefix(c, own+"/") {
			return fmt.Errorf("target %q cannot be covered", target)
		}
	}
	return nil
}

func addVolume(s *settings, text string, _ role) error {
	v, err := parseVolume(text)
	if err == nil {
		s.volumes = append(s.volumes, v)
	}
	return err
}

func addTmpfs(s *settings, text string, _ role) error {
	target, _, _ := strings.Cut(text, ":")
	v := volume{target: target, memory: true}
	err := v.check(text)
	if err == nil {
		s.volumes = append(s.volumes, v)
	}
	return err
}

// addMount reads type=volume,source=a,target=/b,readonly.
func addMount(s *settings, text string, _ role) error {
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return fmt.Errorf("%q cannot be read: %w", text, err)
	}
	v := volume{}
	for _, f := range fields {
		key, value, has := strings.Cut(f, "=")
		switch strings.ToLower(key) {
		case "type":
			switch strings.ToLower(value) {
			case "volume":
			case "tmpfs":
				v.memory = true
			default:
				return refusal{fmt.Errorf("type %q is not possible in a pod", value), hintVolume}
			}
		case "source", "src":
			v.name = value
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
			q, err := size(value)
			if err != nil {
				return err
			}
			v.size = &q
		case "tmpfs-mode", "consistency", "volume-nocopy":
		default:
			return refusal{fmt.Errorf("field %q is not supported", key), "use type, source, target and readonly"}
		}
	}
	if v.memory && v.name != "" {
		return fmt.Errorf("a tmpfs has no source")
	}
	if err := v.check(text); err != nil {
		return err
	}
	s.volumes = append(s.volumes, v)
	return nil
}

// shelf gathers the volumes of a pod.
type shelf struct {
	volumes []corev1.Volume
	named   map[string]string // volume of the workflow -> of the pod
}

// folder adds an empty folder.
func (f *shelf) folder(name string, memory bool, size *resource.Quantity) {
	d := &corev1.EmptyDirVolumeSource{SizeLimit: size}
	if memory {
		d.Medium = corev1.StorageMediumMemory
	}
	f.volumes = append(f.volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: d}})
}

// mounts adds what one container asks for.
func (f *shelf) mounts(vs []volume) []corev1.VolumeMount {
	var out []corev1.VolumeMount
	for _, v := range vs {
		name := f.named[v.name]
		if v.name == "" || name == "" {
			name = fmt.Sprintf("volume-%d", len(f.volumes))
			f.folder(name, v.memory, v.size)
		}
		if v.name != "" {
			f.named[v.name] = name
		}
		out = append(out, corev1.VolumeMount{Name: name, MountPath: v.target, ReadOnly: v.readOnly})
	}
	return out
}
