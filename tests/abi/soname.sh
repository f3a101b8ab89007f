#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# usage: soname.sh LIBRARY EXPECTED
set -euo pipefail

soname=$(LC_ALL=C readelf -d "$1" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
echo "SONAME of $1: $soname"
[[ $soname == "$2" ]]
