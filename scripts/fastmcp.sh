#!/bin/sh
# fastmcp.sh [soak]
# Makes a virtual environment .cache/fastmcp-VERSION for each version of FastMCP in
# test/takeover/python, exactly as VERSION.txt there says. Does nothing for those that
# are there. With soak, also for those in the folder soak. Exits with 1 if there is no way.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

oldest=11 # of Python 3
log=.cache/fastmcp.log

# usable says whether a Python is new enough and can make environments with pip.
usable() {
	"$1" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, $oldest))" >/dev/null 2>&1
}

# find sets python to one that is usable.
find() {
	for python in python3 python3.14 python3.13 python3.12 python3.11; do
		usable "$python" && return
	done
	return 1
}

installed() { cmp -s "$1" ".cache/fastmcp-$2/.installed"; }

mkdir -p .cache
for requirements in test/takeover/python/*.txt ${1:+test/takeover/python/"$1"/*.txt}; do
	version=$(basename "$requirements" .txt)
	venv=.cache/fastmcp-$version
	installed "$requirements" "$version" && continue
	if ! find; then
		if has_apt; then
			apt_install python3 python3-venv </dev/null >"$log" 2>&1
		elif command -v brew >/dev/null; then
			brew install --quiet python3 </dev/null >"$log" 2>&1
		fi
		find || { say "no Python 3.$oldest or later with venv, and none to be had from apt-get or brew: see $log" && exit 1; }
	fi
	rm -rf "$venv"
	"$python" -m venv "$venv" >"$log" 2>&1 &&
		"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements" >>"$log" 2>&1 &&
		cp "$requirements" "$venv/.installed" || { say "cannot install $requirements: see $log" && exit 1; }
	say "FastMCP $version installed into $venv"
done
