#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The static variant of the library: configured, built, installed and used in both ways.
# usage: static.sh SOURCE VERSION WORK
set -euo pipefail

source=$1 version=$2 work=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

cmake -S "$source" -B "$work/build" -G Ninja -DBUILD_SHARED_LIBS=OFF -DCOCO_TESTS=OFF \
    -DCMAKE_INSTALL_PREFIX="$work/prefix" -DCMAKE_INSTALL_LIBDIR=lib
cmake --build "$work/build"
cmake --install "$work/build"
for way in pkg-config-static cmake-c11; do
    "$here/build-and-run.sh" "$way" "$work/prefix" lib "$version" "$work/$way"
    if LC_ALL=C readelf -d "$work/$way/consumer" | grep -q 'NEEDED.*libcocoreset'; then
        echo "$way: linked to the shared library"
        exit 1
    fi
done
