#!/bin/sh
# Makes a C compiler available, which Go's race detector needs on Linux. Exits
# with 1 and says what to do if there is none to be had.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

found() { command -v "$(go env CC)" >/dev/null; }

[ "$(uname -s)" = Linux ] || exit 0
found && exit 0
mkdir -p .cache
if has_apt && apt_install gcc libc6-dev </dev/null >.cache/cc.log 2>&1 && found; then
	say "gcc installed with apt-get"
	exit 0
fi
say "the race detector needs a C compiler: install gcc, or test without the detector: make test RACE="
exit 1
