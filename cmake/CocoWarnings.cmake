# SPDX-License-Identifier: MIT OR Apache-2.0

# Link to `cocoreset_warnings` to build with the project's warnings. Only flags that both gcc and
# clang know: clang-tidy reads the same command lines.
add_library(cocoreset_warnings INTERFACE)
target_compile_options(cocoreset_warnings INTERFACE
  -Wall
  -Wextra
  -Wcast-align
  -Wcast-qual
  -Wformat-security
  -Wimplicit-fallthrough
  -Wmissing-prototypes
  -Wpointer-arith
  -Wshadow
  -Wstrict-prototypes
  -Wundef
  -Wvla
  -Wwrite-strings
  $<$<BOOL:${COCO_WERROR}>:-Werror>)
