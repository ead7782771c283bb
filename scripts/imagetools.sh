#!/bin/sh
# Makes bubblewrap and buildah available to the tests of the image, with apt-get. Says and does
# nothing where they are. Exits with 0 in any case: without one, its tests are skipped.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

mkdir -p .cache
for tool in bwrap:bubblewrap buildah:buildah; do
	program=${tool%:*} package=${tool#*:}
	command -v "$program" >/dev/null 2>&1 && continue
	has_apt && apt_install "$package" >".cache/$package.log" 2>&1
	if command -v "$program" >/dev/null 2>&1; then
		say "$package installed with apt-get"
	else
		say "$package could not be had from apt-get: its tests of the image are skipped"
	fi
done
exit 0
