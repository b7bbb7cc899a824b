/* Complex expressions as pairs of real ones. New nodes take the place of what
 * they came from. A term is left out where a part is the number 0, and a factor
 * where it is 1, as in complex(0, 1) * Z. */
#include "einsum/complex.h"

#include "einsum/einsum_ops.h"

/* Products of sums grow: parts are written out twice at each multiplication. */
#define MAX_NODES 4096

bool complex_is_name(const struct lowering *lowering, const char *name)
{
    return g_hash_table_contains(lowering->complex, name);
}

bool complex_is_mentioned(const struct lowering *lowering,
                          const struct ast_node *node)
{
    bool mentions =
        (node->kind == AST_ACCESS && complex_is_name(lowering, node->name)) ||
        (node->kind == AST_CALL && node->call >= CALL_RE &&
         node->call <= CALL_COMPLEX);
    for (int i = 0; i < node->child_count && !mentions; i++) {
        mentions = complex_is_mentioned(lowering, node->child[i]);
    }
    return mentions;
}

/* ---- real expressions ----------------------------------------------------- */

static struct ast_node *new_op(const struct lowering *lowering,
                               const struct ast_node *from, enum einsum_op op,
                               struct ast_node *a, struct ast_node *b)
{
    struct ast_node *node = ast_new(lowering->cascade, AST_OP, from->place);
    g_autoptr(GPtrArray) operands = g_ptr_array_new();
    g_ptr_array_add(operands, a);
    if (b != NULL) {
        g_ptr_array_add(operands, b);
    }
    node->op = op;
    ast_set_children(node, operands);
    return node;
}

static struct ast_node *new_integer(const struct lowering *lowering,
                                    const struct ast_node *from, int64_t value)
{
    struct ast_node *node = ast_new(lowering->cascade, AST_NUMBER, from->place);
    node->number = (double)value;
    node->integer = value;
    node->is_integer = true;
    return node;
}

static bool is_integer(const struct ast_node *node, int64_t value)
{
    return node->kind == AST_NUMBER && node->is_integer &&
           node->integer == value;
}

static bool is_negated(const struct ast_node *node)
{
    return node->kind == AST_OP && node->op == EINSUM_NEGATE;
}

static struct ast_node *negate(const struct lowering *lowering,
                               const struct ast_node *from, struct ast_node *a)
{
    if (is_negated(a)) {
        return a->child[0];
    }
    return is_integer(a, 0) ? a
                            : new_op(lowering, from, EINSUM_NEGATE, a, NULL);
}

static struct ast_node *add(const struct lowering *lowering,
                            const struct ast_node *from, struct ast_node *a,
                            struct ast_node *b)
{
    if (is_integer(a, 0)) {
        return b;
    }
    if (is_integer(b, 0)) {
        return a;
    }
    if (is_negated(b)) {
        return new_op(lowering, from, EINSUM_SUB, a, b->child[0]);
    }
    return is_negated(a) ? new_op(lowering, from, EINSUM_SUB, b, a->child[0])
                         : new_op(lowering, from, EINSUM_ADD, a, b);
}

static struct ast_node *subtract(const struct lowering *lowering,
                                 const struct ast_node *from,
                                 struct ast_node *a, struct ast_node *b)
{
    if (is_integer(a, 0) || is_integer(b, 0) || is_negated(b)) {
        return add(lowering, from, a, negate(lowering, from, b));
    }
    return new_op(lowering, from, EINSUM_SUB, a, b);
}

static struct ast_node *multiply(const struct lowering *lowering,
                                 const struct ast_node *from,
                                 struct ast_node *a, struct ast_node *b)
{
    if (is_integer(a, 0) || is_integer(b, 1)) {
        return a;
    }
    if (is_integer(b, 0) || is_integer(a, 1)) {
        return b;
    }
    if (is_negated(a)) {
        return negate(lowering, from, multiply(lowering, from, a->child[0], b));
    }
    if (is_negated(b)) {
        return negate(lowering, from, multiply(lowering, from, a, b->child[0]));
    }
    return new_op(lowering, from, EINSUM_MUL, a, b);
}

