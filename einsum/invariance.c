/* On which tensors a cascade's result does not depend. Softmax subtracts a maximum
 * before it takes exponentials; in exact arithmetic any number does as well. An
 * error of the maximum is then none of the result's, and an error analysis that
 * lets it grow from step to step of a running maximum proves nothing.
 *
 * Let the elements of some computed tensors R be parameters, whatever their
 * statements say. Each other tensor then has a form: it does not depend on them
 * (PLAIN), it is a plain value plus a linear combination of elements of R (SHIFT),
 * or a plain value times the exponential of one (SCALE). Forms follow from those of
 * the operands: exp turns SHIFT into SCALE, a product adds the combinations of its
 * factors, a sum wants equal ones. If all outputs are PLAIN, they have the same
 * exact values for all R, in particular for the R that was computed.
 *
 * A combination refers to elements of R by affine functions of the tensor's own
 * indices (RD[i,p]: -RM[i,p]). Recurrences are followed from UNKNOWN up to a fixed
 * point; induction along the iterative rank makes that a proof, where zeros in the
 * beginning are of any SCALE and -inf of any SHIFT. */
#include "einsum/binder.h"
#include "einsum/interpret.h"

#include <math.h>
#include <string.h>

#include "einsum/einsum_ops.h"

#define MAX_TERMS 6

enum form_kind {
    FORM_UNKNOWN,
    FORM_ZERO,
    FORM_MINUS_INFINITY,
    FORM_PLAIN,
    FORM_SHIFT,
    FORM_SCALE,
    FORM_BROKEN,
};

struct form_term {
    int tensor;
    int64_t coefficient;
    int dim_count;
    /* By rank id within a statement, by dimension of the tensor between. */
    struct affine index[EINSUM_MAX_DIMS];
};

struct form {
    enum form_kind kind;
    int count;
    struct form_term term[MAX_TERMS];
};

struct analysis {
    const struct workload *workload;
    const bool *is_free;
    struct form *forms; /* by tensor id */
    struct form *stack; /* of one expression */
};

static void set_kind(struct form *form, enum form_kind kind)
{
    form->kind = kind;
    form->count = 0;
}

/* ---- combinations --------------------------------------------------------- */

static bool is_same_element(const struct form_term *a,
                            const struct form_term *b)
{
    bool is_same = a->tensor == b->tensor && a->dim_count == b->dim_count;
    for (int d = 0; is_same && d < a->dim_count; d++) {
        is_same = affine_is_equal(&a->index[d], &b->index[d]);
    }
    return is_same;
}

static int find_term(const struct form *form, const struct form_term *term)
{
    for (int i = 0; i < form->count; i++) {
        if (is_same_element(&form->term[i], term)) {
            return i;
        }
    }
    return -1;
}

static void add_term(struct form *form, const struct form_term *term,
                     int64_t factor)
{
    int i = find_term(form, term);
    if (i < 0 && form->count == MAX_TERMS) {
        set_kind(form, FORM_BROKEN);
        return;
    }
    if (i < 0) {
        i = form->count++;
        form->term[i] = *term;
        form->term[i].coefficient = 0;
    }
    form->term[i].coefficient += factor * term->coefficient;
    if (form->term[i].coefficient == 0) {
        form->term[i] = form->term[--form->count];
    }
}

/* a += factor * b; what is left of nothing is PLAIN. */
static void add_terms(struct form *a, const struct form *b, int64_t factor)
{
    for (int i = 0; i < b->count && a->kind != FORM_BROKEN; i++) {
        add_term(a, &b->term[i], factor);
    }
    if (a->count == 0 && a->kind != FORM_BROKEN) {
        set_kind(a, FORM_PLAIN);
    }
}

static bool is_equal(const struct form *a, const struct form *b)
{
    bool is_same = a->kind == b->kind && a->count == b->count;
    for (int i = 0; is_same && i < a->count; i++) {
        int j = find_term(b, &a->term[i]);
        is_same = j >= 0 && b->term[j].coefficient == a->term[i].coefficient;
    }
    return is_same;
}

/* ---- operations ----------------------------------------------------------- */

static bool is_neutral(const struct form *form, const struct form *beside)
{
    return form->kind == FORM_UNKNOWN ||
           (form->kind == FORM_ZERO &&
            (beside->kind == FORM_SCALE || beside->kind == FORM_PLAIN)) ||
           (form->kind == FORM_MINUS_INFINITY &&
            (beside->kind == FORM_SHIFT || beside->kind == FORM_PLAIN));
}

