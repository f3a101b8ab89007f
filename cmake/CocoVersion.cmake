# SPDX-License-Identifier: MIT OR Apache-2.0

# coco_read_version(HEADER OUT): sets OUT to "major.minor.patch" as the header's COCO_VERSION_*
# macros tell it, so that the version is written down in one place. A changed header configures
# the build anew.
function(coco_read_version header out)
  set(path "${CMAKE_CURRENT_SOURCE_DIR}/${header}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
  set(parts "")
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${path}" line REGEX "^#define COCO_VERSION_${part} +[0-9]+")
    if(NOT line MATCHES "COCO_VERSION_${part} +([0-9]+)")
      message(FATAL_ERROR "${header} does not define COCO_VERSION_${part} as a number")
    endif()
    list(APPEND parts "${CMAKE_MATCH_1}")
  endforeach()
  list(JOIN parts "." version)
  set(${out} "${version}" PARENT_SCOPE)
endfunction()
