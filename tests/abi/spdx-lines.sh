#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Every source file says its licence in its first line (its second, below a "#!").
# usage: spdx-lines.sh ROOT
set -euo pipefail
export LC_ALL=C

cd "$1"
mapfile -t files < <(find . -path ./build -prune -o -path ./.git -prune -o -type f \( \
    -name '*.[chS]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.hpp' -o \
    -name '*.ld' -o -name '*.lds' -o -name '*.map' -o \
    -name CMakeLists.txt -o -name '*.cmake' -o -name '*.in' -o \
    -name '*.sh' -o -name '*.py' -o -name '*.yml' -o -name '*.yaml' -o \
    -name '.clang-*' -o -name .editorconfig -o -name .gitignore -o \
    -path ./dev -o -path ./.ci/run \) -print | sort)

status=0
for file in "${files[@]}"; do
    { read -r first || true; read -r second || true; } <"$file"
    [[ $first == '#!'* ]] && first=$second
    if [[ $first != *'SPDX-License-Identifier: MIT OR Apache-2.0'* ]]; then
        echo "$file: the first line is not \"SPDX-License-Identifier: MIT OR Apache-2.0\" in a comment"
        status=1
    fi
done
echo "${#files[@]} files"
((${#files[@]} > 0)) || status=1
exit "$status"
