#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A guest brings firmware: tinyfw stages tinyfw-2, resets, and tinyfw-2 runs with the digest that was
# predicted, and finds what was left for it. What is broken is refused, and the guest goes on.
# usage: bring.sh MINIVMM FIRMWARE SECOND_FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2 second=$3
need "$program" "$firmware" "$second"

# bring PLATFORM TECHNOLOGY OFFER: two lives, each of which looks back and brings the offer.
bring() {
    run timeout 60 "$program" --platform "$1" --tech "$2" --firmware "$firmware" --offer "$3" \
        --resets 1 --vcpus 2 --memory 16 --scan 4 --script "bring back; bring"
    same "status of $2 on $1" "$status" 0
    first=${out%%incarnation 2 in*}
    last=${out##*incarnation 2 in}
}

# digest TEXT: the incarnation's, as the table has it.
digest() { sed -n 's/^   launch digest //p' <<<"$1"; }
brought() { sed -n 's/^minivmm: the guest brings .* launch digest //p' <<<"$1"; }

expect_second() {
    local predicted
    bring "$1" "$2" "$second"
    [[ $first != *"this is tinyfw-2"* ]] || wrong "$2 on $1: the first life is tinyfw-2"
    contains "$2's first life" "$first" "tinyfw: firmware update: idle, error 0"
    contains "$2's first life" "$first" "bytes: accepted"
    contains "$2's second life" "$last" "tinyfw: this is tinyfw-2"
    contains "$2's second life" "$last" "tinyfw: firmware update: launched, error 0"
    contains "$2's second life" "$last" "tinyfw: message: left by incarnation 1"
    predicted=$(brought "$first")
    same "digest of $2's second life" "$(digest "$last")" "$predicted"
    [[ $(digest "$first") != "$predicted" || -z $predicted ]] || wrong "$2: the digests are equal"
    case $2 in
    plain | swprotected) same "digest of $2" "$predicted" "" ;;
    *) [[ -n $predicted ]] || wrong "$2 predicts nothing" ;;
    esac
}

expect_refused() {
    bring sim "$1" "$2"
    contains "$1's first life" "$first" "bytes: refused, error $3"
    contains "$1's second life" "$last" "tinyfw: firmware update: refused, error $3"
    contains "$1's second life" "$last" "tinyfw: message: left by incarnation 1"
    [[ $out != *"this is tinyfw-2"* ]] || wrong "$1: what was refused runs"
    same "digest of $1's second life" "$(digest "$last")" "$(digest "$first")"
}

head -c 61440 "$second" >short
# The length of the table at the end, before the last entry's GUID and what follows it.
{ head -c 65486 "$second" && printf '\377\377' && tail -c 48 "$second"; } >damaged
echo junk >junk
for tech in plain swprotected sev seves snp tdx; do
    expect_second sim "$tech"
    expect_refused "$tech" short 95
    expect_refused "$tech" junk 95
done
# A table that is damaged says nothing to those that don't read it.
for tech in sev seves snp tdx; do
    expect_refused "$tech" damaged 74
done

# And on this machine's KVM, if there is one.
if [[ -w /dev/kvm ]]; then
    expect_second kvm plain
fi

finish
