bats_require_minimum_version 1.5.0
# Areas in the output of 'weir model', and the iso-area solver.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    W=$PWD/${WEIR:-build/weir}
    ONE="--cascade workloads/attention/one-pass.yaml --arch arch-configs/fusemax-cloud.yaml --mapping mappings/fusemax-binding.yaml --set B=1,H=1,E=64,F=64,P=1K,M=1K"
}

@test "model prints areas, unknown ones as null" {
    run --separate-stderr $W model $ONE
    [ "$status" -eq 0 ]
    [[ $output == *"area 1270.14 mm2"* ]]
    run --separate-stderr $W model $ONE --json
    [ "$(jq '.area_um2.parts.array2d.instances' <<<"$output")" = 65536 ]
    [ "$(jq '.area_um2.total > 1.27e9 and .area_um2.total < 1.28e9' \
        <<<"$output")" = true ]
    [ "$(jq '.area_um2.parts.rf2d.leakage_mw' <<<"$output")" = null ]
    run --separate-stderr $W model -c workloads/gemm.yaml \
        -a arch-configs/teaching.yaml -m tests/data/cli/gemm-teaching.yaml --json
    [ "$status" -eq 0 ]
    [ "$(jq '.area_um2.total' <<<"$output")" = null ]
}

@test "iso-area finds the buffer that has the area of another chip" {
    run --separate-stderr $W model $ONE --json \
        --iso-area arch-configs/flat-cloud.yaml --free GBUF
    [ "$status" -eq 0 ]
    local value=$(jq .iso_area.value <<<"$output")
    [ "$(jq '.iso_area.area_um2 == .area_um2.total' <<<"$output")" = true ]
    [ "$(jq '.iso_area.residual_um2 >= 0 and
        .iso_area.next_um2 > .iso_area.target_um2' <<<"$output")" = true ]
    # The run is of that chip.
    local cycles=$(jq .cycles <<<"$output")
    run --separate-stderr $W model $ONE --json --set GBUF=$value
    [ "$(jq .cycles <<<"$output")" = "$cycles" ]
    [ "$(jq .area_um2.total <<<"$output")" != null ]
}

@test "iso-area says why there is no value" {
    run --separate-stderr $W model $ONE --iso-area "30 mm2" --free GBUF
    [ "$status" -eq 3 ]
    [[ $stderr == *"[arch-iso-too-small]"* ]]
    run --separate-stderr $W model $ONE --iso-area "2000 mm2" --free GBUFF
    [ "$status" -eq 3 ]
    [[ $stderr == *"'GBUF'"*"[arch-iso-param]"* ]]
    run --separate-stderr $W model $ONE --iso-area "2000 mm2" \
        --free RF_SHARE_1D
    [ "$status" -eq 3 ]
    [[ $stderr == *"[arch-iso-constant]"* ]]
    run --separate-stderr $W model $ONE --iso-area "2000" --free GBUF
    [ "$status" -eq 3 ]
    [[ $stderr == *"[unit-missing]"* ]]
    run --separate-stderr $W model $ONE --iso-area "2000 mm2"
    [ "$status" -eq 2 ]
    [[ $stderr == *"'--iso-area' and '--free' go together"* ]]
}

@test "attributes that a command does not use are warned of" {
    run --separate-stderr $W model -c workloads/gemm.yaml \
        -a arch-configs/systolic.yaml -m mappings/gemm-ws.yaml
    [ "$status" -eq 0 ]
    [[ $stderr == *"warning: the model does not use"*"'register'"*"[arch-not-used]"* ]]
}

@test "a sweep warns of them once for each architecture and fidelity" {
    mkdir -p "$BATS_TEST_TMPDIR"
    cat > "$BATS_TEST_TMPDIR/e.yaml" <<YAML
schema: 1
experiment: gemms
fidelity: [model]
cascade: $PWD/workloads/gemm.yaml
arch: $PWD/arch-configs/systolic.yaml
mapping: $PWD/mappings/gemm-ws.yaml
axes:
- axis: size
  set: [M]
  values: [16, 32]
YAML
    run --separate-stderr $W sweep "$BATS_TEST_TMPDIR/e.yaml" --fidelity model \
        --db "$BATS_TEST_TMPDIR/e.db"
    [ "$status" -eq 0 ]
    [ "$(grep -c "does not use the time to shift tiles in of 'register'" <<<"$stderr")" = 1 ]
}
