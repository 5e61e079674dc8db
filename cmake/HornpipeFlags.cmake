# How everything is compiled: hornpipe_flags is linked privately to every target of ours.
#
# -ffp-contract=off: a fused multiply-add happens only where a kernel writes it, so that a row's result does not
# depend on what the compiler found convenient.
add_library(hornpipe_flags INTERFACE)
target_compile_features(hornpipe_flags INTERFACE c_std_11)
target_compile_definitions(hornpipe_flags INTERFACE HP_VERSION="${PROJECT_VERSION}")
target_compile_options(hornpipe_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
    -ffp-contract=off -fno-math-errno -fvisibility=hidden)
target_include_directories(hornpipe_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
if(HORNPIPE_WERROR)
  target_compile_options(hornpipe_flags INTERFACE -Werror)
endif()
if(HORNPIPE_SANITIZE)
  set(hornpipe_sanitize -fsanitize=${HORNPIPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_compile_options(hornpipe_flags INTERFACE ${hornpipe_sanitize})
  target_link_options(hornpipe_flags INTERFACE ${hornpipe_sanitize})
  target_compile_definitions(hornpipe_flags INTERFACE HP_SANITIZED=1)
endif()

# Model files are data from anywhere: what parses them gets the compiler's own guards as well. Not for kernels.
add_library(hornpipe_guards INTERFACE)
if(NOT HORNPIPE_SANITIZE)
  target_compile_options(hornpipe_guards INTERFACE -fstack-protector-strong)
  target_compile_definitions(hornpipe_guards INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
