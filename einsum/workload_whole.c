/* Tensors that hold whole numbers in a known range, whatever the inputs: products
 * of signs, packed bits, computed indices. Sums of them are exact while they stay
 * below 2^53, which the interpreter's error analysis makes use of, and gathers
 * by them stay in range. A tensor that several statements define is left out. */
#include "einsum/binder.h"

#include <math.h>

#include "einsum/einsum_ops.h"
#include "einsum/extension.h"

#define LARGEST_WHOLE 0x1p53

struct range {
    bool is_whole;
    double low;
    double high;
};

static struct range unknown(void)
{
    return (struct range){false, 0.0, 0.0};
}

/* Unknown where a value may not be a double. */
static struct range whole(double low, double high)
{
    bool is_known = low > -LARGEST_WHOLE && high < LARGEST_WHOLE;
    return is_known ? (struct range){true, low, high} : unknown();
}

static struct range span_of(const struct range *a, const struct range *b)
{
    return whole(fmin(a->low, b->low), fmax(a->high, b->high));
}

static struct range with_zero(struct range a)
{
    return a.is_whole ? whole(fmin(a.low, 0.0), fmax(a.high, 0.0)) : a;
}

/* ---- operations --------------------------------------------------------------- */

static struct range product(const struct range *a, const struct range *b)
{
    double corner[4] = {a->low * b->low, a->low * b->high, a->high * b->low,
                        a->high * b->high};
    return whole(fmin(fmin(corner[0], corner[1]), fmin(corner[2], corner[3])),
                 fmax(fmax(corner[0], corner[1]), fmax(corner[2], corner[3])));
}

/* 2^x and the like, x >= 0. */
static struct range power(const struct range *a, const struct range *b)
{
    return a->low >= 1.0 && b->low >= 0.0
               ? whole(pow(a->low, b->low), pow(a->high, b->high))
               : unknown();
}

static struct range magnitude(const struct range *a)
{
    double most = fmax(fabs(a->low), fabs(a->high));
    bool has_zero = a->low <= 0.0 && a->high >= 0.0;
    return whole(has_zero ? 0.0 : fmin(fabs(a->low), fabs(a->high)), most);
}

static bool is_comparison(enum einsum_op op)
{
    return op == EINSUM_LESS || op == EINSUM_LESS_EQUAL || op == EINSUM_EQUAL ||
           op == EINSUM_NOT_EQUAL;
}

/* Of operands that are all whole. */
static struct range combine(enum einsum_op op, const struct range *a,
                            const struct range *b)
{
    switch ((int)op) {
    case EINSUM_ADD:
        return whole(a->low + b->low, a->high + b->high);
    case EINSUM_SUB:
        return whole(a->low - b->high, a->high - b->low);
    case EINSUM_MUL:
        return product(a, b);
    case EINSUM_MAX:
        return whole(fmax(a->low, b->low), fmax(a->high, b->high));
    case EINSUM_MIN:
        return whole(fmin(a->low, b->low), fmin(a->high, b->high));
    case EINSUM_NEGATE:
        return whole(-a->high, -a->low);
    case EINSUM_ABS:
        return magnitude(a);
    case EINSUM_FLOOR:
        return *a;
    case EINSUM_RELU:
        return whole(fmax(a->low, 0.0), fmax(a->high, 0.0));
    case EINSUM_POW:
        return power(a, b);
    case EINSUM_MOD:
        return b->low >= 1.0 ? whole(0.0, b->high - 1.0) : unknown();
    default:
        return unknown();
    }
}

static struct range apply(enum einsum_op op, const struct range *operand)
{
    if (is_comparison(op)) {
        return whole(0.0, 1.0);
    }
    if (op == EINSUM_SIGN) {
        return whole(-1.0, 1.0);
    }
    if (op == EINSUM_SELECT) {
        return operand[1].is_whole && operand[2].is_whole
                   ? span_of(&operand[1], &operand[2])
                   : unknown();
    }
    for (int i = 0; i < op_arity(op); i++) {
        if (!operand[i].is_whole) {
            return unknown();
        }
    }
    return combine(op, &operand[0], &operand[1]);
}

/* ---- one expression ------------------------------------------------------------ */

static struct range values_range(const struct einsum_values *values)
{
    if (values->kind == EINSUM_VALUES_INTEGER) {
        return whole(values->low, values->high);
    }
    struct range range = unknown();
    for (int i = 0; i < values->set_count; i++) {
        struct range one = whole(values->set[i], values->set[i]);
        if (!one.is_whole || floor(one.low) < one.low) {
            return unknown();
        }
        range = i == 0 ? one : span_of(&range, &one);
    }
    return range;
}

