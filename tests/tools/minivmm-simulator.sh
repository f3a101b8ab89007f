#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Four lives of tinyfw in minivmm on the simulator, with each technology: it finds nothing of the
# life before, measures the same and has another key each time.
# usage: minivmm-simulator.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program" "$firmware"

# values KEY: of all "KEY" in `out`, a line each; texts without their quotes.
values() { sed -nE "s/.*\"$1\": ?\"?([0-9a-z]+)\"?,?\$/\1/p" <<<"$out"; }

# lines TEXT: how many of the guest's lines are so.
lines() { grep -cF "$1" <<<"$out" || true; }

# lives TECH ENCRYPTED OPTION...: four of them.
lives() {
    local tech=$1 encrypted=$2 count=$((4 * $2)) what="$*"
    shift 2
    run "$program" --platform sim --firmware "$firmware" --tech "$tech" --vcpus 4 --resets 3 \
        --json "$@"
    same "$what: status" "$status" 0
    same "$what: lives" "$(values generation | tr '\n' ' ')" "1 2 3 4 "
    same "$what: lives that find no secret" "$(lines "tinyfw: old secret found: no (")" 4
    same "$what: lives with all vCPUs" "$(lines "tinyfw: vCPUs started: 4 of 4")" 4
    same "$what: digests" "$(values launch_digest | wc -l)" "$count"
    same "$what: different digests" "$(values launch_digest | sort -u | wc -l)" "$encrypted"
    same "$what: different keys" "$(values memory_key | sort -u | wc -l)" "$count"
}

for tech in plain swprotected; do
    lives "$tech" 0
done
for tech in sev seves snp tdx; do
    lives "$tech" 1
done

finish
