#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# A stock Debian kernel boots under minivmm and is reset in place each time that it reboots itself,
# five times. In the lab, whose kernel is the same one. Prints when each life began and what it said
# first.
# usage: linux.sh MINIVMM
set -euo pipefail

minivmm=$1
lab=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lives=6

busybox=$(command -v busybox) || {
    echo "skipped: there is no busybox"
    exit 77
}
kernel=$("$lab/kernel.sh")

# The guest's only process.
mkdir -p "$work/root/bin"
cp "$busybox" "$work/root/bin/busybox"
cat >"$work/root/init" <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
echo "life: $(/bin/busybox uname -sr)" >/dev/kmsg
/bin/busybox reboot -f
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initrd"

# noxsave: QEMU's software emulation and KVM do not agree on how large that state is.
"$lab/run.sh" --timeout 900 --memory 1536 --file "$minivmm:minivmm" \
    --file "$kernel/vmlinuz:vmlinuz" --file "$work/initrd:initrd" -- \
    ./minivmm --kernel vmlinuz --initrd initrd --memory 256 --resets $((lives - 1)) \
    --append 'console=ttyS0 rdinit=/init panic=-1 mitigations=off noxsave' --timeout 300 \
    >"$work/log" || {
    tail -50 "$work/log"
    exit 1
}

grep -E '^== |Linux version|life:|reboot: machine restart' "$work/log" | cut -c1-120
count() { grep -c "$1" "$work/log" || true; }
[[ $(count 'life: Linux') == "$lives" && $(count 'reboot: machine restart') == "$lives" &&
    $(count '^== reset') == $((lives - 1)) ]]
