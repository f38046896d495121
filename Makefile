# Every target with a "## text" appears in `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PREFIX  ?= /usr/local
MODULE  := github.com/drydock-ci/drydock
LDFLAGS := -s -w -X $(MODULE)/cmd/internal/cli.Version=$(VERSION)
HELPER  := executor/helper/program

GOLANGCI_VERSION := v2.15.0
GOLANGCI         := bin/tools/golangci-lint-$(GOLANGCI_VERSION)

HELM_VERSION := v3.19.2
HELM         := bin/tools/helm-$(HELM_VERSION)

BUILDKIT_VERSION := $(shell awk '$$1 == "github.com/moby/buildkit" { print $$2 }' go.mod)
BUILDKIT         := bin/tools/buildkitd-$(BUILDKIT_VERSION)

BUILDCTL         := bin/tools/buildctl-$(BUILDKIT_VERSION)

ROOTLESSKIT_VERSION := v2.3.6
ROOTLESSKIT         := bin/tools/rootlesskit-$(ROOTLESSKIT_VERSION)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# The scripts say what to do when Go is missing; make alone would only say "not found".
.PHONY: go
go:
	@. .ci/lib.sh && need_go

.PHONY: helper
helper: go
	@[[ -d cmd/drydock-helper ]] || { echo "cmd/drydock-helper is missing" >&2; exit 1; }
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -trimpath -ldflags '-s -w' -o $(HELPER)/linux-amd64 ./cmd/drydock-helper
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -ldflags '-s -w' -o $(HELPER)/linux-arm64 ./cmd/drydock-helper

.PHONY: build
build: helper ## Build bin/drydock (static), the in-container helper first
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(LDFLAGS)" -o bin/drydock ./cmd/drydock

.PHONY: demo
demo: build ## Build and run the example workflow: in Docker if it answers, else on this machine
	@.ci/demo.sh

.PHONY: test
test: helper ## Run everything with the race detector, on Docker and Kubernetes too (brings both up as root on Debian)
	@.ci/test.sh

.PHONY: test-short
test-short: helper ## Run the quick tests only: no engine, no race detector
	$(GO) test -short ./...

.PHONY: lint
lint: helper $(GOLANGCI) ## Check format, vet and linters (.golangci.yml)
	$(GOLANGCI) run ./...

$(GOLANGCI): | go
	@echo "building golangci-lint $(GOLANGCI_VERSION), once (1 to 2 minutes)"
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/tools/golangci-lint $@

.PHONY: image
image: ## Build the image of drydock itself: IMAGE=NAME
	docker build --target drydock --build-arg VERSION="$(VERSION)" -t "$(or $(IMAGE),drydock:$(VERSION))" .

.PHONY: image-helper
image-helper: ## Build the image that brings the helper into pods: IMAGE=NAME, WITH_NODE=1 for node too
	docker build --target helper$(if $(WITH_NODE),-node) --build-arg VERSION="$(VERSION)" -t "$(or $(IMAGE),drydock-helper:$(VERSION))" .

# The chart's tests need it.
.PHONY: helm
helm: $(HELM)
$(HELM): | go
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin/tools $(GO) install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
	@mv bin/tools/helm $@

# The tests of image builds need it, built with its own module's versions, and in a
# cluster what runs it without root.
.PHONY: buildkit
buildkit: $(BUILDKIT) $(ROOTLESSKIT)
$(BUILDKIT): | go
	$(GO) mod download github.com/moby/buildkit
	cd "$$($(GO) list -m -f '{{.Dir}}' github.com/moby/buildkit)" && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ ./cmd/buildkitd
$(BUILDCTL): | go
	$(GO) mod download github.com/moby/buildkit
	cd "$$($(GO) list -m -f '{{.Dir}}' github.com/moby/buildkit)" && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ ./cmd/buildctl
$(ROOTLESSKIT): | go
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/rootless-containers/rootlesskit/v2/cmd/rootlesskit@$(ROOTLESSKIT_VERSION)
	@mv bin/tools/rootlesskit $@

.PHONY: fuzz
fuzz: helper ## Run every fuzz target for FUZZTIME (default 10s) each
	@.ci/fuzz.sh

.PHONY: security-mutants
security-mutants: helper ## Turn each defence off, one at a time: its attack must then succeed (set DRYDOCK_TEST_DOCKER=1)
	$(GO) test -v -tags mutants -count=1 -timeout 60m -run '^TestMutants$$' ./cmd/internal/attacktest

.PHONY: conformance
conformance: go ## Compare with GitHub's own parser and evaluator in full; prints the table of docs/conformance.md
	DRYDOCK_CONFORMANCE=full DRYDOCK_SHARED="$${DRYDOCK_SHARED:-$(abspath ../shared)}" $(GO) test -count=1 -v ./workflow/conformance

# Needs a cluster as the tests of executor/kube do: DRYDOCK_TEST_KUBE=1, KUBECONFIG
# and DRYDOCK_TEST_KUBE_LOAD. The benchmarks bring the images there.
.PHONY: bench-kube
bench-kube: build ## Measure jobs in Kubernetes against bare pods; prints the table of docs/performance.md
	$(GO) test -run '^$$' -bench . -benchtime 9x ./executor/kube
	$(GO) run ./cmd/internal/bench -kube docker.io/drydock-test/helper:1 $(BENCHFLAGS)

# As root: it starts a buildkitd of its own.
.PHONY: bench-build
bench-build: build $(BUILDKIT) $(BUILDCTL) ## Measure image builds against bare BuildKit; prints the table of docs/performance.md
	$(GO) run ./cmd/internal/bench -buildkitd $(BUILDKIT) $(BENCHFLAGS)

.PHONY: bench
bench: build ## Measure against act and the bare engine; prints the table of docs/performance.md
	$(GO) run ./cmd/internal/bench -drydock bin/drydock $(BENCHFLAGS)
	$(GO) test -run '^$$' -bench Transfer -benchtime 3x ./runner/service/blob

.PHONY: install
install: build ## Install bin/drydock below PREFIX (default /usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 bin/drydock "$(DESTDIR)$(PREFIX)/bin/drydock"

.PHONY: clean
clean: ## Remove what a build makes
	rm -rf bin dist $(HELPER)/linux-amd64 $(HELPER)/linux-arm64
