#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# ID blocks of what is measured on the spot, and keys that are none.
# usage: id-keys.sh PROGRAM FIRMWARE INPUTS VERIFIER
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2 inputs=$3 verifier=$4
need "$program"
measuring=(--vcpus 2 --vcpu-type EPYC-Milan --ovmf "$firmware" --kernel "$inputs/k-seq5000")
key=../vector.i1/id_key_pem_sec1.pem

run "$program" --mode snp "${measuring[@]}"
digest=$out
run "$program" id-block --digest "$digest"
expected=$out
run "$program" id-block "${measuring[@]}"
same "ID block of a measured launch" "$out" "$expected"
run "$program" id-block --mode snp "${measuring[@]}"
same "the same with --mode snp" "$out" "$expected"

run "$program" id-auth "${measuring[@]}" --id-key "$key"
run "$verifier" "$expected" "$out" 0
same "it verifies ($err)" "$status" 0
run "$program" id-auth "${measuring[@]}" --guest-svn 1 --id-key "$key"
run "$verifier" "$expected" "$out" 0
same "status for the page of another block" "$status" 1
contains "the verifier" "$err" "id_signature"

# refused KEY TEXT: id-auth fails and says TEXT, a part of the message.
refused() {
    run "$program" id-auth --digest "$digest" --id-key "$1"
    same "status with key $1" "$status" 1
    same "output with key $1" "$out" ""
    contains "message for key $1" "$err" "$2"
}

# The public key is the end of a private one, and has a header of its own.
public_key() {
    echo "-----BEGIN PUBLIC KEY-----"
    {
        printf '\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01'
        printf '\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00'
        grep -v -e ----- "$key" | base64 -d | tail -c 97
    } | base64 -w 64
    echo "-----END PUBLIC KEY-----"
}

echo "no key" >text.pem
public_key >public.pem
refused missing.pem "missing.pem"
refused text.pem "--id-key text.pem"
refused file:missing.pem "missing.pem"
refused nosuchscheme:key "nosuchscheme:key"
refused public.pem "private"
run "$program" id-auth --digest "$digest" --id-key "$key" --author-key text.pem
same "status with another author key" "$status" 1
contains "the message for it" "$err" "--author-key text.pem"
finish