/* ---- complex expressions -------------------------------------------------- */

static struct parts real_parts(struct ast_node *re, int64_t size)
{
    return (struct parts){re, NULL, size};
}

void complex_report(const struct lowering *lowering,
                    const struct ast_node *node, const char *message)
{
    diag_error(lowering->diags, place_span(node->place), "einsum-complex",
               "re(..), im(..) and abs(..) of a complex value are real", "%s",
               message);
}

struct ast_node *complex_lower_real(const struct lowering *lowering,
                                    struct ast_node *node, const char *message)
{
    struct parts parts = complex_lower(lowering, node);
    if (parts.im != NULL) {
        complex_report(lowering, node, message);
    }
    return parts.re;
}

struct ast_node *complex_imaginary(const struct lowering *lowering,
                                   const struct ast_node *from,
                                   const struct parts *a)
{
    return a->im == NULL ? new_integer(lowering, from, 0) : a->im;
}

struct ast_node *complex_access(const struct lowering *lowering,
                                const struct ast_node *access,
                                const char *suffix)
{
    struct ast_node *made =
        ast_new(lowering->cascade, AST_ACCESS, access->place);
    g_autofree char *name = g_strconcat(access->name, suffix, NULL);
    g_autoptr(GPtrArray) indices = g_ptr_array_new();
    for (int i = 0; i < access->child_count; i++) {
        g_ptr_array_add(indices, access->child[i]);
    }
    made->name = g_string_chunk_insert_const(lowering->cascade->names, name);
    ast_set_children(made, indices);
    return made;
}

void complex_check_index(const struct lowering *lowering,
                         const struct ast_node *access)
{
    for (int i = 0; i < access->child_count; i++) {
        if (complex_is_mentioned(lowering, access->child[i])) {
            complex_report(lowering, access->child[i],
                           "an index is not made of complex values");
        }
    }
}

static struct parts lower_access(const struct lowering *lowering,
                                 struct ast_node *node)
{
    complex_check_index(lowering, node);
    if (!complex_is_name(lowering, node->name)) {
        return real_parts(node, 1);
    }
    return (struct parts){complex_access(lowering, node, "_RE"),
                          complex_access(lowering, node, "_IM"), 2};
}

static struct parts multiply_parts(const struct lowering *lowering,
                                   const struct ast_node *from,
                                   const struct parts *a, const struct parts *b)
{
    struct ast_node *re = multiply(lowering, from, a->re, b->re);
    if (a->im == NULL || b->im == NULL) {
        struct ast_node *im = a->im == NULL
                                  ? multiply(lowering, from, a->re, b->im)
                                  : multiply(lowering, from, a->im, b->re);
        return (struct parts){re, im, 2 * (a->size + b->size)};
    }
    return (struct parts){
        subtract(lowering, from, re, multiply(lowering, from, a->im, b->im)),
        add(lowering, from, multiply(lowering, from, a->re, b->im),
            multiply(lowering, from, a->im, b->re)),
        2 * (a->size + b->size) + 6,
    };
}

static struct ast_node *square(const struct lowering *lowering,
                               const struct ast_node *from,
                               const struct parts *a)
{
    struct ast_node *re = multiply(lowering, from, a->re, a->re);
    return a->im == NULL ? re
                         : add(lowering, from, re,
                               multiply(lowering, from, a->im, a->im));
}

