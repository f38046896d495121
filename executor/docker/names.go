package docker

import (
	"crypto/rand"
	"encoding/hex"
	"path"
	"strings"

	"github.com/docker/docker/api/types/filters"
	"github.com/drydock-ci/drydock/executor"
)

// The labels of everything that the back end makes.
const (
	labelPrefix  = "io.drydock."
	labelOwner   = labelPrefix + "owner"
	labelRun     = labelPrefix + "run"
	labelJob     = labelPrefix + "job"
	labelPlace   = labelPrefix + "place" // ties the parts of one place together
	labelRole    = labelPrefix + "role"  // job, service, beside
	labelKind    = labelPrefix + "kind"
	labelService = labelPrefix + "service"
	labelPorts   = labelPrefix + "ports"
	labelNetwork = labelPrefix + "network"
	labelTools   = labelPrefix + "tools"
	labelConfine = labelPrefix + "confined"
)

// Paths inside containers.
const (
	machineWork   = "/home/runner/work"
	containerWork = "/__w"
	placeDir      = "/.drydock"
	helperTarget  = placeDir + "/drydock-helper"
	socketDir     = placeDir + "/run"
	socketPath    = socketDir + "/helper.sock"
	socketsTarget = placeDir + "/sockets"
	caTarget      = "/etc/drydock/ca-certificates.crt"
)

// labelsOf are the labels that Sweep and Attach go by.
func labelsOf(l executor.Labels, place string, r role) map[string]string {
	return map[string]string{
		labelOwner: string(l.Owner), labelRun: string(l.Run), labelJob: l.Job,
		labelPlace: place, labelRole: string(r),
	}
}

// newName makes a name that is safe for the engine and used by nobody else.
func newName(readable string) string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "drydock-" + safe(readable, 40) + "-" + hex.EncodeToString(b[:])
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

func labelled(pairs ...string) filters.Args {
	f := filters.NewArgs()
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add("label", pairs[i]+"="+pairs[i+1])
	}
	return f
}

// pathsOf are the folders of a place.
func pathsOf(kind executor.Kind, tools string) executor.Paths {
	work := machineWork
	if kind == executor.Container {
		work = containerWork
	}
	p := executor.Paths{
		Work: work, Temp: path.Join(work, "_temp"), Actions: path.Join(work, "_actions"), ToolCache: tools,
	}
	if kind == executor.Container {
		p.Home = "/github/home"
	}
	return p
}
