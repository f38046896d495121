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

# install_for_tests brings what every test needs, as far as that can be had.
install_for_tests() {
  local missing=()
  command -v git >/dev/null || missing+=(git)
  # The race detector is C code and needs a compiler to link.
  command -v "${CC:-gcc}" >/dev/null || missing+=(gcc libc6-dev)
  [[ -x /bin/busybox || -x /usr/bin/busybox ]] || missing+=(busybox-static)
  # The stores' tests start a Postgres of their own; Debian keeps initdb off the PATH.
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  # The page's tests look at it in a browser.
  command -v chromium >/dev/null || missing+=(chromium)
  docker_client >/dev/null || command -v dockerd >/dev/null || missing+=(docker.io)
  # GitHub's own clients, and what they call.
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  command -v zstd >/dev/null || missing+=(zstd)
  # What images are pushed to.
  command -v docker-registry >/dev/null || missing+=(docker-registry)
  # What a rootless builder maps users with.
  command -v newuidmap >/dev/null || missing+=(uidmap)
  command -v setcap >/dev/null || [[ -e /usr/sbin/setcap ]] || missing+=(libcap2-bin)
  if can_start_cluster; then # its script would install these while we install others
    command -v containerd >/dev/null || missing+=(containerd)
    command -v runc >/dev/null || missing+=(runc)
    [[ -e /usr/lib/cni/bridge ]] || missing+=(containernetworking-plugins)
    command -v iptables >/dev/null || [[ -e /usr/sbin/iptables ]] || missing+=(iptables)
    command -v ip >/dev/null || [[ -e /usr/sbin/ip ]] || missing+=(iproute2)
    command -v openssl >/dev/null || missing+=(openssl)
  fi
  [[ ${#missing[@]} -eq 0 ]] || apt_install "${missing[@]}" ||
    say "not installed: ${missing[*]} (only root on Debian can); what needs them is skipped"
}

# can_start_cluster: is the script there that makes a Kubernetes of one node, and
# may it? Who has a cluster already says so: DRYDOCK_TEST_KUBE=1 and KUBECONFIG.
can_start_cluster() {
  [[ ${DRYDOCK_TEST_KUBE:-} != 1 && -x ${DRYDOCK_SHARED:-../shared}/kube/up ]] && root_on_debian
}

# start_cluster makes the cluster in the background, with what time others leave:
# the first time on a machine it is built, which takes minutes. Its answer is in
# the folder CLUSTER, which scripts that this one calls wait for. end_cluster takes
# away what start_cluster made, and leaves one that was there before.
CLUSTER_OURS=
start_cluster() {
  [[ -z ${CLUSTER:-} ]] && can_start_cluster || return 0
  local up=${DRYDOCK_SHARED:-../shared}/kube/up
  CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/drydock-cluster.XXXXXX")
  export CLUSTER
  [[ -e ${KUBE_TEST_STATE:-/tmp/kube-test}/kubeconfig ]] || CLUSTER_OURS=1
  : >"$CLUSTER/log"
  say "making a cluster in the background (log: $CLUSTER/log)"
  setsid nice -n 19 bash -c '"$1" >"$2/kubeconfig" 2>"$2/log"; echo $? >"$2/rc"; make -s helm >>"$2/log" 2>&1; touch "$2/done"' - "$up" "$CLUSTER" &
  CLUSTER_PID=$!
}

# wait_for_cluster sets what tests look for, unless there is no cluster.
wait_for_cluster() {
  [[ -n ${CLUSTER:-} ]] || return 0
  local i
  [[ -e $CLUSTER/done ]] || say "waiting for the cluster: $(tail -n 1 "$CLUSTER/log")"
  for ((i = 0; i < 2400; i++)); do
    [[ -e $CLUSTER/done ]] && break
    sleep 1
  done
  if [[ $(cat "$CLUSTER/rc" 2>/dev/null) != 0 ]]; then
    say "there is no cluster:"
    tail -n 20 "$CLUSTER/log" >&2
    return 1
  fi
  local state=${KUBE_TEST_STATE:-/tmp/kube-test}
  DRYDOCK_TEST_KUBE_LOAD=$(realpath "${DRYDOCK_SHARED:-../shared}/kube/up")
  KUBECONFIG=$(cat "$CLUSTER/kubeconfig") PATH=$PATH:$state/bin
  export DRYDOCK_TEST_KUBE=1 DRYDOCK_TEST_KUBE_LOAD KUBECONFIG PATH
}

end_cluster() {
  [[ -n ${CLUSTER_PID:-} ]] || return 0
  kill -- "-$CLUSTER_PID" 2>/dev/null || true # its own session: setsid
  wait "$CLUSTER_PID" 2>/dev/null || true
  [[ -z $CLUSTER_OURS ]] || "${DRYDOCK_SHARED:-../shared}/kube/down" >/dev/null || say "the cluster could not be taken down"
  rm -rf "$CLUSTER"
  CLUSTER_PID=
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
