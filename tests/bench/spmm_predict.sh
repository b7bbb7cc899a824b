#!/bin/bash
# Predicted against measured times of block-sparse kernels, every point there is.
# Usage: tests/bench/spmm_predict.sh [STORE ARCH]
# Without arguments: the prototypes of tests/data/spmm on arch-configs/cascade-lake.yaml.
# With: sums of the newest one-thread session of a store of tests/bench/spmm.sh, and an
# architecture that 'weir cpu' wrote on that machine.
# out/spmm/prediction-NAME.csv has the points, .png the figure; stdout the errors.
set -eu
cd "$(dirname "$0")/../.."
weir=${WEIR:-build/weir}
out=out/spmm
mkdir -p "$out"
if [ $# = 2 ]; then
    store=$1 arch=$2 name=this-machine
else
    store= arch=arch-configs/cascade-lake.yaml name=cascade-lake
fi

# kernel M K N sparsity_percent microseconds reference
# The reference is oneDNN in the same run over its best for the shape: how much
# slower the whole machine was meanwhile.
measured() {
    if [ -n "$store" ]; then
        sqlite3 -readonly -separator ' ' "$store" "
            SELECT subject, shapes ->> 'M', shapes ->> 'K', shapes ->> 'N',
                round(100 * sparsity_ratio), p10_seconds * 1e6, 1
            FROM measurements WHERE benchmark = 'spmm' AND threads = 1 AND
                dtype LIKE 's8%' AND output = 'sum' AND subject IN
                ('dense', '4x1', '16x1', '32x1', '4x4', '1x4') AND session =
                (SELECT max(session) FROM measurements
                 WHERE benchmark = 'spmm' AND threads = 1)"
        return
    fi
    awk -F, '
        NR == 1 || $1 != 1 { next }
        { shape = $2 " " $3 " " $4 }
        $6 == "onednn_u8s8s32" {
            run[shape " " $5] = $8
            if (!(shape in best) || $8 < best[shape]) best[shape] = $8
        }
        $6 ~ /^spmm_/ { name[++n] = $6; at[n] = shape; s[n] = $5; us[n] = $8 }
        END {
            for (i = 1; i <= n; i++) {
                kernel = name[i]
                sub(/^spmm_/, "", kernel)
                print kernel, at[i], 100 * s[i], us[i],
                    run[at[i] " " s[i]] / best[at[i]]
            }
        }' tests/data/spmm/prototypes-cascade-lake.csv
}

mapping_of() { # KERNEL: mapping and block
    case $1 in
    4x1_permt2) echo spmm-4x1-permute 4 1 ;;
    16x1_gatherpack) echo spmm-keep 16 1 ;;
    32x1_gatherpack) echo spmm-keep 32 1 ;;
    4x1*) echo spmm-4x1 4 1 ;;
    16x1) echo spmm-4x1 16 1 ;;
    32x1) echo spmm-4x1 32 1 ;;
    4x4* | dense) echo spmm-4x4 4 4 ;;
    1x4*) echo spmm-1x4 1 4 ;;
    esac
}

points=$out/prediction-$name.csv
echo "kernel,rows,k,tokens,sparsity_percent,measured_us,disturbance,predicted_us" >"$points"
measured | while read -r kernel m k n percent us reference; do
    read -r mapping bm bk <<<"$(mapping_of "$kernel")"
    density=$(awk -v s="$percent" 'BEGIN { printf "%d", 100 - s + 0.5 }')
    seconds=$("$weir" model --json -c workloads/sparse/spmm.yaml -a "$arch" \
        -m "mappings/$mapping.yaml" \
        --set "M=$m,K=$k,N=$n,BM=$bm,BK=$bk,DENSITY=$density" | jq .seconds)
    awk -v OFS=, -v a="$kernel,$m,$k,$n,$percent,$us,$reference" -v s="$seconds" \
        'BEGIN { print a, s * 1e6 }' >>"$points"
done

# Errors; ranking of kernels of a shape and sparsity; where a kernel meets the dense
# one, its time taken as linear in density.
awk -F, '
    function add(group, error,    size) {
        size = error < 0 ? -error : error
        count[group]++; sum[group] += error; abs_sum[group] += size
        if (size > most[group]) most[group] = size
    }
    NR == 1 { next }
    {
        fits = $2 * $3 <= 1048576 ? "weights fit L2" : "weights beyond L2"
        add(fits, $8 / $6 - 1)
        add(fits ", as slow as oneDNN was", $8 / ($6 / $7) - 1)
        add("  " $1 ", " fits, $8 / $6 - 1)
        n++; key[n] = $2 " " $3 " " $4 " " $5; us[n] = $6; us_p[n] = $8
        shape = $2 " " $3 " " $4
        if ($5 == 0 && ($1 ~ /^4x4/ || $1 == "dense")) {
            dense[shape] = $6; dense_p[shape] = $8
        }
        id = $1 " " shape
        if ($1 ~ /x1/) {
            shape_of[id] = shape
            if ($5 == 0) { full[id] = $6; full_p[id] = $8 }
            if ($5 == 70) { part[id] = $6; part_p[id] = $8 }
        }
    }
    END {
        for (g in count)
            printf "%-58s %4d points, error %+6.1f %%, size %5.1f %%, most %5.1f %%\n",
                g, count[g], 100 * sum[g] / count[g], 100 * abs_sum[g] / count[g],
                100 * most[g] | "sort"
        close("sort")
        for (i = 1; i <= n; i++)
            for (j = i + 1; j <= n; j++)
                if (key[i] == key[j] &&
                    (us[i] > 1.1 * us[j] || us[j] > 1.1 * us[i])) {
                    pairs++
                    right += (us[i] > us[j]) == (us_p[i] > us_p[j])
                }
        if (pairs > 0)
            printf "ranking right in %d of %d pairs that differ by more than 10 %%: %.1f %%\n",
                right, pairs, 100 * right / pairs
        for (id in full) {
            s = shape_of[id]
            if (!(s in dense) || !(id in part) || full[id] <= dense[s]) continue
            meet = 70 * (full[id] - dense[s]) / (full[id] - part[id])
            meet_p = 70 * (full_p[id] - dense_p[s]) / (full_p[id] - part_p[id])
            far = meet_p - meet; far = far < 0 ? -far : far
            crossings++; far_sum += far; if (far > far_most) far_most = far
        }
        if (crossings > 0)
            printf "sparsity from which %d kernels beat dense: off by %.1f points in the mean, %.1f at most\n",
                crossings, far_sum / crossings, far_most
    }' "$points"

gnuplot <<GNUPLOT
set terminal pngcairo size 900,860 font 'Helvetica,12'
set output '$out/prediction-$name.png'
set datafile separator ','
set logscale xy
set xlabel 'measured, us'
set ylabel 'predicted, us'
set key top left reverse Left
set grid lc '#dddddd'
set title 'Block-sparse products: predicted against measured, all points ($name)'
set size ratio -1
kernels = system("tail -n +2 $points | cut -d, -f1 | sort -u | tr '_' '-'")
raw = system("tail -n +2 $points | cut -d, -f1 | sort -u")
plot x w l lc black t 'as measured', 1.3*x w l lc '#999999' dt 3 t '30 % off', \
    x/1.3 w l lc '#999999' dt 3 notitle, \
    for [i=1:words(raw)] '$points' skip 1 u 6:(strcol(1) eq word(raw,i) ? \$8 : 1/0) \
        w p pt i+3 ps 0.8 t word(kernels,i)
GNUPLOT
echo "$points, $out/prediction-$name.png"
