#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the consumer in one of the ways that users build, against the package in a prefix, and
# runs it.
# usage: build-and-run.sh pkg-config|pkg-config-static|cmake-c11|cmake-cxx17 PREFIX LIBDIR VERSION WORK
set -euo pipefail

way=$1 prefix=$2 libdir=$3 version=$4 work=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

rm -rf "$work"
mkdir -p "$work"

# Only what is installed counts, not what the environment offers.
export PKG_CONFIG_LIBDIR=$prefix/$libdir/pkgconfig PKG_CONFIG_PATH=

# with_pkg_config [OPTION]...: the plain compiler and what pkg-config answers.
with_pkg_config() {
    local flags
    [[ $(pkg-config --modversion cocoreset) == "$version" ]]
    read -ra flags < <(pkg-config --cflags --libs "$@" cocoreset)
    "${CC:-cc}" -std=c11 -pedantic -Wall -Wextra -Werror -o "$work/consumer" \
        "$here/consumer.c" "${flags[@]}"
}

# with_cmake LANGUAGE: find_package().
with_cmake() {
    cmake -S "$here/project" -B "$work" -G Ninja --no-warn-unused-cli \
        -DCMAKE_PREFIX_PATH="$prefix" -DCONSUMER_LANGUAGE="$1" -DCONSUMER_VERSION="$version"
    cmake --build "$work"
}

case $way in
pkg-config) with_pkg_config ;;
pkg-config-static) with_pkg_config --static ;;
cmake-c11) with_cmake C ;;
cmake-cxx17) with_cmake CXX ;;
*) echo "unknown way: $way" && exit 2 ;;
esac

LD_LIBRARY_PATH=$prefix/$libdir "$work/consumer"
