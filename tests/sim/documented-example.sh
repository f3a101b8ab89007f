#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Is the program that docs/simulator.md shows the one in tests/sim?
# usage: documented-example.sh SOURCE-DIR
set -euo pipefail

# shellcheck disable=SC2016 # the backquotes are Markdown's
sed -n '/^```c$/,/^```$/p' "$1/docs/simulator.md" | sed '1d;$d' | diff - "$1/tests/sim/ci_example.c"
