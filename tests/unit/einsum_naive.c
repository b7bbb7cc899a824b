/* The interpreter against the manual: random cascades with every construct are
 * also run from their trees by loops over all points, which know nothing of
 * boxes, rows, affine forms, solved conditions or fast transforms. The values
 * agree within twice the bound of the running error analysis, which holds for
 * every order of evaluation; where it is infinite, something was undecided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "einsum/ast.h"
#include "einsum/einsum_ops.h"
#include "tests/unit/einsum_random_rich.h"
#include "tests/unit/einsum_text.h"

/* WEIR_NAIVE_COUNT: how many instead. */
#define CASES 400

struct naive {
    const struct loaded *loaded;
    const struct cascade *cascade;
    double *value[256]; /* by tensor */
    int64_t index[EINSUM_MAX_RANKS];
    bool exists; /* the point */
};

/* ---- indices ---------------------------------------------------------------- */

static int64_t shape_value(const struct naive *naive, const char *name)
{
    const struct workload *workload = naive->loaded->workload;
    for (int i = 0; i < workload->shape_count; i++) {
        if (g_str_equal(workload->shape_name[i], name)) {
            return workload->shape_value[i];
        }
    }
    fail();
    return 0;
}

static double value_at(struct naive *naive, const struct ast_node *access);

static int64_t index_of(struct naive *naive, const struct ast_node *node)
{
    if (node->kind == AST_NUMBER) {
        return node->integer;
    }
    if (node->kind == AST_RANK) {
        return naive
            ->index[workload_find_rank(naive->loaded->workload, node->name)];
    }
    if (node->kind == AST_SHAPE) {
        return shape_value(naive, node->name);
    }
    if (node->kind == AST_ACCESS) {
        return (int64_t)value_at(naive, node);
    }
    double a = (double)index_of(naive, node->child[0]);
    double b =
        node->child_count < 2 ? 0.0 : (double)index_of(naive, node->child[1]);
    if (node->op == EINSUM_DIVIDE) {
        return (int64_t)floor(a / b);
    }
    return (int64_t)op_apply(node->op, a, b);
}

/* -1: zero(..) reads nothing. Sets exists. */
static int64_t element_of(struct naive *naive, const struct ast_node *access)
{
    const struct einsum_tensor *tensor =
        &naive->loaded->workload
             ->tensors[cascade_find_tensor(naive->cascade, access->name)];
    int64_t element = 0;
    for (int d = 0; d < access->child_count; d++) {
        const struct ast_node *index = access->child[d];
        bool is_call = index->kind == AST_CALL;
        int64_t extent = tensor->extent[d];
        int64_t at = index_of(naive, is_call ? index->child[0] : index);
        bool is_outside = at < 0 || at >= extent;
        if (is_outside && ast_is_call(index, CALL_CLAMP)) {
            at = at < 0 ? 0 : extent - 1;
        } else if (is_outside && ast_is_call(index, CALL_WRAP)) {
            at = (at % extent + extent) % extent;
        } else if (is_outside && ast_is_call(index, CALL_ZERO)) {
            return -1;
        } else if (is_outside) {
            assert_true(ast_is_call(index, CALL_SKIP));
            naive->exists = false;
            return -1;
        }
        element = element * extent + at;
    }
    return element;
}

static double value_at(struct naive *naive, const struct ast_node *access)
{
    int64_t element = element_of(naive, access);
    int tensor = cascade_find_tensor(naive->cascade, access->name);
    return element < 0 ? 0.0 : naive->value[tensor][element];
}

/* ---- values ------------------------------------------------------------------ */

static double value_of(struct naive *naive, const struct ast_node *node);

static double call_value(struct naive *naive, const struct ast_node *node)
{
    if (node->call == CALL_INDEX) {
        return (double)index_of(naive, node->child[0]);
    }
    double x = value_of(naive, node->child[0]);
    if (node->call == CALL_ONE) {
        return 1.0;
    }
    if (node->call == CALL_SILU) {
        return x * sigmoid(x);
    }
    if (node->call == CALL_GELU) {
        return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    }
    assert_int_equal(node->call, CALL_SOFTPLUS);
    return fmax(x, 0.0) + log(1.0 + exp(-fabs(x)));
}

