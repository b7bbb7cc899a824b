# A store where none can be.
$WEIR model --cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml --db /proc/weir.db
