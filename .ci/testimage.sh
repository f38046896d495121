#!/usr/bin/env bash
# Makes the small images that the tests and the demo run in, from this machine's
# own files and without a registry: Debian's static busybox, and bash with the
# libraries it needs. An image made from the same ingredients is kept.
# Usage: testimage.sh [busybox|user|bash|tools|demo|buildkitd]...
#   busybox  drydock-test/busybox:1       sh and every applet
#   user     drydock-test/busybox-user:1  the same for the user app
#   bash     drydock-test/bash:1          busybox and bash
#   tools    drydock-test/tools:1         bash, GNU tar, gzip, zstd, and the libraries of this machine's node
#   buildkitd  drydock-test/buildkitd:1   rootless buildkitd, as deploy/ runs it; make buildkit comes first
#   demo     drydock/demo:1               what `make demo` runs in when nothing better is there
# Each knows the users root, nobody and app (uid 1000, home /home/app).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh

docker=${DRYDOCK_TEST_DOCKER_CLI:-$(docker_client)} || die "no Docker engine answers: start one, or set DOCKER_HOST"

busybox_binary() {
  local b
  for b in /bin/busybox /usr/bin/busybox; do
    # A dynamic busybox is of no use in an empty image.
    if [[ -x $b ]] && ! ldd "$b" 2>/dev/null | grep -q '=>'; then printf '%s\n' "$b"; return; fi
  done
  return 1
}

base_tree() { # ROOT
  local root=$1 applet
  mkdir -p "$root"/{bin,etc,dev,proc,sys,root,home/app,tmp,usr,var/tmp}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  chmod 700 "$root/root"
  ln -s bin "$root/sbin"
  ln -s ../bin "$root/usr/bin"
  ln -s ../bin "$root/usr/sbin"
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list); do
    [[ -e $root/bin/$applet ]] || ln -s busybox "$root/bin/$applet"
  done
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'app:x:1000:1000:app:/home/app:/bin/sh' \
    'nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'app:x:1000:' 'nogroup:x:65534:' >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
}

# programs KIND prints what an image has beside busybox.
programs() {
  local name
  case $1 in
    busybox*) return ;;
    tools) set -- bash tar gzip zstd zstdmt unzstd ;;
    buildkitd) set -- runc newuidmap newgidmap ;;
    *) set -- bash ;;
  esac
  for name; do
    command -v "$name" || die "$name is not installed: install it and run this again"
  done
}

add_program() { # ROOT FILE
  rm -f "$1/bin/${2##*/}"
  cp -L "$2" "$1/bin/${2##*/}"
  add_libraries "$1" "$2"
}

add_libraries() { # ROOT FILE
  local root=$1 lib
  for lib in $(ldd "$2" | grep -oE '/[^ )]+' || true); do
    mkdir -p "$root$(dirname "$lib")"
    cp -L "$lib" "$root$lib"
  done
}

# add_buildkitd lays things out as the image that the project BuildKit publishes
# does: the user of id 1000, with more ids to give away.
add_buildkitd() { # ROOT
  cp bin/tools/buildkitd-* "$1/bin/buildkitd"
  cp bin/tools/rootlesskit-* "$1/bin/rootlesskit"
  mv "$1/bin/runc" "$1/bin/buildkit-runc"
  # Debian's would need CAP_SYS_ADMIN as set-user-id programs.
  setcap cap_setuid+ep "$1/bin/newuidmap"
  setcap cap_setgid+ep "$1/bin/newgidmap"
  echo app:100000:65536 | tee "$1/etc/subuid" >"$1/etc/subgid"
  mkdir -p "$1/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/" 2>/dev/null || true
}

make_image() { # TAG KIND
  local tag=$1 kind=$2 recipe root more node= built= program changes=()
  more=$(programs "$kind")
  [[ $kind != tools ]] || node=$(command -v node) || die "node is not installed: install it and run this again"
  [[ $kind != buildkitd ]] || built=$(ls bin/tools/buildkitd-* bin/tools/rootlesskit-*) || die "buildkitd is missing: run make buildkit"
  # shellcheck disable=SC2086 # one path a line, and none has a space
  recipe=$(cat "$0" "$busybox" $more $node $built | sha256sum | cut -c1-16)
  [[ $("$docker" image inspect -f '{{index .Config.Labels "drydock.recipe"}}' "$tag" 2>/dev/null || true) == "$recipe" ]] && return
  say "making image $tag"
  root=$work/$kind
  base_tree "$root"
  for program in $more; do add_program "$root" "$program"; done
  # Not node itself: what runs actions is brought into the place.
  [[ -z $node ]] || add_libraries "$root" "$(readlink -f "$node")"
  [[ $kind != buildkitd ]] || add_buildkitd "$root"
  [[ $kind != *-user ]] || changes+=(--change 'USER app')
  [[ $kind != buildkitd ]] || changes+=(--change "USER app" --change "ENV HOME=/home/user USER=user" --change "ENV XDG_RUNTIME_DIR=/run/user/1000" --change "ENTRYPOINT [\"/bin/rootlesskit\", \"/bin/buildkitd\"]")
  tar -C "$root" --xattrs --xattrs-include=security.capability --numeric-owner --owner=0 --group=0 --exclude=./home/app -cf "$work/image.tar" .
  tar -C "$root" --numeric-owner --owner=1000 --group=1000 -rf "$work/image.tar" ./home/app
  "$docker" import \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'CMD ["/bin/sh"]' --change "LABEL drydock.recipe=$recipe" "${changes[@]}" \
    "$work/image.tar" "$tag" >/dev/null
}

busybox=$(busybox_binary) || { apt_install busybox-static && busybox=$(busybox_binary); } ||
  die "no static busybox here: install the package busybox-static"
work=$(mktemp -d "${TMPDIR:-/tmp}/drydock-image.XXXXXX")
trap 'rm -rf "$work"' EXIT

[[ $# -gt 0 ]] || set -- busybox bash
for kind; do
  case $kind in
    busybox) make_image drydock-test/busybox:1 busybox ;;
    user) make_image drydock-test/busybox-user:1 busybox-user ;;
    bash) make_image drydock-test/bash:1 bash ;;
    tools) make_image drydock-test/tools:1 tools ;;
    demo) make_image drydock/demo:1 demo ;;
    buildkitd) make_image drydock-test/buildkitd:1 buildkitd ;;
    *) die "unknown image \"$kind\": use busybox, user, bash, tools, demo or buildkitd" ;;
  esac
done
