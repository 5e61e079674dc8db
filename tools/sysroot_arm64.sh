#!/bin/sh
# sysroot_arm64.sh: unpacks the arm64 Debian packages that a cross build needs into a directory. Installs nothing on this
# machine and needs no root; uses apt's sources and keys.
#
#     tools/sysroot_arm64.sh DIRECTORY
set -eu

packages="libc6-dev libhdf5-dev libzip-dev libjson-c-dev libcmocka-dev libgcc-s1"
mkdir -p "$1"
root=$(cd "$1" && pwd)
[ ! -f "$root/done" ] || exit 0

apt=$root/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$root/sysroot"
: >"$apt/status"
cat >"$apt/apt.conf" <<EOF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Debug::NoLocking "true";
EOF
export APT_CONFIG="$apt/apt.conf"
apt-get -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -qq -y --download-only install $packages
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$root/sysroot"
done
# Links with absolute targets would lead out of the tree.
find "$root/sysroot" -type l | while read -r link; do
    case $(readlink "$link") in
    /*) ln -sfn "$root/sysroot$(readlink "$link")" "$link" ;;
    esac
done
rm -rf "$apt"
touch "$root/done"
