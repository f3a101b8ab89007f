#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=dash
#
# Runs in the lab: all that tests/bench/reset measures. Tables go to stdout, figures for the picture
# to out/figures, as group|label|microseconds.
#
#   reset_lab.sh ROUNDS MIB     MIB: the larger of the two amounts of touched memory
rounds=$1 large=$2

# The middle one of the numbers on stdin, of which the first is left out (a launch).
median() {
    tail -n +2 | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

figure() { echo "$1|$2|$3" >>out/figures; }

# --- against QEMU: how long a guest is away, seen from outside

# A firmware of 64 KiB: prints 's', waits, prints 'r' and resets.
make_firmware() {
    head -c 65280 /dev/zero
    # mov $0x3f8,%dx; mov $'s',%al; out %al,%dx; mov $0x1000000,%ecx; 1: dec %ecx; jnz 1b
    printf '\272\370\003\260\163\356\146\271\000\000\000\001\146\111\165\374'
    # mov $'r',%al; out %al,%dx; mov $0xcf9,%dx; mov $6,%al; out %al,%dx; 2: hlt; jmp 2b
    printf '\260\162\356\272\371\014\260\006\356\364\353\375'
    head -c 212 /dev/zero
    # The reset vector: jmp to the first instruction
    printf '\351\015\377'
    head -c 13 /dev/zero
}

# away VCPUS MIB LABEL COMMAND...
away() {
    vcpus=$1 mib=$2 label=$3
    shift 3
    result=$(./byte_clock "$rounds" "$@" 2>byte_clock.log) || {
        echo "$label: no result"
        tail -n 3 byte_clock.log
        return
    }
    # shellcheck disable=SC2086
    set -- $result
    printf '%-34s %5u %6u MiB %9s us %9s %9s\n' "$label" "$vcpus" "$mib" "$1" "$2" "$3"
    figure "From a guest's reset to its first instruction" "$label, $vcpus vCPUs, $mib MiB" "$1"
}

# qemu VCPUS MIB LABEL MACHINE
qemu() {
    away "$1" "$2" "$3" qemu/run -accel kvm -machine "$4" -m "$2" -smp "$1" -bios firmware \
        -display none -nodefaults -no-user-config -monitor none \
        -chardev stdio,id=serial,signal=off -serial chardev:serial
}

compare_with_qemu() {
    tar xf qemu.tar
    make_firmware >firmware
    printf '\n%-34s %5s %10s %12s %9s %9s\n' "from reset to first instruction" vCPUs memory median \
        "10 %" "90 %"
    for setting in "1 64" "4 64" "1 2048"; do
        vcpus=${setting% *} mib=${setting#* }
        qemu "$vcpus" "$mib" "QEMU, new VM fd" q35,x-change-vmfd-on-reset=on
        qemu "$vcpus" "$mib" "QEMU, same VM fd" q35
        for tech in plain swprotected; do
            for strategy in sequential overlap; do
                away "$vcpus" "$mib" "$tech, $strategy" \
                    ./reset_loop firmware "$tech" "$strategy" "$vcpus" "$mib"
            done
        done
    done
}

# --- downtime, by how much memory the guest has touched

# touched MIB RESETS TECHNOLOGY STRATEGY [OPTION]: sets `us`.
touched() {
    mib=$1 resets=$2 tech=$3 strategy=$4
    shift 4
    us='-'
    cocoreset-minivmm --firmware tinyfw.fd --tech "$tech" --strategy "$strategy" "$@" \
        --memory $((mib + 256)) --scan 1 --script "chunk 16384; touch $mib" --resets "$resets" \
        --timeout 3000 --json >report.json 2>report.log || {
        tail -n 3 report.log
        return
    }
    us=$(($(sed -n 's/^ *"total_ns": *\([0-9]*\),*$/\1/p' report.json | median) / 1000))
    figure "Downtime by touched memory" "$tech${1:+ $1}, $strategy, $mib MiB" "$us"
}

compare_touched() {
    printf '\n%-34s %12s %12s %8s\n' "downtime by touched memory" "64 MiB" "$large MiB" ratio
    for case in "plain sequential" "plain overlap" "plain sequential --guest-memfd" \
        "plain overlap --guest-memfd" "swprotected sequential" "swprotected overlap"; do
        # shellcheck disable=SC2086
        touched 64 9 $case
        small=$us
        # shellcheck disable=SC2086
        touched "$large" 3 $case
        printf '%-34s %9s us %9s us %8s\n' "$case" "$small" "$us" \
            "$(awk "BEGIN { if ($small + 0) printf \"%.2f\", $us / $small }")"
    done
}

mkdir -p out
./reset_bench "$rounds" out/figures
compare_with_qemu
compare_touched
