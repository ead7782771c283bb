#!/bin/sh
# Makes Redis available to the tests, from apt-get or Homebrew. Exits with 0 in any case:
# without it the tests that need it are skipped, or fail where MCPKEEP_REQUIRE_REDIS is set.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

found() { command -v redis-server; }

found >/dev/null && exit 0
mkdir -p .cache
if has_apt; then
	apt_install redis-server
else
	command -v brew && brew install --quiet redis
fi </dev/null >.cache/redis.log 2>&1
found >/dev/null || say "Redis could not be had from apt-get or brew: its tests are skipped"
exit 0
