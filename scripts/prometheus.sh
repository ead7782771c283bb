#!/bin/sh
# Makes promtool available to the tests of metrics, with apt-get. Says and does nothing where
# it is. Exits with 0 in any case: without it those tests are skipped.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

command -v promtool >/dev/null 2>&1 && exit 0
mkdir -p .cache
has_apt && as_root apt-get update -q >/dev/null 2>&1 && apt_install prometheus >.cache/prometheus.log 2>&1
if command -v promtool >/dev/null 2>&1; then say "promtool installed with apt-get"; else say "promtool cannot be installed with apt-get: its tests are skipped"; fi
exit 0