static struct range read_range(const struct workload *workload,
                               const struct einsum_statement *statement,
                               int read)
{
    const struct einsum_extension *extension = statement->extension;
    const struct bound_access *bound =
        extension == NULL ? NULL : extension->read[read];
    struct range range =
        values_range(&workload->tensors[statement->reads[read].tensor].values);
    for (int d = 0; bound != NULL && d < bound->dim_count; d++) {
        range = bound->mode[d] == MODE_ZERO ? with_zero(range) : range;
    }
    return range;
}

static struct range stream_range(const struct workload *workload,
                                 const struct index_node *index)
{
    int64_t low = 0;
    int64_t high = 0;
    return index_range(index, workload, &low, &high)
               ? whole((double)low, (double)high)
               : unknown();
}

static struct range body_range(const struct workload *workload,
                               const struct einsum_statement *statement)
{
    struct range stack[EINSUM_MAX_STACK + OP_MAX_ARITY] = {{false, 0.0, 0.0}};
    int depth = 0;
    for (int n = 0; n < statement->expr->node_count; n++) {
        const struct expr_node *node = &statement->expr->nodes[n];
        bool is_exact =
            !(node->error > 0.0) && floor(node->number) >= node->number;
        switch (node->kind) {
        case NODE_NUMBER:
            stack[depth] =
                is_exact ? whole(node->number, node->number) : unknown();
            break;
        case NODE_READ:
            stack[depth] = read_range(workload, statement, node->read);
            break;
        case NODE_INDEX:
            stack[depth] = stream_range(
                workload, statement->extension
                              ->index[node->read - statement->read_count]);
            break;
        case NODE_OP:
            depth -= op_arity(node->op);
            stack[depth] = apply(node->op, &stack[depth]);
            break;
        }
        depth++;
    }
    return stack[0];
}

/* ---- one statement ------------------------------------------------------------- */

/* All partial sums too, in whatever order. */
static struct range sum_range(const struct workload *workload,
                              const struct einsum_statement *statement,
                              const struct range *term)
{
    double count = 1.0;
    for (int i = 0; i < statement->rank_count; i++) {
        if (statement->is_reduced[i]) {
            count *= (double)workload->rank[statement->rank[i]].extent;
        }
    }
    double most = count * fmax(fabs(term->low), fabs(term->high));
    return most < LARGEST_WHOLE ? whole(fmin(count * term->low, 0.0),
                                        fmax(count * term->high, 0.0))
                                : unknown();
}

static struct range statement_range(const struct workload *workload,
                                    const struct einsum_statement *statement)
{
    struct range body = body_range(workload, statement);
    unsigned skips = EINSUM_PREDICATE | EINSUM_DATA_PREDICATE | EINSUM_SCATTER;
    bool may_miss = (statement->features & skips) != 0;
    if (!body.is_whole ||
        (statement->features &
         (EINSUM_INDEX_PRODUCER | EINSUM_TRANSFORM | EINSUM_PART)) != 0) {
        return unknown();
    }
    if (statement->reduce == EINSUM_SUM) {
        return sum_range(workload, statement, &body);
    }
    if (statement->reduce == EINSUM_NO_REDUCE) {
        return may_miss ? with_zero(body) : body;
    }
    return statement->reduce == EINSUM_PRODUCT || may_miss ? unknown() : body;
}

static bool is_defined_once(const struct cascade *cascade, const char *name)
{
    int count = 0;
    for (size_t i = 0; i < cascade->statements->len; i++) {
        count +=
            g_str_equal(cascade_statement_at(cascade, i)->output->name, name);
    }
    return count == 1;
}

void bind_range(const struct binder *binder, size_t i)
{
    struct workload *workload = binder->workload;
    const struct einsum_statement *statement = &workload->statements[i];
    if (statement->expr->depth > EINSUM_MAX_STACK ||
        statement->read_count > EINSUM_MAX_READS) {
        return; /* reported */
    }
    struct range range = statement_range(workload, statement);
    if (range.is_whole && is_defined_once(binder->cascade, statement->name)) {
        struct einsum_values *values =
            &workload->tensors[statement->output.tensor].values;
        values->kind = EINSUM_VALUES_INTEGER;
        values->low = range.low;
        values->high = range.high;
    }
}
