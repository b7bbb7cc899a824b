# A window that ends before it begins.
$WEIR sim --cascade workloads/attention/one-pass.yaml \
    --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml \
    --trace never.json --trace-window 2K:1K
