/* What no mapping beats. Compute: the operations of the cascade, each at the
 * fastest rate any unit offers, spread perfectly over all lanes of the chip.
 * Traffic: every input element and every output element crosses the border of
 * the outermost memory once (of outputs with a predicate, those that get anything);
 * and what several passes need again, if the chip has no room for it, goes out and
 * comes back, as no mapping computes twice. */
#include "model/counts.h"

/* Several ports may begin one in the same cycle. */
static double op_cycles(const struct arch_unit *unit, const struct arch_op *op)
{
    if (unit->ports == NULL) {
        return (double)op->cycles;
    }
    g_autofree double *times =
        g_new0(double, (gsize)unit->ports->instruction_count);
    times[op->instruction] = 1;
    return arch_count_port_cycles(unit->ports, times, ARCH_ALL_PORTS);
}

static double fastest_cycles(const struct arch *arch, enum einsum_op op)
{
    double best = -1;
    for (int u = 0; u < arch->unit_count; u++) {
        const struct arch_op *cost =
            arch_find_op(&arch->units[u], einsum_op_name(op));
        double cycles = cost == NULL ? 0 : op_cycles(&arch->units[u], cost);
        if (cost != NULL && (best < 0 || cycles < best)) {
            best = cycles;
        }
    }
    return best < 0 ? 0 : best;
}

/* Lane-cycles of one point. Units that chain operations pay for the slowest
 * only, so with such a unit that is all that can be claimed. */
static double point_cycles(const struct plan *plan,
                           const struct einsum_statement *s)
{
    bool is_any_chainable = false;
    for (int u = 0; u < plan->arch->unit_count; u++) {
        is_any_chainable |= plan->arch->units[u].is_chainable;
    }
    double cycles = 0;
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        double part = (double)s->ops_per_point[op] *
                      fastest_cycles(plan->arch, (enum einsum_op)op);
        cycles = is_any_chainable ? MAX(cycles, part) : cycles + part;
    }
    return cycles;
}

/* Rounded down where cycles are no whole number. */
static bool count_work(int64_t points, double cycles, int64_t *work)
{
    int64_t whole = (int64_t)cycles;
    double product = (double)points * cycles;
    if (!(cycles - (double)whole > 0)) {
        return num_mul(points, whole, work);
    }
    *work = (int64_t)MIN(product, 0x1p62);
    return product < 0x1p62;
}

static enum status bound_cycles(const struct plan *plan,
                                struct evaluation *evaluation)
{
    int64_t *cycles = &evaluation->bound_transfer_cycles;
    TRY(arch_count_transfer_cycles(plan->arch, 0,
                                   evaluation->bound_traffic_bytes, cycles));
    if (plan->clock_hz != plan->arch->clock_hz &&
        !num_mul_div_floor(*cycles, plan->clock_hz, plan->arch->clock_hz,
                           cycles)) {
        return ERR_LIMIT;
    }
    evaluation->bound_cycles = MAX(evaluation->bound_compute_cycles,
                                   evaluation->bound_transfer_cycles);
    return OK;
}

/* ---- what need not come from the outermost memory, or comes smaller ---------- */

static bool is_resident(const struct plan *plan, int tensor)
{
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        for (int i = 0; node->is_resident && i < node->held_count; i++) {
            if (node->held[i] == tensor) {
                return true;
            }
        }
    }
    return false;
}

/* Bits of an element that must move: those of its value in the format that the
 * outermost memory has it in. */
static int64_t least_bits(const struct plan *plan, int tensor)
{
    int64_t bits = plan->arch->memories[0].word_bits;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        bool is_leaf = flow->node < 0;
        const struct plan_ratio *ratio =
            is_leaf ? &flow->inner_ratio : &flow->outer_ratio;
        if (flow->tensor == tensor && ratio->elements > 0 &&
            (is_leaf ? flow->memory : flow->outer) == 0) {
            bits = MIN(bits, ratio->value_bits);
        }
    }
    return is_resident(plan, tensor) ? 0 : bits;
}

