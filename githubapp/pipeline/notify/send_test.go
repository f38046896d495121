package notify

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/executor/publicnet"
)

// What passes is tried again, what does not is an error with the answer's start.
func TestAnswers(t *testing.T) {
	answer := func(status int, text string, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	cut := func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	}
	endless := func(w http.ResponseWriter) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name    string
		answers []func(http.ResponseWriter) // the last one for good
		tries   int32
		want    string // of the error; empty: none
		wait    time.Duration
	}{
		{name: "taken", answers: []func(http.ResponseWriter){answer(202, "")}, tries: 1},
		{name: "busy", answers: []func(http.ResponseWriter){answer(503, ""), answer(429, ""), answer(200, "")}, tries: 3},
		{name: "cut off", answers: []func(http.ResponseWriter){cut, cut, answer(204, "")}, tries: 3},
		{name: "retry after", answers: []func(http.ResponseWriter){answer(429, "", "Retry-After", "1"), answer(200, "")}, tries: 2, wait: time.Second},
		{name: "a date", answers: []func(http.ResponseWriter){answer(503, "", "Retry-After", now.Add(time.Second).Format(http.TimeFormat)), answer(200, "")}, tries: 2, wait: time.Second},
		{name: "secondary limit", answers: []func(http.ResponseWriter){answer(403, "", "Retry-After", "0"), answer(200, "")}, tries: 2},
		{name: "tomorrow", answers: []func(http.ResponseWriter){answer(429, "", "Retry-After", "86400")}, tries: 1, want: `it answers 429 Too Many Requests: it wants to be asked again in 24h0m0s, which is too long`},
		{name: "never", answers: []func(http.ResponseWriter){answer(500, "broken")}, tries: 5, want: `it answers 500 Internal Server Error: "broken" (5 tries)`},
		{name: "refused", answers: []func(http.ResponseWriter){answer(400, "no\x00\r\n such\tthing \xff")}, tries: 1, want: `it answers 400 Bad Request: "no such thing"`},
		{name: "long", answers: []func(http.ResponseWriter){answer(422, strings.Repeat("ü", 1<<20))}, tries: 1, want: `"` + strings.Repeat("ü", 200) + `..."`},
		{name: "always cut off", answers: []func(http.ResponseWriter){cut}, tries: 5, want: `(5 tries)`},
		{name: "endless", answers: []func(http.ResponseWriter){endless}, tries: 1},
		{name: "redirect", answers: []func(http.ResponseWriter){answer(307, "", "Location", "/elsewhere")}, tries: 1, want: `it answers 307 Temporary Redirect: redirects are not followed`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path != "/token-needle" {
					t.Errorf("asked for %q", q.URL)
				}
				tt.answers[min(int(tries.Add(1)), len(tt.answers))-1](w)
			}))
			defer server.Close()
			to, request, result := published(t, "      - {webhook: \""+server.URL+"/token-needle?key=needle\"}\n")
			started := time.Now()
			err := newNotifier(options()).Notify(t.Context(), to[0], request, result)
			if tries.Load() != tt.tries {
				t.Errorf("%d tries, want %d", tries.Load(), tt.tries)
			}
			if took := time.Since(started); took < tt.wait || took > tt.wait+time.Minute {
				t.Errorf("took %s, want %s", took, tt.wait)
			}
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), `drydock.yaml:6: tell the webhook at "http://127.0.0.1:`)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "needle") {
				t.Errorf("the address is told: %v", err)
			}
		})
	}
}

// Nothing is sent unsigned that should be signed.
func TestSecretMissing(t *testing.T) {
	for _, name := range []string{"NOSUCH", "EMPTY"} {
		to, request, result := published(t, "      - {webhook: \"http://127.0.0.1:1/\", secret: "+name+"}\n")
		err := newNotifier(options()).Notify(t.Context(), to[0], request, result)
		if err == nil || !strings.Contains(err.Error(), "the secret "+name+" that signs its events is not there") {
			t.Errorf("error %v", err)
		}
	}
}

// Whoever stops the run does not wait for the next try.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("somebody pressed a key")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(503)
		time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	}))
	defer server.Close()
	to, request, result := published(t, "      - {webhook: \""+server.URL+"\"}\n")
	started := time.Now()
	if err := newNotifier(options()).Notify(ctx, to[0], request, result); !errors.Is(err, why) || time.Since(started) > 29*time.Second {
		t.Errorf("after %s: %v", time.Since(started), err)
	}
}

// A webhook cannot reach into the network of a server that forbids it, by whatever
// name.
func TestPrivate(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1"} {
		to, request, result := published(t, "      - {webhook: \"http://"+host+":"+port+"/\"}\n")
		o := options()
		o.AllowPrivate = false
		err := newNotifier(o).Notify(t.Context(), to[0], request, result)
		var private *publicnet.PrivateError
		if err == nil || !errors.As(err, &private) && host != "127.1" { // which some resolvers do not know
			t.Errorf("%s: error %v", host, err)
		}
		if private != nil && strings.Contains(err.Error(), "tries") {
			t.Errorf("%s was tried again: %v", host, err)
		}
	}
	if client(false).Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy looks the names up by itself")
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests came through", asked.Load())
	}
}
