#!/bin/bash
# GTKWave reads what Weir writes: VCD to FST and back keeps every variable and
# every change. Without vcd2fst there is nothing to ask, and the one point says so.
set -u
cd "$(dirname "$0")/.."
echo "1..1"
if ! command -v vcd2fst >/dev/null || ! command -v fst2vcd >/dev/null; then
    echo "ok 1 # SKIP no GTKWave"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${WEIR:-build/weir} sim -q --cascade workloads/attention/one-pass.yaml \
    --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml \
    --set RF2=64,RF1=64 --trace "$work/a.vcd" >/dev/null
vcd2fst "$work/a.vcd" "$work/a.fst" >/dev/null && fst2vcd "$work/a.fst" >"$work/b.vcd"

# Changes of all variables by name and time, numbers without leading zeros.
changes() # file
{
    awk '/^\$scope/ { scope[++depth] = $3 }
         /^\$upscope/ { depth-- }
         /^\$var/ { name[$4] = scope[depth] "." $5 }
         /^#/ { now = $1 }
         /^[01]/ { print now, name[substr($0, 2)], substr($0, 1, 1) }
         /^[bs]/ { value = substr($1, 2); sub(/^0+/, "", value)
                   sub(/^x+$/, "x", value); print now, name[$2], value }' "$1" |
        grep -v '^#0 ' | sort
}
if changes "$work/a.vcd" | cmp - <(changes "$work/b.vcd") &&
    [ "$(changes "$work/a.vcd" | wc -l)" -gt 100 ]; then
    echo "ok 1 - a trace goes through vcd2fst and fst2vcd unchanged"
else
    echo "not ok 1 - a trace goes through vcd2fst and fst2vcd unchanged"
fi
