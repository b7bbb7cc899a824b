bats_require_minimum_version 1.5.0
# weir passes: options, the table of all cascades, JSON keys, errors.

W=${WEIR:-build/weir}

setup() { cd "$BATS_TEST_DIRNAME/../.."; }

@test "JSON has the keys that tools rely on" {
    run $W passes workloads/attention/three-pass.yaml --json
    [ $status = 0 ]
    echo "$output" | python3 -c '
import json, sys
p = json.load(sys.stdin)
assert p["passes"] == 3 and p["class"] == "3-pass" and p["grows"]
assert p["tensors"]["K"]["passes"] == 3
assert p["tensors"]["K"]["footprint"] == "M"
assert p["ops"]["exp"] == 64 * 64 and p["compulsory_bytes"] == 4096
forced = p["tensors"]["K"]["families"]["m"]["forced"]
assert [(f["einsum"], f["waits_for"]) for f in forced] == [
    ("SN", "GM"), ("A", "SD")]'
}

@test "ops and points of the Einsums add up to those of the cascade" {
    run $W passes workloads/attention/two-pass.yaml --json --set P=32,M=96
    echo "$output" | python3 -c '
import json, sys
p = json.load(sys.stdin)
e = p["einsums"].values()
assert sum(x["points"] for x in e) == p["points"]
for op, n in p["ops"].items():
    assert sum(x["ops"].get(op, 0) for x in e) == n
assert sum(p["ops"].values()) == p["op_count"]
assert abs(p["op_count"] / p["compulsory_bytes"] - p["ops_per_byte"]) < 1e-9'
}

@test "what is live in one-pass attention does not grow with M" {
    for m in 1K 1M; do
        run $W passes workloads/attention/one-pass.yaml --json --set M=$m
        echo "$output" | python3 -c '
import json, sys
m = json.load(sys.stdin)["families"]["m"]
assert (m["peak"], m["peak_elements"], m["grows"]) == ("F + 2", 10, False)'
    done
}

@test "--word counts bytes" {
    run $W passes workloads/gemm.yaml --word 4
    [[ $output == *"elements of 4 B, 49,152 B"* ]]
    run $W passes workloads/gemm.yaml --word 0
    [ $status = 2 ]
}

@test "--all is a row a cascade, sorted by path" {
    run --separate-stderr $W passes --all workloads
    [ $status = 0 ]
    paths=$(echo "$output" | grep -o 'workloads/[^ ]*')
    [ "$paths" = "$(grep -lr '^einsums:' workloads | LC_ALL=C sort)" ]
    [[ $output == *"attention-3pass "*" 3  m "*" M + F + 2 "*yes* ]]
}

