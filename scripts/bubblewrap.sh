#!/bin/sh
# Makes bubblewrap available to the tests of the image, with apt-get. Says and does nothing
# where it is. Exits with 0 in any case: without it those tests are skipped.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

command -v bwrap >/dev/null 2>&1 && exit 0
mkdir -p .cache
has_apt && apt_install bubblewrap >.cache/bubblewrap.log 2>&1
if command -v bwrap >/dev/null 2>&1; then
	say "bubblewrap installed with apt-get"
else
	say "bubblewrap could not be had from apt-get: the tests of the image are skipped"
fi
exit 0
