#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME each (default 10s): fuzz.sh [PACKAGE-FOLDER]...
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/lib.sh
. .ci/lib.sh
need_go
[[ $# -gt 0 ]] || set -- .
failed=0
while IFS=: read -r file target; do
  say "$target in ${file%/*}"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "./${file%/*}" || failed=1
done < <(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' "$@" | sed -E 's#^\./##; s/:func /:/' | sort)
exit "$failed"
