# SPDX-License-Identifier: MIT OR Apache-2.0

# What `cmake --install` puts where, and the files by which others find the library.
include(CMakePackageConfigHelpers)

set(coco_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cocoreset)

install(TARGETS cocoreset EXPORT cocoreset-targets FILE_SET HEADERS)
install(TARGETS cocoreset-sim EXPORT cocoreset-targets)
install(EXPORT cocoreset-targets NAMESPACE cocoreset:: DESTINATION ${coco_package_dir})

configure_package_config_file(cmake/cocoreset-config.cmake.in cocoreset-config.cmake
  INSTALL_DESTINATION ${coco_package_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break what an earlier one promised.
write_basic_package_version_file(cocoreset-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/cocoreset-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/cocoreset-config-version.cmake
  DESTINATION ${coco_package_dir})

# Directories below the prefix are written relative to it, so that pkg-config can move them;
# absolute ones (a distribution may set them) stay as they are.
foreach(dir INCLUDEDIR LIBDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(coco_pc_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(coco_pc_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
foreach(package cocoreset cocoreset-sim)
  configure_file(pkgconfig/${package}.pc.in ${package}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${package}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# The programs install their own pages.
foreach(section 3 7)
  file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
