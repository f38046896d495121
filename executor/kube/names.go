package kube

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/drydock-ci/drydock/executor"
)

// The labels and annotations of pods. A label holds a cleaned and shortened
// value to select by, the annotation of the same name the exact one.
const (
	prefix             = "drydock.io/"
	labelOwner         = prefix + "owner"
	labelRun           = prefix + "run"
	labelJob           = prefix + "job"
	annotationKind     = prefix + "kind"
	annotationClass    = prefix + "class"
	annotationServices = prefix + "services" // records, as JSON
	annotationHosts    = prefix + "hosts"
)

// Paths inside the job's container.
const (
	machineWork   = "/home/runner/work"
	containerWork = "/__w"
	placeDir      = "/.drydock"
	helperDir     = placeDir + "/bin"
	helperTarget  = helperDir + "/drydock-helper"
	runDir        = placeDir + "/run"
	githubDir     = "/github"
)

// Names of containers.
const (
	helperContainer = "drydock-helper"
	jobContainer    = "job"
	servicePrefix   = "service-"
	besidePrefix    = "action-"
)

// podRef is one pod, not another that was made later under the same name.
type podRef struct {
	name string
	uid  types.UID
}

// newName makes a name that nobody else uses, of at most 63 characters.
func newName(readable string) string {
	return "drydock-" + safe(readable, 40) + "-" + random()
}

func random() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// safe keeps lower-case letters, digits and single dashes.
func safe(s string, limit int) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= limit {
			break
		}
	}
	out := strings.Trim(b.String(), "-")
	if out == "" {
		return "job"
	}
	return out
}

// labelValue gives what may be a label's value as it is; anything else cleaned
// and shortened, with a hash so that two values stay two.
func labelValue(s string) string {
	ok := len(s) <= 63
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		inner := i > 0 && i < len(s)-1 && (c == '-' || c == '_' || c == '.')
		if !letter && !inner {
			ok, c = false, '-'
		}
		if b.Len() < 40 {
			b.WriteByte(c)
		}
	}
	if ok {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.TrimLeft(b.String()+"."+hex.EncodeToString(sum[:8]), "-_.")
}

func labelsOf(l executor.Labels) (labels, annotations map[string]string) {
	labels, annotations = map[string]string{}, map[string]string{}
	for k, v := range map[string]string{labelOwner: string(l.Owner), labelRun: string(l.Run), labelJob: l.Job} {
		labels[k], annotations[k] = labelValue(v), v
	}
	return labels, annotations
}

// dnsName tells whether Kubernetes takes s for a host alias.
func dnsName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(part) > 63 || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
		for _, c := range []byte(part) {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return true
}

// hostName accepts what a workflow may call a service.
func hostName(s string) bool {
	return dnsName(strings.Trim(strings.ReplaceAll(strings.ToLower(s), "_", "x"), "-"))
}

// pathsOf are the folders of a place.
func pathsOf(kind executor.Kind, tools string) executor.Paths {
	work := machineWork
	if kind == executor.Container {
		work = containerWork
	}
	p := executor.Paths{Work: work, Temp: path.Join(work, "_temp"), Actions: path.Join(work, "_actions"), ToolCache: tools}
	if kind == executor.Container {
		p.Home = githubDir + "/home"
	}
	return p
}
