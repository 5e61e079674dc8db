# make install: command, both libraries, header, man page, pkg-config file, CMake package.
include(CMakePackageConfigHelpers)

set(hornpipe_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hornpipe)
install(TARGETS hornpipe_static hornpipe_shared EXPORT hornpipe-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET hornpipe_command)
  install(TARGETS hornpipe_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT hornpipe-targets NAMESPACE hornpipe:: DESTINATION ${hornpipe_cmake_dir})

set(hornpipe_requires_private
    "${hornpipe_module_HP_HDF5} ${hornpipe_module_HP_ZIP} ${hornpipe_module_HP_JSON} ${hornpipe_module_HP_ZLIB}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/hornpipe.pc.in ${PROJECT_BINARY_DIR}/hornpipe.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hornpipe.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/hornpipe-config.cmake.in
    ${PROJECT_BINARY_DIR}/hornpipe-config.cmake INSTALL_DESTINATION ${hornpipe_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hornpipe-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hornpipe-config.cmake ${PROJECT_BINARY_DIR}/hornpipe-config-version.cmake
    DESTINATION ${hornpipe_cmake_dir})

if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man/hornpipe.1)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/man/hornpipe.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
