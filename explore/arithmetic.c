/* From what an architecture says of its formats to the arithmetic of a cascade. */
#include "explore/explore.h"

static bool set_values(struct diags *diags, const struct arch_formats *formats,
                       struct einsum_arithmetic *arithmetic)
{
    struct einsum_complaint complaint = {NULL, NULL};
    if (formats->values == NULL ||
        einsum_arithmetic_set(arithmetic, formats->values, &complaint)) {
        return true;
    }
    diag_error(diags, formats->values_span, "arch-format", complaint.suggestion,
               "%s", complaint.problem);
    einsum_complaint_clear(&complaint);
    return false;
}

static bool set_operations(struct diags *diags,
                           const struct arch_formats *formats,
                           struct einsum_arithmetic *arithmetic)
{
    bool is_good = true;
    for (int i = 0; i < formats->op_count; i++) {
        struct einsum_complaint complaint = {NULL, NULL};
        if (!einsum_arithmetic_set_operation(arithmetic, formats->op[i],
                                             formats->op_text[i], &complaint)) {
            diag_error(diags, formats->op_span[i], "arch-format",
                       complaint.suggestion, "%s", complaint.problem);
            einsum_complaint_clear(&complaint);
            is_good = false;
        }
    }
    return is_good;
}

enum status explore_make_arithmetic(struct diags *diags,
                                    const struct problem *problem,
                                    struct einsum_arithmetic **arithmetic)
{
    AUTO(einsum_arithmetic) made = einsum_arithmetic_new(problem->workload);
    if (problem->arch != NULL) {
        const struct arch_formats *formats = &problem->arch->formats;
        bool has_values = set_values(diags, formats, made);
        if (!set_operations(diags, formats, made) || !has_values) {
            return ERR_INPUT;
        }
    }
    *arithmetic = g_steal_pointer(&made);
    return OK;
}

/* Each statement computes as the unit that it runs on does. */
void explore_approximate(const struct problem *problem,
                         struct einsum_arithmetic *arithmetic)
{
    const struct workload *workload = problem->workload;
    for (int l = 0; problem->plan != NULL && l < problem->plan->leaf_count;
         l++) {
        const struct plan_leaf *leaf = &problem->plan->leaves[l];
        const struct arch_unit *unit = &problem->arch->units[leaf->unit];
        for (int i = 0; i < unit->op_count; i++) {
            enum einsum_op op = einsum_op_find(unit->ops[i].name);
            if (unit->ops[i].approximation != NULL && op != EINSUM_OP_COUNT &&
                workload->statements[leaf->statement].ops_per_point[op] > 0) {
                einsum_arithmetic_approximate(arithmetic, leaf->statement, op,
                                              unit->ops[i].approximation);
            }
        }
    }
}
