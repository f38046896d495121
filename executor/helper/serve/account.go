//go:build linux

package serve

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// account is a user of the place.
type account struct {
	name     string
	uid, gid int
	groups   []uint32
	home     string
}

// self is the user that the helper runs as.
func self() account {
	a := account{uid: os.Getuid(), gid: os.Getgid()}
	if gs, err := syscall.Getgroups(); err == nil {
		for _, g := range gs {
			a.groups = append(a.groups, uint32(g))
		}
	}
	if e, ok := passwd(func(f []string) bool { return f[2] == strconv.Itoa(a.uid) }); ok {
		a.name, a.home = e[0], e[5]
	} else {
		a.name = strconv.Itoa(a.uid)
	}
	return a
}

// lookup resolves "name", "uid", "name:group" and "uid:gid" with the place's
// own files, as docker's --user does.
func lookup(spec string) (account, error) {
	user, group, hasGroup := strings.Cut(spec, ":")
	a := account{name: user}
	e, found := passwd(func(f []string) bool { return f[0] == user || f[2] == user })
	switch {
	case found:
		a.name, a.home = e[0], e[5]
		a.uid, _ = strconv.Atoi(e[2])
		a.gid, _ = strconv.Atoi(e[3])
	default:
		uid, err := strconv.ParseUint(user, 10, 31)
		if err != nil {
			return a, fmt.Errorf("user %q is not in /etc/passwd", user)
		}
		a.uid = int(uid)
	}
	if !hasGroup {
		a.groups = memberships(a.name)
		return a, nil
	}
	if gid, err := strconv.ParseUint(group, 10, 31); err == nil {
		a.gid = int(gid)
		return a, nil
	}
	for _, f := range table("/etc/group", 4) {
		if f[0] == group {
			a.gid, _ = strconv.Atoi(f[2])
			return a, nil
		}
	}
	return a, fmt.Errorf("group %q is not in /etc/group", group)
}

func memberships(name string) []uint32 {
	var ids []uint32
	for _, f := range table("/etc/group", 4) {
		for _, m := range strings.Split(f[3], ",") {
			if m == name {
				if gid, err := strconv.ParseUint(f[2], 10, 31); err == nil {
					ids = append(ids, uint32(gid))
				}
			}
		}
	}
	return ids
}

func passwd(match func([]string) bool) ([]string, bool) {
	for _, f := range table("/etc/passwd", 7) {
		if match(f) {
			return f, true
		}
	}
	return nil, false
}

// table reads a file of colon-separated lines; short lines are left out.
func table(path string, fields int) [][]string {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var rows [][]string
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) >= fields && f[0] != "" && line[0] != '#' {
			rows = append(rows, f)
		}
	}
	return rows
}

// with is the account in the group of a file too, as the user of a GitHub-hosted
// machine is in that of the engine's socket. A file that is not there has none.
func (a account) with(path string) account {
	st, err := os.Stat(path)
	if err != nil {
		return a
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && !slices.Contains(a.groups, sys.Gid) {
		a.groups = append(slices.Clone(a.groups), sys.Gid)
	}
	return a
}

// other tells whether a process of this account needs another identity than
// the helper's.
func (a account) other() bool { return a.uid != os.Getuid() || a.gid != os.Getgid() }

// own gives a path to the account if it is not the helper's own.
func (a account) own(path string) error {
	if !a.other() {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}
