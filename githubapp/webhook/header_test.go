package webhook

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParseHead(f *testing.F) {
	good := "sha256=" + strings.Repeat("0f", 32)
	f.Add(good, "5b1e0d9c-3f5a-11ef", "push", "application/json", "GitHub-Hookshot/1")
	f.Add("sha1=00", "", "pull_request", "application/x-www-form-urlencoded; a=b", "\xff")
	f.Add(good+"00", "a b", "<b>", "multipart/form-data; boundary=x", strings.Repeat("x", 1000))
	f.Fuzz(func(t *testing.T, signature, id, event, kind, agent string) {
		h := http.Header{}
		h.Set(signatureHeader, signature)
		h.Set(deliveryHeader, id)
		h.Set(eventHeader, event)
		h.Set("Content-Type", kind)
		h.Set("User-Agent", agent)
		got, bad := parseHead(h)
		if bad != nil {
			if bad.status < 400 || bad.status > 499 || bad.text == "" {
				t.Errorf("refused with %d %q", bad.status, bad.text)
			}
			return
		}
		if len(got.signature) != 32 || string(got.id) != id || got.event != event || got.form != strings.Contains(strings.ToLower(kind), "form") {
			t.Errorf("read %+v of %q %q %q %q", got, signature, id, event, kind)
		}
		if !isName(id, "-") || !isName(event, "_") || strings.ContainsAny(id+event, " \r\n\x00/<\"'") {
			t.Errorf("took id %q, event %q", id, event)
		}
		for name, v := range got.headers {
			if len(v) > maxKept || !utf8.ValidString(v) {
				t.Errorf("kept %s of %d bytes", name, len(v))
			}
		}
	})
}
