# The command, build/hornpipe: src/cli sees hornpipe.h and nothing else of the library.
file(GLOB hornpipe_cli CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.c)
if(hornpipe_cli)
  add_executable(hornpipe_command ${hornpipe_cli})
  set_target_properties(hornpipe_command PROPERTIES OUTPUT_NAME hornpipe C_EXTENSIONS OFF
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  target_link_libraries(hornpipe_command PRIVATE hornpipe_static hornpipe_flags hornpipe_guards Threads::Threads m)
else()
  message(STATUS "src/cli has no sources: no command")
endif()
