# A tensor nobody defines.
$WEIR lint tests/data/cli/unknown-tensor.yaml
