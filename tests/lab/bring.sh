#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# On a real kernel: tinyfw stages tinyfw-2 and resets, tinyfw-2 runs and finds what was left for it; what
# is broken is refused, and the guest goes on. tests/tools/bring.sh asks the simulator for more.
# usage: bring.sh TECHNOLOGY
set -u

failures=0
bring() { # TECHNOLOGY OFFER
    cocoreset-minivmm --platform kvm --tech "$1" --firmware tinyfw.fd --offer "$2" --resets 1 \
        --vcpus 2 --memory 16 --scan 4 --script "bring back; bring" >said 2>&1 || {
        echo "not ok: $2 on $1: status $?"
        cat said
        failures=$((failures + 1))
    }
}
expect() { # TEXT
    grep -qF "$1" said || {
        echo "not ok: no '$1'"
        cat said
        failures=$((failures + 1))
    }
}

bring "$1" tinyfw-2.fd
expect "bytes: accepted"
expect "tinyfw: this is tinyfw-2"
expect "tinyfw: firmware update: launched, error 0"
expect "tinyfw: message: left by incarnation 1"

echo junk >junk
bring "$1" junk
expect "bytes: refused, error 95"
expect "tinyfw: message: left by incarnation 1"
if grep -q "this is tinyfw-2" said; then
    echo "not ok: what was refused runs"
    failures=$((failures + 1))
fi
exit "$failures"