@test "--all as JSON has the same cascades" {
    run $W passes --all workloads --json
    n=$(echo "$output" | python3 -c '
import json, sys
print(len(json.load(sys.stdin)["cascades"]))')
    [ "$n" = "$(grep -lr '^einsums:' workloads | wc -l)" ]
}

@test "a cascade or --all, not both and not neither: exit 2" {
    run $W passes
    [ $status = 2 ]
    run $W passes workloads/gemm.yaml --all workloads
    [ $status = 2 ]
}

@test "missing file or folder: exit 4; wrong file: exit 3" {
    run $W passes nowhere.yaml
    [ $status = 4 ]
    run $W passes --all nowhere
    [ $status = 4 ]
    [[ $output == *"passes-folder"* ]]
    run $W passes arch-configs/teaching.yaml
    [ $status = 3 ]
}

@test "a count beyond 64 bits: exit 5" {
    run $W passes workloads/gemm.yaml --set M=1G,N=1G,K=2
    [ $status = 0 ]
    run $W passes workloads/gemm.yaml --set M=1G,N=1G,K=2 --word 1000000
    [ $status = 5 ]
    [[ $output == *"passes-count-limit"* ]]
}

@test "--all of a file says what it takes" {
    run $W passes --all workloads/gemm.yaml
    [ $status = 4 ]
    [[ $output == *"is a file, and --all takes a folder"* ]]
}

@test "what is too much to look at is not called data" {
    printf '%s\n' 'schema: 1' 'cascade: far' 'shapes: {P: 2K, M: 2K, N: 4M}' \
        'inputs: {X: "[n]"}' \
        'einsums: "Y[p,m] = exp(X[(3*p+7*m) mod N])"' 'outputs: [Y]' \
        >"$BATS_TEST_TMPDIR/far.yaml"
    run $W passes "$BATS_TEST_TMPDIR/far.yaml"
    [ $status = 0 ]
    [[ $output == *"what is too much to look at may make it"* ]]
    run $W passes workloads/attention/biformer.yaml
    [[ $output == *"what data decides may make it"* ]]
}

@test "--all goes on after a file with errors and reports them" {
    mkdir "$BATS_TEST_TMPDIR/w"
    sed 's/outputs: .*/outputs: [ZZ]/' workloads/gemm.yaml \
        >"$BATS_TEST_TMPDIR/w/a.yaml"
    sed 's/A\[m,k\]/A[m,q]/' workloads/gemm.yaml >"$BATS_TEST_TMPDIR/w/b.yaml"
    run $W passes --all "$BATS_TEST_TMPDIR/w"
    [ $status = 3 ]
    [[ $output == *"w/a.yaml:"*"w/b.yaml:"* ]]
}

@test "no cascade of the tree is without an analysis" {
    run --separate-stderr $W passes --all workloads --json
    [ $status = 0 ]
    echo "$output" | python3 -c '
import json, sys
for c in json.load(sys.stdin)["cascades"]:
    assert c["passes"] >= 1 and c["families"], c["path"]
    assert c["compulsory_bytes_most"] >= c["compulsory_bytes"] > 0, c["path"]'
}

@test "what data decides is said" {
    run $W passes workloads/attention/biformer.yaml
    [[ $output == *"assumed: 'S' may gather any element of 'K' along 'r'"* ]]
}

@test "a causal square of a million is a matter of milliseconds" {
    # Of instructions, not of time: closed form, or it would not end.
    run timeout 20 $W passes workloads/attention/causal.yaml --set P=1M --json
    [ $status = 0 ]
    echo "$output" | python3 -c '
import json, sys
p = json.load(sys.stdin)
assert p["einsums"]["QK"]["points"] == 2 * 8 * (2**20 * (2**20 + 1) // 2)
assert p["families"]["m"]["grows"]'
}

@test "the footprint of a sliding window is the window" {
    run $W passes workloads/attention/sliding-window.yaml --json --set P=1M,W=4K
    echo "$output" | python3 -c '
import json, sys
p = json.load(sys.stdin)
assert p["tensors"]["K"]["families"]["m"]["footprint"] == "W"
assert p["families"]["m"]["peak"] == "W + F + 2"
assert p["families"]["m"]["peak_elements"] == 4096 + 6 + 2
assert not p["grows"]'
}

@test "a rewrite is proved before it is written" {
    f="$BATS_TEST_TMPDIR/flash.yaml"
    run $W passes workloads/attention/causal.yaml -o "$f" --json \
        --rewrite defer-division,split:rank=m:by=M0,running-maximum
    [ $status = 0 ]
    echo "$output" | python3 -c '
import json, sys
p = json.load(sys.stdin)
r = p["rewrite"]
assert p["passes"] == 1 and not p["grows"]
assert r["status"] == "ok" and r["points"] == 2 * 24 * 8
assert r["max_abs_error"] <= r["bound"] < 1e-9'
    run $W verify "$f"
    [ $status = 0 ]
}

@test "help of passes" {
    run --separate-stderr $W passes --help
    [ $status = 0 ]
    [[ $output == "usage: weir passes "*"--word"*"--all"*"Exit codes:"* ]]
    [ -z "$stderr" ]
}

@test "the table in doc/passes.md is what the command prints" {
    squeeze() { sed 's/  */ /g; s/ $//'; }
    sed -n '/^\$ weir passes --all/,/^```/p' doc/passes.md | sed '1d;$d' |
        squeeze >"$BATS_TEST_TMPDIR/documented"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/documented")" -gt 4 ]
    $W passes --all workloads | squeeze >"$BATS_TEST_TMPDIR/printed"
    # Cascades may be added to the tree without a line here.
    [ -z "$(grep -vxFf "$BATS_TEST_TMPDIR/printed" \
        "$BATS_TEST_TMPDIR/documented")" ]
}
