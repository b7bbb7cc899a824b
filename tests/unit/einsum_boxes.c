/* The interpreter against the definition, point by point: random statements,
 * the iteration space cut into boxes that are run in random order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "einsum/binder.h"
#include "einsum/einsum_ops.h"
#include "tests/assert_close.h"
#include "tests/unit/einsum_random.h"
#include "tests/unit/einsum_text.h"

#define CASES 300

/* ---- the definition ---- */

static int64_t find_element(const struct workload *workload,
                            const struct einsum_access *access,
                            const int64_t *index)
{
    const struct einsum_tensor *tensor = &workload->tensors[access->tensor];
    int64_t element = 0;
    for (int d = 0; d < access->dim_count; d++) {
        int64_t at = access->index[d].constant;
        for (int r = 0; r < workload->rank_count; r++) {
            at += access->index[d].coefficient[r] * index[r];
        }
        assert_true(at >= 0 && at < tensor->extent[d]);
        element = element * tensor->extent[d] + at;
    }
    return element;
}

static double eval_point(const struct workload *workload,
                         const struct einsum_statement *statement,
                         const int64_t *index, const struct einsum_data *data)
{
    double stack[EINSUM_MAX_STACK + 2] = {0.0};
    int depth = 0;
    for (int n = 0; n < statement->expr->node_count; n++) {
        const struct expr_node *node = &statement->expr->nodes[n];
        if (node->kind == NODE_NUMBER) {
            stack[depth] = node->number;
        } else if (node->kind == NODE_READ) {
            const struct einsum_access *read =
                &statement->resolved_reads[node->read];
            stack[depth] = data->tensors[read->tensor]
                               .value[find_element(workload, read, index)];
        } else {
            depth -= op_arity(node->op);
            stack[depth] = op_apply(node->op, stack[depth], stack[depth + 1]);
        }
        depth++;
    }
    return stack[0];
}

/* index[] by rank id; false after the last point. */
static bool next_point(const struct workload *workload,
                       const struct einsum_statement *statement, int64_t *index)
{
    for (int i = statement->rank_count - 1; i >= 0; i--) {
        int rank = statement->rank[i];
        if (++index[rank] < workload->rank[rank].extent) {
            return true;
        }
        index[rank] = 0;
    }
    return false;
}

static void define_statement(const struct workload *workload, int id,
                             struct einsum_data *data)
{
    const struct einsum_statement *statement = &workload->statements[id];
    int64_t index[EINSUM_MAX_RANKS] = {0};
    double *output = data->tensors[statement->output.tensor].value;
    do {
        int64_t at = find_element(workload, &statement->output, index);
        output[at] = reduce_apply(statement->reduce, output[at],
                                  eval_point(workload, statement, index, data));
    } while (next_point(workload, statement, index));
}

/* ---- boxes ---- */

struct box {
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
};

/* Cuts every rank at most once. */
static GArray *cut_boxes(GRand *random, const struct workload *workload,
                         const struct einsum_statement *statement)
{
    GArray *boxes = g_array_new(FALSE, TRUE, sizeof(struct box));
    int64_t cut[EINSUM_MAX_RANKS] = {0};
    for (int i = 0; i < statement->rank_count; i++) {
        int64_t extent = workload->rank[statement->rank[i]].extent;
        cut[i] = g_rand_int_range(random, 0, (gint32)extent + 1);
    }
    for (guint corner = 0; corner < 1U << statement->rank_count; corner++) {
        struct box box = {{0}, {0}};
        for (int i = 0; i < statement->rank_count; i++) {
            bool is_high = (corner >> i & 1U) != 0;
            box.lo[i] = is_high ? cut[i] : 0;
            box.hi[i] =
                is_high ? workload->rank[statement->rank[i]].extent : cut[i];
        }
        g_array_append_val(boxes, box);
    }
    for (guint i = boxes->len - 1; i > 0; i--) {
        guint j = (guint)g_rand_int_range(random, 0, (gint32)i + 1);
        struct box swapped = g_array_index(boxes, struct box, i);
        g_array_index(boxes, struct box, i) =
            g_array_index(boxes, struct box, j);
        g_array_index(boxes, struct box, j) = swapped;
    }
    return boxes;
}

static void run_boxes(GRand *random, const struct loaded *loaded, int id,
                      struct einsum_data *data)
{
    g_autoptr(GArray) boxes =
        cut_boxes(random, loaded->workload, &loaded->workload->statements[id]);
    for (guint i = 0; i < boxes->len; i++) {
        const struct box *box = &g_array_index(boxes, struct box, i);
        einsum_run_box(loaded->workload, id, box->lo, box->hi, data);
    }
}

/* Equal, or no further apart than either bound allows. */
static void assert_within(double a, double b, double bound)
{
    bool is_same = isnan(a) ? isnan(b) != 0 : fabs(a - b) <= bound;
    bool is_infinite = isinf(a) && isinf(b) && (a > 0.0) == (b > 0.0);
    if (!is_same && !is_infinite && !isnan(bound) && !isinf(bound)) {
        print_error("%.17g and %.17g differ by more than %.3g\n", a, b, bound);
        fail();
    }
}

