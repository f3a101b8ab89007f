#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Mistakes on the command line: each ends with status 2 and one line that names the option.
# usage: command-line.sh PROGRAM FIRMWARE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 firmware=$2
need "$program"

# bad NAME ARGUMENT...: a mistake, and NAME is in the message.
bad() {
    local name=$1
    shift
    run "$program" "$@"
    same "status of $* ($err)" "$status" 2
    same "output of $*" "$out" ""
    contains "the message for $*" "$err" "$name"
    same "lines of the message for $*" "$(wc -l <stderr)" 1
}

# good ARGUMENT...: no mistake.
good() {
    run "$program" "$@"
    same "status of $* ($err)" "$status" 0
    same "message for $*" "$err" ""
}

# fails TEXT ARGUMENT...: no mistake of the command line, but it can't be done.
fails() {
    local text=$1
    shift
    run "$program" "$@"
    same "status of $* ($err)" "$status" 1
    same "output of $*" "$out" ""
    contains "the message for $*" "$err" "$text"
}

sev=(--mode sev --ovmf "$firmware")
snp=(--mode snp --ovmf "$firmware" --vcpus 1 --vcpu-type EPYC)
tdx=(--mode tdx --ovmf "$firmware")
digest=$(printf '0%.0s' {1..96})
good "${sev[@]}"
good "${snp[@]}"
good "${tdx[@]}"
good id-block --digest "$digest"

# Words that are no options.
bad '"--nonsense"' "${sev[@]}" --nonsense
bad '"--ovm"' --ovm x
bad '"-x"' -x
bad '"-"' -
bad '"--"' -- "${sev[@]}"
bad '"word"' "${sev[@]}" word
bad '"id-block"' "${sev[@]}" id-block
bad '"id-blok"' id-blok --digest "$digest"
bad '"--=x"' --=x

# Arguments that are missing, empty or too many.
for option in mode vcpus vcpu-type vcpu-sig vcpu-family vcpu-model vcpu-stepping vmm-type ovmf \
    kernel initrd append guest-features sev-features snp-ovmf-hash svsm vars-size vars-file \
    page-order output-format diff; do
    bad "--$option wants an argument" "${sev[@]}" "--$option"
    bad "--$option wants an argument" "${sev[@]}" "--$option" --verbose
    bad "--$option wants an argument" "--$option" "${sev[@]}"
    [[ $option == append ]] || bad "--$option wants" "${sev[@]}" "--$option" ""
done
for option in digest id-key author-key family-id image-id guest-svn policy; do
    bad "--$option wants an argument" id-auth "--$option"
    bad "--$option wants" id-auth "--$option="
done
for option in dump-vmsa explain verbose help version; do
    bad "--$option takes no argument" "${snp[@]}" "--$option=yes"
done

# Numbers.
for text in x 1x "1 " " 1" -1 +1 1.0 0x 0xg 18446744073709551616 99999999999999999999; do
    bad --vcpus "${snp[@]}" --vcpus "$text"
    bad --vcpu-sig "${snp[@]}" --vcpu-sig "$text"
    bad --policy id-block --digest "$digest" --policy "$text"
done
for text in x 0x g "" -1 0x10000000000000000; do
    bad --guest-features "${snp[@]}" --guest-features "$text"
    bad --sev-features --mode seves --sev-features "$text"
done
bad --vcpus "${snp[@]}" --vcpus 0
bad --vcpus "${snp[@]}" --vcpus 65537
bad --vcpu-sig --mode snp --vcpu-sig 0
bad --vcpu-sig --mode snp --vcpu-sig 0x100000000
bad --vcpu-family --mode snp --vcpu-family 271
bad --vcpu-model --mode snp --vcpu-model 256
bad --vcpu-stepping --mode snp --vcpu-stepping 16
bad --guest-svn id-block --guest-svn 4294967296
bad --policy id-block --policy 0
bad --vars-size --mode snp:svsm --vars-size 0

# Names and digests.
bad --mode --mode SNP --ovmf "$firmware"
bad --vmm-type "${snp[@]}" --vmm-type qemu
bad --vmm-type "${snp[@]}" --vmm-type krun
bad --output-format "${sev[@]}" --output-format xml
bad --page-order "${tdx[@]}" --page-order three-pass
bad --vcpu-type --mode snp --ovmf "$firmware" --vcpus 1 --vcpu-type Pentium
bad --vcpu-type "${sev[@]}" --vcpu-type Pentium
bad --snp-ovmf-hash "${snp[@]}" --snp-ovmf-hash 00
bad --snp-ovmf-hash "${snp[@]}" --snp-ovmf-hash "${digest/0/x}"
bad --digest id-block --digest "${digest}0"
bad --family-id id-block --digest "$digest" --family-id 00
bad --image-id id-block --digest "$digest" --image-id "${digest:0:31}g"

