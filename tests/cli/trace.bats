bats_require_minimum_version 1.5.0
# Traces from the command line, read by programs that know nothing of Weir. The
# teaching chip moves whole bytes in whole cycles, so that sums are exact.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    W=$PWD/${WEIR:-build/weir}
    T=$BATS_TEST_TMPDIR
    ONE="--cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml"
    THREE="--cascade workloads/attention/three-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/unfused.yaml"
    SETTINGS="--set B=2,H=2,P=32,M=64,E=8,F=8,RF2=64,RF1=64"
    export SOURCE_DATE_EPOCH=1700000000
}

# Sums of durations and bytes by track and name, of a Chrome trace.
SUMS='
    .traceEvents
    | (map(select(.name == "thread_name") | {key: "\(.tid)", value: .args.name})
        | from_entries) as $tracks
    | map(select(.ph == "X"))
    | group_by([.tid, .name])
    | map({track: $tracks["\(.[0].tid)"], name: .[0].name,
           cause: .[0].args.cause, cycles: (map(.dur) | add), bytes: (map(.args.bytes // 0) | add)})'

@test "recording changes no result" {
    for run in "$ONE $SETTINGS" "$THREE $SETTINGS"; do
        $W sim $run --json > "$T/plain"
        $W sim $run --json --trace "$T/a.json" -q > "$T/whole"
        $W sim $run --json --trace "$T/a.vcd" --trace-window 1K:2K \
            --trace-only gbuf -q > "$T/window"
        cmp "$T/plain" "$T/whole"
        cmp "$T/plain" "$T/window"
    done
}

@test "chrome: tracks hold what the run reports" {
    for run in "$ONE $SETTINGS" "$THREE $SETTINGS"; do
        $W sim $run --json --trace "$T/a.json" -q > "$T/run"
        jq "$SUMS" "$T/a.json" > "$T/sums"
        # Einsums of a unit are its busy cycles, stalls cause by cause.
        jq -e --slurpfile sums "$T/sums" '
            [.einsums | to_entries[]
             | .key as $name | .value
             | .unit as $unit
            | .busy_cycles == ($sums[0] | map(select(.track == $unit and
                .name == $name) | .cycles) | add)] | all' "$T/run"
        jq -e --slurpfile sums "$T/sums" '
            [.stalls | to_entries[] | .key as $unit | .value | to_entries[]
             | .key as $cause
             | (($sums[0] | map(select(.track == "\($unit) stalls" and
                    .cause == $cause) | .cycles) | add) // 0) - .value
             | . > -1 and . < 1] | all' "$T/run"
        # All that the outermost memory reads and writes, except what is read
        # back, which is rounded up for each event.
        jq -e --slurpfile sums "$T/sums" '
            .traffic_bytes.DRAM | (.read + .write) as $bytes
            | $sums[0] | map(select(.track == "DRAM") | .bytes) | add
            | . >= $bytes and . < 1.01 * $bytes' "$T/run"
    done
}

@test "chrome: slices of a track do not overlap, arrows have two ends" {
    $W sim $ONE $SETTINGS --trace "$T/a.json" -q > /dev/null
    jq -e '.traceEvents | map(select(.ph == "X")) | group_by(.tid)
        | map(sort_by(.ts, .dur)
            | [range(1; length) as $i | .[$i].ts >= .[$i-1].ts + .[$i-1].dur])
        | flatten | length > 100 and all' "$T/a.json"
    jq -e '.traceEvents | map(select(.ph == "s" or .ph == "f")) | group_by(.id)
        | length > 10 and all(length == 2 and .[0].ts <= .[1].ts)' "$T/a.json"
    # A tile step knows its tile; buffers and bandwidths are counted.
    jq -e '.traceEvents | any(.name == "QK" and .args.m1 == "3:4" and
        .args.iteration > 0)' "$T/a.json"
    jq -e '.traceEvents | map(select(.ph == "C") | .name) | unique
        | contains(["gbuf: K", "DRAM bandwidth"])' "$T/a.json"
}

@test "chrome: a window has what overlaps it" {
    $W sim $ONE $SETTINGS --trace "$T/all.json" -q > /dev/null
    $W sim $ONE $SETTINGS --trace "$T/part.json" --trace-window 1000:1500 \
        -q > /dev/null
    PART='.traceEvents | map(select(.ph == "X" and .ts < 1500 and
        .ts + .dur > 1000))'
    jq -S "$PART" "$T/all.json" > "$T/expected"
    jq -S '.traceEvents | map(select(.ph == "X"))' "$T/part.json" > "$T/got"
    cmp "$T/expected" "$T/got"
    [ "$(jq length "$T/got")" -gt 20 ]
}

@test "perfetto: protoc reads the same events" {
    $W sim $ONE $SETTINGS --trace "$T/a.json" -q > /dev/null
    $W sim $ONE $SETTINGS --trace "$T/a.pftrace" -q > /dev/null
    protoc --decode_raw < "$T/a.pftrace" > "$T/text"
    # TracePacket 1, its track_event 11, whose type is 9: begin, end, counter.
    for type in 1:X 2:X 4:C; do
        [ "$(grep -c "^    9: ${type%:*}$" "$T/text")" = \
            "$(jq ".traceEvents | map(select(.ph == \"${type#*:}\")) | length" \
                "$T/a.json")" ]
    done
    # Times in ns: thousandths of a cycle.
    grep '^  8: ' "$T/text" | sort -u | awk '{print $2}' | sort -n > "$T/times"
    jq '.traceEvents[] | select(.ph == "X") | .ts, .ts + .dur | . * 1000
        | round' "$T/a.json" | sort -nu > "$T/expected"
    [ -z "$(comm -13 <(sort "$T/times") <(sort "$T/expected"))" ]
}

@test "vcd: a unit is busy for as long as the run says" {
    $W sim $ONE $SETTINGS --json --trace "$T/a.vcd" -q > "$T/run"
    perl -e '
        my ($now, @scope, %name, %since, %busy, %kind) = (0);
        while (<>) {
            if (/^\$scope module (\S+) \$end/) { push @scope, $1 }
            elsif (/^\$upscope/) { pop @scope }
            elsif (/^\$var (\S+) (\d+) (\S+) (\S+) \$end/) {
                die if $name{$3}; $name{$3} = "$scope[-1].$4"; $kind{$3} = $1 }
            elsif (/^#(\d+)/) { die "time" if $1 < $now; $now = $1 }
            elsif (/^([01])(\S+)$/) {
                die "wire $2" if $kind{$2} ne "wire";
                $busy{$name{$2}} += $now - $since{$2} if defined $since{$2};
                $since{$2} = $1 ? $now : undef }
            elsif (/^s\S+ (\S+)$/) { die "string $1" if $kind{$1} ne "string" }
            elsif (/^b[01x]+ (\S+)$/) { die if $kind{$1} ne "integer" }
            elsif (!/^\$(comment|timescale|enddefinitions|dumpvars|end)/) {
                die "line $_" }
        }
        print "$_ $busy{$_}\n" for sort keys %busy' "$T/a.vcd" > "$T/busy"
    for unit in array1d array2d; do
        cycles=$(jq "[.einsums[] | select(.unit == \"$unit\") | .busy_cycles] |
            add" "$T/run")
        grep -qx "$unit.busy $((cycles * 1000))" "$T/busy"
    done
    grep -q '^DRAM.busy ' "$T/busy"
}

@test "kanata: instructions begin, go through stages and retire once" {
    $W sim $ONE $SETTINGS --json --trace "$T/a.kanata" -q > "$T/run"
    [ "$(head -n 1 "$T/a.kanata")" = "Kanata	0004" ]
    perl -F'\t' -lane '
        next if $. == 1;
        if ($F[0] eq "C=") { $now = $F[1] }
        elsif ($F[0] eq "C") { die "cycle" if $F[1] < 1; $now += $F[1] }
        elsif ($F[0] eq "I") { die "id" if $F[1] != $count++; $live{$F[1]} = 1 }
        else {
            die "dead $F[1]" if !$live{$F[1]};
            if ($F[0] eq "S") { die if exists $open{"$F[1] $F[2]"};
                $open{"$F[1] $F[2]"} = [$F[3], $now] }
            elsif ($F[0] eq "E") { my $o = delete $open{"$F[1] $F[2]"};
                die "stage" if $o->[0] ne $F[3]; 
                $lane{$F[2]} += $now - $o->[1]; $stage{$F[3]}++ }
            elsif ($F[0] eq "R") { die "rid" if $F[2] != $retired++;
                delete $live{$F[1]} }
            elsif ($F[0] ne "L") { die "command $F[0]" }
        }
        END { die "open" if %open || %live;
              print "lane $_ $lane{$_}" for sort keys %lane;
              print "stage $_" for sort keys %stage }' "$T/a.kanata" > "$T/got"
    # Lanes 0 and 1 are the units.
    for unit in 0:array2d 1:array1d; do
        cycles=$(jq "[.einsums[] | select(.unit == \"${unit#*:}\")
            | .busy_cycles] | add" "$T/run")
        grep -qx "lane ${unit%:*} $cycles" "$T/got"
    done
    [ "$(grep -c '^stage' "$T/got")" = 7 ]
    for stage in load compute max exp rescale divide store; do
        grep -qx "stage $stage" "$T/got"
    done
}

@test "only: some components, an unknown one has a suggestion" {
    $W sim $ONE $SETTINGS --trace "$T/a.json" --trace-only array1d,DRAM \
        -q > /dev/null
    [ "$(jq -r '[.traceEvents[] | select(.name == "thread_name")
        | .args.name] | join(" ")' "$T/a.json")" = \
        "phases array1d array1d stalls DRAM" ]
    run --separate-stderr $W sim $ONE --trace "$T/b.json" --trace-only aray1d
    [ $status = 3 ]
    [[ $stderr == *"--trace-only:1:1: error: 'teaching' has no unit, memory or network"* ]]
    [[ $stderr == *"[trace-unknown-component]"*"did you mean 'array1d'?"* ]]
    [ ! -e "$T/b.json" ]
}

@test "bad windows and formats" {
    for window in 5K 9:3 7:7 x:9 -3:9 "1:2:3"; do
        run --separate-stderr $W sim $ONE --trace "$T/b.json" \
            --trace-window "$window"
        [ $status = 3 ]
        [[ $stderr == "--trace-window:1:"*error:* ]]
    done
    run --separate-stderr $W sim $ONE --trace "$T/b.json" --trace-window 1G:
    [ $status = 3 ]
    [[ $stderr == *"begins at cycle 1073741824, the run ends at "* ]]
    run --separate-stderr $W sim $ONE --trace "$T/b.txt"
    [ $status = 2 ]
    [[ $stderr == *"(chrome, perfetto, vcd, kanata, csv)"* ]]
    run --separate-stderr $W sim $ONE --trace "$T/b" --trace-format chrme
    [ $status = 2 ]
    [[ $stderr == *"did you mean 'chrome'?"* ]]
    run --separate-stderr $W sim $ONE --trace-window 1:2
    [ $status = 2 ]
    run --separate-stderr $W sim $ONE --trace -
    [ $status = 2 ]
    cp mappings/fusemax-binding.yaml "$T/input.vcd"
    run --separate-stderr $W sim $ONE --mapping "$T/input.vcd" \
        --trace "$T/input.vcd"
    [ $status = 2 ]
    cmp mappings/fusemax-binding.yaml "$T/input.vcd"
    [ "$(ls "$T" | grep -v ^separate-stderr)" = input.vcd ]
}

@test "a trace that cannot be written leaves nothing" {
    for format in chrome perfetto vcd kanata; do
        run --separate-stderr $W sim $ONE $SETTINGS --trace /dev/full \
            --trace-format $format
        [ $status = 4 ]
        [[ $stderr == *"cannot write '/dev/full'"*"[trace-write]"* ]]
        [ -c /dev/full ]
    done
    run $W sim $ONE --trace "$T/missing/a.json"
    [ $status = 4 ]
    [ -z "$(ls "$T" | grep -v ^separate-stderr)" ]
}

@test "a link is written through and stays" {
    echo old > "$T/target"
    ln -s target "$T/link.json"
    $W sim $ONE --trace "$T/link.json" -q > /dev/null
    [ -L "$T/link.json" ]
    jq -e .traceEvents "$T/target" > /dev/null
}

@test "plot --timeline: boxes, their labels, reasons of stalls" {
    $W plot --timeline $ONE $SETTINGS --trace-window 1K:1K+200 -o "$T/out" \
        --format svg,png --json -q > "$T/paths"
    [ "$(jq -r '.figures | join(" ")' "$T/paths")" = \
        "$T/out/timeline-fusemax-binding.svg $T/out/timeline-fusemax-binding.png" ]
    head -c 8 "$T/out/timeline-fusemax-binding.png" | grep -q PNG
    svg=$(cat "$T/out/timeline-fusemax-binding.svg")
    for text in array2d array1d DRAM SLNV SPNV stall 'tiles: '; do
        [[ $svg == *"$text"* ]]
    done
    # A window of its own choice; some rows.
    $W plot --timeline $ONE $SETTINGS --trace-only array1d -o "$T/out" -F svg -q
    ! grep -q 'array2d' "$T/out/timeline-fusemax-binding.svg"
}

@test "plot --timeline: what it does not take" {
    run --separate-stderr $W plot --timeline experiments/fusemax.yaml $ONE
    [ $status = 2 ]
    run --separate-stderr $W plot --timeline --arch arch-configs/teaching.yaml
    [ $status = 2 ]
    run --separate-stderr $W plot experiments/fusemax.yaml --trace-window 1:2
    [ $status = 2 ]
    [[ $stderr == *"'--timeline' is missing"* ]]
    run --separate-stderr $W plot
    [ $status = 2 ]
    run --separate-stderr $W plot --timeline $ONE --set B=64,RF2=64,RF1=64 \
        --trace-window 0: -o "$T"
    [ $status = 5 ]
    [[ $stderr == *"[timeline-too-many]"* ]]
    [ -z "$(ls "$T" | grep -v ^separate-stderr)" ]
}

@test "levels: a summary and windows of the whole run" {
    $W sim $ONE $SETTINGS --json --trace "$T/a.csv" --trace-level summary \
        -q > "$T/run"
    [ "$(head -n 1 "$T/a.csv")" = "track,kind,name,count,cycles,bytes" ]
    for einsum in QK RNV; do
        grep -q "compute,\"$einsum\",[0-9]*,$(jq ".einsums.$einsum.busy_cycles" \
            "$T/run"),0$" "$T/a.csv"
    done
    [ "$(awk -F, '$1 == "DRAM" { sum += $6 } END { print sum }' "$T/a.csv")" = \
        "$(jq '.traffic_bytes.DRAM | .read + .write' "$T/run")" ]
    # Intervals add up to the same.
    $W sim $ONE $SETTINGS --trace "$T/w.csv" --trace-level windows -q > /dev/null
    [ "$(awk -F, '$3 == "DRAM bytes" { sum += $5 } END { print sum }' \
        "$T/w.csv")" = "$(jq '.traffic_bytes.DRAM | .read + .write' "$T/run")" ]
    [ "$(awk -F, '$3 ~ /^array1d (busy|stalls)/ { sum += $5 }
        END { printf "%.0f", sum }' "$T/w.csv")" = "$(jq .cycles "$T/run")" ]
    for format in chrome perfetto vcd; do
        $W sim $ONE --trace "$T/w" --trace-level windows \
            --trace-format $format -q > /dev/null
        grep -qa 'array1d.busy' "$T/w"
    done
}

@test "levels: what does not go together" {
    for bad in "a.json --trace-level summary" "a.kanata --trace-level windows" \
        "a.csv --trace-level sumary" \
        "a.csv --trace-level summary --trace-window 1:2"; do
        run --separate-stderr $W sim $ONE --trace "$T/"$bad
        [ $status = 2 ]
    done
    run $W sim $ONE --trace "$T/a.csv" --trace-level sumary
    [[ $output == *"did you mean 'summary'?"* ]]
    [ -z "$(ls "$T" | grep -v ^separate-stderr)" ]
}

@test "csv: a row for each slice" {
    $W sim $ONE $SETTINGS --trace "$T/a.csv" -q > /dev/null
    $W sim $ONE $SETTINGS --trace "$T/a.json" -q > /dev/null
    [ "$(tail -n +2 "$T/a.csv" | wc -l)" = "$(jq '[.traceEvents[] |
        select(.ph == "X")] | length' "$T/a.json")" ]
    awk -F, 'NF != 8 || $5 < $4 && NR > 1 { exit 1 }' "$T/a.csv"
}

@test "main memory with the timing of DRAM has a track of its own" {
    DRAM="--cascade workloads/attention/one-pass.yaml --arch tests/data/arch/teaching-dram.yaml --mapping mappings/fusemax-binding.yaml"
    $W sim $DRAM --json > "$T/plain"
    $W sim $DRAM --json --trace "$T/a.json" -q > "$T/run"
    cmp "$T/plain" "$T/run"
    jq "$SUMS" "$T/a.json" | jq -e --slurpfile run "$T/run" '
        map(select(.track == "DRAM.data") | .bytes) | add
        == ($run[0].traffic_bytes.DRAM | .read + .write)'
    jq -e '.traceEvents | map(select(.ph == "X" and .pid == 3)) | group_by(.tid)
        | map(sort_by(.ts, .dur)
            | [range(1; length) as $i | .[$i].ts >= .[$i-1].ts + .[$i-1].dur])
        | flatten | length > 50 and all' "$T/a.json"
}
