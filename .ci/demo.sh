#!/usr/bin/env bash
# Runs the example workflow with the best executor at hand: Docker when an engine
# answers and an image is there, can be pulled quickly or made from this machine's
# own files; else the host itself. Called by `make demo` after the build.
# Environment: DEMO_PULL_SECONDS (default 20, 0 = do not try to pull).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

usual=ghcr.io/catthehacker/ubuntu:act-latest
image=host
if client=$(docker_client); then
  export DRYDOCK_TEST_DOCKER_CLI=$client
  if "$client" image inspect "$usual" >/dev/null 2>&1; then
    image=$usual
  elif [[ ${DEMO_PULL_SECONDS:-20} -gt 0 ]] && timeout "${DEMO_PULL_SECONDS:-20}" "$client" pull -q "$usual" >/dev/null 2>&1; then
    image=$usual
  elif .ci/testimage.sh demo; then
    image=drydock/demo:1
  fi
else
  say "no Docker engine answers: the workflow runs on this machine itself"
fi

command=(bin/drydock run --directory examples/hello --pull=false --platform "ubuntu-latest=$image")
say "${command[*]}"
exec "${command[@]}"
