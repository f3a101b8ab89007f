#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The manual pages tell of the maps' functions, each on one page, and of no others; their synopses
# agree with the headers, their examples compile, and groff has nothing to say about them.
# usage: manual-pages.sh CC INCLUDE_DIR PAGE_DIR MAP...
set -euo pipefail
export LC_ALL=C

cc=$1 include_dir=$2 page_dir=$3
maps=("${@:4}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
wrong() {
    echo "wrong: $*"
    status=1
}

# section NAME PAGE: the text of a page's section, without requests.
section() {
    awk -v name="$1" '/^\.SH / { inside = $0 == ".SH " name; next } inside && !/^\./' "$2" |
        sed 's/\\-/-/g; s/\\(aq/'\''/g; s/\\&//g; s/\\e/\\/g'
}

# compiles WHAT FILE
compiles() {
    local messages
    messages=$("$cc" -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I "$include_dir" "$2" 2>&1) ||
        wrong "$1"$'\n'"$messages"
}

pages=("$page_dir"/*.[37])
[[ -e ${pages[0]} ]] || wrong "no pages in $page_dir"

: >"$work/documented"
for page in "${pages[@]}"; do
    name=${page##*/}
    section SYNOPSIS "$page" >"$work/synopsis.c"
    section EXAMPLES "$page" >"$work/example.c"

    # A function's declaration is the one with a coco_ name before a "(".
    { grep -oE '\bcoco_[a-z0-9_]+ *\(' "$work/synopsis.c" || true; } | tr -d ' (' |
        sort >"$work/functions"
    cat "$work/functions" >>"$work/documented"

    # The names by which man finds the page.
    { section NAME "$page" | sed 's/ - .*//' | grep -oE '\bcoco_[a-z0-9_]+' || true; } |
        sort >"$work/names"
    differ=$(diff --label NAME --label SYNOPSIS -u0 "$work/names" "$work/functions") ||
        wrong "$name: NAME and SYNOPSIS differ"$'\n'"$differ"

    compiles "$name: SYNOPSIS and the headers differ" "$work/synopsis.c"
    [[ -s $work/example.c ]] || wrong "$name: no example"
    compiles "$name: the example does not compile" "$work/example.c"

    # Other pages that it names.
    { grep -oE '(lib)?coco([a-z0-9_-]|\\-)*(\\fP)? ?\([137]\)' "$page" || true; } |
        sed 's/\\fP//; s/\\-/-/g; s/ *(/./; s/)//' | sort -u >"$work/references"
    while read -r reference; do
        [[ -e $page_dir/$reference ]] || wrong "$name: there is no $reference"
    done <"$work/references"
done

sort "$work/documented" >"$work/sorted"
twice=$(uniq -d "$work/sorted")
[[ -z $twice ]] || wrong "on more than one page: $twice"

sed -nE 's/^[[:space:]]+(coco_[a-z0-9_]+);.*/\1/p' "${maps[@]}" | sort -u >"$work/listed"
differ=$(diff --label maps --label pages -u0 "$work/listed" <(uniq "$work/sorted")) ||
    wrong "'-' is on no page, '+' is in no map"$'\n'"$differ"

if command -v groff >/dev/null; then
    for page in "${pages[@]}"; do
        warnings=$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null) || status=1
        [[ -z $warnings ]] || wrong "groff on ${page##*/}"$'\n'"$warnings"
    done
else
    echo "not tried: groff (not installed)"
fi

# An empty list on both sides would agree as well.
count=$(wc -l <"$work/listed")
((count > 0)) || wrong "no functions found in ${maps[*]}"
echo "$count functions on ${#pages[@]} pages"
exit "$status"
