#!/bin/bash
# Block-sparse int8 products beside our dense kernel, oneDNN, OpenBLAS and
# LIBXSMM, whichever are installed (group 'bench' of packages.txt; none is ever
# linked into the library). doc/spmm.md says how to read the result.
# Usage: tests/bench/spmm.sh [ROUNDS [THREADS [TOKENS]]]
set -eu
cd "$(dirname "$0")/../.."
library=build/release/libweir.a
out=out/spmm
mkdir -p "$out"
flags=(-O2 -march=native -ftree-vectorize -ffp-contract=off)
libs=()
for partner in dnnl:ONEDNN:oneapi/dnnl/dnnl.h openblas:OPENBLAS:cblas.h \
    xsmm:LIBXSMM:libxsmm.h; do
    IFS=: read -r name macro header <<<"$partner"
    extra=()
    [ "$name" = openblas ] && read -ra extra <<<"$(pkg-config --cflags openblas 2>/dev/null || true)"
    if echo "#include <$header>" |
        gcc -E "${extra[@]}" - >/dev/null 2>&1; then
        flags+=("-DHAS_$macro" "${extra[@]}")
        libs+=("-l$name")
    else
        echo "without $name: its header <$header> is not installed"
    fi
done
# shellcheck disable=SC2046 # several words
gcc -Wall -Wextra -std=c11 -D_POSIX_C_SOURCE=200809L "${flags[@]}" -I. \
    -Ibuild/release/generated $(pkg-config --cflags glib-2.0) \
    -o "$out/spmm_bench" tests/bench/spmm_*.c "$library" "${libs[@]}" \
    $(pkg-config --libs glib-2.0 yaml-0.1 sqlite3 jansson) -lm -ldl -lpthread
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$out/spmm_bench" "$out/spmm.db" "$@"
echo "all times: $out/spmm.db, table measurements"
build/weir cpu -q -o "$out/cpu.yaml"
tests/bench/figures/spmm.sh "$out/spmm.db" "$out" "$out/cpu.yaml"
tests/bench/spmm_predict.sh "$out/spmm.db" "$out/cpu.yaml"