/* Ranks stand for their numbers, as in conditions on data. */
static double value_of(struct naive *naive, const struct ast_node *node)
{
    double operand[OP_MAX_ARITY] = {0.0};
    switch (node->kind) {
    case AST_NUMBER:
        return node->number;
    case AST_RANK:
    case AST_SHAPE:
        return (double)index_of(naive, node);
    case AST_ACCESS:
        return value_at(naive, node);
    case AST_CALL:
        return call_value(naive, node);
    case AST_OP:
        break;
    }
    for (int i = 0; i < node->child_count; i++) {
        operand[i] = value_of(naive, node->child[i]);
    }
    if (node->op == EINSUM_SELECT) {
        return fabs(operand[0]) > 0.0 ? operand[1] : operand[2];
    }
    return op_apply(node->op, operand[0], operand[1]);
}

static bool holds(struct naive *naive, const struct ast_node *node)
{
    if (ast_is_call(node, CALL_NOT)) {
        return !holds(naive, node->child[0]);
    }
    if (node->kind == AST_CALL) {
        bool a = holds(naive, node->child[0]);
        bool b = holds(naive, node->child[1]);
        return node->call == CALL_AND ? a && b : a || b;
    }
    double side[2];
    for (int i = 0; i < 2; i++) {
        side[i] = ast_has(node, AST_ACCESS)
                      ? value_of(naive, node->child[i])
                      : (double)index_of(naive, node->child[i]);
    }
    return op_apply(node->op, side[0], side[1]) > 0.0;
}

/* ---- statements --------------------------------------------------------------- */

static bool next_point(struct naive *naive,
                       const struct einsum_statement *statement, int count)
{
    const struct workload *workload = naive->loaded->workload;
    for (int i = count - 1; i >= 0; i--) {
        int rank = statement->rank[i];
        if (++naive->index[rank] < workload->rank[rank].extent) {
            return true;
        }
        naive->index[rank] = 0;
    }
    return false;
}

/* The body's value; false where the point does not exist. */
static bool eval_body(struct naive *naive, const struct ast_statement *parsed,
                      double value[2])
{
    naive->exists =
        parsed->condition == NULL || holds(naive, parsed->condition);
    bool is_pair = ast_is_call(parsed->body, CALL_COMPLEX);
    value[0] = value_of(naive, is_pair ? parsed->body->child[0] : parsed->body);
    value[1] = is_pair ? value_of(naive, parsed->body->child[1]) : 0.0;
    return naive->exists;
}

static int64_t output_of(struct naive *naive, const struct ast_node *output,
                         const char *order, int64_t place)
{
    const struct workload *workload = naive->loaded->workload;
    const struct einsum_tensor *tensor =
        &workload->tensors[cascade_find_tensor(naive->cascade, output->name)];
    int64_t element = 0;
    for (int d = 0; d < output->child_count; d++) {
        const struct ast_node *index = output->child[d];
        bool is_order = index->kind == AST_RANK && order != NULL &&
                        g_str_equal(index->name, order);
        bool is_bind = ast_is_call(index, CALL_BIND);
        int64_t at = is_order
                         ? place
                         : index_of(naive, is_bind ? index->child[1] : index);
        element = element * tensor->extent[d] + at;
    }
    return element;
}

static void run_plain(struct naive *naive, const struct ast_statement *parsed,
                      const struct einsum_statement *statement, double *output)
{
    do {
        double value[2];
        if (eval_body(naive, parsed, value)) {
            int64_t at = output_of(naive, parsed->output, NULL, 0);
            output[at] = reduce_apply(statement->reduce, output[at], value[0]);
        }
    } while (next_point(naive, statement, statement->rank_count));
}

struct entry {
    double value;
    int64_t index;
};