# What is missing.
bad "--mode is required"
bad "--mode is required" --ovmf "$firmware"
bad "--ovmf is required" --mode sev
bad "--ovmf is required" --mode tdx
bad "--vcpus is required" --mode snp --ovmf "$firmware" --vcpu-type EPYC
bad "--vcpus is required" --mode seves --ovmf "$firmware" --vcpu-type EPYC
bad "--vcpus is required" --mode seves-legacy --ovmf "$firmware" --vcpu-type EPYC
bad "--vcpu-type" --mode snp --ovmf "$firmware" --vcpus 1
bad "--vcpu-model is missing" --mode snp --ovmf "$firmware" --vcpus 1 --vcpu-family 23
bad "--vcpu-stepping is missing" "${sev[@]}" --vcpu-family 23 --vcpu-model 1
bad "--vcpu-family is missing" "${sev[@]}" --vcpu-model 1 --vcpu-stepping 2
bad "--initrd needs --kernel" "${snp[@]}" --initrd "$firmware"
bad "--append needs --kernel" "${snp[@]}" --append quiet
bad "--id-key is required" id-auth --digest "$digest"
bad "--author-key needs --id-key" id-block --digest "$digest" --author-key x
bad "or --digest" id-block --vcpus 1 --vcpu-type EPYC

# What excludes each other.
bad "--vcpu-sig excludes --vcpu-type" "${snp[@]}" --vcpu-sig 1
bad "--vcpu-model excludes --vcpu-type" "${snp[@]}" --vcpu-model 1
bad "--vcpu-family excludes --vcpu-sig" "${sev[@]}" --vcpu-sig 1 --vcpu-family 1
for option in vcpus=1 vcpu-type=EPYC vcpu-sig=1 vmm-type=QEMU ovmf=x kernel=x initrd=x append= \
    guest-features=1 "snp-ovmf-hash=$digest"; do
    bad "--digest excludes --${option%%=*}" id-block --digest "$digest" "--$option"
done
bad "--verbose does not go with" "${sev[@]}" -v --output-format json

# What does not go with the mode or the command.
for option in vcpus=1 vcpu-type=EPYC vcpu-sig=1 vcpu-family=1 vcpu-model=1 vcpu-stepping=1 \
    vmm-type=QEMU kernel=x initrd=x append=x guest-features=1 sev-features=1 \
    "snp-ovmf-hash=$digest" svsm=x vars-size=1 vars-file=x dump-vmsa; do
    bad "--${option%%=*} does not go with --mode tdx" "${tdx[@]}" "--$option"
done
bad "--page-order does not go with --mode snp" "${snp[@]}" --page-order two-pass
bad "--sev-features does not go with --mode snp" "${snp[@]}" --sev-features 0
bad "--dump-vmsa does not go with --mode sev" "${sev[@]}" --dump-vmsa
bad "--snp-ovmf-hash does not go with --mode sev" "${sev[@]}" --snp-ovmf-hash "$digest"
bad "--svsm does not go with --mode snp" "${snp[@]}" --svsm x
svsm=(--mode snp:svsm --ovmf x --vcpus 1)
bad "--vcpu-type" "${svsm[@]}" --svsm x --vars-size 1 --vmm-type kvm
svsm+=(--vcpu-type EPYC)
bad "--svsm is required" "${svsm[@]}" --vars-size 1
bad "--vars-size (or --vars-file) is required" "${svsm[@]}" --svsm x
bad "--vmm-type can't be gce" "${svsm[@]}" --svsm x --vars-size 1 --vmm-type gce
bad "--guest-features wants bit 0" "${snp[@]}" --guest-features 0x20
bad "--sev-features must not have bit 0" --mode seves --ovmf "$firmware" --vcpus 1 \
    --vcpu-type EPYC --sev-features 0x21
bad "--mode has to be snp" id-block --mode sev --ovmf "$firmware"
for option in "digest=$digest" id-key=x author-key=x "family-id=${digest:0:32}" \
    "image-id=${digest:0:32}" guest-svn=1 policy=1; do
    bad "--${option%%=*} is for id-block and id-auth" "${snp[@]}" "--$option"
done
for option in explain dump-vmsa diff=x verbose page-order=two-pass; do
    bad "--${option%%=*} is not for id-block" id-block --digest "$digest" "--$option"
done

# A mistake is found before any file is opened, and files that are none are no mistake.
bad --vcpus --mode snp --ovmf missing.fd --vcpus x
fails "missing.fd" --mode sev --ovmf missing.fd
fails "missing" --mode snp --ovmf "$firmware" --vcpus 1 --vcpu-type EPYC --kernel missing
fails "missing.json" "${sev[@]}" --diff missing.json
fails "argument: path: " --mode sev --ovmf /dev/null
run "$program" "${sev[@]}" -v
same "status of -v" "$status" 0
if [[ -c /dev/full ]]; then
    status=0
    "$program" "${sev[@]}" >/dev/full 2>stderr || status=$?
    same "status if nothing can be written" "$status" 1
    contains "the message" "$(<stderr)" "standard output"
fi

# Questions are answered whatever else is missing.
good --help
contains "--help" "$out" "--vcpu-stepping N"
good -h
good id-block --help
good --version
contains "--version" "$out" "cocoreset-measure "
finish
