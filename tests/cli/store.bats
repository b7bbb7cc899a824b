bats_require_minimum_version 1.5.0
# The store from the command line: what is written, and what cannot be.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    W=$PWD/${WEIR:-build/weir}
    T=$BATS_TEST_TMPDIR
    ONE="--cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml"
    export SOURCE_DATE_EPOCH=1700000000
}

@test "model and sim keep their runs, once each" {
    $W model $ONE --db "$T/a.db" -q > /dev/null
    $W sim $ONE --db "$T/a.db" -q > /dev/null
    $W model $ONE --db "$T/a.db" -q > /dev/null
    [ "$(sqlite3 "$T/a.db" 'SELECT id || fidelity FROM runs ORDER BY id' | xargs)" \
        = "1model 2sim" ]
    [ "$(sqlite3 "$T/a.db" 'PRAGMA journal_mode')" = wal ]
    [ "$(sqlite3 "$T/a.db" 'PRAGMA user_version')" = 9 ]
    [ -z "$(sqlite3 "$T/a.db" 'PRAGMA foreign_key_check')" ]
    # Energy is the sum of its parts, bytes are those of the actions.
    [ "$(sqlite3 "$T/a.db" "SELECT max(abs(r.energy_pj - (SELECT
        sum(energy_pj) FROM actions WHERE run = r.id)) / r.energy_pj) < 1e-12
        FROM runs r")" = 1 ]
    [ "$(sqlite3 "$T/a.db" "SELECT count(*) FROM memories m WHERE read_bytes <>
        (SELECT total(bytes) FROM actions a WHERE a.run = m.run AND
        a.component = m.memory AND a.action = 'read')")" = 0 ]
}

# Beside a model's run the parts of the chip's area are printed, which no run has.
@test "runs show prints what sim printed" {
    $W sim $ONE --json --db "$T/a.db" -q > "$T/printed"
    $W runs show 1 --json --db "$T/a.db" > "$T/shown"
    cmp "$T/printed" "$T/shown"
    $W sim $ONE --db "$T/a.db" -q > "$T/printed"
    $W runs show 1 --db "$T/a.db" | head -n "$(wc -l < "$T/printed")" > "$T/shown"
    cmp "$T/printed" "$T/shown"
}

@test "runs list and export" {
    $W model $ONE --db "$T/a.db" -q > /dev/null
    $W model $ONE --set M=128 --db "$T/a.db" -q > /dev/null
    run $W runs list --db "$T/a.db"
    [ $status = 0 ]
    [ ${#lines[@]} = 4 ]
    [ "$($W runs export --db "$T/a.db" | wc -l)" = 3 ]
    [ "$($W runs export units --csv --db "$T/a.db" | wc -l)" = 5 ]
    $W runs export --json --db "$T/a.db" | perl -MJSON::PP -e '
        local $/; @{decode_json(<>)} == 2 or die'
    run $W runs export rnus --db "$T/a.db"
    [ $status = 3 ]
    [[ $output == *"did you mean 'runs'?"* ]]
}

@test "runs: wrong words" {
    $W model $ONE --db "$T/a.db" -q > /dev/null
    run $W runs lst --db "$T/a.db"
    [ $status = 2 ]
    [[ $output == *"did you mean 'list'?"* ]]
    run $W runs show --db "$T/a.db"
    [ $status = 2 ]
    run $W runs show one --db "$T/a.db"
    [ $status = 2 ]
    run $W runs list
    [ $status = 2 ]
    run $W runs show 7 --db "$T/a.db"
    [ $status = 3 ]
}

@test "verify keeps its checks" {
    $W verify workloads/gemm.yaml --db "$T/a.db" > /dev/null
    $W verify workloads/gemm.yaml --db "$T/a.db" --seed 1 > /dev/null
    $W verify workloads/gemm.yaml --db "$T/a.db" > /dev/null
    [ "$(sqlite3 "$T/a.db" 'SELECT seed || status FROM checks ORDER BY id' | xargs)" \
        = "0ok 1ok" ]
}

refused() { # database, part of the message
    run $W model $ONE --db "$1"
    [ $status = 4 ]
    [[ $output == *"$2"* ]]
    [[ $output == *"$1"* ]]
}

@test "a folder, a path without folder, /proc: exit 4" {
    refused "$T" "unable to open"
    refused "$T/no/such/folder.db" "unable to open"
    refused /proc/weir.db "unable to open"
}

@test "a read-only store: exit 4, also for root" {
    $W model $ONE --db "$T/a.db" -q > /dev/null
    refused "file:$T/a.db?immutable=1" "read-only"
    refused "file:$T/a.db?mode=ro" "read-only"
    run $W runs list --db "file:$T/a.db?mode=ro"
    [ $status = 0 ]
}

@test "a store that another process holds: exit 4" {
    $W model $ONE --db "$T/a.db" -q > /dev/null
    coproc sqlite3 "$T/a.db"
    echo 'BEGIN EXCLUSIVE; SELECT 1;' >&${COPROC[1]}
    read -r _ <&${COPROC[0]}
    refused "$T/a.db" "another process holds it"
    echo 'ROLLBACK;' >&${COPROC[1]}
    exec {COPROC[1]}>&-
}

@test "no database, another program's, a newer weir's: exit 4, untouched" {
    head -c 9999 /dev/zero | tr '\0' x > "$T/text"
    cp "$T/text" "$T/before"
    refused "$T/text" "not a database"
    cmp "$T/text" "$T/before"
    sqlite3 "$T/other" 'CREATE TABLE t (x)'
    refused "$T/other" "another program"
    $W model $ONE --db "$T/new" -q > /dev/null
    sqlite3 "$T/new" 'PRAGMA user_version = 99'
    refused "$T/new" "newer weir"
    run $W runs list --db "$T/none"
    [ $status = 4 ]
}

@test "a file-size limit, as a full disk: exit 4, nothing half-written" {
    $W model $ONE --db "$T/a.db" -q > /dev/null
    run bash -c "trap '' XFSZ; ulimit -f 8
        $W sweep tests/data/explore/small.yaml --db '$T/a.db' -q"
    [ $status = 4 ]
    [ "$(sqlite3 "$T/a.db" 'PRAGMA integrity_check')" = ok ]
    [ "$(sqlite3 "$T/a.db" "SELECT count(*) FROM runs r WHERE NOT EXISTS
        (SELECT 1 FROM units WHERE run = r.id)")" = 0 ]
}
