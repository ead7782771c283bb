#!/bin/sh
# Makes the PostgreSQL server's binaries available to the tests. Says and does
# nothing where they are; otherwise tries apt-get, Homebrew and npm, in this
# order. Exits with 0 in any case: without PostgreSQL the tests run on SQLite.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

# found asks the helper of the tests, so that both look in the same places.
found() { go run ./internal/db/pgtest/withpg -find >/dev/null 2>&1; }

with_apt() {
	has_apt || return 1
	# The tests start servers of their own; the package need not.
	no_cluster=/etc/postgresql-common/createcluster.d/mcpkeep-tests.conf
	as_root mkdir -p "${no_cluster%/*}" || return 1
	echo 'create_main_cluster = false' | as_root tee "$no_cluster" || return 1
	apt_install postgresql
	status=$?
	as_root rm -f "$no_cluster" # it is not for later installations
	return $status
}

with_brew() { command -v brew && brew install --quiet postgresql@17; }

with_npm() { npm_postgres .cache/postgres; }

found && exit 0
mkdir -p .cache
for way in apt brew npm; do
	if "with_$way" </dev/null >.cache/postgres.log 2>&1 && found; then
		say "PostgreSQL installed with $way"
		exit 0
	fi
done
say "PostgreSQL could not be had from apt-get, brew or npm: tests will run on SQLite only"
