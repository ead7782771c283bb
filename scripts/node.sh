#!/bin/sh
# Makes Node.js 20 or later and npm available to the client suites, and says
# what it did. A newer Node.js than the system's goes into .cache/node, whose
# node_modules/.bin the Makefile puts first on PATH. What needs a newer one still
# brings it as an npm package. Exits with 1 if there is no way.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

oldest=20
PATH="$PWD/.cache/node/node_modules/.bin:$PATH"

# new_enough says whether node and npm run, and node is not too old.
new_enough() {
	hash -r # the shell remembers where an older one was
	command -v npm >/dev/null &&
		node -e "process.exit(parseInt(process.versions.node) >= $oldest ? 0 : 1)" 2>/dev/null
}

# done_if_new_enough ends the script.
done_if_new_enough() {
	if new_enough; then
		say "Node.js $(node --version) $1"
		exit 0
	fi
}

done_if_new_enough "is there"
mkdir -p .cache
log=.cache/node.log
if ! command -v npm >/dev/null; then
	has_apt && apt_install nodejs npm </dev/null >"$log" 2>&1
	done_if_new_enough "installed with apt-get"
fi
if ! command -v npm >/dev/null && command -v brew >/dev/null; then
	brew install --quiet node </dev/null >"$log" 2>&1
	done_if_new_enough "installed with brew"
fi
if command -v npm >/dev/null; then
	npm_install .cache/node node@22 </dev/null >"$log" 2>&1
	done_if_new_enough "installed with npm into .cache/node"
fi
say "no Node.js $oldest or later, and none to be had from apt-get, brew or npm: see $log"
exit 1
