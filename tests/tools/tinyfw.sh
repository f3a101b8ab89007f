#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# tinyfw's image has the tables that each technology launches it by.
# usage: tinyfw.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program" "$firmware"

# table: the steps' first three columns, without the digests, with single blanks.
table() { sed -e '1d' -e '$d' -e 's/  */ /g' -e 's/ [0-9a-f]*\.\.$//' <<<"$out"; }

run "$program" --mode snp --vcpus 2 --vcpu-type EPYC-v4 --ovmf "$firmware" --explain
same "steps of snp" "$(table)" "\
0-15 NORMAL 0xffff0000-0xffffffff firmware
16-22 ZERO 0x00001000-0x00007fff SEC memory
23 SECRETS 0x00009000-0x00009fff secrets
24 CPUID 0x0000a000-0x0000afff CPUID
25 ZERO 0x0000c000-0x0000cfff no kernel hashes
26-57 ZERO 0x00010000-0x0002ffff SEC memory
58 VMSA 0xfffffffff000 VMSA 0
59 VMSA 0xfffffffff000 VMSA 1"

run "$program" --mode tdx --ovmf "$firmware" --explain
same "steps of tdx" "$(table)" "\
0-31 MEM.PAGE.ADD+MR.EXTEND 0xffff0000-0xffffffff boot firmware volume
32-33 MEM.PAGE.ADD 0x0000d000-0x0000efff TD HOB
34-40 MEM.PAGE.ADD 0x00001000-0x00007fff temporary memory
41-72 MEM.PAGE.ADD 0x00010000-0x0002ffff temporary memory"

run "$program" --mode sev --ovmf "$firmware"
same "sev" "$out" "$(sha256sum "$firmware" | cut -d ' ' -f 1)"

# A kernel changes what is measured, in each mode that can measure one.
head -c 5000 "$firmware" >kernel
for mode in "sev" "seves --vcpus 1 --vcpu-type EPYC" "snp --vcpus 1 --vcpu-type EPYC"; do
    # shellcheck disable=SC2086 # several words
    run "$program" --mode $mode --ovmf "$firmware"
    without=$out
    # shellcheck disable=SC2086
    run "$program" --mode $mode --ovmf "$firmware" --kernel kernel --append text
    same "status of $mode with a kernel" "$status" 0
    [[ $out != "$without" ]] || wrong "a kernel is not measured by $mode"
done

finish
