#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Is the program that the README shows the one in examples/first?
# usage: readme-program.sh SOURCE-DIR
set -euo pipefail

# shellcheck disable=SC2016 # the backquotes are the README's
sed -n '/^```c$/,/^```$/p' "$1/README.md" | sed '1d;$d' | diff - "$1/examples/first/first.c"
