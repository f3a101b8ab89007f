#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# --explain: the steps for people and for programs.
# usage: explain.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program"
snp=("$program" --mode snp --vcpus 4 --vcpu-type EPYC --ovmf "$firmware")

# table: the steps' first three columns, without the digests, with single blanks.
table() { sed -e '1d' -e '$d' -e 's/  */ /g' -e 's/ [0-9a-f]*\.\.$//' <<<"$out"; }

run "${snp[@]}" --explain
same "steps of snp" "$(table)" "\
0-15 NORMAL 0xffff0000-0xffffffff firmware
16-18 ZERO 0x00811000-0x00813fff SEC memory
19-20 ZERO 0x00800000-0x00801fff SEC memory
21 SECRETS 0x0080d000-0x0080dfff secrets
22 CPUID 0x0080e000-0x0080efff CPUID
23 ZERO 0x0080f000-0x0080ffff SVSM calling area
24 ZERO 0x00810000-0x00810fff no kernel hashes
25 VMSA 0xfffffffff000 VMSA 0
26-28 VMSA 0xfffffffff000 VMSA 1-3"

run "$program" --mode tdx --ovmf "$firmware" --explain
same "steps of tdx" "$(table)" "\
0-23 MEM.PAGE.ADD+MR.EXTEND 0xffff4000-0xffffffff boot firmware volume
24-27 MEM.PAGE.ADD 0xffff0000-0xffff3fff configuration volume
28-29 MEM.PAGE.ADD 0x00810000-0x00811fff temporary memory
30-31 MEM.PAGE.ADD 0x00809000-0x0080afff TD HOB"

run "$program" --mode tdx --ovmf "$firmware" --explain --page-order two-pass
contains "two passes" "$(table)" "\
0-11 MEM.PAGE.ADD 0xffff4000-0xffffffff boot firmware volume
12-23 MR.EXTEND 0xffff4000-0xffffffff boot firmware volume"

run "$program" --mode seves --vcpus 1 --vcpu-type EPYC --ovmf "$firmware" --explain
same "steps of seves" "$(table)" "\
0-15 LAUNCH_UPDATE_DATA 0xffff0000-0xffffffff firmware
16 VMSA - VMSA 0"

run "$program" --mode snp:ovmf-hash --ovmf "$firmware"
hash=$out
run "${snp[@]}" --explain --snp-ovmf-hash "$hash"
contains "a start digest" "$(table)" "- start digest - -"
contains "a start digest" "$out" "${hash:0:16}.."

run "${snp[@]}"
digest=$out
run "${snp[@]}" --explain --output-format json
same "digest in JSON" "$(json digest)" "$digest"
same "steps in JSON" "$(grep -c '"running":' <<<"$out")" 29
same "steps with contents in JSON" "$(grep -c '"content":' <<<"$out")" 20
same "the last step" "$(grep '"running":' <<<"$out" | tail -1 | tr -d ' ')" "\"running\":\"$digest\""
run "${snp[@]}" --output-format json
same "steps in JSON without --explain" "$(grep -c '"running":' <<<"$out")" 0
finish
