#!/bin/sh
# sanitized.sh: runs a command with the options that our sanitizer builds want: stop at the first finding, with exit
# code 99, which no test expects of the command.
set -eu
export ASAN_OPTIONS="abort_on_error=0:exitcode=99:detect_leaks=1:allocator_may_return_null=1:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=99"
export TSAN_OPTIONS="halt_on_error=1:exitcode=99:second_deadlock_stack=1"
exec "$@"
