#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Is a launch digest the expected one, in each form it can be printed in?
# usage: vector.sh PROGRAM FIRMWARE EXPECTED|NOTFOUND OPTION...
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2 expected=$3
shift 3
need "$program" "$firmware"
command=("$program" "$@" --ovmf "$firmware")

run "${command[@]}"
if [[ $expected == NOTFOUND ]]; then
    same "status" "$status" 1
    same "output" "$out" ""
    contains "the message" "$err" "cocoreset-measure: argument: "
    finish
fi
same "status ($err)" "$status" 0
same "digest" "$out" "$expected"
same "messages" "$err" ""

run "${command[@]}" --output-format base64
same "digest in base64" "$(to_hex <<<"$out")" "$expected"

run "${command[@]}" --verbose
contains "the sentence" "$out" "guest measurement: $expected"

run "${command[@]}" --output-format json
same "digest in JSON" "$(json digest)" "$expected"

# With steps, the library takes another path to the same.
run "${command[@]}" --explain
same "digest with steps" "${out##*$'\n'}" "$expected"
finish
