#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# cocoreset-probe: what it says of a kernel that is made up, and of none.
# usage: probe.sh PROGRAM FAKE-KVM
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 fake=$2
need "$program"

# bad NAME ARGUMENT...: a mistake on the command line.
bad() {
    local name=$1
    shift
    run "$program" "$@"
    same "status of $*" "$status" 2
    same "output of $*" "$out" ""
    contains "the message for $*" "$err" "$name"
}

bad "--kvm" --kvm
bad "--kvm" --kvm ""
bad "--kvm" --kvm=
bad '"--jsn"' --jsn
bad '"--json=1"' --json=1
bad '"word"' word

for options in "" --json; do
    run "$program" --kvm /nonexistent $options
    same "status without a device" "$status" 1
    same "output without a device" "$out" ""
    contains "the message" "$err" "cocoreset-probe: host: open: there is no /nonexistent"
done
run "$program" --kvm /dev/null
same "status of another device" "$status" 1

run env LD_PRELOAD="$fake" "$program" --kvm /dev/null
same "status ($err)" "$status" 0
rows=$(tr -s ' ' <<<"$out" | cut -d ' ' -f 1-4)
same "rows" "$(head -n 3 <<<"$rows")" "\
technology launchable max vCPUs
plain yes 123 no
swprotected yes 123 yes"
for tech in sev seves snp tdx; do
    contains "the table" "$rows" $'\n'"$tech no - yes"
done

run env LD_PRELOAD="$fake" "$program" --json --kvm=/dev/null
same "status of --json ($err)" "$status" 0
compact=$(tr -d ' \n' <<<"$out")
contains "JSON" "$compact" '{"kvm":"/dev/null","technologies":[{"technology":"plain",'
contains "JSON" "$compact" '"technology":"swprotected","launchable":true,"max_vcpus":123,'
contains "JSON" "$compact" '"technology":"tdx","launchable":false,"max_vcpus":0,'

run "$program" --help
same "status of --help" "$status" 0
contains "--help" "$out" "--kvm PATH"
run "$program" --version
contains "--version" "$out" "cocoreset-probe "
finish