static int by_value(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->value > y->value || x->value < y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

/* Smallest first; of the largest the signs are turned. */
static void select_fiber(struct naive *naive,
                         const struct ast_statement *parsed,
                         const struct einsum_statement *statement,
                         int64_t wanted, double *output)
{
    int along = statement->rank[statement->rank_count - 1];
    bool is_falling =
        parsed->selection == SELECT_TOPK || parsed->selection == SELECT_ARGMAX;
    bool gives_values =
        parsed->gives_values || parsed->selection == SELECT_SORT;
    struct entry entries[16];
    size_t count = 0;
    for (int64_t i = 0; i < naive->loaded->workload->rank[along].extent; i++) {
        double value[2];
        naive->index[along] = i;
        if (eval_body(naive, parsed, value) && !isnan(value[0])) {
            entries[count++] =
                (struct entry){is_falling ? -value[0] : value[0], i};
        }
    }
    naive->index[along] = 0;
    qsort(entries, count, sizeof entries[0], by_value);
    const char *order = statement_order_rank(parsed);
    for (int64_t t = 0; t < wanted; t++) {
        bool is_there = t < (int64_t)count;
        double value = gives_values ? 0.0 : -1.0;
        if (is_there && gives_values) {
            value = is_falling ? -entries[t].value : entries[t].value;
        } else if (is_there) {
            value = (double)entries[t].index;
        }
        output[output_of(naive, parsed->output, order, t)] = value;
    }
}

/* weight exp(i angle) of element j in result k: the definitions in the manual. */
static void find_weight(enum selection kind, int64_t j, int64_t k, int64_t n,
                        long double *re, long double *im)
{
    long double pi = 3.14159265358979323846264338327950288L;
    bool is_forward = kind == TRANSFORM_FFT || kind == TRANSFORM_RFFT;
    long double size = (long double)n;
    long double angle = 2.0L * pi * (long double)(j * k % n) / size;
    long double scale = 1.0L;
    if (kind == TRANSFORM_DCT || kind == TRANSFORM_IDCT) {
        int64_t frequency = kind == TRANSFORM_DCT ? k : j;
        int64_t place = kind == TRANSFORM_DCT ? j : k;
        angle = pi * (long double)((2 * place + 1) * frequency) / (2.0L * size);
        scale = sqrtl((frequency == 0 ? 1.0L : 2.0L) / size);
    } else if (kind == TRANSFORM_IFFT) {
        scale = 1.0L / size;
    } else if (kind == TRANSFORM_IRFFT) {
        scale = (j == 0 || 2 * j == n ? 1.0L : 2.0L) / size;
    }
    *re = scale * cosl(angle);
    *im = scale * (is_forward ? -sinl(angle) : sinl(angle));
}

static void transform_fiber(struct naive *naive,
                            const struct ast_statement *parsed,
                            const struct einsum_statement *statement,
                            int64_t wanted, double *output)
{
    int along = statement->rank[statement->rank_count - 1];
    int64_t length = naive->loaded->workload->rank[along].extent;
    int64_t n = parsed->selection == TRANSFORM_IRFFT ? wanted : length;
    const char *order = statement_order_rank(parsed);
    bool is_imaginary =
        selection_is_complex(parsed->selection) && !parsed->gives_values;
    for (int64_t k = 0; k < wanted; k++) {
        long double sum = 0.0L;
        for (int64_t j = 0; j < length; j++) {
            double value[2];
            long double re = 0.0L;
            long double im = 0.0L;
            naive->index[along] = j;
            find_weight(parsed->selection, j, k, n, &re, &im);
            if (eval_body(naive, parsed, value)) {
                long double a = (long double)value[0];
                long double b = (long double)value[1];
                sum += is_imaginary ? a * im + b * re : a * re - b * im;
            }
        }
        naive->index[along] = 0;
        output[output_of(naive, parsed->output, order, k)] = (double)sum;
    }
}

static void run_fibers(struct naive *naive, const struct ast_statement *parsed,
                       const struct einsum_statement *statement, double *output)
{
    const struct workload *workload = naive->loaded->workload;
    const char *order = statement_order_rank(parsed);
    int64_t wanted =
        order == NULL
            ? 1
            : workload->rank[workload_find_rank(workload, order)].extent;
    do {
        if (selection_is_transform(parsed->selection)) {
            transform_fiber(naive, parsed, statement, wanted, output);
        } else {
            select_fiber(naive, parsed, statement, wanted, output);
        }
    } while (next_point(naive, statement, statement->rank_count - 1));
}

static void run_statement(struct naive *naive, int i)
{
    const struct workload *workload = naive->loaded->workload;
    const struct einsum_statement *statement = &workload->statements[i];
    const struct ast_statement *parsed =
        cascade_statement_at(naive->cascade, (size_t)i);
    const struct einsum_tensor *tensor =
        &workload->tensors[statement->output.tensor];
    double *output = g_new(double, (gsize)tensor->element_count);
    for (int64_t e = 0; e < tensor->element_count; e++) {
        output[e] = statement->reduce == EINSUM_NO_REDUCE
                        ? 0.0
                        : reduce_identity(statement->reduce);
    }
    naive->value[statement->output.tensor] = output;
    memset(naive->index, 0, sizeof naive->index);
    if (parsed->selection == SELECT_NONE) {
        run_plain(naive, parsed, statement, output);
    } else {
        run_fibers(naive, parsed, statement, output);
    }
}

/* ---- comparison ---------------------------------------------------------------- */

static int compare(const struct naive *naive, const struct einsum_data *data,
                   guint32 seed)
{
    const struct workload *workload = naive->loaded->workload;
    int decided = 0;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct tensor_data *got = &data->tensors[i];
        bool is_compared =
            workload->tensors[i].kind != TENSOR_INPUT && got->value != NULL;
        for (int64_t e = 0;
             is_compared && e < workload->tensors[i].element_count; e++) {
            double a = got->value[e];
            double b = naive->value[i][e];
            double bound = 2.0 * got->error[e];
            bool is_same = isnan(a) ? isnan(b) : a <= b && a >= b;
            if (isnan(bound) || isinf(bound)) {
                continue;
            }
            decided++;
            if (!is_same && !(fabs(a - b) <= bound)) {
                g_autofree char *text = cascade_print(naive->cascade);
                print_error("seed %u, %s element %d: %.17g, not %.17g within "
                            "%.3g\n%s",
                            seed, workload->tensors[i].name, (int)e, a, b,
                            bound, text);
                fail();
            }
        }
    }
    return decided;
}

