#!/bin/bash
# The example of doc/spmm.md compiles without warnings and prints what the
# manual says.
set -u
cd "$(dirname "$0")/.."
library=${WEIR_BUILD:-build/release}/libweir.a
case $library in
*/release/*) ;;
*) echo "ok 1 # SKIP the release build runs this"; echo "1..1"; exit 0 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
block() { # KIND: the first block of that kind
    awk -v kind="\`\`\`$1" '$0 == kind {inside = 1; next}
        /^```$/ && inside {exit} inside {print}' doc/spmm.md
}
block c >"$work/example.c"
block text >"$work/expected"
# shellcheck disable=SC2046 # several words
if ${CC:-gcc} -std=c11 -Wall -Wextra -Werror -O2 -I. \
    $(pkg-config --cflags glib-2.0) -o "$work/example" "$work/example.c" \
    "$library" $(pkg-config --libs glib-2.0) -lm >"$work/log" 2>&1 &&
    "$work/example" >"$work/printed" &&
    [ -s "$work/printed" ] && diff "$work/expected" "$work/printed" \
    >"$work/log"; then
    echo "ok 1 - the example of doc/spmm.md prints what it says"
else
    sed 's/^/# /' "$work/log"
    echo "not ok 1 - the example of doc/spmm.md prints what it says"
fi
echo "1..1"
