#!/bin/bash
# Draws the newest one-thread session of a store of tests/bench/spmm.sh: times
# faster than oneDNN's dense product by sparsity, a panel a shape; and whole layers.
# Usage: tests/bench/figures/spmm.sh STORE DIRECTORY
set -eu
store=$1
directory=$2
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
gnuplot "$work/speedup.gp" "$work/layers.gp"
echo "figures: $directory/speedup.png $directory/layers.png"
