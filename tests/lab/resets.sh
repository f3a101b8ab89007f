#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=dash
#
# Runs in the lab: does a guest come through resets of every kind, and is nothing of its former
# lives left? The argument is the technology.
tech=$1
failed=0

# The lab encrypts nothing: a guest whose two views of memory are the same bytes there says so, and
# that is the only thing that may fail.
wanted=0
[ "$tech" != seves ] || wanted=1
known='conversions: FAILED: private data is seen in shared memory'

# expect LIVES ARGUMENT...: minivmm ends with 0, and the guest says what it should in each life.
expect() {
    lives=$1
    shift
    cocoreset-minivmm --firmware tinyfw.fd --tech "$tech" --scan 8 "$@" >run.log 2>&1
    status=$?
    started=$(grep -c '^tinyfw: incarnation ' run.log)
    clean=$(grep -c '^tinyfw: old secret found: no' run.log)
    last=$(grep -c "^tinyfw: incarnation $lives, " run.log)
    failures=$(grep 'FAILED' run.log | grep -c -v "$known")
    if [ "$status $started $clean $last $failures" = "$wanted $lives $lives 1 0" ]; then
        echo "ok - $tech $*"
    else
        echo "not ok - $tech $*: status $status, $started lives, $clean without a secret"
        sed 's/^/#   /' run.log
        failed=1
    fi
}

expect 4 --vcpus 4 --resets 3
expect 4 --vcpus 4 --resets 3 --reset-by mix
expect 3 --vcpus 4 --resets 2 --reset-on 3
expect 3 --vcpus 3 --resets 2 --reset-on 1 --reset-by triple
expect 4 --vcpus 4 --resets 3 --reset-from host
expect 4 --vcpus 4 --resets 3 --reset-from host --pause
expect 11 --vcpus 1 --resets 10
expect 3 --vcpus 2 --resets 2 --memory 128 --script 'touch 96'
if [ "$tech" = plain ]; then
    expect 4 --vcpus 2 --resets 3 --guest-memfd
elif [ "$tech" != seves ]; then
    expect 3 --vcpus 2 --resets 2 --eager
    expect 2 --vcpus 2 --resets 1 --memory 128 --script 'chunk 64; touch 32; convert'
    grep -q '^tinyfw: conversions: ok' run.log || failed=1
fi

# The guest finds what the host keeps: the search is worth something.
if [ "$tech" = plain ]; then
    cocoreset-minivmm --firmware tinyfw.fd --tech plain --scan 8 --resets 1 --keep >run.log 2>&1
    if [ $? -eq 1 ] && grep -q '^tinyfw: old secret found: yes' run.log; then
        echo "ok - $tech kept memory is found"
    else
        echo "not ok - $tech kept memory is not found"
        failed=1
    fi
fi

# The guest gives itself up: its reason is shown, and it may be reset for it.
if [ "$tech" = seves ] || [ "$tech" = snp ]; then
    give_up="reason set 3 (unknown), code 201"
    cocoreset-minivmm --firmware tinyfw.fd --tech "$tech" --scan 8 --resets 1 \
        --script 'terminate 3 201' --on-termination reset >run.log 2>&1
    if [ $? -eq 1 ] && grep -q '^tinyfw: incarnation 2, ' run.log &&
        [ "$(grep -c "minivmm: vCPU 0: .*$give_up" run.log)" = 2 ]; then
        echo "ok - $tech a termination resets"
    else
        echo "not ok - $tech a termination does not reset"
        sed 's/^/#   /' run.log
        failed=1
    fi
fi
exit "$failed"
