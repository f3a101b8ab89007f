#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Gets a newer QEMU than the system's, to run *in* the lab. See --help.
set -euo pipefail

usage() {
    cat <<'END'
usage: qemu.sh [--refresh]

Prints the path of a tar archive with qemu/run, a script that starts QEMU as it is in Debian's
trixie-backports, with its libraries and firmware: it needs nothing of the system that it is
unpacked on but the kernel. Fetched once and cached; --refresh looks for a newer one.

Environment:
  COCO_LAB_CACHE         where it is kept
  COCO_LAB_QEMU_SUITES   Debian suites to look in; QEMU is taken from the last one
                         (trixie trixie-backports)
  COCO_LAB_MIRROR        Debian mirror (the system's, or deb.debian.org)
END
}

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=tests/lab/cache.sh
. "$here/cache.sh"
# shellcheck source=tests/lab/apt.sh
. "$here/apt.sh"
read -ra suites <<<"${COCO_LAB_QEMU_SUITES:-trixie trixie-backports}"
archive=$cache/qemu/qemu.tar

# The package and all that it depends on, for a system where nothing is installed.
packages() {
    apt-get -c "$apt_conf" -qq --no-install-recommends -t "${suites[-1]}" --simulate \
        install qemu-system-x86 | sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*/\1=\2/p'
}

# What the loader of the unpacked system would load for the program.
libraries() {
    local root=$1 program=$2
    "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" \
        --list "$program" | sed -nE 's/.* => ([^ ]+) .*/\1/p'
}

fetch() {
    local names deb root program
    apt_prepare apt-qemu "${suites[@]}"
    mapfile -t names < <(packages)
    ((${#names[@]})) || die "no qemu-system-x86 in: ${suites[*]}"
    make_scratch
    root=$scratch/root
    # Merged /usr, as Debian's base-files has it.
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$scratch/k/qemu/lib"
    ln -s usr/{bin,sbin,lib,lib64} "$root"
    apt_fetch "$scratch/debs" "${names[@]}"
    for deb in "$scratch"/debs/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink
    done
    program=$root/usr/bin/qemu-system-x86_64
    [[ -f $program ]] || die "no qemu-system-x86_64 among: ${names[*]}"
    libraries "$root" "$program" | xargs cp -Lt "$scratch/k/qemu/lib"
    cp -L "$root/usr/lib64/ld-linux-x86-64.so.2" "$program" "$scratch/k/qemu"
    cp -rL "$root/usr/share/seabios" "$scratch/k/qemu/firmware"
    cp -Lt "$scratch/k/qemu/firmware" "$root"/usr/share/qemu/{kvmvapic,linuxboot_dma}.bin
    cat >"$scratch/k/qemu/run" <<'END'
#!/bin/sh
here=$(dirname "$0")
exec "$here/ld-linux-x86-64.so.2" --library-path "$here/lib" "$here/qemu-system-x86_64" \
    -L "$here/firmware" "$@"
END
    chmod +x "$scratch/k/qemu/run"
    tar -C "$scratch/k" --remove-files -cf "$scratch/k/qemu.tar" qemu
    printf '%s\n' "${names[@]}" | sed -n 's/^qemu-system-x86=/QEMU /p' >"$scratch/k/name"
    publish "$scratch/k" qemu
    say "got $(cat "$cache/qemu/name")"
}

case ${1:---cached} in
-h | --help)
    usage
    exit 0
    ;;
--cached | --refresh) ;;
*) die "unknown option $1; see --help" ;;
esac
if [[ ${1-} == --refresh || ! -f $archive ]]; then
    lock qemu
    [[ ${1-} != --refresh && -f $archive ]] || fetch
fi
printf '%s\n' "$archive"
