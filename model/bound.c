/* What no mapping beats. Compute: the operations of the cascade, each at the
 * fastest rate any unit offers, spread perfectly over all lanes of the chip.
 * Traffic: every input element and every output element crosses the border of
 * the outermost memory once. */
#include "model/counts.h"

static int64_t fastest_cycles(const struct arch *arch, enum einsum_op op)
{
    int64_t best = -1;
    for (int u = 0; u < arch->unit_count; u++) {
        const struct arch_op *cost =
            arch_find_op(&arch->units[u], einsum_op_name(op));
        if (cost != NULL && (best < 0 || cost->cycles < best)) {
            best = cost->cycles;
        }
    }
    return best < 0 ? 0 : best;
}

/* Lane-cycles of one point. Units that chain operations pay for the slowest
 * only, so with such a unit that is all that can be claimed. */
static int64_t point_cycles(const struct plan *plan,
                            const struct einsum_statement *s)
{
    bool is_any_chainable = false;
    for (int u = 0; u < plan->arch->unit_count; u++) {
        is_any_chainable |= plan->arch->units[u].is_chainable;
    }
    int64_t cycles = 0;
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        int64_t part = s->ops_per_point[op] *
                       fastest_cycles(plan->arch, (enum einsum_op)op);
        cycles = is_any_chainable ? MAX(cycles, part) : cycles + part;
    }
    return cycles;
}

enum status model_bound(const struct plan *plan, struct diags *diags,
                        struct evaluation *evaluation)
{
    int64_t inputs = 0;
    int64_t outputs = 0;
    int64_t elements = 0;
    TRY(workload_count_compulsory_elements(plan->workload, &inputs, &outputs));
    int64_t work = 0;
    bool fits = num_add(inputs, outputs, &elements) &&
                num_mul(elements, arch_word_bytes(&plan->arch->memories[0]),
                        &evaluation->bound_traffic_bytes);
    for (int i = 0; i < plan->workload->statement_count && fits; i++) {
        const struct einsum_statement *s = &plan->workload->statements[i];
        int64_t part = 0;
        int64_t points = 0;
        fits = s->kind != EINSUM_COMPUTE ||
               (workload_count_points(plan->workload, i, &points) == OK &&
                num_mul(points, point_cycles(plan, s), &part) &&
                num_add(work, part, &work));
    }
    if (!fits) {
        return diag_fail(diags, ERR_LIMIT, "model-limit",
                         "counts exceed 64 bits");
    }
    int64_t lanes = 0;
    for (int u = 0; u < plan->arch->unit_count; u++) {
        lanes += plan->arch->units[u].lanes;
    }
    int64_t transfer = 0;
    TRY(arch_count_transfer_cycles(plan->arch, 0,
                                   evaluation->bound_traffic_bytes, &transfer));
    int64_t compute = num_ceil_div(work, lanes);
    evaluation->bound_compute_cycles = compute;
    evaluation->bound_transfer_cycles = transfer;
    evaluation->bound_cycles = MAX(compute, transfer);
    return OK;
}
