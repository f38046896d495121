package webhook

import (
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/drydock-ci/drydock/githubapp/store"
)

// The headers that a delivery must have.
const (
	signatureHeader = "X-Hub-Signature-256"
	eventHeader     = "X-Github-Event"
	deliveryHeader  = "X-Github-Delivery"
)

// kept are the headers that are stored with a delivery.
var kept = []string{
	"X-Github-Hook-Id", "X-Github-Hook-Installation-Target-Id", "X-Github-Hook-Installation-Target-Type",
	"X-Github-Enterprise-Host", "X-Github-Enterprise-Version", "User-Agent",
}

const (
	maxName = 64  // of an event or a delivery's id
	maxKept = 256 // of the value of a kept header
)

// head is what the headers of a delivery say.
type head struct {
	id        store.DeliveryID
	event     string
	signature []byte
	form      bool // the payload is a field of a form
	headers   map[string]string
}

// refusal is an error with the status that answers it.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// parseHead checks the headers before anything of the body is read.
func parseHead(h http.Header) (head, *refusal) {
	var out head
	// A header that comes twice could mean one thing here and another elsewhere.
	one := func(name string) (string, *refusal) {
		switch all := h.Values(name); len(all) {
		case 0:
			return "", nil
		case 1:
			return all[0], nil
		}
		return "", refuse(http.StatusBadRequest, "header %s comes more than once", name)
	}
	text, bad := one(signatureHeader)
	if bad != nil {
		return out, bad
	}
	digits, ok := strings.CutPrefix(text, "sha256=")
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != 32 {
		return out, refuse(http.StatusUnauthorized, "header %s is missing or malformed: set a webhook secret", signatureHeader)
	}
	out.signature = sum
	id, bad := one(deliveryHeader)
	if bad != nil {
		return out, bad
	}
	if !isName(id, "-") {
		return out, refuse(http.StatusBadRequest, "header %s is missing or malformed", deliveryHeader)
	}
	out.id = store.DeliveryID(id)
	if out.event, bad = one(eventHeader); bad != nil {
		return out, bad
	}
	if !isName(out.event, "_") {
		return out, refuse(http.StatusBadRequest, "header %s is missing or malformed", eventHeader)
	}
	kind, bad := one("Content-Type")
	if bad != nil {
		return out, bad
	}
	switch media, _, err := mime.ParseMediaType(kind); {
	case err == nil && media == "application/json":
	case err == nil && media == "application/x-www-form-urlencoded":
		out.form = true
	default:
		return out, refuse(http.StatusUnsupportedMediaType, "content type must be application/json or application/x-www-form-urlencoded")
	}
	out.headers = map[string]string{}
	for _, name := range kept {
		if v := h.Get(name); v != "" {
			out.headers[name] = strings.ToValidUTF8(v[:min(len(v), maxKept)], "")
		}
	}
	return out, nil
}

// isName tells whether s is a short word of ASCII letters, digits and the given characters.
func isName(s, more string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(more, c) >= 0) {
			return false
		}
	}
	return true
}
