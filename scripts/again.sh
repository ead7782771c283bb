#!/bin/sh
# Runs a command with the packages that failed in a log of go test, in the module of each:
# scripts/again.sh LOG go test. Fails if the log names none.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

log=$1
shift
failed=$(sed -n 's,^FAIL[[:space:]]*\(github\.com/mcpkeep/mcpkeep[^[:space:]]*\).*,\1,p' "$log" | sort -u)
[ -n "$failed" ] || { say "$log names no package that failed" && exit 1; }

status=0
for package in $failed; do
	module=.
	for folder in $(scripts/modules.sh); do
		case "$package/" in github.com/mcpkeep/mcpkeep/"$folder"/*) module=$folder ;; esac
	done
	echo "$package once more"
	(cd "$module" && "$@" "$package") || status=$?
done
exit $status
