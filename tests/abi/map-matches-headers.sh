#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The libraries' version scripts name the functions of the public headers: all of them, each once, and
# no others.
# usage: map-matches-headers.sh CC INCLUDE_DIR MAP...
set -euo pipefail
export LC_ALL=C

cc=$1 include_dir=$2
maps=("${@:3}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

find "$include_dir/cocoreset" -name '*.h' -printf '#include <cocoreset/%P>\n' | sort >"$work/all.c"

# One declaration a line. A function's declaration is the one with a coco_ name before a "(": a
# function pointer's name stands before a ")".
"$cc" -std=c11 -E -P -I "$include_dir" "$work/all.c" | tr '\n' ' ' | sed 's/[;{}]/\n/g' |
    grep -E '\bcoco_[a-z0-9_]+ *\(' >"$work/functions" || true

status=0
if unmarked=$(grep -vF 'visibility("default")' "$work/functions"); then
    echo "declared without COCO_API:"
    printf '%s\n' "$unmarked"
    status=1
fi

sed -E 's/^[^(]*\(\(visibility\("default"\)\)\)//; s/.*\b(coco_[a-z0-9_]+) *\(.*/\1/' \
    "$work/functions" | sort -u >"$work/declared"
sed -nE 's/^[[:space:]]+(coco_[a-z0-9_]+);.*/\1/p' "${maps[@]}" | sort >"$work/listed"

if grep -nE '^[[:space:]]+[^[:space:]]+\*' "${maps[@]}"; then
    echo "a map has a wildcard: list functions by name"
    status=1
fi
if [[ -n $(uniq -d "$work/listed") ]]; then
    echo "listed twice:"
    uniq -d "$work/listed"
    status=1
fi
if ! diff --label headers --label maps -u0 "$work/declared" <(uniq "$work/listed"); then
    echo "the headers and ${maps[*]} differ: '-' is missing in a map, '+' is in no header"
    status=1
fi

# An empty list on both sides would agree as well.
count=$(wc -l <"$work/declared")
((count > 0)) || { echo "no functions found in $include_dir" && status=1; }
echo "$count functions"
exit "$status"
