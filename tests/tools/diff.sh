#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# --diff: each kind of difference, from launches that differ in just that.
# usage: diff.sh PROGRAM INPUTS
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 inputs=$2
need "$program"
firmware=$inputs/synth-a.fd

# before OPTION...: the launch that is compared with.
before() {
    run "$program" --ovmf "$firmware" "$@" --explain --output-format json
    same "status of $* ($err)" "$status" 0
    printf '%s\n' "$out" >before.json
}

# now KIND TEXT OPTION...: how this launch differs; TEXT is a part of what is said.
now() {
    local kind=$1 text=$2 expected=3 line
    shift 2
    [[ $kind != none ]] || expected=0
    run "$program" --ovmf "$firmware" "$@" --diff before.json
    same "status of $* ($err)" "$status" "$expected"
    line=${out##*$'\n'}
    same "kind of difference of $*" "${line%%:*}" "$kind"
    contains "the text for $*" "$line" "$text"
    run "$program" --ovmf "$firmware" "$@" --diff before.json --output-format json
    same "status of $* in JSON" "$status" "$expected"
    same "kind of difference of $* in JSON" "$(json kind)" "$kind"
    same "text for $* in JSON" "$(json text)" "${line#*: }"
}

# other OFFSET [BYTE]: another firmware, with another byte there.
other() {
    cp "$firmware" other.fd
    printf '%b' "\\x${2-a5}" | dd of=other.fd bs=1 seek="$(($1))" conv=notrunc status=none
}

# offset_of PATTERN: where in the firmware these bytes are.
offset_of() { grep -obUaP "$1" "$firmware" | tail -n 1 | cut -d : -f 1; }

snp=(--mode snp --vcpus 4 --vcpu-type EPYC)
before "${snp[@]}"
now none "equal" "${snp[@]}"
now vcpu-count "4 vCPUs, and in the second 5 (--vcpus)" "${snp[@]}" --vcpus 5
now vcpu-count "4 vCPUs, and in the second 1 (--vcpus)" "${snp[@]}" --vcpus 1
now signature "RDX is 0x800f12 and 0x830f10" "${snp[@]}" --vcpu-type EPYC-Rome
now features "SEV_FEATURES is 0x1 and 0x21" "${snp[@]}" --guest-features 0x21
now type "the page at 0x810000 (no kernel hashes) is ZERO, and in the second NORMAL" "${snp[@]}" --kernel "$inputs/k-seq5000"
now type "and in the second UNMEASURED" "${snp[@]}" --vmm-type gce
now order "CPUID at 0x80e000" "${snp[@]}" --vmm-type ec2
now tech "(--mode)" --mode sev
now missing "ZERO at 0x811000" --mode snp:ovmf-hash
other 0x3000
now contents "NORMAL at 0xffff3000 (firmware)" "${snp[@]}" --ovmf other.fd
cat "$firmware" "$firmware" >large.fd
now extra "NORMAL at 0xfffe0000 (firmware)" "${snp[@]}" --ovmf large.fd


before "${snp[@]}" --kernel "$inputs/k-seq5000" --append one
now contents "(kernel hashes)" "${snp[@]}" --kernel "$inputs/k-seq5000" --append two

before --mode snp:ovmf-hash
now extra "ZERO at 0x811000" "${snp[@]}"

# A start digest stands for the firmware's steps.
run "$program" --mode snp:ovmf-hash --ovmf "$firmware"
hash=$out
before "${snp[@]}"
now none "equal" "${snp[@]}" --snp-ovmf-hash "$hash"
now vcpu-count "and in the second 2" "${snp[@]}" --snp-ovmf-hash "$hash" --vcpus 2
now start "other firmware" "${snp[@]}" --snp-ovmf-hash "${hash//4/5}"
before "${snp[@]}" --snp-ovmf-hash "$hash"
now vcpu-count "and in the second 2" "${snp[@]}" --vcpus 2
other 0
now start "other firmware" "${snp[@]}" --ovmf other.fd

seves=(--mode seves --vcpus 2 --vcpu-type EPYC)
before "${seves[@]}"
now fpu "MXCSR is 0x1f80 and 0x0" "${seves[@]}" --mode seves-legacy
now features "SEV_FEATURES is 0x0 and 0x20" "${seves[@]}" --sev-features 0x20
now extra "(kernel hashes)" "${seves[@]}" --kernel "$inputs/k-seq5000"
other 0x3000
now contents "LAUNCH_UPDATE_DATA at 0xffff3000" "${seves[@]}" --ovmf other.fd
before "${seves[@]}" --kernel "$inputs/k-seq5000"
now missing "(kernel hashes)" "${seves[@]}"
before "${seves[@]}" --vmm-type ec2 --sev-features 0x20
now fpu "MXCSR is 0x0 and 0x1f80" "${seves[@]}" --vmm-type kvm --sev-features 0x20
now registers "CS.attributes is 0x9a and 0x9b" "${seves[@]}" --mode seves-legacy --vmm-type gce --sev-features 0x20

# What the firmware's tables say, in firmware that is the same but for these.
before "${snp[@]}" --snp-ovmf-hash "$hash"
other "$(offset_of '\x04\xb0\x80\x00')+1"
now ap-start "vCPU 1 starts with other registers: RIP is 0xb004 and 0xa504" "${snp[@]}" --snp-ovmf-hash "$hash" --ovmf other.fd
other "$(offset_of '\x00\xd0\x80\x00\x00\x10\x00\x00\x02')+1" c0
now address "SECRETS at 0x80d000 (secrets), and in the second at 0x80c000" "${snp[@]}" \
    --snp-ovmf-hash "$hash" --ovmf other.fd

before --mode tdx
now none "equal" --mode tdx
now order "--page-order" --mode tdx --page-order two-pass
other 0x5000
now contents "MR.EXTEND at 0xffff5000" --mode tdx --ovmf other.fd
finish
