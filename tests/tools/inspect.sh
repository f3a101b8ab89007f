#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# cocoreset-inspect: what it says of firmware, IGVM files and UKIs, and of what is none of them.
# usage: inspect.sh INSPECT MEASURE EXTRACT IGVM.json UKI.json FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

inspect=$1 measure=$2 firmware=$6
need "$inspect" "$measure" "$firmware"
"$3" "$4"

# refused STATUS TEXT ARGUMENT...
refused() {
    local expected=$1 text=$2
    shift 2
    run "$inspect" "$@"
    same "status of $*" "$status" "$expected"
    same "output of $*" "$out" ""
    contains "the message for $*" "$err" "$text"
}

# is KEY EXPECTED: the first value of that name in `out`, which is JSON.
is() { same "$1" "$(json "$1")" "$2"; }

run "$inspect" --json edge-params
same "status ($err)" "$status" 0
is kind IGVM
contains "edge-params" "$out" '"type":"COMMAND_LINE"'
contains "edge-params" "$out" '"flags":"shared"'
contains "edge-params" "$out" "VMSA comes before"
rest=${out#*\"technology\":\"snp\"}
contains "SNP's part" "$rest" '"policy":"0xb0000"'

for file in edge-min svsm-vanadium; do
    run "$measure" --igvm $file --platform snp
    kvm=$out
    run "$measure" --igvm $file --platform snp --vmsas file
    spec=$out
    run "$inspect" --json $file
    is file_digest "$spec"
    is launch_digest "$kvm"
done

# The signer's own digest is in the ID block.
run "$inspect" --json msigvm-bzimage-x64
is id_block signed
is file_digest "$(json id_block_digest)"
contains "padding" "$out" entries_with_nonzero_padding

# The table has the same values.
run "$inspect" edge-min
for word in "SEV_SNP" "PARAMETER_AREA" "0x30000" "parameter area 0" "unmeasured" \
    "reaches the file's digest"; do
    contains "the table" "$out" "$word"
done

run "$inspect" --json "$firmware"
same "status of firmware ($err)" "$status" 0
is kind "raw firmware"
run "$measure" --mode sev --ovmf "$firmware"
sev=$out
run "$inspect" --json "$firmware"
is launch_digest "$sev"

refused 1 "checksum" bad-checksum
refused 1 "neither an IGVM file nor raw firmware" "$0"
refused 1 "empty" empty
refused 1 "No such file" nothing
refused 2 "which file?"
refused 2 '"other"' edge-min other
refused 2 '"--jsn"' --jsn edge-min

"$3" "$5"
run "$inspect" --json good
same "status of a UKI ($err)" "$status" 0
is kind "EFI program"
is chid 11111111-2222-5333-8444-555555555555
contains "its firmware" "$out" '"error":"the payload is neither'
run "$inspect" profile-overrides
contains "profiles" "$out" ".profile"
refused 1 ".efifw" fw-bad-magic
# Nothing of a name gets at the terminal.
sed 's/QEMU/Q\x1b[2/' good >escape
run "$inspect" escape
[[ $out != *$'\x1b'* ]] || wrong "an escape sequence was printed"
finish
