# A value that is no expression.
$WEIR model --cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml --set 'P=64,M=6*'