/* One or the other, or values between: both must be alike. */
static void unite(struct form *a, const struct form *b)
{
    if (is_neutral(a, b)) {
        *a = *b;
    } else if (!is_neutral(b, a) && !is_equal(a, b)) {
        set_kind(a, FORM_BROKEN);
    }
}

static bool is_linear(const struct form *form)
{
    return form->kind == FORM_SHIFT || form->kind == FORM_PLAIN ||
           form->kind == FORM_ZERO;
}

static void add(struct form *a, const struct form *b, int64_t sign)
{
    bool has_shift = a->kind == FORM_SHIFT || b->kind == FORM_SHIFT;
    if (has_shift && is_linear(a) && is_linear(b)) {
        a->kind = FORM_SHIFT;
        add_terms(a, b, sign);
    } else {
        unite(a, b);
    }
}

static bool is_factor(const struct form *form)
{
    return form->kind == FORM_SCALE || form->kind == FORM_PLAIN;
}

static void multiply(struct form *a, const struct form *b, int64_t sign)
{
    if (a->kind == FORM_ZERO || (b->kind == FORM_ZERO && sign > 0)) {
        set_kind(a, FORM_ZERO);
    } else if (a->kind == FORM_UNKNOWN || b->kind == FORM_UNKNOWN) {
        set_kind(a, FORM_UNKNOWN);
    } else if (is_factor(a) && is_factor(b)) {
        a->kind = FORM_SCALE;
        add_terms(a, b, sign);
    } else {
        set_kind(a, FORM_BROKEN);
    }
}

/* exp and log. */
static void change_kind(struct form *a, enum form_kind from, enum form_kind to)
{
    if (a->kind == from) {
        a->kind = to;
    } else if (a->kind == FORM_ZERO || a->kind == FORM_MINUS_INFINITY) {
        set_kind(a, FORM_PLAIN);
    } else if (a->kind != FORM_PLAIN && a->kind != FORM_UNKNOWN) {
        set_kind(a, FORM_BROKEN);
    }
}

static void negate(struct form *a)
{
    for (int i = 0; a->kind == FORM_SHIFT && i < a->count; i++) {
        a->term[i].coefficient = -a->term[i].coefficient;
    }
}

/* Any function: of plain values. */
static void apply_other(struct form *operand, int count)
{
    bool is_unknown = false;
    bool is_plain = true;
    for (int i = 0; i < count; i++) {
        is_unknown = is_unknown || operand[i].kind == FORM_UNKNOWN;
        is_plain = is_plain && operand[i].kind != FORM_SHIFT &&
                   operand[i].kind != FORM_SCALE &&
                   operand[i].kind != FORM_BROKEN;
    }
    set_kind(&operand[0], !is_plain    ? FORM_BROKEN
                          : is_unknown ? FORM_UNKNOWN
                                       : FORM_PLAIN);
}

static void apply(enum einsum_op op, struct form *operand)
{
    switch ((int)op) {
    case EINSUM_ADD:
        add(&operand[0], &operand[1], 1);
        return;
    case EINSUM_SUB:
        add(&operand[0], &operand[1], -1);
        return;
    case EINSUM_MUL:
        multiply(&operand[0], &operand[1], 1);
        return;
    case EINSUM_DIVIDE:
        multiply(&operand[0], &operand[1], -1);
        return;
    case EINSUM_EXP:
        change_kind(&operand[0], FORM_SHIFT, FORM_SCALE);
        return;
    case EINSUM_LOG:
        change_kind(&operand[0], FORM_SCALE, FORM_SHIFT);
        return;
    case EINSUM_MAX:
    case EINSUM_MIN:
        unite(&operand[0], &operand[1]);
        return;
    case EINSUM_NEGATE:
        negate(&operand[0]);
        return;
    default:
        apply_other(operand, op_arity(op));
    }
}

/* ---- reads and results ---------------------------------------------------- */

/* The index, of dimensions, at the access's indices. */
static bool substitute(const struct affine *index,
                       const struct einsum_access *access,
                       struct affine *result)
{
    *result = affine_constant(index->constant);
    for (int d = 0; d < access->dim_count; d++) {
        struct affine part;
        if (index->coefficient[d] == 0) {
            continue;
        }
        if ((access->beyond_affine >> d & 1) != 0 ||
            !affine_scale(&access->index[d], index->coefficient[d], &part) ||
            !affine_add(result, &part, result)) {
            return false;
        }
    }
    return true;
}

