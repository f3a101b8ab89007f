#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the tests of the programs share: to be sourced.
# shellcheck disable=SC2034 # they look at what is set here
set -euo pipefail
export LC_ALL=C

# need FILE...: ends the test as skipped if one is not there.
need() {
    local file
    for file in "$@"; do
        if [[ ! -e $file ]]; then
            echo "skipped: $file is not there"
            exit 77
        fi
    done
}

failures=0

# wrong TEXT: notes a failure.
wrong() {
    echo "wrong: $*"
    failures=$((failures + 1))
}

# same WHAT IS EXPECTED
same() {
    [[ $2 == "$3" ]] || wrong "$1"$'\n'"       is $2"$'\n'" expected $3"
}

# contains WHAT TEXT PART
contains() {
    [[ $2 == *"$3"* ]] || wrong "$1 does not say \"$3\": $2"
}

# run PROGRAM ARGUMENT...: sets `status`, `out` and `err`.
run() {
    status=0
    out=$("$@" 2>stderr) || status=$?
    err=$(<stderr)
}

# json KEY: the text of "KEY" in `out`, the first if there are several.
json() {
    local rest=${out#*\""$1"\":\"}
    [[ $rest != "$out" ]] || return 0
    printf '%s' "${rest%%\"*}"
}

# to_hex: base64 on standard input as hexadecimal.
to_hex() { base64 -d | od -An -v -tx1 | tr -d ' \n'; }

finish() {
    ((failures == 0)) || exit 1
    exit 0
}
