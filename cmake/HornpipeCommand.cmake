# The command, build/hornpipe: src/cli sees hornpipe.h and nothing else of the library.
# Debian's shared libhdf5 brings 30 other libraries (curl, Kerberos ...), whose loading takes longer than a small
# prediction. The archive brings none, where it links by itself: then the command takes it.
function(hornpipe_find_hdf5_archive variable)
  include(CheckCSourceCompiles)
  set(${variable} "" PARENT_SCOPE)
  find_library(HORNPIPE_HDF5_ARCHIVE NAMES libhdf5.a libhdf5_serial.a HINTS ${HP_HDF5_LIBRARY_DIRS})
  find_library(HORNPIPE_SZ NAMES sz)
  if(NOT HORNPIPE_HDF5_ARCHIVE OR NOT HORNPIPE_SZ OR HORNPIPE_SANITIZE)
    return()
  endif()
  set(libraries ${HORNPIPE_HDF5_ARCHIVE} ${HORNPIPE_SZ} z m dl)
  set(CMAKE_REQUIRED_INCLUDES ${HP_HDF5_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_LIBRARIES ${libraries})
  check_c_source_compiles("#include <hdf5.h>
      int main(void) { return H5Fopen(\"\", H5F_ACC_RDONLY, H5P_DEFAULT) < 0; }" HORNPIPE_HDF5_ARCHIVE_LINKS)
  if(HORNPIPE_HDF5_ARCHIVE_LINKS)
    set(${variable} ${libraries} PARENT_SCOPE)
  endif()
endfunction()

file(GLOB hornpipe_cli CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.c)
if(hornpipe_cli)
  add_executable(hornpipe_command ${hornpipe_cli})
  set_target_properties(hornpipe_command PROPERTIES OUTPUT_NAME hornpipe C_EXTENSIONS OFF
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  hornpipe_find_hdf5_archive(hdf5_archive)
  target_link_libraries(hornpipe_command PRIVATE
      hornpipe_static ${hdf5_archive} hornpipe_flags hornpipe_guards Threads::Threads m)
  target_link_options(hornpipe_command PRIVATE -Wl,--as-needed)
else()
  message(STATUS "src/cli has no sources: no command")
endif()
