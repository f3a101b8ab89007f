#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Only lib/kvm makes system calls on KVM objects: no other object file refers to their functions.
# It looks at what was compiled, not at the sources, so that neither a macro hides a call nor a
# comment looks like one.
# usage: kvm-calls-through-seam.sh OBJECT...
set -euo pipefail
export LC_ALL=C

calls='dup2|dup3|fallocate|fallocate64|ioctl|madvise|mmap|mmap64|mremap|munmap'
status=0
seam=0
for object in "$@"; do
    used=$(nm -u "$object" | awk '{ print $2 }' | grep -xE "$calls" || true)
    [[ -n $used ]] || continue
    if [[ $object == */kvm/*.o ]]; then
        seam=1
        continue
    fi
    echo "$object calls ${used//$'\n'/, }: go through the platform's operations instead"
    status=1
done

# A test that recognises no call would pass as well.
if ((!seam)); then
    echo "no system calls found in lib/kvm either: is this test still right?"
    status=1
fi
exit "$status"
