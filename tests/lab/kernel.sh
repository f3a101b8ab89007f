#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Gets a kernel for the lab and prints the folder that holds it. See --help.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: kernel.sh [--default | --refresh | --small | --build | --snp | FILE | DIR]

Prints the path of a folder with
  vmlinuz        what QEMU boots
  modules/*.ko   what is to be loaded, in the order of the names; may be empty
  name           one line that says which kernel it is

  --default   the newest Debian kernel for amd64 that is Linux 7.0 or later.
              Fetched once and cached; the default
  --refresh   the same, but looks for a newer one first
  --small     the small kernel with KVM_SW_PROTECTED_VM; exit status 77 when
              there is none
  --build     the same, built first if needed (once; 7 CPU minutes and, while
              it lasts, 2 GB of the cache's disk)
  --snp       the kernel with a simulated secure processor, which
              COCO_LAB_SNP_KERNEL names; exit status 77 when that is not set
  FILE        a bzImage of one's own, with what it needs built in
  DIR         a folder of one's own, laid out as above

Environment:
  COCO_LAB_CACHE         where kernels are kept
                         (${XDG_CACHE_HOME:-$HOME/.cache}/cocoreset/lab)
  COCO_LAB_KERNEL        FILE or DIR to take as the default kernel
  COCO_LAB_SMALL_KERNEL  FILE or DIR to take as the small kernel
  COCO_LAB_SNP_KERNEL    FILE or DIR to take as the kernel for --snp
  COCO_LAB_SUITES        Debian suites to look in (trixie-backports sid)
  COCO_LAB_MIRROR        Debian mirror (the system's, or deb.debian.org)
  COCO_LAB_JOBS          parallel jobs of --build (one per CPU)
EOF
}

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=tests/lab/cache.sh
. "$here/cache.sh"
# shellcheck source=tests/lab/apt.sh
. "$here/apt.sh"
read -ra suites <<<"${COCO_LAB_SUITES:-trixie-backports sid}"
oldest=7.0 # the first Linux whose guest_memfd serves plain VMs

# The version that a bzImage says it is: its header holds, at 0x20e, the offset
# (less 0x200) of a string like "7.2.13 (builder@host) #1 SMP ...".
bzimage_version() {
    local magic offset
    magic=$(dd if="$1" bs=1 skip=$((0x202)) count=4 status=none | tr -d '\0')
    [[ $magic == HdrS ]] || return 1
    offset=$(od -An -tu2 -j $((0x20e)) -N 2 "$1")
    dd if="$1" bs=1 skip=$((offset + 0x200)) count=64 status=none |
        tr '\0' ' ' | cut -d' ' -f1
}

# ---------------------------------------------------------------------------
# A kernel of the user's own

own_kernel() {
    local path name key version
    path=$(realpath -e "$1" 2>/dev/null) || die "no such kernel: $1"
    if [[ -d $path ]]; then
        [[ -f $path/vmlinuz ]] || die "$path has no vmlinuz in it"
        printf '%s\n' "$path"
        return
    fi
    version=$(bzimage_version "$path") ||
        die "$path is not a kernel that QEMU can boot (no bzImage header)"
    name="Linux $version ($path)"
    # The folder is keyed by the path alone: what it holds is a link, which
    # stays right when the file is built anew; only the name is rewritten.
    key=own/$(sha256sum <<<"$path" | cut -c1-16)
    if [[ $(cat "$cache/$key/name" 2>/dev/null) != "$name" ]]; then
        make_scratch
        mkdir -p "$scratch/k/modules"
        ln -s "$path" "$scratch/k/vmlinuz"
        echo "$name" >"$scratch/k/name"
        lock own
        publish "$scratch/k" "$key"
        # Those whose file has gone are of no more use.
        find "$cache/own" -mindepth 2 -maxdepth 2 -name vmlinuz -xtype l |
            while read -r path; do rm -r "${path%/*}"; done
    fi
    printf '%s\n' "$cache/$key"
}

# ---------------------------------------------------------------------------
# Debian's kernel

# Newest release of linux-image-*, as in "7.3.4+deb13-cloud-amd64". Of one
# version, the cloud flavour: it has the same KVM and is much smaller.
newest_release() {
    local version flavour
    apt_names '^linux-image-[0-9][^-]*-(cloud-)?amd64$' |
        sed -E 's/^linux-image-([^-]*)-(.*)$/\1 \2/' |
        while read -r version flavour; do
            dpkg --compare-versions "$version" ge "$oldest" || continue
            [[ $flavour == cloud-amd64 ]] && flavour="2 $flavour" || flavour="1 $flavour"
            echo "$version $flavour"
        done | sort -k1,1V -k2,2n | tail -n 1 | sed -E 's/ [12] /-/'
}

# The image package and those of its dependencies that belong to the same
# release: one package or several, as Debian happens to split a kernel.
release_packages() {
    local release=$1
    echo "linux-image-$release"
    apt-cache -c "$apt_conf" depends --important "linux-image-$release" |
        sed -nE 's/^ *\|?Depends: (linux-[a-z]+-.*)$/\1/p' |
        grep -F -- "-$release" | sort -u
}

# keep_modules ROOT RELEASE DIR: kvm-amd (and kvm-intel, for COCO_LAB_ACCEL=kvm
# on such a host) with all they depend on, as DIR/NN-name.ko.
keep_modules() {
    local root=$1 release=$2 dir=$3 module line file n=0 seen=' ' name
    mkdir -p "$dir"
    # depmod and modprobe look below lib/modules, whatever the package uses.
    [[ -e $root/lib/modules ]] || { mkdir -p "$root/lib" && ln -s ../usr/lib/modules "$root/lib/modules"; }
    depmod -b "$root" "$release" 2>/dev/null ||
        die "depmod failed for the modules of $release"
    for module in kvm-amd kvm-intel; do
        while read -r line; do
            [[ $line == insmod\ * ]] || continue # the other word is "builtin"
            file=$(cut -d' ' -f2 <<<"$line")
            name=${file##*/}
            name=${name%%.ko*}
            [[ $seen != *" $name "* ]] || continue
            seen+="$name "
            n=$((n + 1))
            name=$(printf '%s/%02d-%s.ko' "$dir" "$n" "$name")
            case $file in
            *.xz) xz -dc "$file" >"$name" ;;
            *.zst) zstd -qdc "$file" >"$name" ;;
            *.gz) gzip -dc "$file" >"$name" ;;
            *) cp "$file" "$name" ;;
            esac
        done < <(modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null)
    done
    [[ $seen == *" kvm-amd "* ]] || die "no kvm-amd module among the packages of $release"
}

