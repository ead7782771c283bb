#!/bin/sh
# Runs each fuzz target of all modules for a while: scripts/fuzz.sh 10s
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

time=${1:?usage: scripts/fuzz.sh DURATION}
targets=0
for folder in $(git grep -l --untracked '^func Fuzz' -- '*_test.go' | sed 's|/[^/]*$||' | sort -u); do
	names=$(go -C "$folder" test -list '^Fuzz' .)
	for name in $(echo "$names" | grep '^Fuzz'); do
		echo "$folder $name"
		go -C "$folder" test -run '^$' -fuzz "^$name\$" -fuzztime "$time" .
		targets=$((targets + 1))
	done
done
say "$targets fuzz targets, $time each"
[ "$targets" -gt 0 ]
