#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes the files that the vectors are about: kernels and initrds by their recipes, synthetic
# firmware by its formula. Real firmware is looked for in the folder COCO_VECTOR_FIRMWARE, by what
# is in it, not by its name; without it, the vectors that need it are skipped.
# usage: inputs.sh LIST FOLDER
set -euo pipefail
export LC_ALL=C

list=$1 folder=$2
mkdir -p "$folder"

sha256() { sha256sum <"$1" | cut -d ' ' -f 1; }

# synthesize OUT SIZE TAIL-LENGTH TAIL-BASE64: byte i is i*31 + (i>>12)*7, then the tail.
synthesize() {
    local out=$1 size=$2 tail_length=$3 page i period
    for ((page = 0; page << 12 < size; page++)); do
        period=
        for ((i = 0; i < 256; i++)); do
            period+=$(printf '\\x%02x' $(((i * 31 + page * 7) & 255)))
        done
        for ((i = 0; i < 16; i++)); do
            printf '%b' "$period"
        done
    done >"$out"
    truncate -s $((size - tail_length)) "$out"
    base64 -d <<<"$4" >>"$out"
}

# cook RECIPE: the recipes are commands, but what a file says is not run.
cook() {
    case $1 in
    "seq 1 "*) seq 1 "${1#seq 1 }" ;;
    "head -c "*" /dev/zero")
        local size=${1#head -c }
        head -c "${size% /dev/zero}" /dev/zero
        ;;
    *)
        echo "no such recipe: $1" >&2
        return 1
        ;;
    esac
}

# Firmware of the folder by its digest: packed[DIGEST] is the file.
declare -A packed=()
if [[ -n ${COCO_VECTOR_FIRMWARE-} ]]; then
    for file in "$COCO_VECTOR_FIRMWARE"/*.fd "$COCO_VECTOR_FIRMWARE"/*.fd.xz; do
        [[ -f $file ]] || continue
        if [[ $file == *.xz ]]; then
            digest=$(xz -dc "$file" | sha256sum | cut -d ' ' -f 1)
        else
            digest=$(sha256 "$file")
        fi
        packed[$digest]=$file
    done
fi

# find_firmware DIGEST: writes it, false if there is none.
find_firmware() {
    local file=${packed[$1]-}
    [[ -n $file ]] || return 1
    if [[ $file == *.xz ]]; then xz -dc "$file"; else cat "$file"; fi
}

status=0
while read -r kind name digest rest; do
    out=$folder/$name
    if [[ -f $out && $(sha256 "$out") == "$digest" ]]; then
        continue
    fi
    rm -f "$out"
    # shellcheck disable=SC2086 # the rest are words
    case $kind in
    synthetic) synthesize "$out.new" $rest ;;
    file) cook "$rest" >"$out.new" ;;
    firmware)
        find_firmware "$digest" >"$out.new" || {
            rm "$out.new"
            echo "$rest is not here, its vectors are skipped: $name, sha256 $digest"
            continue
        }
        ;;
    esac
    if [[ $(sha256 "$out.new") != "$digest" ]]; then
        echo "$name is not what its vectors are about (sha256 $digest)"
        status=1
        continue
    fi
    mv "$out.new" "$out"
done <"$list"
exit "$status"
