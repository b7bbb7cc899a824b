# A chip without systolic arrays cannot be simulated PE by PE.
$WEIR sim --fidelity pe --cascade workloads/gemm.yaml --arch arch-configs/tpu-like.yaml --mapping mappings/gemm-tpu-ws.yaml
