bats_require_minimum_version 1.5.0
# Sweeps: the same rows however they were made, and what goes wrong on the way.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    W=$PWD/${WEIR:-build/weir}
    T=$BATS_TEST_TMPDIR
    SMALL=tests/data/explore/small.yaml
    export SOURCE_DATE_EPOCH=1700000000
}

# All rows of all tables, in the order of the file.
dump() { sqlite3 "$1" .dump; }

@test "one job and two jobs give the same bytes" {
    $W sweep $SMALL --db "$T/one.db" --jobs 1 -q > "$T/one"
    $W sweep $SMALL --db "$T/two.db" --jobs 2 -q > "$T/two"
    cmp "$T/one" "$T/two"
    dump "$T/one.db" > "$T/one.sql"
    dump "$T/two.db" > "$T/two.sql"
    cmp "$T/one.sql" "$T/two.sql"
    [ "$(sqlite3 "$T/one.db" 'SELECT count(*) FROM runs')" = 60 ]
    # Ids are those of the order of the points.
    [ "$(sqlite3 "$T/two.db" "SELECT id FROM runs WHERE fidelity = 'sim' AND
        label = 'heads=3 length=256 buffer=8K'")" = 60 ]
}

@test "a sweep that is killed goes on, and nothing shows" {
    $W sweep $SMALL --db "$T/whole.db" --jobs 2 -q > "$T/whole"
    dump "$T/whole.db" > "$T/whole.sql"
    # Killed at ever later instants, until one sweep lives to its end.
    tries=0
    delay_ms=5
    while true; do
        $W sweep $SMALL --db "$T/cut.db" --jobs 2 -q > "$T/cut" &
        pid=$!
        (sleep "$(printf '0.%03d' $delay_ms)"; kill -9 $pid) 2> /dev/null &
        if wait $pid; then
            break
        fi
        tries=$((tries + 1))
        delay_ms=$((delay_ms + 7))
        [ $tries -lt 100 ]
        [ "$(sqlite3 "$T/cut.db" 'PRAGMA integrity_check')" = ok ] || [ ! -s "$T/cut.db" ]
    done
    [ $tries -gt 0 ]
    cmp "$T/whole" "$T/cut"
    dump "$T/cut.db" > "$T/cut.sql"
    cmp "$T/whole.sql" "$T/cut.sql"
}

@test "what is stored is not evaluated again" {
    $W sweep $SMALL --db "$T/a.db" --fidelity model -q > /dev/null
    run --separate-stderr $W sweep $SMALL --db "$T/a.db" --resume
    [ $status = 0 ]
    [[ $stderr == *"60 points: 30 in the database before, 30 evaluated, 0 failed"* ]]
}

@test "--resume does not start a new store" {
    run $W sweep $SMALL --db "$T/none.db" --resume
    [ $status = 4 ]
    [ ! -e "$T/none.db" ]
}

@test "a point that fails is named and does not stop the others" {
    run --separate-stderr $W sweep tests/data/explore/failing.yaml \
        --db "$T/a.db" --jobs 2
    [ $status = 3 ]
    [[ $stderr == *"point 'block=7' (model) failed: "*"[einsum-inexact-split]"* ]]
    [[ $stderr == *"3 points: 0 in the database before, 1 evaluated, 2 failed"* ]]
    [ "$(sqlite3 "$T/a.db" 'SELECT label FROM runs')" = block=4 ]
}

# Each of these points takes a worker a while.
slow_study() {
    cat > "$T/slow.yaml" <<END
schema: 1
experiment: slow
fidelity: [sim]
cascade: $PWD/workloads/attention/one-pass.yaml
arch: $PWD/arch-configs/teaching.yaml
mapping: $PWD/mappings/fusemax-binding.yaml
set: {P: 1K, M: 1K}
axes: [{axis: batch, set: [B], values: [1, 2, 3, 4]}]
END
}

# Waits until the sweep $1 has $2 worker processes.
await_workers() {
    for _ in $(seq 100); do
        workers=$(cat /proc/$1/task/$1/children 2> /dev/null || true)
        [ "$(wc -w <<< "$workers")" -ge "$2" ] && return
        sleep 0.02
    done
    return 1
}

@test "a worker that dies names its point and loses no other" {
    slow_study
    $W sweep "$T/slow.yaml" --db "$T/a.db" --jobs 1 --no-fast-forward \
        2> "$T/err" > /dev/null &
    pid=$!
    await_workers $pid 1
    sleep 0.1
    kill -9 ${workers%% *}
    status=0
    wait $pid || status=$?
    [ $status = 4 ]
    grep -q "point 'batch=1' (sim) failed: its worker was ended by signal 9" \
        "$T/err"
    [ "$(sqlite3 "$T/a.db" 'SELECT id FROM runs ORDER BY id' | xargs)" \
        = "2 3 4" ]
    # The id of the lost point was kept for it.
    $W sweep "$T/slow.yaml" --db "$T/a.db" -q > /dev/null
    [ "$(sqlite3 "$T/a.db" 'SELECT label FROM runs WHERE id = 1')" = batch=1 ]
}

# bash starts background jobs with SIGINT ignored; perl sets it right.
interruptible='$SIG{INT} = "DEFAULT"; exec @ARGV or die'

@test "the first Ctrl-C finishes what runs and keeps it; exit 130" {
    slow_study
    perl -e "$interruptible" $W sweep "$T/slow.yaml" --db "$T/a.db" --jobs 1 \
        --no-fast-forward 2> "$T/err" > /dev/null &
    pid=$!
    await_workers $pid 1
    sleep 0.05
    kill -INT $pid
    status=0
    wait $pid || status=$?
    [ $status = 130 ]
    [ "$(sqlite3 "$T/a.db" 'SELECT group_concat(label) FROM runs')" = batch=1 ]
    grep -q interrupted "$T/err"
}

