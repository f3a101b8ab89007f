#!/bin/busybox sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=dash
#
# The lab's first process inside the guest (run.sh puts it at /init). Sets the
# system up, runs /run/command once and sends back what came of it.
#
# The four serial ports are four separate channels, so that the command's
# output is never mixed with anything else:
#   ttyS0  the kernel's messages
#   ttyS1  the command's stdout
#   ttyS2  the command's stderr
#   ttyS3  ours: "start RELEASE KVM", later "result STATUS BYTES SHA256" and
#          right after it that many bytes: the files of /lab/out as a tar.gz

/bin/busybox mkdir -p /proc /sys /dev /tmp /run /root /lab/out
/bin/busybox --install -s /bin

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm /dev/pts
chmod 1777 /tmp # no mount of its own: that could hide what was brought along
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts 2>/dev/null
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr

# From here our own words go to the kernel's log (<3>: shown even when quiet),
# so that ttyS0 is not held open: on a machine without ACPI it shares its
# interrupt with ttyS2, as ttyS1 does with ttyS3.
exec </dev/null >/dev/kmsg 2>&1
note() { echo "<3>lab: $*"; }

# Written by run.sh.
clock='' time_limit='' want_out=''
# shellcheck source=/dev/null
. /run/settings

# The host's time, so that files carry a date that means something.
date -s "@$clock" >/dev/null 2>&1

# Raw: every byte as it is. The speed is what QEMU ignores but what the kernel
# bases its waits on.
for port in 1 2 3; do
    stty -F /dev/ttyS$port raw -echo clocal 115200 ||
        note "no serial port ttyS$port: this kernel cannot serve the lab"
done

# stty waits until what was written has left, without an end.
drain() {
    for port; do
        stty -F "/dev/ttyS$port" raw
    done
}

for module in /modules/*.ko; do
    case $module in
    *kvm-intel.ko) grep -qw vmx /proc/cpuinfo || continue ;;
    *kvm-amd.ko) grep -qw svm /proc/cpuinfo || continue ;;
    esac
    [ ! -f "$module" ] || insmod "$module" || note "cannot load $module"
done
kvm=yes
[ -c /dev/kvm ] || kvm=no
echo "start $(uname -r) $kvm" >/dev/ttyS3

# Through pipes, not to the ports themselves: a program that sees a terminal
# would colour its output or draw progress bars.
# The ports stay open here until all has left, however slowly the other side
# takes it: a port that is closed waits for 30 s only.
mkfifo /run/out /run/err
exec 4>/dev/ttyS1 5>/dev/ttyS2
cat /run/out >&4 &
out=$!
cat /run/err >&5 &
err=$!

(
    cd /lab || exit
    export PATH=/lab:/bin:/usr/bin:/sbin:/usr/sbin HOME=/root TERM=dumb
    exec setsid sh /run/command
) </dev/null >/run/out 2>/run/err 4>&- 5>&- &
command=$!
(
    sleep "$time_limit"
    echo >/run/timed-out
    kill -9 "$command"
) &
wait "$command"
status=$?
[ ! -e /run/timed-out ] || status=124

# What the command left running would keep the pipes open. (Kernel threads take
# no signals.)
for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    case $pid in
    1 | "$out" | "$err") ;;
    *) kill -9 "$pid" 2>/dev/null ;;
    esac
done
wait "$out" "$err"
drain 1 2
exec 4>&- 5>&-

bytes=0 sum=-
if [ "$want_out" = yes ] && [ -n "$(ls -A /lab/out)" ]; then
    tar -C /lab/out -czf /run/out.tar.gz . || note "cannot pack /lab/out"
    bytes=$(stat -c %s /run/out.tar.gz)
    sum=$(sha256sum </run/out.tar.gz)
    sum=${sum%% *}
else
    : >/run/out.tar.gz
fi
{
    echo "result $status $bytes $sum"
    cat /run/out.tar.gz
} >/dev/ttyS3
drain 3
reboot -f
