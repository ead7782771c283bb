#!/bin/sh
# Makes Caddy and nginx available to the tests of set-ups, with apt-get. Says and does
# nothing where they are. Exits with 0 in any case: without them those tests are skipped.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

# found looks where the tests look: Debian has nginx outside of a user's PATH.
found() { PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1; }

mkdir -p .cache
for name in caddy nginx; do
	found "$name" && continue
	has_apt && as_root apt-get update -q >/dev/null 2>&1 && apt_install "$name" >.cache/proxies.log 2>&1
	if found "$name"; then say "$name installed with apt-get"; else say "$name could not be had from apt-get: its tests are skipped"; fi
done
exit 0