static void read_form(const struct analysis *analysis,
                      const struct einsum_access *access, struct form *form)
{
    *form = analysis->forms[access->tensor];
    for (int i = 0; i < form->count; i++) {
        for (int d = 0; d < form->term[i].dim_count; d++) {
            if (!substitute(&analysis->forms[access->tensor].term[i].index[d],
                            access, &form->term[i].index[d])) {
                set_kind(form, FORM_BROKEN);
                return;
            }
        }
    }
}

/* The dimension of the output that is the rank plus a constant; -1: none. */
static int find_output_dim(const struct einsum_access *output, int rank)
{
    for (int d = 0; d < output->dim_count; d++) {
        struct affine moved = output->index[d];
        moved.constant = 0;
        if ((output->beyond_affine >> d & 1) == 0 &&
            affine_single_rank(&moved) == rank) {
            return d;
        }
    }
    return -1;
}

/* From ranks of the statement to dimensions of its output. */
static bool turn_index(const struct workload *workload,
                       const struct einsum_access *output, struct affine *index)
{
    struct affine turned = affine_constant(index->constant);
    for (int r = 0; r < workload->rank_count; r++) {
        int64_t factor = index->coefficient[r];
        if (factor == 0 || workload->rank[r].extent == 1) {
            continue;
        }
        int d = find_output_dim(output, r);
        if (d < 0) {
            return false;
        }
        turned.coefficient[d] += factor;
        turned.constant -= factor * output->index[d].constant;
    }
    *index = turned;
    return true;
}

/* A reduced rank is no dimension of the output, so that what depends on it is
 * refused here. */
static void turn_form(const struct workload *workload,
                      const struct einsum_statement *statement,
                      struct form *form)
{
    for (int i = 0; i < form->count; i++) {
        for (int d = 0; d < form->term[i].dim_count; d++) {
            if (!turn_index(workload, &statement->output,
                            &form->term[i].index[d])) {
                set_kind(form, FORM_BROKEN);
                return;
            }
        }
    }
}

static void number_form(double number, struct form *form)
{
    set_kind(form, isinf(number) && number < 0.0 ? FORM_MINUS_INFINITY
                   : fabs(number) > 0.0          ? FORM_PLAIN
                                                 : FORM_ZERO);
}

static void eval_expr(const struct analysis *analysis,
                      const struct einsum_statement *statement)
{
    const struct einsum_expr *expr = statement->expr;
    struct form *stack = analysis->stack;
    int depth = 0;
    for (int n = 0; n < expr->node_count; n++) {
        const struct expr_node *node = &expr->nodes[n];
        switch (node->kind) {
        case NODE_NUMBER:
            number_form(node->number, &stack[depth]);
            break;
        case NODE_READ:
            read_form(analysis, &statement->resolved_reads[node->read],
                      &stack[depth]);
            break;
        case NODE_INDEX:
            set_kind(&stack[depth], FORM_PLAIN);
            break;
        case NODE_OP:
            depth -= op_arity(node->op);
            apply(node->op, &stack[depth]);
            break;
        }
        depth++;
    }
}

/* Does a statement that does more than compute read something that is not
 * plain? */
static bool is_beyond(const struct analysis *analysis,
                      const struct einsum_statement *statement)
{
    unsigned simple = EINSUM_PREDICATE | EINSUM_PART;
    for (int i = 0;
         (statement->features & ~simple) != 0 && i < statement->read_count;
         i++) {
        const struct form *form =
            &analysis->forms[statement->resolved_reads[i].tensor];
        if (form->kind == FORM_SHIFT || form->kind == FORM_SCALE ||
            form->kind == FORM_BROKEN) {
            return true;
        }
    }
    return false;
}

static void eval_statement(const struct analysis *analysis,
                           const struct einsum_statement *statement)
{
    struct form *form = &analysis->stack[0];
    if (is_beyond(analysis, statement)) {
        set_kind(form, FORM_BROKEN);
        return;
    }
    eval_expr(analysis, statement);
    bool is_sum = statement->reduce == EINSUM_SUM;
    if ((is_sum && form->kind == FORM_SHIFT) ||
        (statement->reduce == EINSUM_PRODUCT && form->count > 0)) {
        set_kind(form, FORM_BROKEN);
    }
    turn_form(analysis->workload, statement, form);
    /* Points that do not exist leave a zero, or the reduction's identity. */
    bool may_miss = (statement->features & EINSUM_PREDICATE) != 0;
    if (may_miss && !is_sum && form->kind == FORM_SHIFT &&
        statement->reduce != EINSUM_MAXIMUM) {
        set_kind(form, FORM_BROKEN);
    }
}