/* The one limit that a random statement may exceed. */
static bool has_too_many_operands(const char *einsums, const char *outputs)
{
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload) workload = NULL;
    g_autofree char *text =
        cascade_yaml(RICH_SHAPES, RICH_INPUTS, einsums, outputs);
    const struct source *source = diags_add_text(diags, "test", text);
    if (cascade_load_source(diags, source, &cascade) != OK ||
        workload_bind(cascade, NULL, NULL, diags, &workload) == OK) {
        return false;
    }
    const struct diag *last = diags_get(diags, diags_count(diags) - 1);
    return g_str_equal(last->code, "einsum-too-many-operands");
}

/* Returns how many values were compared. */
static int check_cascade(guint32 seed, unsigned *features)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_autofree char *outputs = NULL;
    g_autofree char *einsums = rich_einsums(random, &outputs);
    if (has_too_many_operands(einsums, outputs)) {
        return 0;
    }
    struct loaded loaded =
        load_cascade(RICH_SHAPES, RICH_INPUTS, einsums, outputs);
    struct einsum_data *data = new_data(&loaded, true, seed);
    struct naive naive = {.loaded = &loaded, .cascade = loaded.cascade};
    run_all(&loaded, data);
    for (int i = 0; i < loaded.workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &loaded.workload->tensors[i];
        if (tensor->kind == TENSOR_INPUT) {
            naive.value[i] =
                g_memdup2(data->tensors[i].value,
                          (gsize)tensor->element_count * sizeof(double));
        }
    }
    for (int i = 0; i < loaded.workload->statement_count; i++) {
        run_statement(&naive, i);
        *features |= loaded.workload->statements[i].features;
    }
    int decided = compare(&naive, data, seed);
    g_autofree char *printed = cascade_print(loaded.cascade);
    struct loaded again =
        load_cascade(RICH_SHAPES, RICH_INPUTS, printed, outputs);
    g_autofree char *same = cascade_print(again.cascade);
    assert_string_equal(printed, same);
    loaded_clear(&again);
    for (int i = 0; i < loaded.workload->tensor_count; i++) {
        g_free(naive.value[i]);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
    return decided;
}

static void test_random_cascades_mean_what_the_manual_says(void **state)
{
    (void)state;
    const char *wanted = g_getenv("WEIR_NAIVE_COUNT");
    guint32 count = wanted == NULL ? CASES : (guint32)atoi(wanted);
    unsigned features = 0;
    int decided = 0;
    for (guint32 seed = 1; seed <= count; seed++) {
        decided += check_cascade(seed, &features);
    }
    unsigned wanted_features = EINSUM_PREDICATE | EINSUM_DATA_PREDICATE |
                               EINSUM_INDEX_MODE | EINSUM_GATHER |
                               EINSUM_SCATTER | EINSUM_INDEX_PRODUCER |
                               EINSUM_TRANSFORM;
    assert_int_equal(features & wanted_features, wanted_features);
    assert_true(decided > (int)count * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_cascades_mean_what_the_manual_says),
    };
    return cmocka_run_group_tests_name("einsum_naive", tests, NULL, NULL);
}
