#!/usr/bin/env bats
# weir cpu: what it writes is an architecture, whole, on which kernels are predicted.

setup() {
    WEIR=${WEIR:-build/weir}
    cd "$BATS_TEST_DIRNAME/../.."
}

@test "a measured machine loads and predicts" {
    run "$WEIR" cpu --portable --seconds 1 -o "$BATS_TEST_TMPDIR/my-cpu.yaml"
    [ "$status" -eq 0 ]
    [[ "$output" == *"my-cpu.yaml: "*" GHz"* ]]
    run "$WEIR" lint "$BATS_TEST_TMPDIR/my-cpu.yaml"
    [ "$status" -eq 0 ]
    [ "$(ls "$BATS_TEST_TMPDIR" | wc -l)" -eq 1 ] # no temporary is left
}

@test "a place that cannot be written" {
    run "$WEIR" cpu --portable --seconds 1 -o "$BATS_TEST_TMPDIR/none/my-cpu.yaml"
    [ "$status" -eq 4 ]
    [[ "$output" == *"[cpu-output]"* ]]
}
