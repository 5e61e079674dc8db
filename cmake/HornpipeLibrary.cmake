# libhornpipe.a and libhornpipe.so. The shared library exports what hornpipe.h marks HP_API and nothing else (hidden
# visibility and a version script; tools/check_symbols.py compares).
set(hornpipe_map ${PROJECT_SOURCE_DIR}/cmake/hornpipe.map)

add_library(hornpipe_static STATIC)
add_library(hornpipe_shared SHARED)
foreach(library hornpipe_static hornpipe_shared)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME hornpipe LINKER_LANGUAGE C
      PUBLIC_HEADER ${PROJECT_SOURCE_DIR}/include/hornpipe.h)
  target_include_directories(${library} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  foreach(folder ${hornpipe_folders})
    get_property(objects GLOBAL PROPERTY HORNPIPE_OBJECTS_${folder})
    foreach(object ${objects})
      target_sources(${library} PRIVATE $<TARGET_OBJECTS:${object}>)
    endforeach()
  endforeach()
  target_link_libraries(${library} PRIVATE
      PkgConfig::HP_HDF5 PkgConfig::HP_ZIP PkgConfig::HP_JSON PkgConfig::HP_ZLIB Threads::Threads m ${CMAKE_DL_LIBS})
endforeach()
set_target_properties(hornpipe_static PROPERTIES EXPORT_NAME static)
set_target_properties(hornpipe_shared PROPERTIES EXPORT_NAME shared VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${hornpipe_map})
target_link_options(hornpipe_shared PRIVATE -Wl,--version-script=${hornpipe_map} -Wl,-z,relro ${hornpipe_sanitize})
if(NOT HORNPIPE_SANITIZE)
  target_link_options(hornpipe_shared PRIVATE -Wl,--no-undefined)
endif()
if(HORNPIPE_SANITIZE)
  target_link_options(hornpipe_static INTERFACE ${hornpipe_sanitize})
endif()
