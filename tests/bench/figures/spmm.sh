#!/bin/bash
# Draws the newest one-thread session of a store of tests/bench/spmm.sh: times
# faster than oneDNN's dense product by sparsity, a panel a shape; whole layers; and
# all products under the roofs of an architecture that 'weir cpu' wrote.
# Usage: tests/bench/figures/spmm.sh STORE DIRECTORY ARCH
set -eu
store=$1
directory=$2
arch=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
query() {
    sqlite3 -readonly -separator ' ' "$store" "
        WITH newest AS (SELECT * FROM measurements WHERE benchmark = 'spmm' AND
            session = (SELECT max(session) FROM measurements
                       WHERE benchmark = 'spmm' AND threads = 1)),
        rows AS (SELECT *, shapes ->> 'M' AS m, shapes ->> 'K' AS k,
            shapes ->> 'N' AS n, round(100 * sparsity_ratio) AS percent
            FROM newest)
        $1"
}
# The ratio of each kernel to oneDNN, of one output and number of tokens.
ratios() { # OUTPUT M K N SUBJECT
    query "SELECT own.percent, other.p10_seconds / own.p10_seconds
        FROM rows own JOIN rows other ON other.m = own.m AND other.k = own.k AND
            other.n = own.n AND other.output = own.output AND
            other.dtype = 's8' AND other.subject = 'onednn'
        WHERE own.dtype = 's8' AND own.output = '$1' AND own.m = $2 AND
            own.k = $3 AND own.n = $4 AND own.subject = '$5'
        ORDER BY own.percent"
}
tokens=$(query "SELECT n FROM rows GROUP BY n ORDER BY n = 128 DESC, n LIMIT 1")
[ -n "$tokens" ] && [ -n "$(query "SELECT 1 FROM rows
    WHERE subject = 'onednn' LIMIT 1")" ] || exit 0
machine=$(query "SELECT machine FROM rows LIMIT 1")

plots() { # OUTPUT "SUBJECT..." ROWS COLUMNS FILE MARGINS WHAT; "M K TITLE" on stdin
    local output=$1 subjects=$2 rows=$3 columns=$4 m k title file plot point
    echo "set terminal pngcairo size $((columns * 300)),$((rows * 270 + 60)) \\
        font 'Helvetica,11'"
    echo "set output '$directory/$5.png'"
    echo "set multiplot layout $rows,$columns margins 0.08,0.98,$6 \\
        spacing 0.06,0.1 title 'Times faster than oneDNN dense u8 x s8, $7$tokens tokens, one thread ($machine)' font ',13'"
    echo "set xlabel 'blocks dropped, %' offset 0,0.6; set xrange [47:93]; set yrange [0:11]; set grid ytics lc '#dddddd'
        set xtics 50,10; set tics nomirror; set key top left Left reverse \\
        samplen 1.5 spacing 0.95; set border 3"
    while read -r m k title; do
        plot="100 / (100 - x) w l lc '#999999' dt 3 t 'no cost but work', \\
            1 w l lc black dt 2 notitle"
        point=3
        for subject in $subjects; do
            file=$work/$output-$m-$k-$subject
            ratios "$output" "$m" "$k" "$tokens" "$subject" >"$file"
            plot+=", '$file' w lp pt $((++point)) ps 0.9 lw 1.4 t '$subject'"
        done
        echo "set title '$title' offset 0,-0.6; plot $plot; unset key"
    done
    echo "unset multiplot"
}
query "SELECT DISTINCT m, k, m || ' x ' || k FROM rows WHERE output = 'u8'
    ORDER BY m * k, m" |
    plots u8 "4x1 16x1 32x1 4x4 1x4" 3 3 speedup 0.07,0.9 "" >"$work/speedup.gp"
query "SELECT DISTINCT m, k, 'layer of width ' || k FROM rows
    WHERE output = 'layer' ORDER BY k" |
    plots layer "4x1 16x1" 1 3 layers 0.16,0.78 "products of a layer, " \
        >"$work/layers.gp"

