#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Different ways to write the same.
# usage: same-vcpu.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program"
launch=("$program" --mode=snp --vcpus=2 --ovmf="$firmware")

# alike EXPECTED OPTION...: the launch with these options has that digest.
alike() {
    local expected=$1
    shift
    run "${launch[@]}" "$@"
    same "digest with $* ($err)" "$out" "$expected"
}

run "${launch[@]}" --vcpu-type=EPYC-v4
naples=$out
alike "$naples" --vcpu-type EPYC-v4
alike "$naples" --vcpu-sig 0x800f12
alike "$naples" --vcpu-sig 8392466
alike "$naples" --vcpu-family 23 --vcpu-model 1 --vcpu-stepping 2
alike "$naples" --vcpu-family=0x17 --vcpu-model=0x1 --vcpu-stepping=0x2
alike "$naples" --vcpu-type EPYC-v4 --vmm-type QEMU --guest-features 0x1
alike "$naples" --vcpu-type EPYC-v4 --guest-features 1 --append ""
# The last one counts.
alike "$naples" --vcpu-type EPYC-Rome --vcpu-type EPYC-v4
# What measures no signature needs none.
for vmm in ec2 gce kvm; do
    run "${launch[@]}" --vmm-type "$vmm"
    same "status of $vmm ($err)" "$status" 0
    alike "$out" --vmm-type "$vmm" --vcpu-type EPYC-Rome
done

# What a mode does not measure, it does not look at.
run "$program" --mode sev --ovmf "$firmware"
launch=("$program" --mode sev --ovmf "$firmware")
alike "$out" --vcpus 4 --vcpu-type EPYC --vmm-type ec2 --guest-features 0x21
launch=("$program" --mode seves --ovmf "$firmware" --vcpus 2 --vcpu-type EPYC)
run "${launch[@]}"
plain=$out
alike "$plain" --guest-features 0x21
contains "the note" "$err" "--guest-features"
alike "$plain" --sev-features 0
run "${launch[@]}" --sev-features 0x20
[[ $out != "$plain" ]] || wrong "--sev-features changes nothing"
finish
