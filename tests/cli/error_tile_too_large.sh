# A tile larger than its rank.
$WEIR model --cascade workloads/attention/three-pass.yaml --arch arch-configs/teaching.yaml --mapping tests/data/cli/tile-too-large.yaml
