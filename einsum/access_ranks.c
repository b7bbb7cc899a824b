/* Which ranks decide where an access goes. */
#include "einsum/extension.h"

static unsigned ranks_of_affine(const struct einsum_access *access)
{
    unsigned ranks = 0;
    for (int d = 0; d < access->dim_count; d++) {
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            ranks |= access->index[d].coefficient[r] != 0 ? 1U << r : 0;
        }
    }
    return ranks;
}

unsigned workload_access_ranks(const struct workload *workload, int statement,
                               int read)
{
    const struct einsum_statement *s = &workload->statements[statement];
    const struct einsum_extension *extension = s->extension;
    const struct bound_access *bound = extension == NULL ? NULL
                                       : read < 0        ? extension->output
                                       : read < EINSUM_MAX_READS
                                           ? extension->read[read]
                                           : NULL;
    return bound != NULL ? bound->ranks
                         : ranks_of_affine(read < 0 ? &s->output
                                                    : &s->resolved_reads[read]);
}
