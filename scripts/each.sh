#!/bin/sh
# Runs a command in the folder of each module that holds packages, and continues with the
# next one when it fails: scripts/each.sh go vet ./...
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

status=0
for folder in $("$root/scripts/modules.sh"); do
	(cd "$root/$folder" && "$@") || status=$?
done
exit $status