/* a / b = a conj(b) / |b|^2 */
static struct parts divide_parts(const struct lowering *lowering,
                                 const struct ast_node *from,
                                 const struct parts *a, const struct parts *b)
{
    struct parts top = *a;
    struct ast_node *bottom = b->re;
    if (b->im != NULL) {
        struct parts conjugate = {b->re, negate(lowering, from, b->im),
                                  b->size};
        top = multiply_parts(lowering, from, a, &conjugate);
        bottom = square(lowering, from, b);
    }
    top.re = new_op(lowering, from, EINSUM_DIVIDE, top.re, bottom);
    top.im = new_op(lowering, from, EINSUM_DIVIDE,
                    complex_imaginary(lowering, from, &top), bottom);
    top.size += 4 * b->size + 2;
    return top;
}

/* exp(a) (cos b + i sin b) */
static struct parts exp_parts(const struct lowering *lowering,
                              const struct ast_node *from,
                              const struct parts *a)
{
    struct ast_node *scale =
        is_integer(a->re, 0) ? new_integer(lowering, from, 1)
                             : new_op(lowering, from, EINSUM_EXP, a->re, NULL);
    struct ast_node *cosine = new_op(lowering, from, EINSUM_COS, a->im, NULL);
    struct ast_node *sine = new_op(lowering, from, EINSUM_SIN, a->im, NULL);
    return (struct parts){multiply(lowering, from, scale, cosine),
                          multiply(lowering, from, scale, sine),
                          2 * a->size + 6};
}

/* Each part by itself. */
static struct parts each_part(const struct lowering *lowering,
                              const struct ast_node *node,
                              const struct parts *operand)
{
    struct parts made = {.size = 1};
    struct ast_node *im[OP_MAX_ARITY] = {NULL};
    for (int i = 0; i < node->child_count; i++) {
        im[i] = complex_imaginary(lowering, node, &operand[i]);
        made.size += operand[i].size + 1;
    }
    if (node->op == EINSUM_NEGATE) {
        made.re = negate(lowering, node, operand[0].re);
        made.im = negate(lowering, node, im[0]);
    } else if (node->op == EINSUM_ADD) {
        made.re = add(lowering, node, operand[0].re, operand[1].re);
        made.im = add(lowering, node, im[0], im[1]);
    } else {
        made.re = subtract(lowering, node, operand[0].re, operand[1].re);
        made.im = subtract(lowering, node, im[0], im[1]);
    }
    return made;
}

static struct parts complex_op(const struct lowering *lowering,
                               const struct ast_node *node,
                               const struct parts *operand)
{
    switch (node->op) {
    case EINSUM_ADD:
    case EINSUM_SUB:
    case EINSUM_NEGATE:
        return each_part(lowering, node, operand);
    case EINSUM_MUL:
        return multiply_parts(lowering, node, &operand[0], &operand[1]);
    case EINSUM_DIVIDE:
        return divide_parts(lowering, node, &operand[0], &operand[1]);
    case EINSUM_EXP:
        return exp_parts(lowering, node, &operand[0]);
    case EINSUM_ABS:
        return real_parts(new_op(lowering, node, EINSUM_SQRT,
                                 square(lowering, node, &operand[0]), NULL),
                          2 * operand[0].size + 4);
    case EINSUM_MAC:
    case EINSUM_MAX:
    case EINSUM_MIN:
    case EINSUM_LOG:
    case EINSUM_SQRT:
    case EINSUM_TANH:
    case EINSUM_SIGMOID:
    case EINSUM_RELU:
    case EINSUM_ERF:
    case EINSUM_RSQRT:
    case EINSUM_SIN:
    case EINSUM_COS:
    case EINSUM_FLOOR:
    case EINSUM_SIGN:
    case EINSUM_POW:
    case EINSUM_MOD:
    case EINSUM_LESS:
    case EINSUM_LESS_EQUAL:
    case EINSUM_EQUAL:
    case EINSUM_NOT_EQUAL:
    case EINSUM_SELECT:
    case EINSUM_OP_COUNT:
        break;
    }
    complex_report(
        lowering, node,
        "complex values are added, subtracted, multiplied, divided, and "
        "taken exp, conj, re, im and abs of");
    return operand[0];
}

