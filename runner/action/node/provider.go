package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Provider fills a folder with builds of node. Its fields are set before the
// first call and not changed after; Ensure may be called from several
// goroutines and processes at once.
type Provider struct {
	// Dir is the externals folder, shown at /__e in places: node20, node24,
	// node20_musl and so on; builds for another system or processor than this
	// machine's lie in a folder linux-arm64 (for instance) in it.
	Dir string
	// Source is where builds come from; "" is nowhere. A folder may hold
	// node-vX.Y.Z-linux-x64 folders or .tar.gz files as node publishes them, a
	// tool cache (X.Y.Z/x64), or node20 and node24 as they lie in Dir. An
	// http(s) URL that ends in "/" is a folder with SHASUMS256.txt in it;
	// another one is the file itself. {major}, {os}, {arch}, {libc} and {musl}
	// ("-musl" or nothing) in a URL are replaced.
	Source string
	// UseHost allows the node of this machine's PATH.
	UseHost bool
	// Offline forbids Source to be a URL.
	Offline bool
	// Client fetches from a URL; nil: http.DefaultClient.
	Client *http.Client

	once   sync.Once
	turn   chan struct{}    // one at a time fills Dir
	failed map[string]error // by what was tried: not tried again
	chosen map[string]Build // stand-ins: the search for the right one costs time at every step
}

// Build is a node that a place can run.
type Build struct {
	Dir     string // Provider.Dir
	Version string // "24.1.0", or "24" when only that is known
	Path    string // of the program below Dir, with "/": node24/bin/node
	Note    string // for people: another version stands in; "" when it is the right one
}

// standIns are the majors that GitHub provides; a machine's own node may be
// any from the oldest of them on.
var standIns = []int{24, 20}

const oldest = 20

// Ensure gives a build of major version "20" or "24" for places of that
// system, processor and C library ("glibc", "musl"; "" counts as glibc). When
// it cannot be had, another version stands in, with a note; when none can, the
// error is an *UnavailableError.
func (p *Provider) Ensure(ctx context.Context, version, os, arch, libc string) (Build, error) {
	t, err := newTarget(os, arch, libc)
	if err != nil {
		return Build{}, err
	}
	major := 0
	if _, err := fmt.Sscanf(version, "%d", &major); err != nil || fmt.Sprint(major) != version || major < oldest {
		return Build{}, fmt.Errorf("provide node %q: it is no version that actions run with: use 20 or 24", version)
	}
	if b, ok := p.cached(t, major); ok {
		return b, nil
	}
	p.once.Do(func() { p.turn, p.failed, p.chosen = make(chan struct{}, 1), map[string]error{}, map[string]Build{} })
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return Build{}, context.Cause(ctx)
	}
	key := fmt.Sprintf("%s %d", t, major)
	if b, ok := p.chosen[key]; ok {
		return b, nil
	}
	b, err := p.fill(ctx, t, major)
	if err == nil && b.Note != "" {
		p.chosen[key] = b
	}
	return b, err
}

// fill tries what is right first, then what may stand in.
func (p *Provider) fill(ctx context.Context, t target, major int) (Build, error) {
	if b, ok := p.cached(t, major); ok { // another filled it while we waited
		return b, nil
	}
	none := &UnavailableError{Major: major, Target: t.String()}
	none.looked("the folder %q: it has no %s", p.Dir, t.program(major))
	if b, err := p.fromSource(ctx, t, major); err == nil {
		return b, nil
	} else if !none.add(ctx, err) {
		return Build{}, err
	}
	host, err := p.host(ctx, t)
	if err == nil && host.major == major {
		if b, err := p.install(ctx, t, host.candidate()); err == nil || ctx.Err() != nil {
			return b, err
		} else {
			none.add(ctx, err)
		}
	}
	if b, ok := p.cachedOther(t, major); ok {
		return standIn(b, major), nil
	}
	for _, other := range standIns {
		if other == major {
			continue
		}
		if b, err := p.fromSource(ctx, t, other); err == nil {
			return standIn(b, major), nil
		} else if ctx.Err() != nil {
			return Build{}, context.Cause(ctx)
		}
	}
	if err == nil && host.major >= oldest {
		b, installed := p.install(ctx, t, host.candidate())
		if installed == nil {
			return standIn(b, major), nil
		}
		err = installed
	} else if err == nil {
		err = fmt.Errorf("the node of this machine: %q is version %s, older than %d", host.program, host.version, oldest)
	}
	if !none.add(ctx, err) {
		return Build{}, err
	}
	return Build{}, none
}

func standIn(b Build, wanted int) Build {
	b.Note = fmt.Sprintf("node %d is not at hand: node %s stands in for it", wanted, b.Version)
	return b
}

// UnavailableError says that no node can be provided for a kind of place.
type UnavailableError struct {
	Major  int
	Target string   // "linux x64 (musl)"
	Looked []string // where, and why it was not there
}

// Error tells what was looked for and how to mend it.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("provide node %d for %s: none can be had; looked for in %s; to mend it set DRYDOCK_NODE_SOURCE to a folder or URL with builds of node, "+
		"or install node %d or later on this machine (it serves places of the same system, processor and C library), or use an image that has node",
		e.Major, e.Target, strings.Join(e.Looked, "; "), oldest)
}

func (e *UnavailableError) looked(format string, args ...any) {
	e.Looked = append(e.Looked, fmt.Sprintf(format, args...))
}

// add notes why something was no help; false when ctx has ended.
func (e *UnavailableError) add(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var several sourceErrors
	if errors.As(err, &several) {
		for _, one := range several {
			e.looked("%v", one)
		}
	} else if err != nil {
		e.looked("%v", err)
	}
	e.Looked = slices.Compact(e.Looked)
	return true
}
