# How everything is compiled: hornpipe_flags is linked privately to every target of ours.
#
# -ffp-contract=off: a fused multiply-add happens only where a kernel writes it, so that a row's result does not
# depend on what the compiler found convenient.
add_library(hornpipe_flags INTERFACE)
target_compile_features(hornpipe_flags INTERFACE c_std_11)
target_compile_definitions(hornpipe_flags INTERFACE HP_VERSION="${PROJECT_VERSION}")
target_compile_options(hornpipe_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
    -ffp-contract=off -fno-math-errno)
target_include_directories(hornpipe_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
if(HORNPIPE_WERROR)
  target_compile_options(hornpipe_flags INTERFACE -Werror)
endif()
# The sanitizers' builds keep every name visible, for the one library that all their tests share (HornpipeFolders.cmake),
# and lines as their only debug information: with all of it, in each of some fifty tests, they took 7 GB of disk.
if(HORNPIPE_SANITIZE)
  set(hornpipe_sanitize -fsanitize=${HORNPIPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_compile_options(hornpipe_flags INTERFACE ${hornpipe_sanitize})
  target_link_options(hornpipe_flags INTERFACE ${hornpipe_sanitize})
  target_compile_definitions(hornpipe_flags INTERFACE HP_SANITIZED=1)
else()
  target_compile_options(hornpipe_flags INTERFACE -fvisibility=hidden)
endif()

# Model files are data from anywhere: what parses them gets the compiler's own guards as well. Not for kernels.
add_library(hornpipe_guards INTERFACE)
if(NOT HORNPIPE_SANITIZE)
  target_compile_options(hornpipe_guards INTERFACE -fstack-protector-strong)
  target_compile_definitions(hornpipe_guards INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
