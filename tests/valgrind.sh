#!/bin/bash
# Unit tests under valgrind's memcheck: a leak or a bad access is an error.
# Stacks of simulated threads lie side by side: a jump of the stack pointer of
# more than --max-stackframe is a change of stack, not a large frame.
# Usage: tests/valgrind.sh BUILD_FOLDER
set -u
cd "$(dirname "$0")/.."
build=${1:?usage: tests/valgrind.sh BUILD_FOLDER}
failed=0
for source in tests/unit/*.c; do
    program=$build/tests/$(basename "${source%.c}")
    if G_SLICE=always-malloc valgrind --quiet --error-exitcode=9 \
        --leak-check=full --errors-for-leak-kinds=definite \
        --max-stackframe=65536 \
        "$program" >/dev/null 2>"$build/valgrind.err"; then
        echo "ok      $program"
    else
        echo "FAILED  $program"
        sed 's/^/    /' "$build/valgrind.err"
        failed=1
    fi
done
exit $failed
