#!/bin/sh
# Prints the folders of the Go modules in this repository that hold packages, the
# root first. The modules in tools/ only name versions.
set -eu
cd "$(dirname "$0")/.."

git ls-files --cached --others --exclude-standard -- go.mod '*/go.mod' | xargs dirname | sort | while read -r folder; do
	if [ -n "$(git ls-files --cached --others --exclude-standard -- "$folder/*.go" | head -n 1)" ]; then
		echo "$folder"
	fi
done
