package blob

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Verb is what a signed URL allows; the text is that of a SAS ("sp").
type Verb string

const (
	Read  Verb = "r"
	Write Verb = "w"
)

// URLPath is where Handler is to be mounted.
const URLPath = "/blob/"

// URLs makes and checks URLs that allow one verb on one blob for a time.
type URLs struct {
	key  []byte
	base string
	now  func() time.Time
}

// URLOptions may all be left out.
type URLOptions struct {
	// Base is what the URLs begin with, "https://host[:port]". Without it, that is
	// the host by which the client reached us: what works for it then works again.
	Base string
	// Key signs; without it a random one, so that no URL outlives the process.
	Key []byte
	Now func() time.Time
}

// NewURLs makes the signer.
func NewURLs(o URLOptions) *URLs {
	u := &URLs{key: o.Key, base: strings.TrimRight(o.Base, "/"), now: o.Now}
	if len(u.key) == 0 {
		u.key = make([]byte, 32)
		rand.Read(u.key) // never fails, says its documentation
	}
	if u.now == nil {
		u.now = time.Now
	}
	return u
}

var (
	idPattern   = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$`)
	hostPattern = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
)

// Sign makes a URL for the client that sent r. The path has more than three
// segments, because Azure's clients want account, container and name of hosts
// that are addresses.
func (u *URLs) Sign(r *http.Request, class, id string, verb Verb, ttl time.Duration) (string, error) {
	if !idPattern.MatchString(class) || !idPattern.MatchString(id) {
		return "", fmt.Errorf("sign a URL for %q/%q: not an id of ours", class, id)
	}
	base := u.base
	if base == "" {
		if !hostPattern.MatchString(r.Host) {
			return "", fmt.Errorf("sign a URL: host %q of the request is none", r.Host)
		}
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	expiry := strconv.FormatInt(u.now().Add(ttl).Unix(), 10)
	q := url.Values{"se": {expiry}, "sp": {string(verb)}, "sig": {u.signature(class, id, verb, expiry)}}
	return base + URLPath + class + "/" + id + "/data?" + q.Encode(), nil
}

func (u *URLs) signature(class, id string, verb Verb, expiry string) string {
	mac := hmac.New(sha256.New, u.key)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s", class, id, verb, expiry)
	return hex.EncodeToString(mac.Sum(nil))
}

// Errors of Check.
var (
	ErrSignature = errors.New("signature did not match")
	ErrExpired   = errors.New("signature not valid any more")
	ErrVerb      = errors.New("not signed for this method")
)

// Check says what the URL is signed for, if its signature holds.
func (u *URLs) Check(link *url.URL, verb Verb) (class, id string, err error) {
	rest, ok := strings.CutPrefix(link.Path, URLPath)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 || parts[2] != "data" || !idPattern.MatchString(parts[0]) || !idPattern.MatchString(parts[1]) {
		return "", "", ErrSignature
	}
	q := link.Query()
	signed, expiry := Verb(q.Get("sp")), q.Get("se")
	want := u.signature(parts[0], parts[1], signed, expiry)
	if !hmac.Equal([]byte(q.Get("sig")), []byte(want)) {
		return "", "", ErrSignature
	}
	if signed != verb {
		return "", "", ErrVerb
	}
	if end, err := strconv.ParseInt(expiry, 10, 64); err != nil || u.now().Unix() >= end {
		return "", "", ErrExpired
	}
	return parts[0], parts[1], nil
}
