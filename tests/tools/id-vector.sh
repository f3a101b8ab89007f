#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Is an ID block the expected one, and does its authentication page verify? The keys are in the
# working directory.
# usage: id-vector.sh PROGRAM VERIFIER BLOCK-HEX BLOCK-BASE64 ID-KEY-DIGEST AUTHOR-KEY-DIGEST|NOTFOUND
#            OPTION...
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 verifier=$2 hex=$3 base64=$4 id_digest=$5 author_digest=$6
shift 6
need "$program"

run "$program" id-block "$@"
same "status ($err)" "$status" 0
same "ID block" "$out" "$base64"
run "$program" id-block "$@" --output-format hex
same "ID block in hex" "$out" "$hex"

author=0 enabled=false author_options=()
if [[ $author_digest == NOTFOUND ]]; then
    author_digest=$(printf '0%.0s' {1..96})
else
    author=1 enabled=true author_options=(--author-key author_key_pem_sec1.pem)
fi

for key in id_key_pem_sec1.pem id_key_pem_pkcs8.pem "file:$PWD/id_key_pem_sec1.pem"; do
    signing=("$@" --id-key "$key" "${author_options[@]}")

    run "$program" id-auth "${signing[@]}"
    same "status with $key ($err)" "$status" 0
    run "$verifier" "$base64" "$out" "$author"
    same "keys of the page, with $key ($err)" "$out" "$id_digest"$'\n'"$author_digest"

    run "$program" id-auth "${signing[@]}" --output-format json
    same "status of JSON with $key ($err)" "$status" 0
    same "id_block" "$(json id_block)" "$base64"
    same "id_key_digest" "$(json id_key_digest)" "$id_digest"
    contains "JSON" "$out" "\"author_key_enabled\":$enabled"
    ((author == 0)) || same "author_key_digest" "$(json author_key_digest)" "$author_digest"
    run "$verifier" "$base64" "$(json id_auth)" "$author"
    same "verified from JSON, with $key ($err)" "$status" 0
done

# The same command line does for both commands.
run "$program" id-block "${signing[@]}"
same "ID block beside keys" "$out" "$base64"
finish
