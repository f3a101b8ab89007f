#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# lib/core knows no technology: what differs between them is behind the backends' table. Parts of
# identifiers count as words, so COCO_TECH_PLAIN is found, "explain" is not.
# usage: core-names-no-technology.sh LIB_CORE
set -euo pipefail
export LC_ALL=C

[[ -d $1 ]] || { echo "no such folder: $1" && exit 1; }
words='plain|swprotected|snp|sev|seves|tdx'
if grep -rniE "(^|[^a-z0-9])($words)([^a-z0-9]|\$)" "$1"; then
    echo "these lines name a technology: that belongs into lib/backend"
    exit 1
fi
