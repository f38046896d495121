package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/drydock-ci/drydock/executor/publicnet"
)

// Bounds of one message: with the pauses between tries it takes about three minutes
// at most.
const (
	tries       = 5
	firstPause  = 500 * time.Millisecond // doubled after each try
	longestWait = 30 * time.Second       // that an answer may ask for
	oneTry      = 15 * time.Second
	maxAnswer   = 4 << 10 // bytes that are read
	maxShown    = 200     // characters that an error tells
)

// message is one request.
type message struct {
	client  *http.Client
	to      string // for errors
	address string
	header  http.Header
	body    []byte
	hint    string // what to do when it is refused; may be empty
}

// refusal is an answer that is no success.
type refusal struct {
	status     int
	text       string
	retryAfter time.Duration // negative: it says nothing
	hint       string
}

// Error has the start of the answer.
func (e *refusal) Error() string {
	text := fmt.Sprintf("it answers %d %s", e.status, http.StatusText(e.status))
	if e.text != "" {
		text += ": " + strconv.Quote(e.text)
	}
	if e.status/100 == 3 {
		text += ": redirects are not followed: name the address that it leads to"
	}
	if e.hint != "" && (e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || e.status == http.StatusNotFound) {
		text += ": " + e.hint
	}
	return text
}

// passing tells whether the same request may succeed later. GitHub's secondary rate
// limits are 403 with Retry-After.
func (e *refusal) passing() bool {
	return e.status == http.StatusTooManyRequests || e.status >= 500 || e.status == http.StatusForbidden && e.retryAfter >= 0
}

// send tries until the message is taken, refused for good or nobody may wait longer.
func (n *Notifier) send(ctx context.Context, m message) error {
	pause := n.pause
	for try := 1; ; try++ {
		err := n.once(ctx, m)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var private *publicnet.PrivateError
		var untrusted *tls.CertificateVerificationError
		var refused *refusal
		wait := pause
		if errors.As(err, &refused) {
			if !refused.passing() {
				return err
			}
			if refused.retryAfter > longestWait {
				return fmt.Errorf("%w: it wants to be asked again in %s, which is too long to wait", err, refused.retryAfter)
			}
			wait = max(wait, refused.retryAfter)
		}
		if errors.As(err, &private) || errors.As(err, &untrusted) {
			return err
		}
		if try == tries {
			return fmt.Errorf("%w (%d tries)", err, tries)
		}
		n.Log.DebugContext(ctx, "a notification is sent again", "to", m.to, "try", try, "wait", wait, "err", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		pause *= 2
	}
}

// once makes one request.
func (n *Notifier) once(ctx context.Context, m message) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, m.address, bytes.NewReader(m.body))
	if err != nil {
		return errors.New("its address is no URL")
	}
	for k, v := range m.header {
		q.Header[k] = v
	}
	q.Header.Set("User-Agent", "drydock")
	answer, err := m.client.Do(q)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) { // it has the whole address
			err = told.Err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	defer answer.Body.Close()
	start, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // what there is of it
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return &refusal{status: answer.StatusCode, text: shown(start), retryAfter: n.retryAfter(answer.Header.Get("Retry-After")), hint: m.hint}
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func (n *Notifier) retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(date.Sub(n.Now()), 0)
	}
	return -1
}

// shown is the start of an answer on one line.
func shown(answer []byte) string {
	text := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(answer), ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if all := []rune(text); len(all) > maxShown {
		return string(all[:maxShown]) + "..."
	}
	return text
}
