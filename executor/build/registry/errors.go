package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/drydock-ci/drydock/executor"
	"github.com/drydock-ci/drydock/executor/publicnet"
)

// Reasons of this package's errors. A registry that does not answer is of kind
// executor.Unavailable, one that is full has reason executor.QuotaExceeded, and
// what it does not have is of kind executor.NotFound.
const (
	WrongCredentials executor.Reason = "wrong credentials"
	CutOff           executor.Reason = "cut off"
	DigestMismatch   executor.Reason = "digest mismatch"
)

// fail gives an error its kind and reason.
func fail(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var known *executor.Error
	if errors.As(err, &known) {
		if known.Op != "" {
			return err
		}
		known.Op = op
		return known
	}
	out := &executor.Error{Op: op, Kind: executor.Failed, Err: err}
	var answer *transport.Error
	switch {
	case private(err) != nil:
		out.Err, out.Kind, out.Hint = private(err), executor.Refused, "the operator of this server names the registries of its network"
	case errors.Is(err, errForm):
		out.Kind = executor.Refused
	case errors.Is(err, errPlain):
		out.Kind, out.Hint = executor.Refused, "serve it with TLS, or declare that it has none"
	case badCertificate(err) != nil: // first: on this machine HTTP is tried after it, and answered
		out.Err, out.Kind, out.Hint = badCertificate(err), executor.Refused, "trust who signed for it, with SSL_CERT_FILE if not everywhere"
	case errors.As(err, &answer):
		out.Kind, out.Reason, out.Hint = judge(answer)
	case cutOff(err):
		out.Kind, out.Reason, out.Hint = executor.Unavailable, CutOff, "the registry or a proxy before it ended the connection again and again"
	case unreachable(err):
		out.Kind, out.Hint = executor.Unavailable, "does the registry run, and can it be reached from here?"
	}
	return out
}

// judge reads a registry's answer.
func judge(e *transport.Error) (executor.ErrorKind, executor.Reason, string) {
	for _, d := range e.Errors {
		if strings.Contains(strings.ToLower(d.Message), "quota") { // Harbor: DENIED, 403
			return executor.Refused, executor.QuotaExceeded, "make room there"
		}
	}
	if hasCode(e, transport.DigestInvalidErrorCode) {
		return executor.Failed, DigestMismatch, "the content was changed on its way, or here since it was made"
	}
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return executor.Refused, WrongCredentials, "log in with \"docker login\", or give credentials that may do it"
	case http.StatusInsufficientStorage, http.StatusRequestEntityTooLarge:
		return executor.Refused, executor.QuotaExceeded, "make room there, or raise its limit"
	case http.StatusTooManyRequests:
		return executor.Refused, executor.QuotaExceeded, "it was asked too often: log in, or try again later"
	case http.StatusNotFound:
		return executor.NotFound, "", "does the repository exist, and may you see it?"
	}
	if e.StatusCode >= http.StatusInternalServerError {
		return executor.Unavailable, "", "the registry is in trouble: look at its log"
	}
	return executor.Failed, "", ""
}

func hasCode(e *transport.Error, code transport.ErrorCode) bool {
	return slices.ContainsFunc(e.Errors, func(d transport.Diagnostic) bool { return d.Code == code })
}

// passing tells that another try may work.
func passing(err error) bool {
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestedRangeNotSatisfiable:
			return true
		}
		return false
	}
	if errors.Is(err, errPlain) || errors.Is(err, errForm) || private(err) != nil || badCertificate(err) != nil {
		return false
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	return cutOff(err) || unreachable(err)
}

// cutOff tells that a connection ended in the middle.
func cutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "server closed idle connection") || strings.Contains(err.Error(), "http2: ")
}

func unreachable(err error) bool {
	var e net.Error
	return errors.As(err, &e)
}

// private is what was not connected to; nil: nothing.
func private(err error) error {
	var to *publicnet.PrivateError
	if errors.As(err, &to) {
		return to
	}
	return nil
}

// badCertificate is what is wrong with a certificate; nil: nothing is.
func badCertificate(err error) error {
	var (
		verification *tls.CertificateVerificationError
		unknown      x509.UnknownAuthorityError
		host         x509.HostnameError
	)
	switch {
	case errors.As(err, &verification):
		return verification
	case errors.As(err, &unknown):
		return unknown
	case errors.As(err, &host):
		return host
	}
	return nil
}
