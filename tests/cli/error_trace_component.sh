# A component that the chip does not have.
$WEIR sim --cascade workloads/attention/one-pass.yaml \
    --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml \
    --trace never.json --trace-only array2d,gbfu
