#!/bin/sh
# setup.sh: installs the Debian packages that a task needs and this machine lacks.
#
#     tools/setup.sh build|test|full
#
# As root, or with sudo that asks no password (or a terminal to ask on), it installs them; else it says which to install
# and fails. Where there is no dpkg it does nothing: CMake says what is missing.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config libhdf5-dev libzip-dev libjson-c-dev"
test="$build libhwloc-dev libcmocka-dev python3 python3-dev python3-venv ca-certificates"
full="$test clang clang-format libclang-rt-14-dev g++ binutils dpkg-dev make gcc-aarch64-linux-gnu qemu-user chromium"

case ${1:-} in
build) packages=$build ;;
test) packages=$test ;;
full) packages=$full ;;
*)
    echo "usage: tools/setup.sh build|test|full" >&2
    exit 2
    ;;
esac

command -v dpkg-query >/dev/null || exit 0

missing=
for package in $packages; do
    status=$(dpkg-query -W -f='${db:Status-Abbrev} ' "$package" 2>/dev/null || true)
    case $status in
    *ii*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        echo "setup: these Debian packages are missing, and neither root nor sudo is at hand to install them:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
install() { $as_root apt-get -q -y install --no-install-recommends $missing; }
$as_root apt-get -q update
install
