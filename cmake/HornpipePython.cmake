# The extension module of the Python package: python/src over the static library, in Python's limited API (one build for
# 3.11 and later), or in the full one where that is the only one there is (free-threaded Python).
#
# In a build by hand the package comes together in build/python, which PYTHONPATH may name; pip (scikit-build-core) installs
# the module into the wheel.
find_package(Python 3.11 COMPONENTS Interpreter Development.Module NumPy REQUIRED)
execute_process(COMMAND ${Python_EXECUTABLE} -c
    "import sysconfig; print(int(bool(sysconfig.get_config_var('Py_GIL_DISABLED'))))"
    OUTPUT_VARIABLE hornpipe_free_threaded OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

file(GLOB hornpipe_python_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/src/*.c)
add_library(hornpipe_python MODULE ${hornpipe_python_sources})
set_target_properties(hornpipe_python PROPERTIES PREFIX "" OUTPUT_NAME _hornpipe C_EXTENSIONS OFF
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/python/hornpipe)
if(hornpipe_free_threaded)
  set_target_properties(hornpipe_python PROPERTIES SUFFIX ".${Python_SOABI}.so")
  target_compile_definitions(hornpipe_python PRIVATE Py_GIL_DISABLED=1)
else()
  set_target_properties(hornpipe_python PROPERTIES SUFFIX ".abi3.so")
  target_compile_definitions(hornpipe_python PRIVATE Py_LIMITED_API=0x030b0000)
endif()
target_include_directories(hornpipe_python SYSTEM PRIVATE ${Python_INCLUDE_DIRS} ${Python_NumPy_INCLUDE_DIRS})
set_source_files_properties(${hornpipe_python_sources} PROPERTIES
    COMPILE_OPTIONS -Wno-pedantic) # Python's API passes functions as void *
target_link_libraries(hornpipe_python PRIVATE hornpipe_static hornpipe_flags hornpipe_guards Threads::Threads m)
set(hornpipe_python_map ${PROJECT_SOURCE_DIR}/python/src/module.map)
target_link_options(hornpipe_python PRIVATE -Wl,--as-needed -Wl,--version-script=${hornpipe_python_map})
set_target_properties(hornpipe_python PROPERTIES LINK_DEPENDS ${hornpipe_python_map})

if(SKBUILD)
  install(TARGETS hornpipe_python LIBRARY DESTINATION hornpipe)
else()
  add_custom_target(hornpipe_python_files ALL DEPENDS hornpipe_python
      COMMAND ${CMAKE_COMMAND} -E copy_directory ${PROJECT_SOURCE_DIR}/python/hornpipe
          ${PROJECT_BINARY_DIR}/python/hornpipe)
endif()
