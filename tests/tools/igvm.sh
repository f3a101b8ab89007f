#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# cocoreset-measure --igvm: the digests of the vectors, each in its own way, and refusals.
# usage: igvm.sh MEASURE EXTRACT IGVM.json
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

measure=$1
need "$measure"
"$2" "$3"

# digest FILE EXPECTED OPTION...
digest() {
    local file=$1 expected=$2
    shift 2
    run "$measure" --igvm "$file" "$@"
    same "status of $file $* ($err)" "$status" 0
    same "$file $*" "$out" "$expected"
}

# refused STATUS TEXT ARGUMENT...
refused() {
    local expected=$1 text=$2
    shift 2
    run "$measure" "$@"
    same "status of $*" "$status" "$expected"
    same "output of $*" "$out" ""
    contains "the message for $*" "$err" "$text"
}

# svsm-vanadium's VMSA is not last, so that each way has another digest.
spec=9f4b481ec3abddf0b24a1a34308cad5a66be13651f2dabd63e7e9e98ecb564e373eecdf0da403996a1123227de5b3385
spec_zero=4e5b23e5482a3b03fa057e3f641f504eb140d068e3478e5118203440ec7a6a5223350898b6bbd895b2a6190020532e5e
kvm=25909b56b136105ef45678d8e4a5e9281683acb1463dee44e4803b8768de38ab1005bbff579c5f8bcb61ca720f87ccb6
kvm_zero=363c775c9488a99ee87c84b2fb8d522ea9145e22ec8247ec11118f9a01699d99795ce1b9595d002f5b01d15f1197726d
digest svsm-vanadium "$spec" --platform snp --vmsas file
digest svsm-vanadium "$spec_zero" --platform snp --vmsas file --zero-pages kvm
digest svsm-vanadium "$kvm" --platform snp
digest svsm-vanadium "$kvm_zero" --platform=snp --zero-pages=kvm
refused 1 "VMSA comes before" --igvm svsm-vanadium --platform snp --exact

digest svsm-qemu-v2 \
    c0d6ca332d674d14d71db5a8ab04b7767ba8153bcd6d8c67d9d45c2e70600e5d3352bdc69278a1ba666d098dd8bd2adb \
    --platform tdx
run "$measure" --igvm svsm-tdx-only --platform tdx --output-format base64
same "base64" "$(to_hex <<<"$out")" \
    b48b073875ec2f5f7f8d1654f2b8525daca17cee1f4919f18c59228f37618af0c04f8810b8f06886d081de430de1d503

refused 1 "native guests have no launch measurement" --igvm svsm-qemu-v2 --platform native
refused 1 "is for SEV_SNP, not for TDX" --igvm edge-min --platform tdx
refused 1 "checksum" --igvm bad-checksum --platform snp
refused 1 "No such file" --igvm nothing --platform snp
refused 1 "vcpu_signature" --igvm edge-min --platform snp --vcpus 2
refused 2 "--platform is required" --igvm edge-min
refused 2 '"vbs"' --igvm edge-min --platform vbs
refused 2 '"plain"' --igvm edge-min --platform plain
refused 2 '"both"' --igvm edge-min --platform snp --zero-pages both
refused 2 '"0"' --igvm edge-min --platform snp --vcpus 0
refused 2 '"-1"' --igvm edge-min --platform snp --vcpus -1
refused 2 '"--mode"' --igvm edge-min --mode snp
refused 2 '"word"' --igvm edge-min --platform snp word
finish
