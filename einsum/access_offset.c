/* Accesses as offsets into the elements of their tensors. */
#include "einsum/einsum.h"

int64_t einsum_access_stride(const struct workload *workload,
                             const struct einsum_access *access, int rank)
{
    const struct einsum_tensor *tensor = &workload->tensors[access->tensor];
    int64_t stride = 0;
    int64_t inside = 1;
    for (int d = access->dim_count; d-- > 0;) {
        stride += access->index[d].coefficient[rank] * inside;
        inside *= tensor->extent[d];
    }
    return stride;
}

int64_t einsum_access_base(const struct workload *workload,
                           const struct einsum_access *access)
{
    const struct einsum_tensor *tensor = &workload->tensors[access->tensor];
    int64_t offset = 0;
    for (int d = 0; d < access->dim_count; d++) {
        offset = offset * tensor->extent[d] + access->index[d].constant;
    }
    return offset;
}