/* The same node with other operands. */
static struct ast_node *with_children(const struct lowering *lowering,
                                      const struct ast_node *node,
                                      GPtrArray *children)
{
    struct ast_node *made = ast_new(lowering->cascade, node->kind, node->place);
    made->op = node->op;
    made->call = node->call;
    ast_set_children(made, children);
    return made;
}

static struct parts lower_op(const struct lowering *lowering,
                             struct ast_node *node)
{
    struct parts operand[OP_MAX_ARITY] = {{NULL, NULL, 0}};
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    bool has_complex = false;
    int64_t size = 1;
    for (int i = 0; i < node->child_count; i++) {
        operand[i] = complex_lower(lowering, node->child[i]);
        has_complex = has_complex || operand[i].im != NULL;
        size += operand[i].size;
        g_ptr_array_add(children, operand[i].re);
    }
    return has_complex
               ? complex_op(lowering, node, operand)
               : real_parts(with_children(lowering, node, children), size);
}

static struct parts lower_complex_call(const struct lowering *lowering,
                                       struct ast_node *node)
{
    struct parts a = complex_lower(lowering, node->child[0]);
    if (node->call == CALL_RE) {
        return real_parts(a.re, a.size);
    }
    if (node->call == CALL_IM) {
        return real_parts(complex_imaginary(lowering, node, &a), a.size);
    }
    if (node->call == CALL_CONJ) {
        return (struct parts){
            a.re, a.im == NULL ? NULL : negate(lowering, node, a.im),
            a.size + 1};
    }
    if (a.im != NULL) {
        complex_report(lowering, node->child[0],
                       "cis(x) and complex(a, b) are made of real values");
    }
    if (node->call == CALL_CIS) {
        return (struct parts){new_op(lowering, node, EINSUM_COS, a.re, NULL),
                              new_op(lowering, node, EINSUM_SIN, a.re, NULL),
                              2 * a.size + 2};
    }
    struct ast_node *im =
        complex_lower_real(lowering, node->child[1],
                           "cis(x) and complex(a, b) are made of real values");
    return (struct parts){a.re, im, a.size + 1};
}

static struct parts lower_call(const struct lowering *lowering,
                               struct ast_node *node)
{
    if (node->call >= CALL_RE && node->call <= CALL_COMPLEX) {
        return lower_complex_call(lowering, node);
    }
    if (node->call == CALL_INDEX) {
        return real_parts(node, 1);
    }
    g_autoptr(GPtrArray) children = g_ptr_array_new();
    int64_t size = 1;
    for (int i = 0; i < node->child_count; i++) {
        struct parts child = complex_lower(lowering, node->child[i]);
        if (child.im != NULL) {
            complex_report(lowering, node->child[i],
                           "this function takes real values");
        }
        size += child.size;
        g_ptr_array_add(children, child.re);
    }
    return real_parts(with_children(lowering, node, children), size);
}

struct parts complex_lower(const struct lowering *lowering,
                           struct ast_node *node)
{
    struct parts parts = real_parts(node, 1);
    if (!complex_is_mentioned(lowering, node)) {
        return parts;
    }
    if (node->kind == AST_ACCESS) {
        parts = lower_access(lowering, node);
    } else if (node->kind == AST_OP) {
        parts = lower_op(lowering, node);
    } else if (node->kind == AST_CALL) {
        parts = lower_call(lowering, node);
    }
    bool is_high = parts.re->height > AST_MAX_HEIGHT ||
                   (parts.im != NULL && parts.im->height > AST_MAX_HEIGHT);
    if (is_high || parts.size > MAX_NODES) {
        diag_error(lowering->diags, place_span(node->place), "einsum-too-deep",
                   "define a tensor for a part of it",
                   "the parts of the complex value are too long");
        return real_parts(new_integer(lowering, node, 0), 1);
    }
    return parts;
}