/* Tensors on which results do not depend, and what is relative to them, have no
 * bound of their own. */
static void compare_statement(const struct loaded *loaded, int id,
                              const struct einsum_data *bounds,
                              const struct einsum_data *boxed,
                              const struct einsum_data *defined)
{
    int tensor = loaded->workload->statements[id].output.tensor;
    if (bounds->is_free[tensor] || bounds->is_relative[tensor]) {
        return;
    }
    int64_t count = loaded->workload->tensors[tensor].element_count;
    for (int64_t e = 0; e < count; e++) {
        assert_within(boxed->tensors[tensor].value[e],
                      defined->tensors[tensor].value[e],
                      2.0 * boxed->tensors[tensor].error[e]);
    }
}

static void compare_cascade(guint32 seed, bool with_error)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    char output[8];
    g_autofree char *einsums =
        random_einsums_with(random, RANDOM_MACROS | RANDOM_PARTS, output);
    struct loaded loaded =
        load_cascade(RANDOM_SHAPES, RANDOM_INPUTS, einsums, output);
    struct einsum_data *bounds = new_data(&loaded, true, seed);
    struct einsum_data *boxed = new_data(&loaded, with_error, seed);
    struct einsum_data *defined = new_data(&loaded, false, seed);
    run_all(&loaded, bounds);
    for (int i = 0; i < loaded.workload->statement_count; i++) {
        int tensor = loaded.workload->statements[i].output.tensor;
        if (loaded.workload->statements[i].kind != EINSUM_COMPUTE) {
            continue;
        }
        run_boxes(random, &loaded, i, boxed);
        define_statement(loaded.workload, i, defined);
        g_free(boxed->tensors[tensor].error);
        boxed->tensors[tensor].error =
            g_memdup2(bounds->tensors[tensor].error,
                      (gsize)loaded.workload->tensors[tensor].element_count *
                          sizeof(double));
        compare_statement(&loaded, i, bounds, boxed, defined);
        if (!with_error) {
            g_clear_pointer(&boxed->tensors[tensor].error, g_free);
        }
    }
    /* Of a tensor in parts only now is everything there. */
    for (int i = 0; i < loaded.workload->statement_count; i++) {
        if (loaded.workload->statements[i].kind == EINSUM_COMPUTE) {
            compare_statement(&loaded, i, bounds, bounds, boxed);
        }
    }
    einsum_data_free(bounds);
    einsum_data_free(boxed);
    einsum_data_free(defined);
    loaded_clear(&loaded);
}

static void test_boxes_in_any_order_give_what_the_text_defines(void **state)
{
    (void)state;
    for (guint32 seed = 1; seed <= CASES; seed++) {
        compare_cascade(seed, false);
    }
}

static void test_error_analysis_computes_the_same_values(void **state)
{
    (void)state;
    for (guint32 seed = 1; seed <= CASES; seed++) {
        compare_cascade(seed, true);
    }
}

static void test_maxima_do_not_depend_on_the_order(void **state)
{
    (void)state;
    struct loaded loaded =
        load_workload("workloads/attention/one-pass.yaml", NULL);
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    struct einsum_data *whole = new_data(&loaded, false, 3);
    struct einsum_data *boxed = new_data(&loaded, false, 3);
    run_all(&loaded, whole);
    int lm = workload_find_statement(loaded.workload, "LM");
    const struct tensor_data *scores = values_of(&loaded, whole, "QK");
    memcpy(values_of(&loaded, boxed, "QK")->value, scores->value,
           (size_t)element_count(&loaded, "QK") * sizeof(double));
    run_boxes(random, &loaded, lm, boxed);
    assert_memory_equal(values_of(&loaded, whole, "LM")->value,
                        values_of(&loaded, boxed, "LM")->value,
                        (size_t)element_count(&loaded, "LM") * sizeof(double));
    einsum_data_free(whole);
    einsum_data_free(boxed);
    loaded_clear(&loaded);
}

static void test_an_empty_box_changes_nothing(void **state)
{
    (void)state;
    struct loaded loaded = load_workload("workloads/gemm.yaml", NULL);
    struct einsum_data *data = new_data(&loaded, false, 3);
    static const int64_t lo[] = {3, 2, 0};
    static const int64_t hi[] = {3, 4, 8};
    einsum_run_box(loaded.workload, 0, lo, hi, data);
    const double *z = values_of(&loaded, data, "Z")->value;
    for (int64_t e = 0; e < element_count(&loaded, "Z"); e++) {
        assert_true(fabs(z[e]) <= 0.0);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_in_any_order_give_what_the_text_defines),
        cmocka_unit_test(test_error_analysis_computes_the_same_values),
        cmocka_unit_test(test_maxima_do_not_depend_on_the_order),
        cmocka_unit_test(test_an_empty_box_changes_nothing),
    };
    return cmocka_run_group_tests_name("einsum_boxes", tests, NULL, NULL);
}
