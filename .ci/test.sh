#!/usr/bin/env bash
# Every test, those of Docker and Kubernetes included. As root on Debian it installs
# what is missing, starts an engine when none answers, and makes a cluster with the
# script of the shared test data; elsewhere the tests that need one are skipped,
# counted and printed. Called by `make test` after the build.
# Environment: DRYDOCK_SHARED (shared test data, default ../shared when it exists),
#   DRYDOCK_TEST_KUBE=1 and KUBECONFIG (a cluster that is there already),
#   DRYDOCK_FAIL_ON_SKIP=1, DRYDOCK_SUMMARY=FILE, TESTFLAGS, PACKAGES.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh
need_go
trap 'end_cluster; stop_engine' EXIT
trap 'exit 130' INT TERM

# Tests run in their package's folder: the path must be absolute.
if [[ -d ${DRYDOCK_SHARED:-../shared} ]]; then
  DRYDOCK_SHARED=$(cd "${DRYDOCK_SHARED:-../shared}" && pwd)
  export DRYDOCK_SHARED
else
  unset DRYDOCK_SHARED
fi
install_for_tests
start_cluster

client=$(docker_client || true)
if [[ -z $client ]] && start_engine; then client=$(docker_client || true); fi
if [[ -n $client ]]; then
  export DRYDOCK_TEST_DOCKER=1 DRYDOCK_TEST_DOCKER_CLI=$client
  .ci/testimage.sh busybox user bash
  # Without node, what needs it is skipped.
  ! command -v node >/dev/null || .ci/testimage.sh tools
  [[ $(id -u) != 0 ]] || make -s buildkit || say "no buildkitd: what builds images with it is skipped"
else
  say "no Docker engine answers: the Docker tests will be skipped"
fi

race=(-race)
command -v "${CC:-gcc}" >/dev/null || { race=(); say "no C compiler: running without the race detector"; }

read -r -a packages <<<"${PACKAGES:-./...}"
read -r -a flags <<<"${TESTFLAGS:-}"
summary=()
[[ ${DRYDOCK_FAIL_ON_SKIP:-} == 1 ]] && summary+=(--fail-on-skip)
[[ -n ${DRYDOCK_SUMMARY:-} ]] && summary+=(--out "$DRYDOCK_SUMMARY")

# The cluster takes longest to come: what needs it is tested last.
first=() last=()
for package in $(go list "${packages[@]}"); do
  case $package in
    */executor/kube | */cmd/internal/livetest) last+=("$package") ;;
    *) first+=("$package") ;;
  esac
done

say "go vet ${packages[*]}"
go vet "${packages[@]}"
work=$(mktemp -d "${TMPDIR:-/tmp}/drydock-tests.XXXXXX")
trap 'rm -rf "$work"; end_cluster; stop_engine' EXIT
tool=$work/testsummary
go build -o "$tool" ./cmd/internal/testsummary
go_test() { go test "${race[@]}" -timeout 20m -json "${flags[@]}" "$@" || true; }
run_tests() {
  [[ $# -gt 0 ]] || return 0
  say "go test ${race[*]} -shuffle=on ($# packages)"
  go_test -shuffle=on "$@"
}
# The summary decides: it sees build failures and crashes too.
{
  run_tests "${first[@]}"
  if [[ ${#last[@]} -gt 0 ]] && wait_for_cluster && [[ -n ${DRYDOCK_TEST_KUBE_LOAD:-} && -n $client ]]; then
    "$client" save -o "$work/images.tar" drydock-test/busybox:1 drydock-test/busybox-user:1 drydock-test/bash:1
    "$DRYDOCK_TEST_KUBE_LOAD" "$work/images.tar" >/dev/null
    rm -f "$work/images.tar"
  fi
  run_tests "${last[@]}"
} | tee "$work/events" | { "$tool" "${summary[@]}" --repeat "$work/repeat" || touch "$work/failed"; }
[[ -e $work/failed ]] || exit 0

# On a busy machine a test may fail by its timing: what failed alone runs once more,
# on a quiet one, and is told as unsteady when it passes then.
[[ -s $work/repeat ]] || exit 1
while read -r package name; do
  say "once more: $package $name"
  go_test -run "^$name\$" "$package" </dev/null
done <"$work/repeat" >"$work/second"
"$tool" "${summary[@]}" --second "$work/second" <"$work/events"
