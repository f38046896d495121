#!/bin/sh
# git.sh FOLDER: puts this Debian's git there, with the libraries that it loads and
# nothing else: "drydock" fetches actions with it, and needs no shell for that.
set -eu
out=$1
core=$(git --exec-path)
copy() { mkdir -p "$out${1%/*}" && cp -L "$1" "$out$1"; }
copy /usr/bin/git
copy "$core/git-remote-https"
for program in /usr/bin/git "$core/git-remote-https"; do
  ldd "$program"
done | grep -o '/[^ ]*' | grep -v ':$' | sort -u | while read -r library; do copy "$library"; done
mkdir -p "$out/usr/share/git-core/templates"
