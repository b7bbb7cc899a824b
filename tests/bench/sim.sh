#!/bin/bash
# The tile simulator, in seconds of CPU time: attention of a million tokens with
# fast-forward (start of the process included), tile steps a second without, bursts
# a second of DRAM inside it.
# Usage: tests/bench/sim.sh, with WEIR the command.
set -eu
cd "$(dirname "$0")/../.."
weir=${WEIR:-build/weir}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Seconds of user time of a command, best of three.
seconds() {
    for _ in 1 2 3; do
        { TIMEFORMAT=%U; time "$@" >"$work/out"; } 2>&1
    done | sort -g | head -1
}

fusemax="--arch arch-configs/fusemax-cloud.yaml
    --mapping mappings/fusemax-binding.yaml
    --cascade workloads/attention/one-pass.yaml"
# shellcheck disable=SC2086
s=$(seconds "$weir" sim $fusemax --set B=64,H=12,E=64,F=64,P=1M,M=1M)
echo "BERT, 1M tokens, fast-forward: $s s"

# Tile steps: 12 Einsums, P/256 * M/256 tiles a head.
# shellcheck disable=SC2086
s=$(seconds "$weir" sim $fusemax --no-fast-forward --set B=2,H=4,E=64,F=64,P=16K,M=16K)
awk -v s="$s" 'BEGIN { n = 2 * 4 * 64 * (64 * 11 + 1)
    printf "every step: %d tile steps, %.3f s, %.2f M a second\n", n, s, n / s / 1e6 }'

sed -e 's#^arch: .*#arch: bench#' -e "/memory: DRAM/a\\
  dram: $PWD/arch-configs/dram/hbm2e.yaml" arch-configs/fusemax-cloud.yaml >"$work/a.yaml"
sed -i "s#dram: /#dram: $(dirname "$work" | sed 's#[^/]*/*#../#g')../#" "$work/a.yaml"
s=$(seconds "$weir" sim --arch "$work/a.yaml" --mapping mappings/fusemax-binding.yaml \
    --cascade workloads/attention/one-pass.yaml --set B=8,H=12,E=64,F=64,P=1K,M=1K)
awk -v s="$s" -v n="$(sed -n 's/^main memory.*: \([0-9,]*\) bursts.*/\1/p' "$work/out" | tr -d ,)" \
    'BEGIN { printf "DRAM: %d bursts, %.3f s, %.2f M a second\n", n, s, n / s / 1e6 }'
