/* Complex values become pairs of real ones when a cascade is read: a complex
 * tensor Z is two tensors, Z_RE and Z_IM, and a statement that gives one is two
 * statements. What follows (checks, binding, interpreter, analyses, mapping)
 * knows reals only, so that operations are counted as real hardware does them.
 *
 * Which tensors are complex: inputs declared so, and results of statements
 * whose right side is complex, until nothing new turns up (S[t+1] = A * S[t]). */
#include "einsum/complex.h"

/* ---- which values are complex -------------------------------------------- */

static bool is_part(const struct ast_node *node)
{
    return ast_is_call(node, CALL_RE) || ast_is_call(node, CALL_IM) ||
           ast_is_call(node, CALL_INDEX);
}

static bool is_complex(const struct lowering *lowering,
                       const struct ast_node *node)
{
    if (node->kind == AST_ACCESS) {
        return complex_is_name(lowering, node->name);
    }
    if (ast_is_call(node, CALL_CIS) || ast_is_call(node, CALL_COMPLEX)) {
        return true;
    }
    if (is_part(node) || (node->kind == AST_OP && node->op == EINSUM_ABS)) {
        return false;
    }
    for (int i = 0; i < node->child_count; i++) {
        if (is_complex(lowering, node->child[i])) {
            return true;
        }
    }
    return false;
}

/* One of two parts that were written out: F_RE[u], F_IM[u] = fft(n) X[n] */
static bool is_part_statement(const struct cascade *cascade, size_t i)
{
    return cascade_statement_at(cascade, i)->gives_values ||
           (i > 0 && cascade_statement_at(cascade, i - 1)->gives_values);
}

static bool is_complex_result(const struct lowering *lowering, size_t i)
{
    const struct ast_statement *statement =
        cascade_statement_at(lowering->cascade, i);
    if (selection_is_transform(statement->selection)) {
        return selection_is_complex(statement->selection) &&
               !is_part_statement(lowering->cascade, i);
    }
    return statement->body != NULL && is_complex(lowering, statement->body);
}

static void find_complex(struct lowering *lowering)
{
    guint before = 0;
    do {
        before = g_hash_table_size(lowering->complex);
        for (size_t i = 0; i < lowering->cascade->statements->len; i++) {
            const struct ast_statement *statement =
                cascade_statement_at(lowering->cascade, i);
            if (is_complex_result(lowering, i)) {
                g_hash_table_add(lowering->complex,
                                 g_strdup(statement->output->name));
            }
        }
    } while (g_hash_table_size(lowering->complex) > before);
}

/* ---- statements ----------------------------------------------------------- */

static GPtrArray *copy_ranks(const GPtrArray *ranks)
{
    GPtrArray *copy = g_ptr_array_new();
    for (guint i = 0; i < ranks->len; i++) {
        g_ptr_array_add(copy, g_ptr_array_index(ranks, i));
    }
    return copy;
}

static void append_part(const struct lowering *lowering,
                        const struct ast_statement *statement,
                        struct ast_node *output, struct ast_node *body)
{
    struct ast_statement made = *statement;
    made.output = output;
    made.body = body;
    made.reduce_ranks = copy_ranks(statement->reduce_ranks);
    g_array_append_val(lowering->cascade->statements, made);
}

static void check_reduction(const struct lowering *lowering,
                            const struct ast_statement *statement)
{
    bool is_sum =
        !statement->has_reduction || (statement->reduce == EINSUM_SUM &&
                                      statement->selection == SELECT_NONE);
    if (!is_sum) {
        complex_report(lowering, statement->body,
                       "complex values have no order and only sums over ranks");
    }
}

/* The body of a transform: complex(a, b) of its parts, or real. */
static struct ast_node *transform_body(const struct lowering *lowering,
                                       const struct ast_statement *statement)
{
    struct parts parts = complex_lower(lowering, statement->body);
    if (parts.im == NULL) {
        return parts.re;
    }
    if (statement->selection == TRANSFORM_RFFT ||
        statement->selection == TRANSFORM_DCT ||
        statement->selection == TRANSFORM_IDCT) {
        complex_report(lowering, statement->body,
                       "rfft, dct and idct are of real values");
        return parts.re;
    }
    g_autoptr(GPtrArray) both = g_ptr_array_new();
    g_ptr_array_add(both, parts.re);
    g_ptr_array_add(both, parts.im);
    struct ast_node *body =
        ast_new(lowering->cascade, AST_CALL, statement->body->place);
    body->call = CALL_COMPLEX;
    ast_set_children(body, both);
    return body;
}

