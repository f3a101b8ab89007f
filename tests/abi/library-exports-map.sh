#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The shared library exports the symbols that the version script names, at the node where it names
# them, and nothing else.
# usage: library-exports-map.sh LIBRARY MAP
set -euo pipefail
export LC_ALL=C

library=$1 map=$2

# symbol@@NODE, as the map has them
listed=$(awk '
    /^[A-Z][A-Z0-9_]* *\{/ { node = $1 }
    /^[[:space:]]+coco_[a-z0-9_]+;/ { gsub(/[[:space:];]/, "", $1); print $1 "@@" node }
' "$map" | sort)
# The nodes themselves are absolute symbols.
exported=$(nm -D --defined-only --with-symbol-versions "$library" | awk '$2 != "A" { print $3 }' | sort)

if ! diff --label map --label library -u0 <(printf '%s\n' "$listed") <(printf '%s\n' "$exported"); then
    echo "$library exports other symbols than $map lists"
    exit 1
fi
printf '%s symbols\n' "$(wc -l <<<"$exported")"