fetch_default() {
    local release packages vmlinuz version deb
    apt_prepare apt "${suites[@]}"
    release=$(newest_release)
    [[ -n $release ]] ||
        die "no linux-image >= $oldest for amd64 in: ${suites[*]} (see $cache/apt/update.log); set COCO_LAB_SUITES, or give a kernel by COCO_LAB_KERNEL"
    if [[ ! -f $cache/debian/$release/vmlinuz ]]; then
        make_scratch
        mapfile -t packages < <(release_packages "$release")
        apt_fetch "$scratch/debs" "${packages[@]}"
        for deb in "$scratch"/debs/*.deb; do
            dpkg-deb -x "$deb" "$scratch/root"
        done
        vmlinuz=$(find "$scratch/root" -type f -name 'vmlinuz*' | head -n 1)
        [[ -n $vmlinuz ]] || die "no vmlinuz in: ${packages[*]}"
        version=$(dpkg-deb -f "$(find "$scratch/debs" -name 'linux-image*.deb')" Version)
        mkdir "$scratch/k"
        mv "$vmlinuz" "$scratch/k/vmlinuz"
        keep_modules "$scratch/root" "$release" "$scratch/k/modules"
        echo "Linux $release (Debian $version)" >"$scratch/k/name"
        publish "$scratch/k" "debian/$release"
        say "got $(cat "$cache/debian/$release/name")"
    fi
    # A link made aside and renamed: replaced in one step.
    ln -sfn "debian/$release" "$cache/default.new"
    mv -T "$cache/default.new" "$cache/default"
}

default_kernel() {
    if [[ -n ${COCO_LAB_KERNEL:-} ]]; then
        own_kernel "$COCO_LAB_KERNEL"
        return
    fi
    if [[ $1 == refresh || ! -f $cache/default/vmlinuz ]]; then
        lock default
        # Somebody else may have fetched it while we waited.
        [[ $1 != refresh && -f $cache/default/vmlinuz ]] || fetch_default
    fi
    realpath "$cache/default"
}

# ---------------------------------------------------------------------------
# The small kernel

build_small() {
    local package deb version log=$cache/build.log src jobs=${COCO_LAB_JOBS:-$(nproc)} option lacking
    need bc bc bison bison flex flex make make gcc gcc ld binutils perl perl
    for option in gelf.h:libelf-dev openssl/opensslv.h:libssl-dev; do
        gcc -E -include "${option%:*}" -x c /dev/null >/dev/null 2>&1 ||
            die "no <${option%:*}> to build the kernel with; try: apt-get install ${option#*:}"
    done
    apt_prepare apt "${suites[@]}"
    package=$(apt_names '^linux-source-[0-9]' | sort -V | tail -n 1)
    [[ -n $package ]] || die "no linux-source-* package in: ${suites[*]}"
    dpkg --compare-versions "${package#linux-source-}" ge "$oldest" ||
        die "the newest source is $package, older than $oldest; set COCO_LAB_SUITES"
    make_scratch
    apt_fetch "$scratch/debs" "$package"
    deb=$(find "$scratch/debs" -name '*.deb')
    version=$(dpkg-deb -f "$deb" Version)
    src=$scratch/src
    mkdir "$src"
    say "unpacking $package $version"
    # Code of drivers that are never built is left out (their Kconfig files are
    # not): most of the tree's bytes, and the slow part of unpacking.
    dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc -T0 |
        tar -x -C "$src" --strip-components=1 \
            --exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/net/*/*.[ch]' \
            --exclude='*/drivers/media/*.[ch]' --exclude='*/drivers/staging/*.[ch]' \
            --exclude='*/sound/*.[ch]' --exclude='*/Documentation/*.rst' \
            --exclude='*/Documentation/*.yaml' --exclude='*/tools/testing/*.[ch]'
    rm "$deb"
    say "building it with $jobs jobs; the output goes to $log"
    export KBUILD_BUILD_USER=coco KBUILD_BUILD_HOST=lab
    make -C "$src" KCONFIG_ALLCONFIG="$here/small-kernel.config" allnoconfig >"$log" 2>&1 ||
        die "configuring the small kernel failed; see $log"
    lacking=$(grep '^CONFIG_' "$here/small-kernel.config" | grep -vxFf "$src/.config" || true)
    [[ -z $lacking ]] || {
        cp "$src/.config" "$cache/build.config"
        die "$package does not take these lines of small-kernel.config (see $cache/build.config for what became of them):"$'\n'"$lacking"
    }
    nice -n 10 make -C "$src" -j"$jobs" bzImage >>"$log" 2>&1 || {
        grep -E -A3 'error:|Error|\*\*\*' "$log" | head -n 20 >&2 || true
        die "building the small kernel failed; the whole output is in $log"
    }
    mkdir -p "$scratch/k/modules"
    cp "$src/arch/x86/boot/bzImage" "$scratch/k/vmlinuz"
    echo "Linux $(bzimage_version "$scratch/k/vmlinuz") (built from $package $version with KVM_SW_PROTECTED_VM)" >"$scratch/k/name"
    publish "$scratch/k" small
    say "built $(cat "$cache/small/name")"
}

small_kernel() {
    if [[ -n ${COCO_LAB_SMALL_KERNEL:-} ]]; then
        own_kernel "$COCO_LAB_SMALL_KERNEL"
        return
    fi
    if [[ ! -f $cache/small/vmlinuz ]]; then
        if [[ $1 != build ]]; then
            say "there is no small kernel: build one with '$here/kernel.sh --build' (once; 7 CPU minutes), or name a bzImage by COCO_LAB_SMALL_KERNEL=FILE"
            exit 77
        fi
        lock small
        [[ -f $cache/small/vmlinuz ]] || build_small
    fi
    printf '%s\n' "$cache/small"
}

snp_kernel() {
    if [[ -z ${COCO_LAB_SNP_KERNEL:-} ]]; then
        say "there is no kernel with a simulated secure processor: name one by COCO_LAB_SNP_KERNEL=FILE"
        exit 77
    fi
    own_kernel "$COCO_LAB_SNP_KERNEL"
}

[[ $# -le 1 ]] || {
    usage >&2
    exit 1
}
case ${1:---default} in
-h | --help) usage ;;
--default) default_kernel cached ;;
--refresh) default_kernel refresh ;;
--small) small_kernel cached ;;
--build) small_kernel build ;;
--snp) snp_kernel ;;
-*) die "unknown option $1; see --help" ;;
*) own_kernel "$1" ;;
esac
