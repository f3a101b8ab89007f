#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What it takes to make a VMM restartable: the difference between the two programs of
# examples/adopt is small, and the one that has it does all that the other does, and then resets.
# usage: adopt.sh SOURCE_DIR BIN_DIR
set -euo pipefail
export LC_ALL=C

source=$1 bin=$2
most=80

lines=$(diff "$source/before.c" "$source/after.c" | grep -c '^[<>]' || true)
echo "$lines lines differ"
if ((lines > most)); then
    echo "at most $most should"
    exit 1
fi

for program in "$bin"/cocoreset-adopt-{before,after}; do
    [[ -x $program ]] || {
        echo "skipped: there is no $program: install the examples"
        exit 77
    }
done
[[ -r /dev/kvm && -w /dev/kvm ]] || {
    echo "skipped: /dev/kvm can't be opened"
    exit 77
}

life='the timer ticks
the console writes
the console has interrupted'

# expect LIVES COMMAND...
expect() {
    local lives=$1 expected='' got
    shift
    for ((i = 0; i < lives; i++)); do
        expected+=$life$'\n'
    done
    got=$(timeout 60 "$@")
    if [[ $got$'\n' != "$expected" ]]; then
        printf '%s says:\n%s\n' "$*" "$got"
        exit 1
    fi
}

expect 1 "$bin/cocoreset-adopt-before"
expect 1 "$bin/cocoreset-adopt-after"
expect 6 "$bin/cocoreset-adopt-after" 5
