#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A manual page is clean and tells of each option that --help tells of.
# usage: manual.sh PROGRAM PAGE
# shellcheck source=tests/tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$1 page=$2
need "$program" "$page"

text=$(sed -e 's/\\-/-/g' "$page")
for option in $("$program" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'); do
    grep -Eq -e "(^|[^a-z-])$option([^a-z-]|$)" <<<"$text" || wrong "$page does not tell of $option"
done

if command -v groff >/dev/null; then
    warnings=$(groff -man -Tutf8 -ww "$page" 2>&1 >/dev/null)
    same "groff's warnings" "$warnings" ""
else
    echo "not tried: groff (not installed)"
fi
finish
