#!/bin/sh
# Installs the Debian packages of the given groups (packages.txt) that are
# missing: as root or with a sudo that does not ask. Otherwise prints the exact
# command and exits 4.
set -eu
cd "$(dirname "$0")"

missing_packages()
{
    for group in "$@"; do
        awk -v group="$group" '$1 == group { print $2 }' packages.txt
    done | while read -r package; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" \
            2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

has_package_lists()
{
    for list in /var/lib/apt/lists/*_Packages*; do
        [ -e "$list" ] && return 0
    done
    return 1
}

install_packages() # $1: '' or 'sudo -n'; then packages
{
    as_root=$1
    shift
    set -- env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        --no-install-recommends "$@"
    has_package_lists || $as_root apt-get update -q
    # Old lists name files that the mirror no longer has: once more with new.
    $as_root "$@" || { $as_root apt-get update -q && $as_root "$@"; }
}

[ $# -gt 0 ] || set -- build
missing=$(missing_packages "$@")
[ -n "$missing" ] || exit 0

# $missing is a list of words on purpose.
# shellcheck disable=SC2086
if [ "$(id -u)" = 0 ]; then
    echo "installing: $missing" >&2
    install_packages '' $missing >&2 || exit 4
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    echo "installing: $missing" >&2
    install_packages 'sudo -n' $missing >&2 || exit 4
else
    echo "packages are missing; as root, run:" >&2
    echo "apt-get update && apt-get install -y --no-install-recommends $missing" >&2
    exit 4
fi
