package version

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Semver is a semantic version (semver.org 2.0.0) without build metadata, which
// no OCI tag can hold.
type Semver struct {
	Major, Minor, Patch uint64
	Pre                 string // after the first dash; empty: a release
}

// ParseSemver reads "1.2.3" or "v1.2.3-rc.1". Build metadata is dropped.
func ParseSemver(text string) (Semver, bool) {
	var v Semver
	core, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), "+")
	core, pre, isPre := strings.Cut(core, "-")
	if isPre && !validPre(pre) {
		return v, false
	}
	v.Pre = pre
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return v, false
	}
	for i, into := range []*uint64{&v.Major, &v.Minor, &v.Patch} {
		n, ok := numeric(parts[i])
		if !ok {
			return v, false
		}
		*into = n
	}
	return v, true
}

// validPre tells whether text is a list of pre-release identifiers.
func validPre(text string) bool {
	for id := range strings.SplitSeq(text, ".") {
		if id == "" || strings.Trim(id, "0123456789") == "" && len(id) > 1 && id[0] == '0' {
			return false
		}
		for _, c := range []byte(id) {
			if c != '-' && !alphanumeric(c) {
				return false
			}
		}
	}
	return true
}

// numeric reads a number as versions have them: no sign, no leading zero.
func numeric(text string) (uint64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// String is the version without a "v".
func (v Semver) String() string {
	text := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if v.Pre != "" {
		text += "-" + v.Pre
	}
	return text
}

// Compare orders versions: negative when v is the older one.
func (v Semver) Compare(w Semver) int {
	if c := cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch)); c != 0 {
		return c
	}
	switch {
	case v.Pre == w.Pre:
		return 0
	case v.Pre == "":
		return 1
	case w.Pre == "":
		return -1
	}
	a, b := strings.Split(v.Pre, "."), strings.Split(w.Pre, ".")
	for i := range min(len(a), len(b)) {
		if c := comparePre(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// comparePre orders identifiers: numbers by value and before words.
func comparePre(a, b string) int {
	m, aNumber := numeric(a)
	n, bNumber := numeric(b)
	switch {
	case aNumber && bNumber:
		return cmp.Compare(m, n)
	case aNumber:
		return -1
	case bNumber:
		return 1
	}
	return cmp.Compare(a, b)
}

// Highest is the highest version among git tags, for one service: tags such as
// "agenda/v1.2.3" or "agenda-v1.2.3" are its own and weigh more than tags for
// the whole repository, "v1.2.3" or "1.2.3".
func Highest(service string, tags []string) (Semver, bool) {
	all := Of(service, tags)
	if len(all) == 0 {
		return Semver{}, false
	}
	return slices.MaxFunc(all, Semver.Compare), true
}

// Of are the versions among git tags, for one service: its own, or when it has none
// those of the whole repository.
func Of(service string, tags []string) []Semver {
	var own, all []Semver
	for _, tag := range tags {
		text, mine := strings.CutPrefix(tag, service+"/")
		if !mine {
			text, mine = strings.CutPrefix(tag, service+"-")
		}
		if service == "" {
			text, mine = tag, false
		}
		v, ok := ParseSemver(text)
		switch {
		case !ok:
		case mine:
			own = append(own, v)
		default:
			all = append(all, v)
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// Next is the version of a commit that has no tag: a pre-release of the patch
// after the last version, or of that version when it is a pre-release itself,
// with the number of commits since and the commit.
func Next(last Semver, commits int, sha string) Semver {
	suffix := fmt.Sprintf("%d.g%s", commits, Short(sha))
	if last.Pre != "" {
		last.Pre += "." + suffix
		return last
	}
	last.Patch++
	last.Pre = suffix
	return last
}
