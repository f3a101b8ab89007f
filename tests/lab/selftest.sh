#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Tries the lab itself: what run.sh promises, and that both kernels offer a KVM.
# Uses the small kernel for most of it when there is one, since it boots in a
# quarter of the time. Ends with 1 if something failed, else 0; what could not
# be tried is named as skipped.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
tmp=$(mktemp -d "${TMPDIR:-/tmp}/coco-lab-selftest.XXXXXXXX")
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0

# lab ARG...: run.sh; sets status; stdout and stderr go to $tmp/{out,err}.
lab() {
    status=0
    "$here/run.sh" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
}

# expect NAME CONDITION...: the condition is a command; what the lab said last is
# shown when it is false.
expect() {
    local name=$1
    shift
    if "$@"; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name (status $status)"
        sed 's/^/#   /' "$tmp/err"
        failed=$((failed + 1))
    fi
}

skip() {
    echo "skip - $*"
    skipped=$((skipped + 1))
}

ended_with() { [[ $status == "$1" ]]; }
gave() { ended_with "$1" && cmp -s "$2" "$tmp/out"; }
said() { ended_with "$1" && grep -q -- "$2" "$tmp/err"; }

# ---- kernels. Fetching comes first, outside of what is timed or tried.
default=$("$here/kernel.sh") || exit 1
kernel=$default small=
if small=$("$here/kernel.sh" --small 2>"$tmp/why"); then
    kernel=$small
fi

cc=${CC:-cc}
caps=(sh -c 'ls -l /dev/kvm') # all that can be asked without a compiler
if command -v "${cc%% *}" >/dev/null; then
    # Dynamic on purpose: it has to bring its libraries and its loader along.
    # shellcheck disable=SC2086 # CC may have arguments
    $cc -o "$tmp/caps" "$here/caps.c"
    caps=(caps)
else
    : >"$tmp/caps"
fi

lab --kernel "$default" --file "$tmp/caps" -- "${caps[@]}"
expect "the default kernel offers a /dev/kvm that runs guests" ended_with 0
expect "the kernel is named" grep -qF "$(cat "$default/name")" "$tmp/err"
if [[ ${caps[0]} == caps ]]; then
    expect "it has guest_memfd for plain VMs" grep -qx 'plain.guest_memfd=1' "$tmp/out"
fi

if [[ -n $small ]]; then
    lab --kernel "$small" --cpus 3 --file "$tmp/caps" -- \
        sh -c "${caps[*]@Q}; x=\$?; echo cpus=\$(nproc); exit \$x"
    expect "the small kernel offers a /dev/kvm that runs guests" ended_with 0
    expect "it sees all CPUs" grep -qx 'cpus=3' "$tmp/out"
    if [[ ${caps[0]} == caps ]]; then
        expect "it has software-protected VMs" grep -qx 'protected.guest_memfd=1' "$tmp/out"
    fi
else
    skip "the small kernel: $(sed 's/^kernel.sh: //' "$tmp/why")"
fi

# ---- what goes in and comes out. All byte values, so that a terminal's
# conversions would show; arguments that a shell would change; both outputs at
# once; a status; a file.
for ((i = 0; i < 256; i++)); do
    printf '%b' "\\x$(printf %02x "$i")"
done >"$tmp/bytes"
for ((i = 0; i < 64; i++)); do
    cat "$tmp/bytes"
done >"$tmp/input"
cat >"$tmp/try" <<'EOF'
#!/bin/sh
cat input &
cat input >&2
wait
cp input out/copy
mkdir out/folder
echo "$#" "$1" "$2" >out/folder/arguments
exit 3
EOF
chmod +x "$tmp/try"
# shellcheck disable=SC2016 # the dollar is to arrive
arguments=('it'\''s  "$HOME"' $'two\nlines')
lab --quiet --kernel "$kernel" --file "$tmp/try:prog" --file "$tmp/input" --out "$tmp/back" -- \
    prog "${arguments[@]}"
expect "the exit status comes through" ended_with 3
expect "stdout comes through byte for byte" cmp -s "$tmp/input" "$tmp/out"
expect "stderr comes through byte for byte, apart" cmp -s "$tmp/input" "$tmp/err"
expect "a file comes back" cmp -s "$tmp/input" "$tmp/back/copy"
echo 2 "${arguments[@]}" >"$tmp/arguments"
expect "arguments arrive as they are" cmp -s "$tmp/arguments" "$tmp/back/folder/arguments"

lab --kernel "$kernel" -- true
: >"$tmp/nothing"
expect "exit status 0, and nothing on stdout" gave 0 "$tmp/nothing"

# ---- what goes wrong.
SECONDS=0
lab --kernel "$kernel" --timeout 2 -- sh -c 'sleep 1000 & echo before; sleep 1000'
echo before >"$tmp/before"
expect "a command that hangs is ended, and not tried again" gave 124 "$tmp/before"
expect "... in time" test "$SECONDS" -lt 40

lab --kernel "$kernel" --boots 2 -- reboot -f
expect "a guest without a result gives 125" said 125 'boot 2 of 2'

head -c 100000 "$default/vmlinuz" >"$tmp/broken"
COCO_LAB_BOOT_TIMEOUT=3 lab --kernel "$tmp/broken" --boots 1 -- true
expect "a kernel that does not boot gives 125" said 125 'no result from boot 1 of 1'

echo text >"$tmp/text"
lab --kernel "$tmp/text" -- true
expect "what is no kernel is refused" said 125 'not a kernel'

COCO_LAB_QEMU=false lab --kernel "$kernel" --boots 1 -- true
expect "a QEMU that fails gives 125" said 125 'QEMU ended with status 1'

echo
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