/* Takes off `bytes` what the mapping's formats and resident tensors save. */
static bool save_bytes(const struct plan *plan, int64_t *bytes)
{
    int64_t word_bits = plan->arch->memories[0].word_bits;
    for (int t = 0; t < plan->workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &plan->workload->tensors[t];
        int64_t saved_bits = word_bits - least_bits(plan, t);
        int64_t least = 0;
        int64_t elements = tensor->element_count;
        int64_t saved = 0;
        if (saved_bits == 0 || tensor->kind == TENSOR_INTERMEDIATE) {
            continue;
        }
        if ((tensor->kind == TENSOR_INPUT &&
             workload_count_used_elements(plan->workload, t, &least,
                                          &elements) != OK) ||
            !num_mul(elements, saved_bits, &saved)) {
            return false;
        }
        *bytes = MAX(*bytes - num_ceil_div(saved, 8), 0);
    }
    return true;
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
                        &evaluation->bound_traffic_bytes) &&
                save_bytes(plan, &evaluation->bound_traffic_bytes);
    for (int i = 0; i < plan->workload->statement_count && fits; i++) {
        const struct einsum_statement *s = &plan->workload->statements[i];
        int64_t part = 0;
        int64_t points = 0;
        fits = s->kind != EINSUM_COMPUTE ||
               (workload_count_points(plan->workload, i, &points) == OK &&
                count_work(points, point_cycles(plan, s), &part) &&
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
    evaluation->bound_unsized_bytes = evaluation->bound_traffic_bytes;
    return bound_cycles(plan, evaluation);
}

/* ---- passes and capacity --------------------------------------------------- */

/* Words that all memories with a size hold; NUM_UNLIMITED: too many to count. */
static int64_t count_capacity(const struct arch *arch)
{
    int64_t words = 0;
    for (int m = 1; m < arch->memory_count; m++) {
        const struct arch_memory *memory = &arch->memories[m];
        int64_t bytes = 0;
        if (memory->size_bytes == NUM_UNLIMITED) {
            continue;
        }
        if (!num_mul(memory->size_bytes, memory->instances, &bytes) ||
            !num_add(words, num_ceil_div(bytes, arch_word_bytes(memory)),
                     &words)) {
            return NUM_UNLIMITED;
        }
    }
    return words;
}

/* The memories without a size, the outermost included. */
struct unsized {
    int count;
    int64_t word_bytes;  /* the shortest */
    int64_t bytes_per_s; /* together; NUM_UNLIMITED */
};

static struct unsized find_unsized(const struct arch *arch)
{
    struct unsized u = {0, INT64_MAX, 0};
    for (int m = 0; m < arch->memory_count; m++) {
        const struct arch_memory *memory = &arch->memories[m];
        int64_t bytes_per_s = 0;
        if (m > 0 && memory->size_bytes != NUM_UNLIMITED) {
            continue;
        }
        u.count++;
        u.word_bytes = MIN(u.word_bytes, arch_word_bytes(memory));
        bool is_limited = memory->bandwidth_bytes_per_s != NUM_UNLIMITED &&
                          num_mul(memory->bandwidth_bytes_per_s,
                                  memory->instances, &bytes_per_s);
        if (!is_limited || u.bytes_per_s == NUM_UNLIMITED ||
            !num_add(u.bytes_per_s, bytes_per_s, &u.bytes_per_s)) {
            u.bytes_per_s = NUM_UNLIMITED;
        }
    }
    return u;
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

static enum status count_forced(const struct plan *plan, int64_t capacity,
                                struct diags *diags, int64_t *elements)
{
    AUTO(pass_analysis) analysis = NULL;
    TRY(pass_analysis_new(plan->workload,
                          arch_word_bytes(&plan->arch->memories[0]), diags,
                          &analysis));
    *elements = 0; /* families may count the same bytes: the worst one */
    for (int f = 0; f < analysis->family_count; f++) {
        int64_t part = 0;
        if (add_family(plan->workload, &analysis->families[f], capacity,
                       &part)) {
            *elements = MAX(*elements, part);
        }
    }
    return OK;
}

/* Time of what the memories without a size move between them. */
static bool bound_unsized_cycles(const struct plan *plan,
                                 const struct unsized *unsized,
                                 struct evaluation *e)
{
    int64_t cycles = 0;
    if (unsized->bytes_per_s == NUM_UNLIMITED) {
        return true;
    }
    if (!num_mul_div_ceil(e->bound_unsized_bytes, plan->arch->clock_hz,
                          unsized->bytes_per_s, &cycles)) {
        return false;
    }
    e->bound_transfer_cycles = MAX(e->bound_transfer_cycles, cycles);
    e->bound_cycles = MAX(e->bound_cycles, cycles);
    return true;
}

enum status model_tighten_bound(const struct plan *plan, struct diags *diags,
                                struct evaluation *e)
{
    int64_t capacity = count_capacity(plan->arch);
    struct unsized unsized = find_unsized(plan->arch);
    int64_t forced = 0;
    int64_t bytes = 0;
    if (capacity == NUM_UNLIMITED || !has_all_points(plan->workload)) {
        return OK;
    }
    TRY(count_forced(plan, capacity, diags, &forced));
    bool fits = num_mul(forced, unsized.word_bytes, &bytes) &&
                num_add(e->bound_unsized_bytes, bytes, &e->bound_unsized_bytes);
    if (fits && unsized.count == 1) {
        e->bound_traffic_bytes = e->bound_unsized_bytes;
        return bound_cycles(plan, e);
    }
    return fits && bound_unsized_cycles(plan, &unsized, e)
               ? OK
               : diag_fail(diags, ERR_LIMIT, "model-limit",
                           "counts exceed 64 bits");
}
