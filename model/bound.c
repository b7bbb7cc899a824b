/* What no mapping beats. Compute: the operations of the cascade, each at the
 * fastest rate any unit offers, spread perfectly over all lanes of the chip.
 * Traffic: every input element and every output element crosses the border of
 * the outermost memory once (of outputs with a predicate, those that get anything);
 * and what several passes need again, if the chip has no room for it, goes out and
 * comes back, as no mapping computes twice. */
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

static enum status bound_cycles(const struct plan *plan,
                                struct evaluation *evaluation)
{
    TRY(arch_count_transfer_cycles(plan->arch, 0,
                                   evaluation->bound_traffic_bytes,
                                   &evaluation->bound_transfer_cycles));
    evaluation->bound_cycles = MAX(evaluation->bound_compute_cycles,
                                   evaluation->bound_transfer_cycles);
    return OK;
}

enum status model_bound(const struct plan *plan, struct diags *diags,
                        struct evaluation *evaluation)
{
    int64_t inputs = 0;
    int64_t outputs = 0;
    int64_t elements = 0;
    TRY(workload_count_compulsory_elements(plan->workload, &inputs, &outputs));
    int64_t work = 0;
    bool fits = model_drop_untouched(plan->workload, &outputs) &&
                num_add(inputs, outputs, &elements) &&
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
    evaluation->bound_compute_cycles = num_ceil_div(work, lanes);
    return bound_cycles(plan, evaluation);
}

/* ---- passes and capacity --------------------------------------------------- */

/* Words that all memories but the outermost hold; NUM_UNLIMITED when one is. */
static int64_t count_capacity(const struct arch *arch)
{
    int64_t words = 0;
    for (int m = 1; m < arch->memory_count; m++) {
        const struct arch_memory *memory = &arch->memories[m];
        int64_t bytes = 0;
        if (memory->size_bytes == NUM_UNLIMITED ||
            !num_mul(memory->size_bytes, memory->instances, &bytes) ||
            !num_add(words, num_ceil_div(bytes, arch_word_bytes(memory)),
                     &words)) {
            return NUM_UNLIMITED;
        }
    }
    return words;
}

/* Conditions leave out points, and then fibers differ: nothing is claimed. */
static bool has_all_points(const struct workload *workload)
{
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        if (s->kind == EINSUM_COMPUTE && s->features != 0) {
            return false;
        }
    }
    return true;
}

/* Elements of one fiber's intermediate tensors that must be somewhere between
 * two passes and have no room on the chip. */
static int64_t count_homeless(const struct workload *workload,
                              const struct pass_family *family, int64_t pass,
                              int64_t capacity)
{
    int64_t held = 0;
    for (int i = 0; i < family->live_count; i++) {
        const struct pass_live *live = &family->live[i];
        if (live->is_held && live->first_pass <= pass &&
            live->last_pass > pass &&
            workload->tensors[live->tensor].kind == TENSOR_INTERMEDIATE &&
            !num_add(held, live->elements, &held)) {
            return 0;
        }
    }
    return MAX(held - capacity, 0);
}

/* They are written once, and read again after every pass they outlast. */
static bool add_family(const struct workload *workload,
                       const struct pass_family *family, int64_t capacity,
                       int64_t *elements)
{
    int64_t reads = 0;
    int64_t writes = 0;
    for (int64_t pass = 1; pass < family->pass_count; pass++) {
        int64_t homeless = count_homeless(workload, family, pass, capacity);
        reads += homeless;
        writes = MAX(writes, homeless);
    }
    int64_t part = reads + writes;
    for (int i = 0; i < family->per_count; i++) {
        if (!num_mul(part, workload->rank[family->per[i]].extent, &part)) {
            return false;
        }
    }
    return num_add(*elements, part, elements);
}

enum status model_tighten_bound(const struct plan *plan, struct diags *diags,
                                struct evaluation *evaluation)
{
    int64_t capacity = count_capacity(plan->arch);
    if (capacity == NUM_UNLIMITED || !has_all_points(plan->workload)) {
        return OK;
    }
    int64_t word_bytes = arch_word_bytes(&plan->arch->memories[0]);
    AUTO(pass_analysis) analysis = NULL;
    TRY(pass_analysis_new(plan->workload, word_bytes, diags, &analysis));
    int64_t most = 0; /* families may count the same bytes: the worst one */
    for (int f = 0; f < analysis->family_count; f++) {
        int64_t elements = 0;
        if (add_family(plan->workload, &analysis->families[f], capacity,
                       &elements)) {
            most = MAX(most, elements);
        }
    }
    int64_t bytes = 0;
    if (!num_mul(most, word_bytes, &bytes) ||
        !num_add(evaluation->bound_traffic_bytes, bytes,
                 &evaluation->bound_traffic_bytes)) {
        return diag_fail(diags, ERR_LIMIT, "model-limit",
                         "counts exceed 64 bits");
    }
    return bound_cycles(plan, evaluation);
}
