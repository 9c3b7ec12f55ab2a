# Shared by the scripts of this folder: saying things, and Debian packages. Sourced, not run.

say() { printf '%s\n' "$*"; }

# Installs Debian packages when a command is missing: need COMMAND PACKAGE...
# Fails, in words, where that cannot be done.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return 0
    say "installing $* (for $command)"
    local root=()
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            say "cannot install $*: not root, and no sudo without a password. Run: apt-get install $*"
            return 1
        fi
        root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null; then
        say "cannot install $*: no apt-get here"
        return 1
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null || return 1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || {
        say "apt-get could not install $*"
        return 1
    }
    hash -r
}
