#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# --diff with what is no document of --explain: refused, and it says where.
# usage: diff-malformed.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program"
snp=("$program" --mode snp --vcpus 2 --vcpu-type EPYC --ovmf "$firmware")

# refused PLACE: bad.json is, with PLACE in the message.
refused() {
    run "${snp[@]}" --diff bad.json
    same "status for $1" "$status" 1
    same "output for $1" "$out" ""
    contains "the message" "$err" "$1"
    contains "the message" "$err" "bad.json"
}

# edited PLACE SED-SCRIPT: a good document with one change, which has to be one.
edited() {
    sed -e "$2" good.json >bad.json
    ! cmp -s good.json bad.json || wrong "nothing to edit for $1"
    refused "$1"
}

"${snp[@]}" --explain --output-format json >good.json
run "${snp[@]}" --diff good.json
same "status of the good one ($err)" "$status" 0

rm -f bad.json
refused "bad.json"
: >bad.json
refused "bad.json"
head -c 1000 good.json >bad.json
refused "bad.json"
echo '[]' >bad.json
refused "schema"
"${snp[@]}" --output-format json >bad.json
refused "steps"

edited "schema" 's/"schema":1/"schema":2/'
edited "mode" 's/"mode":"snp"/"mode":"spn"/'
edited "mode" 's/"mode":"snp"/"mode":3/'
edited "digest" 's/"digest":"../"digest":"/'
edited "digest" 's/"digest":"./"digest":"g/'
edited "vcpus" 's/"vcpus":2/"vcpus":-1/'
edited "vcpus" 's/"vcpus":2/"vcpus":"2"/'
edited "vcpus" 's/"vcpus":2/"vcpus":4294967296/'
edited "registers" 's/"vcpus":2/"vcpus":1/'
edited "registers[0].RIP" 's/"RIP":"0xfff0"/"RIP":"fff0"/'
edited "registers[1].RIP" 's/"RIP":"0xb004"/"RIP":"0xb004h"/'
edited "registers[1].RIP" 's/"RIP":"0xb004"/"RIP":"0x10000000000000000"/'
edited "steps[0].type" '0,/"NORMAL"/s//"unknown"/'
edited "steps[0].gpa" 's/"gpa":"0xffff0000"/"gpa":4294901760/'
edited "steps[16].size" '/0x811000/{n;s/4096/-4096/}'
edited "steps[16].label" '0,/"SEC memory"/s//"SEC memory, and what else there is to say of it in 64 characters"/'
edited "steps[25].vcpu" '/"vcpu":0/d'
edited "steps[0].content" '0,/"content":"./s//"content":"/'
edited "steps[0].running" '0,/"running"/s//"walking"/'
finish
