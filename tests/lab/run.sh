#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Runs a command in the lab: on a kernel of one's choice, with a real /dev/kvm,
# inside QEMU. See --help, and docs/lab.md for how it works.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: run.sh [OPTION]... -- COMMAND [ARG]...

Boots a kernel in QEMU, runs COMMAND there and ends with its exit status. Its
stdout and stderr come out here as they are, byte for byte; its stdin is
/dev/null. It starts in /lab, which is also in PATH.

  --kernel K           default  Debian's newest kernel (kernel.sh fetches it)
                       small    the small kernel with software-protected guests
                       snp      a kernel with a simulated secure processor; it
                                brings --cpu max and --thread multi with it
                       FILE     a bzImage; or DIR, a folder as kernel.sh makes
  --file PATH[:NAME]   takes a file or folder along, as /lab/NAME (default: its
                       own name; a NAME with a leading / is taken as it is).
                       Programs bring the shared libraries that they need
  --out DIR            what COMMAND leaves in /lab/out is put into DIR
  --cpus N             CPUs of the machine (2)
  --memory MIB         its memory (2048)
  --cpu MODEL          QEMU's CPU model (max,-cx16), for tcg
  --thread T           single: QEMU runs all CPUs in one thread; multi: in one
                       each, which stock kernels don't survive for long (single)
  --timeout S          seconds that COMMAND may take (120)
  --boots N            boots to try until there is a result (3)
  --log FILE           keeps the kernel's messages
  --quiet              does not say which kernel is being booted

Exit status: COMMAND's own; 124 when it took longer than --timeout; 125 when
there was no result (the kernel died or hung, N boots long) or the lab could
not be set up; 77 for --kernel small and --kernel snp when there is no such kernel.

Environment: COCO_LAB_QEMU (qemu-system-x86_64), COCO_LAB_ACCEL (tcg; or kvm),
COCO_LAB_CPU and COCO_LAB_THREAD (what --cpu and --thread are without the option),
COCO_LAB_APPEND (more words for the kernel's command line), COCO_LAB_TSC_KHZ
(the rate of this machine's TSC, if run.sh gets it wrong), COCO_LAB_BOOT_TIMEOUT
(seconds until COMMAND must have started, 60), and those of kernel.sh.
EOF
}

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
scratch=
children=() # processes that must not outlive this one

say() { echo "lab: $*" >&2; }
die() {
    say "$*"
    exit 125
}

trap '
    exec 2>/dev/null # what the shell says of those it kills
    ((${#children[@]} == 0)) || kill -KILL "${children[@]}" || true
    [[ -z $scratch ]] || rm -rf "$scratch"
' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---------------------------------------------------------------------------
# What was asked for

cpu=${COCO_LAB_CPU:-} thread=${COCO_LAB_THREAD:-}
kernel=default cpus=2 memory=2048 time_limit=120 boots=3 out='' log='' quiet=no
files=()

number() {
    [[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 wants a number above 0, not '$2'"
}

while (($#)); do
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --)
        shift
        break
        ;;
    --quiet)
        quiet=yes
        shift
        continue
        ;;
    --kernel | --cpu | --thread | --cpus | --memory | --timeout | --boots | --file | --out | --log)
        [[ $# -ge 2 ]] || die "$1 wants a value; see --help"
        ;;
    *) die "unknown option '$1' (the command goes after --); see --help" ;;
    esac
    case $1 in
    --kernel) kernel=$2 ;;
    --cpu) cpu=$2 ;;
    --thread) thread=$2 ;;
    --cpus) cpus=$2 && number "$1" "$2" ;;
    --memory) memory=$2 && number "$1" "$2" ;;
    --timeout) time_limit=$2 && number "$1" "$2" ;;
    --boots) boots=$2 && number "$1" "$2" ;;
    --file) files+=("$2") ;;
    --out) out=$2 ;;
    --log) log=$2 ;;
    esac
    shift 2
