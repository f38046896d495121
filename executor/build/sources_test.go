package build

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
)

var private = Options{PublicOnly: true, Private: []string{"registry.internal", "127.0.0.1:5000", "registry:5000", "[::1]:5000"}}

func TestSourcePolicy(t *testing.T) {
	if (Options{}).sourcePolicy() != nil {
		t.Error("who builds for himself has a policy")
	}
	engine := sourcepolicy.NewEngine([]*spb.Policy{private.sourcePolicy()})
	for text, want := range map[string]bool{
		"https://example.com/file": true, "http://user:word@sub.example.com:8080/a?b=c#d": true, "https://example.com": true, "https://example.com.": true, "https://xn--bcher-kva.example?x": true,
		"http://127.0.0.1/": false, "http://127.0.0.1:8080/": false, "http://127.1/": false, "http://2130706433/": false, "http://0x7f000001/": false, "http://0x7f.0.0.0x1/": false, "http://0177.0.0.1": false,
		"http://0/": false, "http://10.0.0.1": false, "http://169.254.169.254/latest/meta-data": false, "http://[::1]/": false, "http://[fd00:ec2::254]/": false, "http://[::ffff:127.0.0.1]:80/": false,
		"http://localhost/": false, "http://LOCALHOST:80/": false, "http://localhost./": false, "http://x.localhost/": false, "http://metadata.google.internal/": false, "http://printer.local": false, "http://metadata/": false, "http://router.home.arpa/": false,
		"http://example.com@127.0.0.1/": false, "http://example.com:80@127.0.0.1/": false, "http://a@b@localhost/": false, "http://user@metadata.google.internal/": false, "http://example.com\\@127.0.0.1/": false,
		"http://１２７.0.0.1/": false, "http://127。0.0.1/": false, "http://ⓛocalhost.a/": false, "http://%31%32%37.0.0.1/": false, "http:///": false, "http://127.0.0.1:5000/v2/": false, "http://registry.internal/": false,

		"git://github.com/octo/demo.git#main:sub": true, "git://git@github.com:octo/demo.git": true, "git://github.com:22/octo/demo": true,
		"git://127.0.0.1/octo/demo.git": false, "git://localhost/demo.git": false, "git://git@localhost:demo.git": false, "git://git@10.0.0.1:demo": false, "git://example.com:80@127.0.0.1/x": false, "git://git@example.com:x@127.0.0.1/x": false, "git://x.local:demo": false,

		"docker-image://docker.io/library/alpine:3": true, "docker-image://ghcr.io/octo/app@sha256:1": true, "docker-image://registry.example:5000/app:1": true, "docker-image://docker/buildkit-syft-scanner:stable-1": true, "docker-image://alpine:3": true,
		"docker-image://registry.internal/app:1": true, "docker-image://registry.internal:5000/app:1": true, "docker-image://127.0.0.1:5000/app:1": true, "docker-image://registry:5000/app:1": true, "docker-image://[::1]:5000/app": true,
		"docker-image://127.0.0.1:5001/app:1": false, "docker-image://127.0.0.1/app:1": false, "docker-image://localhost:5000/app": false, "docker-image://localhost/app": false, "docker-image://registry:5001/app": false, "docker-image://[::1]:5001/app": false,
		"docker-image://10.0.0.1:80/app": false, "docker-image://other.internal/app": false, "docker-image://registryxinternal/app": true, "docker-image+blob://127.0.0.1:5001/app@sha256:1": false,
		"local://context": true, "oci-layout://x": true,
	} {
		_, err := engine.Evaluate(t.Context(), &pb.SourceOp{Identifier: text})
		if (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]bool{
		"https://github.com/octo/demo.git": true, "git@github.com:octo/demo.git": true, "ssh://git@github.com:22/octo/demo.git": true, "github.com/octo/demo": true,
		"http://127.0.0.1/x.git": false, "git@127.0.0.1:x": false, "git@localhost:x": false, "https://user:word@localhost/x": false, "ssh://git@[::1]/x": false, "127.0.0.1/x": false, "file:///etc": false, "/etc": false, "ext::sh": false, "git@a.internal:x": false,
	} {
		_, err := engine.Evaluate(t.Context(), &pb.SourceOp{Identifier: "git://github.com/octo/demo.git", Attrs: map[string]string{"git.fullurl": text}})
		if (err == nil) != want {
			t.Errorf("what is fetched is %s: %v", text, err)
		}
	}
}

// TestCheckDockerfile is for builders that read no policy.
func TestCheckDockerfile(t *testing.T) {
	for text, want := range map[string]bool{
		"FROM alpine\nADD https://example.com/x f /\nCOPY --from=0 /x /y\n":                                     true,
		"FROM scratch\nARG V=1\nADD app-$V.tgz /\n":                                                             true,
		"# syntax=docker/dockerfile:1\nFROM ghcr.io/octo/app AS one\nFROM one\nCOPY --from=one /x /\n":          true,
		"ARG BASE=127.0.0.1:5000/app\nFROM $BASE\nFROM scratch\n":                                               true,
		"FROM scratch\nRUN --mount=type=bind,from=alpine,target=/x true\nADD git@github.com:octo/demo.git /x\n": true,
		"FROM scratch\nADD http://127.0.0.1:39217/internal /x\n":                                                false,
		"FROM scratch\nARG H=127.0.0.1\nARG U=http://$H/\nADD ${U}x /x\n":                                       false,
		"FROM scratch\nENV H=localhost\nFROM 0\nADD http://$H/ /x\n":                                            false,
		"FROM scratch AS a\nENV H=localhost\nFROM a\nADD http://$H/ /x\n":                                       false,
		"FROM scratch\nARG GIVEN\nADD $GIVEN /x\n":                                                              false,
		"FROM octo/evil\nADD $URL /x\n":                                                                         false,
		"FROM scratch\nADD git://127.0.0.1/x.git /x\n":                                                          false,
		"FROM scratch\nADD git@127.0.0.1:x.git /x\n":                                                            false,
		"FROM scratch AS a\nONBUILD ADD http://127.0.0.1/ /x\nFROM a\n":                                         false,
		"FROM 127.0.0.1:5001/app\n":                                                                             false,
		"ARG BASE=alpine\nFROM $BASE\nFROM ${GIVENBASE}\n":                                                      false,
		"FROM scratch\nCOPY --from=localhost:5001/app / /\n":                                                    false,
		"FROM scratch\nRUN --mount=type=bind,from=localhost:5001/app,target=/x true\n":                          false,
		"# syntax=octo/frontend\nFROM scratch\n":                                                                false,
		"FROM scratch\nNOTHING\n":                                                                               false,
	} {
		r := &Request{Args: map[string]string{"GIVEN": "http://10.0.0.1/x", "GIVENBASE": "localhost/x"}}
		text = strings.Replace(text, "FROM ${GIVENBASE}", "FROM localhost/x", 1)
		if err := checkDockerfile(t.Context(), []byte(text), r, private.sourcePolicy()); (err == nil) != want {
			t.Errorf("%s%v", text, err)
		}
	}
	r := &Request{Args: map[string]string{"BUILDKIT_SYNTAX": "octo/frontend"}}
	if checkDockerfile(t.Context(), []byte("FROM scratch\n"), r, private.sourcePolicy()) == nil {
		t.Error("a frontend that an argument names")
	}
}

func FuzzCheckDockerfile(f *testing.F) {
	f.Add("FROM scratch\nADD http://127.0.0.1/ /x\n")
	f.Add("# syntax=x\nFROM $A\nONBUILD ADD ${A:-$B} /\n")
	policy := private.sourcePolicy()
	f.Fuzz(func(t *testing.T, text string) {
		_ = checkDockerfile(t.Context(), []byte(text), &Request{}, policy)
	})
}
