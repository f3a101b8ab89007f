#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The table of docs/journal.md is what the rules say.
# usage: table-matches-rules.sh PROGRAM PAGE
set -euo pipefail

diff --label docs/journal.md --label "what $1 prints" -u \
    <(awk '/^\| on \| ioctl/ { inside = 1 } inside && !/^\|/ { exit } inside' "$2") <("$1")
