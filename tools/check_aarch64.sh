#!/bin/sh
# check_aarch64.sh: cross build for aarch64, and the first tier's C tests of it under qemu-user.
set -eu
cd "$(dirname "$0")/.."
tools/sysroot_arm64.sh build-arm64-root
tools/build.sh build-aarch64 -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/toolchain-aarch64.cmake" \
    -DHORNPIPE_ARM64="$PWD/build-arm64-root" -DCMAKE_BUILD_TYPE=Release -DHORNPIPE_TESTS=ON -DHORNPIPE_WERROR=ON --
HORNPIPE_EMULATED=1 ctest --test-dir build-aarch64 -L tier1 --output-on-failure --no-tests=error -j "${JOBS:-$(nproc)}" --timeout 900
