# A name that no file knows.
$WEIR sim --cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml --set GBUFF=8K
