#!/usr/bin/env bash
# Every test, the Docker tests included. As root on Debian it installs what is
# missing and starts an engine when none answers; elsewhere the tests that need
# one are skipped, counted and printed. Called by `make test` after the build.
# Environment: DRYDOCK_SHARED (shared test data, default ../shared when it exists),
#   DRYDOCK_FAIL_ON_SKIP=1, DRYDOCK_SUMMARY=FILE, TESTFLAGS, PACKAGES.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh
need_go
trap stop_engine EXIT
trap 'exit 130' INT TERM

missing=()
command -v git >/dev/null || missing+=(git)
# The race detector is C code and needs a compiler to link.
command -v "${CC:-gcc}" >/dev/null || missing+=(gcc libc6-dev)
[[ -x /bin/busybox || -x /usr/bin/busybox ]] || missing+=(busybox-static)
# The stores' tests start a Postgres of their own; Debian keeps initdb off the PATH.
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
client=$(docker_client || true)
[[ -n $client ]] || command -v dockerd >/dev/null || missing+=(docker.io)
if [[ ${#missing[@]} -gt 0 ]]; then
  apt_install "${missing[@]}" || say "not installed: ${missing[*]} (only root on Debian can); what needs them is skipped"
fi

[[ -n $client ]] || client=$(docker_client || true)
if [[ -z $client ]] && start_engine; then client=$(docker_client || true); fi
if [[ -n $client ]]; then
  export DRYDOCK_TEST_DOCKER=1 DRYDOCK_TEST_DOCKER_CLI=$client
  .ci/testimage.sh busybox bash
else
  say "no Docker engine answers: the Docker tests will be skipped"
fi

# Tests run in their package's folder: the path must be absolute.
if [[ -d ${DRYDOCK_SHARED:-../shared} ]]; then
  DRYDOCK_SHARED=$(cd "${DRYDOCK_SHARED:-../shared}" && pwd)
  export DRYDOCK_SHARED
else
  unset DRYDOCK_SHARED
fi

race=(-race)
command -v "${CC:-gcc}" >/dev/null || { race=(); say "no C compiler: running without the race detector"; }

read -r -a packages <<<"${PACKAGES:-./...}"
read -r -a flags <<<"${TESTFLAGS:-}"
summary=()
[[ ${DRYDOCK_FAIL_ON_SKIP:-} == 1 ]] && summary+=(--fail-on-skip)
[[ -n ${DRYDOCK_SUMMARY:-} ]] && summary+=(--out "$DRYDOCK_SUMMARY")

say "go vet ${packages[*]}"
go vet "${packages[@]}"
tool=$(mktemp "${TMPDIR:-/tmp}/drydock-testsummary.XXXXXX")
trap 'rm -f "$tool"; stop_engine' EXIT
go build -o "$tool" ./cmd/internal/testsummary
say "go test ${race[*]} -shuffle=on ${packages[*]}"
# The summary decides: it sees build failures and crashes too.
{ go test "${race[@]}" -shuffle=on -timeout 20m -json "${flags[@]}" "${packages[@]}" || true; } | "$tool" "${summary[@]}"
