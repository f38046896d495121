# Helpers for the scripts beside it; sourced, never run.
# shellcheck shell=bash

say() { printf '%s\n' "==> $*" >&2; }
die() { printf '%s\n' "error: $*" >&2; exit 1; }

# The module names its Go version; say what to do when there is no Go at all.
need_go() {
  command -v go >/dev/null 2>&1 && return
  local want; want=$(awk '$1 == "go" { print $2; exit }' go.mod)
  die "Go is not installed: install Go $want or newer from https://go.dev/dl/ and put it on PATH, then run this again"
}

root_on_debian() { [[ $(id -u) == 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null 2>&1; }

# apt_install PACKAGE...: only as root on Debian; the lists are refreshed once.
APT_UPDATED=
apt_install() {
  root_on_debian || return 1
  say "installing $* (apt-get)"
  if [[ -z $APT_UPDATED ]]; then apt-get update -qq >&2 || return 1; APT_UPDATED=1; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# docker_answers CLIENT: does an engine answer this client within ten seconds?
docker_answers() { [[ -x $1 ]] && timeout 10 "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# docker_client prints the first docker client that an engine answers.
docker_client() {
  local c
  for c in "$(command -v docker 2>/dev/null || true)" /usr/bin/docker /usr/local/bin/docker; do
    if [[ -n $c ]] && docker_answers "$c"; then printf '%s\n' "$c"; return 0; fi
  done
  return 1
}

# start_engine starts dockerd and sets ENGINE_PID; stop_engine ends that one and no other.
# Inside a container overlay storage may be refused: vfs is slow, but always works.
ENGINE_PID=
ENGINE_LOG=
start_engine() {
  local dockerd arg
  dockerd=$(command -v dockerd || true)
  [[ $(id -u) == 0 && -n $dockerd ]] || return 1
  [[ -z ${DOCKER_HOST:-} || $DOCKER_HOST == unix:///var/run/docker.sock ]] || return 1
  ENGINE_LOG=$(mktemp "${TMPDIR:-/tmp}/drydock-dockerd.XXXXXX.log")
  for arg in "" --storage-driver=vfs; do
    say "starting dockerd $arg (log: $ENGINE_LOG)"
    # shellcheck disable=SC2086 # an empty argument must vanish
    "$dockerd" $arg >>"$ENGINE_LOG" 2>&1 &
    ENGINE_PID=$!
    for _ in $(seq 60); do
      docker_client >/dev/null && return 0
      kill -0 "$ENGINE_PID" 2>/dev/null || break
      sleep 0.5
    done
    stop_engine
  done
  say "dockerd did not come up; the end of its log:"
  tail -n 5 "$ENGINE_LOG" >&2
  return 1
}
stop_engine() {
  [[ -n $ENGINE_PID ]] || return 0
  kill "$ENGINE_PID" 2>/dev/null || true
  wait "$ENGINE_PID" 2>/dev/null || true
  ENGINE_PID=
}