@test "the second Ctrl-C stops at once; exit 130" {
    slow_study
    sed -i 's/1K/16K/g' "$T/slow.yaml"
    perl -e "$interruptible" $W sweep "$T/slow.yaml" --db "$T/a.db" --jobs 2 \
        --no-fast-forward 2> "$T/err" > /dev/null &
    pid=$!
    await_workers $pid 2
    kill -INT $pid
    sleep 0.3
    kill -INT $pid
    status=0
    wait $pid || status=$?
    [ $status = 130 ]
    [ "$(sqlite3 "$T/a.db" 'SELECT count(*) FROM runs')" = 0 ]
    for worker in $workers; do
        ! kill -0 $worker 2> /dev/null
    done
}

@test "no progress where stderr is no terminal, a bar that is erased where it is" {
    run --separate-stderr $W sweep $SMALL --db "$T/a.db"
    [[ $stderr != *$'\r'* ]]
    # A terminal is needed to see the bar; some containers have none.
    script -qec true /dev/null || return 0
    slow_study
    script -qec "$W sweep $T/slow.yaml --db $T/b.db" /dev/null > "$T/tty"
    grep -q 'of 4 points' "$T/tty"
    grep -qF $'\r\033[K' "$T/tty"
}

@test "the database of the experiment is the default, its folder is made" {
    sed "s|small.db|$T/new/folder/x.db|; s|\.\./\.\./\.\.|$PWD|" $SMALL \
        > "$T/own.yaml"
    $W sweep "$T/own.yaml" --fidelity model -q > /dev/null
    [ -s "$T/new/folder/x.db" ]
}

@test "--json says what was done and what came out" {
    run --separate-stderr $W sweep $SMALL --db "$T/a.db" --fidelity model --json
    [ $status = 0 ]
    perl -MJSON::PP -e '
        my $o = decode_json($ARGV[0]);
        $o->{points} == 30 && $o->{evaluated} == 30 or die;
        my $mean = $o->{tables}{buffers}{model}{"8K"}{"4K"};
        $mean->{points} == 15 && $mean->{arithmetic} > 0.9 or die;
        $o->{tables}{buffers}{model}{"4K"}{"4K"}{geometric} == 1 or die;
    ' "$output"
}

@test "a repeated command gives the stored run" {
    $W sweep $SMALL --db "$T/a.db" --fidelity model -q > /dev/null
    command=$(sqlite3 "$T/a.db" 'SELECT command FROM runs WHERE id = 17')
    cycles=$(sqlite3 "$T/a.db" 'SELECT cycles FROM runs WHERE id = 17')
    eval "${command/#weir/$W} --json" | grep -q "\"cycles\": $cycles,"
    # And it is known as the same run.
    eval "${command/#weir/$W} --db $T/a.db" > /dev/null
    [ "$(sqlite3 "$T/a.db" 'SELECT count(*) FROM runs')" = 30 ]
}

@test "--set holds for all points and may not bind an axis" {
    $W sweep $SMALL --db "$T/a.db" --fidelity model --set B=3 -q > /dev/null
    [ "$(sqlite3 "$T/a.db" "SELECT DISTINCT json_extract(shapes, '\$.B')
        FROM runs")" = 3 ]
    run $W sweep $SMALL --db "$T/a.db" --set P=64
    [ $status = 3 ]
    [[ $output == *"[explore-set-axis]"* ]]
    run $W sweep $SMALL --db "$T/a.db" --set BB=64
    [ $status = 3 ]
    [[ $output == *"[set-unknown-name]"* ]]
}

@test "plot draws every figure at every fidelity in every format" {
    $W sweep $SMALL --db "$T/a.db" -q > /dev/null
    $W plot $SMALL --db "$T/a.db" -o "$T/out" --format pdf,svg,png -q > "$T/table"
    [ "$(ls "$T/out" | wc -l)" = 12 ]
    [ -s "$T/out/gain-sim.pdf" ]
    grep -q '^buffers (sim)' "$T/table"
    run $W plot $SMALL gian --db "$T/a.db" -o "$T/out"
    [ $status = 3 ]
    [[ $output == *"did you mean 'gain'?"* ]]
    run $W plot $SMALL --db "$T/a.db" --format jpg
    [ $status = 2 ]
}

@test "plot draws only what is asked for" {
    $W sweep $SMALL --db "$T/a.db" --fidelity model -q > /dev/null
    run --separate-stderr $W plot $SMALL gain --db "$T/a.db" -o "$T/out" \
        --fidelity model --format svg --json
    [ $status = 0 ]
    [ "$(ls "$T/out")" = gain-model.svg ]
    perl -MJSON::PP -e 'decode_json($ARGV[0])->{figures}[0] =~ /gain-model.svg/
        or die' "$output"
}

@test "plot without gnuplot: exit 4; without results: exit 4" {
    run $W plot $SMALL --db "$T/none.db"
    [ $status = 4 ]
    $W sweep tests/data/explore/failing.yaml --db "$T/a.db" -q > /dev/null 2>&1 || true
    run $W plot $SMALL --db "$T/a.db" -o "$T/out"
    [ $status = 4 ]
    [[ $output == *"[explore-no-results]"* ]]
    $W sweep $SMALL --db "$T/b.db" --fidelity model -q > /dev/null
    PATH=/nonexistent run $W plot $SMALL --db "$T/b.db" -o "$T/out"
    [ $status = 4 ]
    [[ $output == *"[figure-no-gnuplot]"* ]]
    [ -z "$(ls "$T/out")" ]
}
