# A mapping of packed operands is counted and timed, not executed.
$WEIR verify workloads/sparse/spmm.yaml --arch arch-configs/cascade-lake.yaml --mapping mappings/spmm-4x1.yaml
