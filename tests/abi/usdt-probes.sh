#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Has the library the probes that docs/reset.md lists, with their arguments, and no others?
#   usdt-probes.sh LIBRARY
set -euo pipefail

expected='phase_begin 3
phase_end 4
retired 2
state 3'
# Names with how many arguments they have, each once.
found=$(readelf -n "$1" | awk '
    $1 == "Provider:" { ours = $2 == "cocoreset" }
    ours && $1 == "Name:" { name = $2 }
    ours && $1 == "Arguments:" { print name, NF - 1 }' | sort -u)
if [[ $found != "$expected" ]]; then
    printf 'expected:\n%s\nfound:\n%s\n' "$expected" "$found"
    exit 1
fi
