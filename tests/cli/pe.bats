bats_require_minimum_version 1.5.0
# weir sim and verify, PE by PE.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    W=${WEIR:-build/weir}
    GEMM="--cascade workloads/gemm.yaml --arch arch-configs/systolic.yaml"
    SIZES=M=33,N=21,K=17,ROWS=7,COLS=5
}

@test "sim: a product on a systolic array takes SCALE-Sim's cycles" {
    for m in "os 25 27" "ws 15 50" "is 21 38"; do # folds and cycles of each
        set -- $m
        for fidelity in sim pe; do
            run --separate-stderr $W sim $GEMM --mapping mappings/gemm-$1.yaml \
                --set $SIZES --fidelity $fidelity --json
            [ $status = 0 ]
            [ "$(jq .cycles <<<"$output")" = $(($2 * $3)) ]
            [ "$(jq -r .fidelity <<<"$output")" = $fidelity ]
        done
    done
}

@test "verify: the values of a systolic array" {
    for m in os ws is; do
        run --separate-stderr $W verify workloads/gemm.yaml --fidelity pe --json \
            --arch arch-configs/systolic.yaml --mapping mappings/gemm-$m.yaml \
            --set $SIZES
        [ $status = 0 ]
        [ "$(jq -r .mapped.status <<<"$output")" = ok ]
    done
}

@test "verify: one-pass attention on FuseMax's arrays" {
    run --separate-stderr $W verify workloads/attention/one-pass.yaml --json \
        --arch arch-configs/fusemax-cloud.yaml --fidelity pe \
        --mapping mappings/fusemax-binding.yaml \
        --set PE=8,GBUF=8K,B=2,H=2,P=32,M=64
    [ $status = 0 ]
    # Exponentials by six macs are off by more than rounding.
    jq -e '.mapped | .status == "ok" and .max_abs_error > 1e-12 and
        .bound < 1e-4' <<<"$output"
}

@test "sim: what no array can do is refused" {
    run $W sim --fidelity pe --cascade workloads/attention/three-pass.yaml \
        --arch arch-configs/flat-cloud.yaml --mapping mappings/flat.yaml
    [ $status = 3 ]
    [[ $output == *"[sim-pe-unsupported]"* ]]
}

@test "sim: the command of a stored run repeats it PE by PE" {
    run $W sim $GEMM --mapping mappings/gemm-os.yaml --set $SIZES --fidelity pe \
        --db "$BATS_TEST_TMPDIR/runs.db"
    [ $status = 0 ]
    run --separate-stderr $W runs show 1 --db "$BATS_TEST_TMPDIR/runs.db"
    [[ $output == *"weir sim --fidelity pe "* ]]
    [[ $output == *"(pe)"* ]]
}

@test "sim: no trace PE by PE" {
    run $W sim $GEMM --mapping mappings/gemm-os.yaml --fidelity pe --trace t.json
    [ $status = 2 ]
    [ ! -e t.json ]
}

@test "sim: a fidelity that it does not have" {
    run $W sim $GEMM --mapping mappings/gemm-os.yaml --fidelity pee
    [ $status = 2 ]
    [[ $output == *"did you mean 'pe'?"* ]]
}

@test "verify: a fidelity without a mapping" {
    run $W verify workloads/gemm.yaml --fidelity pe
    [ $status = 2 ]
}