/* ---- the whole ------------------------------------------------------------ */

static void init_forms(struct analysis *analysis)
{
    const struct workload *workload = analysis->workload;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        struct form *form = &analysis->forms[i];
        bool is_input = tensor->kind == TENSOR_INPUT;
        set_kind(form, is_input ? FORM_PLAIN : FORM_UNKNOWN);
        if (analysis->is_free[i]) {
            form->kind = FORM_SHIFT;
            form->count = 1;
            memset(&form->term[0], 0, sizeof form->term[0]);
            form->term[0].tensor = i;
            form->term[0].coefficient = 1;
            form->term[0].dim_count = tensor->dim_count;
            for (int d = 0; d < tensor->dim_count; d++) {
                form->term[0].index[d] = affine_rank(d);
            }
        }
    }
}

/* Each tensor's form only ever rises: from UNKNOWN over one to BROKEN. */
static bool run_round(const struct analysis *analysis)
{
    const struct workload *workload = analysis->workload;
    bool has_changed = false;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        int tensor = statement->output.tensor;
        if (statement->kind == EINSUM_VIEW || analysis->is_free[tensor]) {
            continue;
        }
        eval_statement(analysis, statement);
        struct form *old = &analysis->forms[tensor];
        struct form *new = &analysis->stack[0];
        unite(new, old);
        if (!is_equal(new, old)) {
            *old = *new;
            has_changed = true;
        }
    }
    return has_changed;
}

static bool is_invariant(struct analysis *analysis)
{
    const struct workload *workload = analysis->workload;
    init_forms(analysis);
    /* A form rises at most twice, or thrice by way of a zero. */
    int rounds = 3 * workload->statement_count + 1;
    while (rounds-- > 0 && run_round(analysis)) {
    }
    bool is_plain = rounds >= 0;
    for (int i = 0; i < workload->tensor_count; i++) {
        enum form_kind kind = analysis->forms[i].kind;
        bool is_output = workload->tensors[i].kind == TENSOR_OUTPUT;
        bool is_view =
            workload->tensors[i].producer >= 0 &&
            workload->statements[workload->tensors[i].producer].kind ==
                EINSUM_VIEW;
        is_plain = is_plain && (is_view || kind != FORM_UNKNOWN) &&
                   (!is_output || kind == FORM_PLAIN || kind == FORM_ZERO);
    }
    return is_plain;
}

static bool is_extremum(const struct workload *workload, int tensor)
{
    int id = workload->tensors[tensor].producer;
    if (id < 0 || workload->tensors[tensor].kind != TENSOR_INTERMEDIATE ||
        workload->statements[id].kind != EINSUM_COMPUTE) {
        return false;
    }
    const struct einsum_statement *statement = &workload->statements[id];
    const struct einsum_expr *expr = statement->expr;
    const struct expr_node *root = &expr->nodes[expr->node_count - 1];
    bool has_op = root->kind == NODE_OP &&
                  (root->op == EINSUM_MAX || root->op == EINSUM_MIN);
    return has_op || statement->reduce == EINSUM_MAXIMUM ||
           statement->reduce == EINSUM_MINIMUM;
}

void find_free_tensors(const struct workload *workload, bool *is_free,
                       bool *is_relative)
{
    size_t count = (size_t)workload->tensor_count;
    g_autofree struct form *forms = g_new0(struct form, count + 1);
    g_autofree struct form *stack =
        g_new0(struct form, EINSUM_MAX_STACK + OP_MAX_ARITY);
    struct analysis analysis = {workload, is_free, forms, stack};
    memset(is_free, 0, count * sizeof *is_free);
    for (int i = 0; i < workload->tensor_count; i++) {
        is_free[i] = is_extremum(workload, i);
    }
    if (!is_invariant(&analysis)) { /* not all together: one by one */
        memset(is_free, 0, count * sizeof *is_free);
        for (int i = 0; i < workload->tensor_count; i++) {
            is_free[i] = is_extremum(workload, i);
            is_free[i] = is_free[i] && is_invariant(&analysis);
        }
        (void)is_invariant(&analysis);
    }
    for (int i = 0; i < workload->tensor_count; i++) {
        enum form_kind kind = forms[i].kind;
        is_relative[i] = is_free[i] || kind == FORM_SHIFT ||
                         kind == FORM_SCALE || kind == FORM_BROKEN;
    }
}
