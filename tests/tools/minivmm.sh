#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# minivmm's command line: what it refuses before it opens anything, and that it says which option.
# usage: minivmm.sh PROGRAM
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1
need "$program"

# refuses OPTION ARGUMENT...: ends with 2 and a line on that option.
refuses() {
    local option=$1
    shift
    run "$program" --firmware none "$@"
    same "status of $*" "$status" 2
    contains "the message for $*" "$err" "minivmm: $option "
}

block=$(head -c 96 /dev/zero | base64 -w 0)
auth=$(head -c 4096 /dev/zero | base64 -w 0)
data=$(head -c 32 /dev/zero | base64 -w 0)
digest=$(head -c 48 /dev/zero | base64 -w 0)

refuses --tech --tech sgx
refuses --policy --policy 0x30000
refuses --policy --policy 0x30000 --tech tdx
refuses --policy --policy 0x --tech snp
refuses --policy --policy 0x1000000000 --tech snp
refuses --policy --policy 0x3z --tech snp
refuses --policy --policy 0 --tech snp
refuses --id-block --id-block "$block" --id-auth "$auth" --tech seves
refuses --id-block --id-block "$data" --id-auth "$auth" --tech snp
refuses --id-block --id-block "no base64" --id-auth "$auth" --tech snp
refuses --id-auth --id-block "$block" --tech snp
refuses --id-auth --id-auth "$auth" --tech snp
refuses --author-key --author-key --tech snp
refuses --host-data --host-data "$digest" --tech snp
refuses --host-data --host-data "$data" --tech sev
refuses --mrconfigid --mrconfigid "$data" --tech tdx
refuses --mrowner --mrowner "$digest" --tech snp
refuses --mrownerconfig --mrownerconfig "$digest"
refuses --kernel --kernel none --tech tdx
refuses --kernel --append text --tech snp
refuses --kernel --initrd none --tech sev
refuses --guest-memfd --guest-memfd --tech tdx
refuses --on-termination --on-termination pray

# What is right is not refused: the firmware that is not there comes next, or the host.
for options in "--tech snp --policy 0xb0000 --id-block $block --id-auth $auth --host-data $data" \
    "--tech tdx --mrconfigid $digest --mrowner $digest --mrownerconfig $digest" \
    "--tech seves --policy 5"; do
    # shellcheck disable=SC2086 # several words
    run "$program" --firmware none $options
    same "status of $options" "$status" 1
done

finish
