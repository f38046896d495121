package livetest

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const attested = `services:
  shop:
    path: shop
    build: {provenance: max, sbom: HOST/scanner:1, args: {SHOWN: "yes"}, secrets: {npm: NPM_TOKEN}}
    image: HOST/team/shop
`

// scanner puts an image there that writes an SBOM as BuildKit's does
// (moby/buildkit: docs/attestations/sbom-protocol.md).
func (i *imageRegistry) scanner(image string) {
	i.t.Helper()
	i.base(image)
	img, err := remote.Image(i.reference(image, "1"))
	if err != nil {
		i.t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		i.t.Fatal(err)
	}
	config := file.Config
	config.Entrypoint = []string{"/bin/sh", "-c", `
		printf '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"files":"%s"}}' \
			"$(ls $BUILDKIT_SCAN_SOURCE | tr '\n' ' ')" > $BUILDKIT_SCAN_DESTINATION/sbom.spdx.json`}
	config.Cmd = nil
	if img, err = mutate.Config(img, config); err == nil {
		err = remote.Write(i.reference(image, "1"), img)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

// attestations are what the image's index has beside the image, by their types.
func (i *imageRegistry) attestations(image, tag string) map[string]string {
	i.t.Helper()
	index, err := remote.Index(i.reference(image, tag))
	if err != nil {
		i.t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		i.t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range manifest.Manifests {
		if m.Annotations["vnd.docker.reference.type"] != "attestation-manifest" {
			continue
		}
		img, err := index.Image(m.Digest)
		if err != nil {
			i.t.Fatal(err)
		}
		layers, err := img.Layers()
		if err != nil {
			i.t.Fatal(err)
		}
		for _, l := range layers {
			r, err := l.Compressed() // it is no archive
			if err != nil {
				i.t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			r.Close()
			var statement struct{ PredicateType string }
			if err == nil {
				err = json.Unmarshal(data, &statement)
			}
			if err != nil {
				i.t.Fatalf("%v: %s", err, data)
			}
			found[statement.PredicateType] = string(data)
		}
	}
	return found
}

// TestServicesAttested: what the declaration asks for is pushed beside the image, and
// has no secret; the unaffected image keeps it under its next tag.
func TestServicesAttested(t *testing.T) {
	w, r := newWorld(t), newImageRegistry(t)
	r.base("base")
	r.scanner("scanner")
	w.env = append(w.env, "BUILDKIT_HOST="+newBuildkitd(t), "NPM_TOKEN=npm-canary-needle")
	sha := w.services(r.host, map[string]string{
		"drydock.yaml":    attested,
		"shop/Dockerfile": "FROM HOST/base:1\nARG SHOWN\nRUN --mount=type=secret,id=npm wc -c < /run/secrets/npm > /size\n",
	})
	res := w.build("--since", firstPush, "--json")
	res.wantCode(0)
	if strings.Contains(res.out, "unknown/unknown") {
		t.Errorf("an attestation is taken for a platform: %s", res.out)
	}
	found := r.attestations("team/shop", sha[:7])
	var provenance string
	for kind, text := range found {
		if strings.HasPrefix(kind, "https://slsa.dev/provenance/") {
			provenance = text
		}
		if strings.Contains(text, "canary") || strings.Contains(text, "needle") {
			t.Errorf("the secret is in %s", kind)
		}
	}
	if !strings.Contains(provenance, "SHOWN") {
		t.Errorf("provenance: %s", provenance)
	}
	if sbom := found["https://spdx.dev/Document"]; !strings.Contains(sbom, "size") {
		t.Errorf("SBOM: %s", sbom)
	}

	w.file("README.md", "changed")
	w.commit()
	next := strings.TrimSpace(w.git("rev-parse", "HEAD"))
	before := r.digest("team/shop", sha[:7])
	w.build("--since", sha).wantCode(0)
	if got := r.digest("team/shop", next[:7]); got == "" || got != before {
		t.Errorf("the next tag is %q, the image %q", got, before)
	}
}