/* F = fft(n) X: real part, marked, and imaginary part. */
static void lower_transform(const struct lowering *lowering,
                            struct ast_statement *statement)
{
    if (statement->body != NULL) {
        statement->body = transform_body(lowering, statement);
    }
    if (!complex_is_name(lowering, statement->output->name)) {
        g_array_append_val(lowering->cascade->statements, *statement);
        return;
    }
    statement->gives_values = true;
    append_part(lowering, statement,
                complex_access(lowering, statement->output, "_RE"),
                statement->body);
    statement->gives_values = false;
    append_part(lowering, statement,
                complex_access(lowering, statement->output, "_IM"),
                statement->body);
    g_ptr_array_unref(statement->reduce_ranks);
}

/* `statement` may be changed; its reduce_ranks are taken. */
static void lower_statement(const struct lowering *lowering,
                            struct ast_statement *statement)
{
    complex_check_index(lowering, statement->output);
    if (statement->condition != NULL) {
        statement->condition = complex_lower_real(
            lowering, statement->condition, "a condition compares real values");
    }
    if (selection_is_transform(statement->selection)) {
        lower_transform(lowering, statement);
        return;
    }
    bool is_result_complex = complex_is_name(lowering, statement->output->name);
    if (statement->body == NULL || !is_result_complex) {
        if (statement->body != NULL) {
            statement->body = complex_lower(lowering, statement->body).re;
        }
        g_array_append_val(lowering->cascade->statements, *statement);
        return;
    }
    struct parts parts = complex_lower(lowering, statement->body);
    check_reduction(lowering, statement);
    append_part(lowering, statement,
                complex_access(lowering, statement->output, "_RE"), parts.re);
    append_part(lowering, statement,
                complex_access(lowering, statement->output, "_IM"),
                complex_imaginary(lowering, statement->body, &parts));
    g_ptr_array_unref(statement->reduce_ranks);
}

static void lower_statements(const struct lowering *lowering)
{
    struct cascade *cascade = lowering->cascade;
    GArray *old = cascade->statements;
    cascade->statements =
        g_array_new(FALSE, TRUE, sizeof(struct ast_statement));
    for (guint i = 0; i < old->len; i++) {
        struct ast_statement *statement =
            &g_array_index(old, struct ast_statement, i);
        size_t errors_before = diags_error_count(lowering->diags);
        size_t first = cascade->statements->len;
        lower_statement(lowering, statement);
        for (size_t j = first;
             diags_error_count(lowering->diags) > errors_before &&
             j < cascade->statements->len;
             j++) { /* nothing more to say of it */
            cascade_statement_at(cascade, j)->body = NULL;
            cascade_statement_at(cascade, j)->condition = NULL;
        }
    }
    g_array_unref(old);
}

/* ---- inputs --------------------------------------------------------------- */

static void check_name(const struct lowering *lowering, const GArray *inputs,
                       const struct cascade_tensor *part)
{
    for (guint i = 0; i < inputs->len; i++) {
        const struct cascade_tensor *other =
            &g_array_index(inputs, struct cascade_tensor, i);
        if (g_str_equal(other->name, part->name)) {
            diag_error(lowering->diags, yaml_key_span(other->place.node),
                       "einsum-complex", NULL,
                       "'%s' is the name of a part of a complex input",
                       other->name);
        }
    }
}

static void lower_inputs(struct lowering *lowering)
{
    struct cascade *cascade = lowering->cascade;
    GArray *old = cascade->tensors;
    cascade->tensors = g_array_new(FALSE, TRUE, sizeof(struct cascade_tensor));
    for (guint i = 0; i < old->len; i++) {
        struct cascade_tensor tensor =
            g_array_index(old, struct cascade_tensor, i);
        if (!tensor.is_complex) {
            g_array_append_val(cascade->tensors, tensor);
            continue;
        }
        struct ast_node *declaration = tensor.declaration;
        g_hash_table_add(lowering->complex, g_strdup(tensor.name));
        for (int part = 0; part < 2; part++) {
            tensor.declaration = complex_access(lowering, declaration,
                                                part == 0 ? "_RE" : "_IM");
            tensor.name = tensor.declaration->name;
            check_name(lowering, old, &tensor);
            g_array_append_val(cascade->tensors, tensor);
        }
    }
    g_array_unref(old);
}

void lower_complex(struct cascade *cascade, struct diags *diags)
{
    struct lowering lowering = {
        .cascade = cascade,
        .diags = diags,
        .complex = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    lower_inputs(&lowering);
    find_complex(&lowering);
    lower_statements(&lowering);
    g_hash_table_unref(lowering.complex);
}
