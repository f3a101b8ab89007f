#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# --dump-vmsa: a page for each vCPU, and they are what is measured.
# usage: dump-vmsa.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program"
rm -f vmsa*.bin

run "$program" --mode seves --vcpus 3 --vcpu-type EPYC-Rome --ovmf "$firmware" --dump-vmsa
same "status ($err)" "$status" 0
same "files" "$(echo vmsa*.bin)" "vmsa0.bin vmsa1.bin vmsa2.bin"
# SEV-ES measures the firmware's bytes and then these.
same "digest" "$(cat "$firmware" vmsa0.bin vmsa1.bin vmsa2.bin | sha256sum)" "$out  -"
same "vCPUs 1 and 2" "$(cmp vmsa1.bin vmsa2.bin 2>&1)" ""

rm -rf shut
mkdir shut
cd shut
mkdir vmsa0.bin
run "$program" --mode snp --vcpus 1 --vcpu-type EPYC --ovmf "$firmware" --dump-vmsa
same "status if a file can't be written" "$status" 1
contains "the message" "$err" "vmsa0.bin"
finish