# What 'weir cpu' measured, in 1e9 a second.
rate() { # LEVEL: of its reads, bytes
    awk -v level="$1" '
        $1 == "clock:" { clock = $2 / 1e9 }
        $2 == "memory:" || $1 == "memory:" { at = $NF }
        at == level && $1 == "read_rate:" { print $2 * clock; exit }
        at == level && $1 == "read_bandwidth:" { print $2 / 1e3; exit }' "$arch"
}
cycles() { # INSTRUCTION: from one to the next
    awk -v name="$1:" '$1 == name {
        for (i = 2; i < NF; i++) if ($i == "cycles:") { print $(i + 1); exit }
    }' "$arch"
}
clock=$(awk '$1 == "clock:" { print $2 / 1e9; exit }' "$arch")
# Operations of 16 dots (4 rows x 64 tokens x 4 inputs) over the cycles of the port
# that is busiest; dots and shuffles share ports where both name p5.
group=$((16 * 64 * 2))
shared=$(grep -c '^ *\(dot\|shuffle\):.*p5' "$arch" || true)
limits() {
    awk -v clock="$clock" -v group="$group" -v shared="$shared" \
        -v dot="$(cycles dot)" -v shuffle="$(cycles shuffle)" \
        -v load="$(cycles load)" -v line="$(cycles load_line)" '
        function most(a, b) { return a > b ? a : b }
        BEGIN {
            products = 16 * dot
            print "peak", group * clock / products
            both = shared == 2 ? products + 8 * dot : products
            print "4x1", group * clock / most(both, 4 * line + 4 * load)
            print "1x4", group * clock / most(products, 16 * line + 4 * load)
        }'
}
limit() { limits | awk -v name="$1" '$1 == name { print $2 }'; }
# Intensity: operations on kept blocks over the bytes of packed weights (a value an
# input and row, four bytes an index), activations and results, once each.
roofline() {
    local subject
    for subject in 4x1 16x1 32x1 4x4 1x4; do
        query "SELECT 2 * kept * n / (kept * (1 + 4.0 / per_index) + k * n +
                m * n), 2 * kept * n / p10_seconds / 1e9
            FROM (SELECT *, m * k * (1 - sparsity_ratio) AS kept,
                CASE subject WHEN '4x1' THEN 4 WHEN '16x1' THEN 16
                    WHEN '32x1' THEN 32 WHEN '4x4' THEN 16 ELSE 4 END
                    AS per_index FROM rows)
            WHERE dtype = 's8' AND output = 'u8' AND subject = '$subject'" \
            >"$work/roof-$subject"
    done
    cat <<END
set terminal pngcairo size 900,640 font 'Helvetica,12'
set output '$directory/roofline.png'
set title 'Block-sparse products of bytes under measured roofs, one thread ($machine)'
set xlabel 'operations on kept blocks a byte moved once'
set ylabel '1e9 operations a second'
set logscale x 2; set logscale y 2; set grid lc '#dddddd'; set tics nomirror; set border 3
set key bottom right Left reverse samplen 1.5
peak = $(limit peak)
least(a, b) = a < b ? a : b
set xrange [4:512]; set yrange [peak / 8:peak * 1.2]
plot least(peak, x * $(rate L2)) w l lw 2 lc black t 'products, L2', \\
    least(peak, x * $(rate L3)) w l lw 1.5 lc '#666666' dt 2 t 'L3', \\
    least(peak, x * $(rate DRAM)) w l lw 1.5 lc '#666666' dt 3 t 'main memory', \\
    $(limit 4x1) w l lc '#0072b2' dt 4 t 'ports, 4x1', \\
    $(limit 1x4) w l lc '#d55e00' dt 4 t 'ports, 1x4', \\
    '$work/roof-4x1' w p pt 4 lc '#0072b2' t '4x1', \\
    '$work/roof-16x1' w p pt 5 lc '#e69f00' t '16x1', \\
    '$work/roof-32x1' w p pt 6 lc '#009e73' t '32x1', \\
    '$work/roof-4x4' w p pt 7 ps 0.7 lc '#56b4e9' t '4x4', \\
    '$work/roof-1x4' w p pt 8 lc '#d55e00' t '1x4'
END
}
roofline >"$work/roofline.gp"
gnuplot "$work/speedup.gp" "$work/layers.gp" "$work/roofline.gp"
echo "figures: $directory/{speedup,layers,roofline}.png"