done
(($#)) || die "no command; see --help"

qemu=${COCO_LAB_QEMU:-qemu-system-x86_64}
accel=${COCO_LAB_ACCEL:-tcg}
boot_timeout=${COCO_LAB_BOOT_TIMEOUT:-60}
number COCO_LAB_BOOT_TIMEOUT "$boot_timeout"

lacking=()
for pair in "$qemu:qemu-system-x86" busybox:busybox-static cpio:cpio ldd:libc-bin; do
    command -v "${pair%:*}" >/dev/null || lacking+=("${pair##*:}")
done
((${#lacking[@]} == 0)) || die "missing programs; try: apt-get install ${lacking[*]}"
busybox=$(command -v busybox)
! ldd "$busybox" >/dev/null 2>&1 || die "$busybox is not a static program; try: apt-get install busybox-static"

if [[ $kernel == snp ]]; then
    cpu=${cpu:-max} thread=${thread:-multi}
fi
thread=${thread:-single}
[[ $thread == single || $thread == multi ]] || die "--thread is single or multi, not '$thread'"

case $kernel in
default | small | snp) kernel=$("$here/kernel.sh" "--$kernel") || exit $(($? == 77 ? 77 : 125)) ;;
*) kernel=$("$here/kernel.sh" "$(realpath -m -- "$kernel")") || exit 125 ;;
esac

[[ -z $out ]] || mkdir -p -- "$out" || die "cannot make $out"
[[ -z $log ]] || : >"$log" || die "cannot write to $log"

# ---------------------------------------------------------------------------
# The initramfs

scratch=$(mktemp -d "${TMPDIR:-/tmp}/coco-lab.XXXXXXXX")
root=$scratch/root
mkdir -p "$root"/{bin,run,lab/out,modules}
cp "$busybox" "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
chmod +x "$root/init"
cp "$kernel"/modules/*.ko "$root/modules/" 2>/dev/null || true # there may be none

# One word as the guest's shell reads it.
quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# Each library goes to the path where ldd found it: the loader looks there by
# itself for the system's, and by this list for those that a program found in
# some other way (an rpath relative to where the program stood, for one).
declare -A library_dirs=()

# add_libraries PROGRAM: what the dynamic loader would load for it.
add_libraries() {
    local listing line path
    listing=$(ldd "$1" 2>/dev/null) || return 0 # static, or no ELF file
    while read -r line; do
        case $line in
        *'not found'*) die "$1 needs a library that is missing here: ${line%% *}" ;;
        *'=> '/*) path=${line#*=> } ;;
        /*) path=$line ;;
        *) continue ;; # the vdso; "statically linked"
        esac
        path=${path%% (*}
        [[ ! -e $root$path ]] || continue
        mkdir -p "$root${path%/*}"
        cp -L "$path" "$root$path"
        case ${path%/*} in
        /lib | /lib64 | /usr/lib | /usr/lib64 | /lib/x86_64-linux-gnu | /usr/lib/x86_64-linux-gnu) ;;
        *) library_dirs[${path%/*}]=1 ;;
        esac
    done <<<"$listing"
}

for spec in ${files[@]+"${files[@]}"}; do
    path=$spec name=
    if [[ ! -e $path && $path == *:* ]]; then
        path=${spec%:*} name=${spec##*:}
    fi
    [[ -e $path ]] || die "no such file: $path"
    [[ -n $name ]] || name=$(basename "$(realpath -s -- "$path")")
    [[ $name == /* ]] || name=/lab/$name
    mkdir -p "$root${name%/*}"
    cp -rLT --preserve=mode,timestamps -- "$path" "$root$name" || die "cannot copy $path"
    if [[ -d $path ]]; then
        # A folder's programs may find libraries beside them: asked where they
        # stand here.
        while read -r -d '' program; do
            add_libraries "$program"
        done < <(find -L "$path" -type f \( -perm -u+x -o -name '*.so*' \) -print0)
    else
        add_libraries "$path"
    fi
done

# The guest's shell prefers its own applets to what is in PATH; a file that was
# brought along is meant first.
if [[ $1 != */* && -f $root/lab/$1 ]]; then
    set -- "/lab/$1" "${@:2}"
fi
{
    # exec: a signal that ends the command is seen as just that.
    printf 'exec'
    for word; do
        printf ' %s' "$(quote "$word")"
    done
    echo
} >"$root/run/command"

{
    echo "clock=$(date +%s)"
    echo "time_limit=$time_limit"
    echo "want_out=${out:+yes}"
    if ((${#library_dirs[@]})); then
        joined=$(IFS=: && echo "${!library_dirs[*]}")
        echo "export LD_LIBRARY_PATH=$(quote "$joined")"
    fi
} >"$root/run/settings"

(cd "$root" && find . -print0 | cpio --null -o -H newc -R 0:0 --quiet) >"$scratch/initramfs"
rm -rf "$root"

# ---------------------------------------------------------------------------
# The machine

# The rate of this machine's TSC in kHz, or nothing. QEMU's emulated TSC runs at
# that rate, and a guest that measures it in emulated time gets it wrong. What
# /proc/cpuinfo calls "cpu MHz" is it only where the clock does not vary.
tsc_khz() {
    local cpufreq=/sys/devices/system/cpu/cpu0/cpufreq cppc=/sys/devices/system/cpu/cpu0/acpi_cppc
    if [[ -n ${COCO_LAB_TSC_KHZ:-} ]]; then
        echo "$COCO_LAB_TSC_KHZ"
    elif [[ -r $cpufreq/base_frequency ]]; then # Intel
        cat "$cpufreq/base_frequency"
    elif [[ -d $cpufreq && -r $cppc/nominal_freq ]]; then # AMD
        echo "$(($(cat "$cppc/nominal_freq") * 1000))"
    elif [[ ! -d $cpufreq ]]; then # a virtual machine
        awk '/^cpu MHz/ { printf "%d\n", $4 * 1000; exit }' /proc/cpuinfo
    fi
}

append="console=ttyS0 8250.nr_uarts=4 panic=-1 reboot=t mitigations=off random.trust_cpu=on cryptomgr.notests"
khz=$(tsc_khz)
[[ -z $khz ]] || append+=" tsc=reliable tsc_early_khz=$khz"
append+=" ${COCO_LAB_APPEND:-}"

case $accel in
tcg)
    # One thread for all CPUs: with one for each, stock kernels now and then die
    # while they patch their own code. No cx16: QEMU 7.2 gets the flags of an
    # unlocked cmpxchg16b wrong, which kernels that use it do not survive.
    machine=(-accel "tcg,thread=$thread" -cpu "${cpu:-max,-cx16}")
    ;;
kvm) machine=(-accel kvm -cpu host) ;;
*) die "COCO_LAB_ACCEL is tcg or kvm, not '$accel'" ;;
esac
# One socket per CPU: a kernel without ACPI finds CPUs only that way.
machine+=(-machine q35 -smp "$cpus,sockets=$cpus,cores=1" -m "$memory"
    -nodefaults -no-user-config -display none -no-reboot
    -kernel "$kernel/vmlinuz" -initrd "$scratch/initramfs")
# init.sh says what the four ports are for. The middle two are pipes, so that
# output streams, and an output that nobody takes holds the command up.
mkfifo "$scratch/stdout" "$scratch/stderr" "$scratch/never"
for port in kernel stdout stderr control; do
    machine+=(-chardev "file,id=$port,path=$scratch/$port" -serial "chardev:$port")
done

# snooze SECONDS: sleep, without a process that outlives us.
snooze() { read -r -t "$1" <>"$scratch/never" || true; }

# Ends a machine that takes too long; leaves a word on why. The command's own
# limit is kept by init, and is a result: this is for a guest that is beyond
# that.
watch() {
    snooze "$boot_timeout"
    if ! grep -q '^start ' "$scratch/control"; then
        echo "the guest did not start within $boot_timeout s" >"$scratch/why"
    else
        snooze $((time_limit + 30))
        echo "the guest hung: no word from it $time_limit s + 30 s after its start" >"$scratch/why"
    fi
    kill -KILL "$1"
}

# boot KERNEL-ARGUMENTS: one boot; afterwards $scratch/control has what init
# sent, if anything.
boot() {
    local stdout_pid stderr_pid qemu_pid watch_pid qemu_status=0
    local stdout_in stdout_held stderr_in stderr_held
    rm -f "$scratch/why"
    : >"$scratch/control"
    : >"$scratch/kernel"
    # Each pipe is held open here while QEMU runs and let go of afterwards, so
    # that its reader ends then and not before, whether or not QEMU ever opened
    # it. (Opening a pipe to read and write does not wait for anybody.)
    exec {stdout_held}<>"$scratch/stdout" {stderr_held}<>"$scratch/stderr"
    exec {stdout_in}<"$scratch/stdout" {stderr_in}<"$scratch/stderr"
    cat <&"$stdout_in" {stdout_held}>&- {stderr_held}>&- &
    stdout_pid=$!
    cat <&"$stderr_in" >&2 {stdout_held}>&- {stderr_held}>&- &
    stderr_pid=$!
    exec {stdout_in}<&- {stderr_in}<&-
    "$qemu" "${machine[@]}" -append "$1" </dev/null >"$scratch/qemu" 2>&1 &
    qemu_pid=$!
    watch "$qemu_pid" &
    watch_pid=$!
    children=("$qemu_pid" "$watch_pid" "$stdout_pid" "$stderr_pid")
    wait "$qemu_pid" 2>/dev/null || qemu_status=$?
    # KILL: a shell that was forked just now still has our traps.
    kill -KILL "$watch_pid" 2>/dev/null || true
    wait "$watch_pid" 2>/dev/null || true
    exec {stdout_held}>&- {stderr_held}>&-
    wait "$stdout_pid" "$stderr_pid" || true
    children=()
    if [[ -s $scratch/qemu ]]; then
        sed 's/^/lab: qemu: /' "$scratch/qemu" >&2
    fi
    [[ -z $log ]] || cp "$scratch/kernel" "$log"
    if [[ ! -s $scratch/why ]]; then
        if ((qemu_status)); then
            echo "QEMU ended with status $qemu_status" >"$scratch/why"
        elif grep -q '^start ' "$scratch/control"; then
            echo "the guest restarted or died while the command ran" >"$scratch/why"
        else
            echo "the kernel died before the command was started" >"$scratch/why"
        fi
    fi
}

# take_result: sets status and unpacks the files; false if there is no result or
# an incomplete one.
take_result() {
    local word bytes sum
    {
        while read -r word status bytes sum; do
            [[ $word != result ]] || break
        done
        [[ $word == result && $status =~ ^[0-9]+$ && $bytes =~ ^[0-9]+$ ]] || return 1
        cat >"$scratch/files"
    } <"$scratch/control"
    ((bytes)) || return 0
    if [[ $(stat -c %s "$scratch/files") != "$bytes" ||
        $(sha256sum <"$scratch/files") != "$sum "* ]]; then
        echo "the files of /lab/out came back damaged" >"$scratch/why"
        return 1
    fi
    tar -C "$out" --no-same-owner -xzf "$scratch/files" || die "cannot unpack the guest's files into $out"
}

name=$(cat "$kernel/name" 2>/dev/null || echo "$kernel/vmlinuz")
[[ $quiet == yes ]] || say "$name, $cpus CPUs, $memory MiB, QEMU $accel"

for ((try = 1; try <= boots; try++)); do
    # What fails once is tried again with the kernel talking, so that there is
    # something to read if it fails again.
    boot "$append $( ((try > 1)) || echo quiet)"
    if take_result; then
        ! grep -q '^start .* no$' "$scratch/control" ||
            say "note: this kernel offered no /dev/kvm"
        exit "$status"
    fi
    say "no result from boot $try of $boots: $(cat "$scratch/why")"
done
if [[ -s $scratch/kernel ]]; then
    say "the last messages of the kernel:"
    tail -n 40 "$scratch/kernel" | tr -d '\r' >&2
else
    say "the kernel said nothing"
fi
exit 125
