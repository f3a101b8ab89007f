#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The rows of the simulator's tests that say which section of KVM's or the firmware's description
# they are about ("3.2 gate 6: ..."): how many there are, with --list each of them. Fails if
# there are fewer than 200.
set -eu

rows=$(grep -ohE '[{(]"[0-9]+\.[0-9]+[^"]*"' "$(dirname "$0")"/test_*.c | cut -c2- | sort -u)
[ "${1:-}" != --list ] || echo "$rows"
count=$(echo "$rows" | wc -l)
echo "$count rows"
[ "$count" -ge 200 ]
