# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What is fetched or built once and kept: kernels, QEMU. To be sourced.

cache=${COCO_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or COCO_LAB_CACHE}/.cache}/cocoreset/lab}
scratch=

say() { echo "${0##*/}: $*" >&2; }
die() {
    say "$*"
    exit 1
}

cleanup() {
    [[ -z $scratch ]] || rm -rf "$scratch"
}
trap cleanup EXIT

# need COMMAND PACKAGE...: pairs; all that is missing is named at once.
need() {
    local lacking=()
    while (($#)); do
        command -v "$1" >/dev/null || lacking+=("$2")
        shift 2
    done
    ((${#lacking[@]} == 0)) ||
        die "missing programs; try: apt-get install ${lacking[*]}"
}

# Everything is made in a scratch folder on the cache's own file system and
# renamed into place when it is complete: nobody ever sees half of it.
make_scratch() {
    mkdir -p "$cache"
    # What a killed run left behind (nobody works for a day).
    find "$cache" -maxdepth 1 -name 'tmp.*' -mmin +1440 -exec rm -rf {} +
    scratch=$(mktemp -d "$cache/tmp.XXXXXXXX")
}

# lock NAME: held until the script ends, one at a time per NAME. The waiting is
# announced, since the holder may be building for minutes.
lock() {
    local fd
    mkdir -p "$cache"
    exec {fd}>"$cache/$1.lock"
    if ! flock -n "$fd"; then
        say "waiting for another ${0##*/} that is busy with $cache/$1"
        flock "$fd"
    fi
}

# publish FOLDER NAME: FOLDER becomes $cache/NAME, in place of what was there.
publish() {
    if [[ -e $cache/$2 ]]; then
        mv -T "$cache/$2" "$scratch/old.${2##*/}"
    fi
    mkdir -p "$(dirname "$cache/$2")"
    mv -T "$1" "$cache/$2"
}
