#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# --mode snp:svsm, against the same launch done page by page with openssl.
# usage: svsm.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program"
command -v openssl >/dev/null || { echo "skipped: openssl is not there"; exit 77; }

# put FILE OFFSET HEX: bytes at that place.
put() {
    local escaped
    # shellcheck disable=SC2001 # it replaces each pair
    escaped=$(sed 's/../\\x&/g' <<<"$3")
    printf '%b' "$escaped" | dd of="$1" bs=1 seek="$(($2))" conv=notrunc status=none
}

# little BYTES NUMBER: in hexadecimal.
little() {
    local i
    for ((i = 0; i < $1; i++)); do printf '%02x' $((($2 >> 8 * i) & 255)); done
}

# ---- an SVSM of two pages, with tables ----
footer=de82b596b21ff745baeaa366c55a082d
info=12a689a797054b4ca49fcbb1fe9d1ddd
metadata=666588dc4a989847a75e5585a7bf67cc
entry=0x40
head -c 8192 /dev/zero | tr '\0' '\314' >svsm.bin
put svsm.bin 8192-94 "$(little 4 $entry)$(little 2 22)$info$(little 4 0x1000)$(little 2 22)$metadata$(little 2 62)$footer"
put svsm.bin 0x1000 "41534556$(little 4 64)$(little 4 1)$(little 4 4)"
sections=(0x2000 0x2000 1 0x4000 0x1000 2 0x5000 0x1000 3 0x6000 0x1000 4)
for ((i = 0; i < 12; i++)); do put svsm.bin 0x1010+4*$i "$(little 4 "${sections[i]}")"; done

# ---- its launch ----
size=$(stat -c %s "$firmware")
vars=0x84000
code=$((0x100000000 - size))
base=$((code - vars - 8192))

head -c 4096 /dev/zero >zero
# page TYPE ADDRESS [FILE]: PAGE_INFO of one page; the digest is in `digest`.
page() {
    head -c 112 /dev/zero >page_info
    dd if=digest of=page_info conv=notrunc status=none
    [[ -z ${3-} ]] || openssl dgst -sha384 -binary "$3" | dd of=page_info bs=1 seek=48 conv=notrunc status=none
    put page_info 0x60 "7000$(little 1 "$1")"
    put page_info 0x68 "$(little 8 "$2")"
    openssl dgst -sha384 -binary page_info >digest
}
# normal FILE ADDRESS: all its pages.
normal() {
    local i
    for ((i = 0; i < $(stat -c %s "$1") / 4096; i++)); do
        dd if="$1" of=bytes bs=4096 skip="$i" count=1 status=none
        page 1 $(($2 + i * 4096)) bytes
    done
}

head -c 48 /dev/zero >digest
normal "$firmware" "$code"
normal svsm.bin "$base"
page 3 0x2000
page 3 0x3000
page 5 0x4000
page 6 0x5000
page 3 0x6000
cp digest before-vcpus

# vmsa FCW: AMD's architecture manual, volume 2, table B-4.
vmsa() {
    local place
    cp zero vmsa.bin
    for place in 0x00 0x20 0x30 0x40; do put vmsa.bin $place 1000930cffffffff; done # ES SS DS FS
    put vmsa.bin 0x10 08009b0cffffffff                                              # CS
    put vmsa.bin 0x50 00009300ffff0000                                              # GS
    put vmsa.bin 0x60 00000000ffff0000                                              # GDTR
    put vmsa.bin 0x70 00008200ffff0000                                              # LDTR
    put vmsa.bin 0x80 00000000ffff0000                                              # IDTR
    put vmsa.bin 0x90 00008b00ffff0000                                              # TR
    put vmsa.bin 0x0d0 0010                                                         # EFER
    put vmsa.bin 0x148 40                                                           # CR4
    put vmsa.bin 0x158 11                                                           # CR0
    put vmsa.bin 0x160 0004                                                         # DR7
    put vmsa.bin 0x168 f00fffff                                                     # DR6
    put vmsa.bin 0x170 02                                                           # RFLAGS
    put vmsa.bin 0x178 "$(little 8 $((base + entry)))"                              # RIP
    put vmsa.bin 0x268 0604070006040700                                             # G_PAT
    put vmsa.bin 0x310 "$(little 4 0x800f12)"                                       # RDX
    put vmsa.bin 0x3b0 01                                                           # SEV_FEATURES
    put vmsa.bin 0x3e8 01                                                           # XCR0
    put vmsa.bin 0x408 801f                                                         # MXCSR
    put vmsa.bin 0x410 "$1"                                                         # FCW
    cp before-vcpus digest
    for _ in 1 2 3; do page 2 0xfffffffff000 vmsa.bin; done
    od -An -v -tx1 digest | tr -d ' \n'
}

svsm=("$program" --mode snp:svsm --ovmf "$firmware" --svsm svsm.bin --vcpus 3 --vcpu-type EPYC)
run "${svsm[@]}" --vars-size $vars
same "status ($err)" "$status" 0
same "digest" "$out" "$(vmsa 0000)"
run "${svsm[@]}" --vars-size $vars --vmm-type kvm
same "digest with KVM's FCW" "$out" "$(vmsa 7f03)"
run "${svsm[@]}" --vars-size $vars --vmm-type kvm --dump-vmsa
for i in 0 1 2; do
    cmp "vmsa$i.bin" vmsa.bin || wrong "VMSA $i is another"
done

# The variables as a file.
run "${svsm[@]}" --vars-size $vars
digest=$out
truncate -s $((vars)) vars
run "${svsm[@]}" --vars-file vars
same "digest with --vars-file" "$out" "$digest"
run "${svsm[@]}" --vars-file vars --vars-size $vars
same "digest with both" "$out" "$digest"
run "${svsm[@]}" --vars-file vars --vars-size 4096
same "status of sizes that differ" "$status" 1
contains "the message" "$err" "--vars-size is 4096, and vars has $((vars)) bytes"
run "${svsm[@]}" --vars-file none
contains "the message" "$err" "none"

# Differences are told as of other launches.
"${svsm[@]}" --vars-size $vars --explain --output-format json >before.json
run "${svsm[@]}" --vars-size $vars --vmm-type kvm --diff before.json
same "status of a difference ($err)" "$status" 3
contains "the difference" "$out" "fpu: vCPU 0 starts with other registers: FCW is 0x0 and 0x37f"

# malformed WORDS OFFSET HEX: an SVSM with these bytes there.
malformed() {
    cp svsm.bin good.bin
    put svsm.bin "$2" "$3"
    run "${svsm[@]}" --vars-size $vars
    same "status for $1" "$status" 1
    contains "the message" "$err" "$1"
    mv good.bin svsm.bin
}
malformed "starts at 0x2000" 8192-94 00200000
malformed "is no SVSM" 8192-88 00
malformed "no SEV metadata" 8192-66 00
malformed "cpuid section" 0x1010+4*7 00200000
for size in 1 0xffffffff $((code - 4096)); do
    run "${svsm[@]}" --vars-size "$size"
    same "status of variables of $size bytes" "$status" 1
    contains "the message" "$err" "can't end at"
done
run "${svsm[@]/svsm.bin/$firmware}" --vars-size $vars
contains "the message" "$err" "is no SVSM"
finish
