package kube

import (
	"errors"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/drydock-ci/drydock/executor"
)

// securityOf is what the operator's level asks of every container.
func securityOf(p Pod) *corev1.SecurityContext {
	escalation := p.AllowEscalation && !p.Restricted
	sc := &corev1.SecurityContext{AllowPrivilegeEscalation: &escalation}
	if p.Restricted {
		yes := true
		sc.RunAsNonRoot = &yes
		sc.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	}
	return sc
}

// security is the level and what options make stricter. The user of an image
// is not known before it runs: the job's helper stays what the image says,
// unless options name a user, which a helper that is root then switches to.
func (d *draft) security(what string, s *settings, r role) (*corev1.SecurityContext, error) {
	sc := securityOf(d.opts.Pod)
	if s.readOnly {
		sc.ReadOnlyRootFilesystem = &s.readOnly
	}
	if (len(s.capAdd) > 0 || len(s.capDrop) > 0) && !d.opts.Pod.Restricted {
		sc.Capabilities = &corev1.Capabilities{Add: s.capAdd, Drop: s.capDrop}
	}
	if s.user == "" {
		return sc, nil
	}
	if r == roleJob && !d.opts.Pod.Restricted {
		root := int64(0)
		sc.RunAsUser, sc.RunAsGroup = &root, &root
		d.asUser = s.user
		return sc, nil
	}
	uid, gid, ok := numbers(s.user)
	if !ok {
		return nil, &executor.Error{
			Op: "read options of " + what, Kind: executor.Refused,
			Err: errors.New("option --user: Kubernetes knows users by number only"), Hint: "write uid or uid:gid",
		}
	}
	if d.opts.Pod.Restricted && uid == 0 {
		return nil, &executor.Error{
			Op: "read options of " + what, Kind: executor.Refused,
			Err: errors.New("option --user: no container may be root here"), Hint: "name another user",
		}
	}
	sc.RunAsUser, sc.RunAsGroup = &uid, gid
	return sc, nil
}

func numbers(user string) (uid int64, gid *int64, ok bool) {
	u, g, hasGroup := strings.Cut(user, ":")
	if u == "root" {
		u = "0"
	}
	if g == "root" {
		g = "0"
	}
	id, err := strconv.ParseUint(u, 10, 31)
	if err != nil {
		return 0, nil, false
	}
	if hasGroup {
		n, err := strconv.ParseUint(g, 10, 31)
		if err != nil {
			return 0, nil, false
		}
		group := int64(n)
		gid = &group
	}
	return int64(id), gid, true
}
