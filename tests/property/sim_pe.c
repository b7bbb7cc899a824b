/* Random tilings of products on random systolic arrays, PE by PE: the cycles, busy
 * cycles and drains of the simulation by tile steps, and the interpreter's
 * numbers. Numbers are small integers, so that every order of sums gives the same.
 *
 * WEIR_PE_COUNT cases (default 300), first seed WEIR_SEED. */
#include <stdlib.h>

#include "tests/sim_support.h"

enum dataflow { OUTPUT, WEIGHT, INPUT };

/* Loops in random order, some of them twice: `outer` tiles hold several inner
 * ones. */
static void add_loops(GRand *random, GString *tree, const char *const *rank,
                      const int64_t *tile)
{
    int order[] = {0, 1, 2};
    for (int i = 2; i > 0; i--) {
        int j = g_rand_int_range(random, 0, i + 1);
        int kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (int i = 0; i < 3; i++) {
        g_string_append_printf(tree, "- for: {%s: %d}\n", rank[order[i]],
                               (int)tile[order[i]]);
    }
}

static int64_t random_extent(GRand *random)
{
    return g_rand_int_range(random, 1, g_rand_boolean(random) ? 9 : 60);
}

struct random_product {
    char *tree;
    char *settings;
};

static struct random_product random_product_new(GRand *random)
{
    static const char *const names[] = {"m", "n", "k"};
    static const int on_rows[] = {0, 2, 2};    /* by dataflow: m, k, k */
    static const int on_columns[] = {1, 1, 0}; /* n, n, m */
    static const char *const stationary[] = {"Z", "B", "A"};
    enum dataflow d = (enum dataflow)g_rand_int_range(random, 0, 3);
    int64_t extent[3];
    int64_t tile[3];
    int64_t rows = g_rand_int_range(random, 1, 17);
    int64_t columns = g_rand_int_range(random, 1, 17);
    int in_time = 3 - on_rows[d] - on_columns[d];
    for (int i = 0; i < 3; i++) {
        extent[i] = random_extent(random);
        int64_t most = i == on_rows[d]      ? MIN(rows, extent[i])
                       : i == on_columns[d] ? MIN(columns, extent[i])
                                            : extent[i];
        tile[i] = g_rand_int_range(random, 1, (int)most + 1);
    }
    int overlap = g_rand_int_range(random, 0, 2);
    GString *tree = g_string_new("- hold: [A, B, Z]\n  in: sram\n");
    add_loops(random, tree, names, tile);
    g_string_append_printf(tree, "- hold: [%s]\n  in: %s\n", stationary[d],
                           d == OUTPUT ? "sum" : "register");
    if (d != OUTPUT) {
        g_string_append(tree, "  copies: \"register.size / word\"\n");
    }
    g_string_append_printf(
        tree,
        "- {compute: Z, on: pe, spatial: {%s: Y, %s: X}, for: [{%s: 1}]}\n",
        names[on_rows[d]], names[on_columns[d]], names[in_time]);
    return (struct random_product){
        g_string_free(tree, FALSE),
        g_strdup_printf("M=%d N=%d K=%d ROWS=%d COLS=%d OVERLAP=%d",
                        (int)extent[0], (int)extent[1], (int)extent[2],
                        (int)rows, (int)columns, overlap)};
}

static struct einsum_data *data_of(const struct fixture *fixture, int64_t seed)
{
    const struct workload *workload = fixture->problem->workload;
    struct einsum_data *data = NULL;
    assert_ok(einsum_data_new(workload, false, fixture->diags, &data),
              fixture->diags);
    g_autoptr(GRand) random = g_rand_new_with_seed((guint32)seed);
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &workload->tensors[t];
        for (int64_t i = 0;
             tensor->kind == TENSOR_INPUT && i < tensor->element_count; i++) {
            data->tensors[t].value[i] = g_rand_int_range(random, -9, 10);
        }
    }
    return data;
}

static void check_values(const struct fixture *fixture,
                         const struct einsum_data *got, int64_t seed)
{
    const struct workload *workload = fixture->problem->workload;
    AUTO(einsum_data) expected = data_of(fixture, seed);
    assert_ok(einsum_run(workload, fixture->diags, expected), fixture->diags);
    int z = workload_find_tensor(workload, "Z");
    assert_memory_equal(got->tensors[z].value, expected->tensors[z].value,
                        sizeof(double) *
                            (size_t)workload->tensors[z].element_count);
}

static void check_case(int64_t seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed((guint32)seed);
    struct random_product product = random_product_new(random);
    AUTO(fixture)
    fixture =
        fixture_of_tree("gemm", "systolic", product.tree, product.settings);
    AUTO(einsum_data) data = data_of(fixture, seed);
    AUTO(evaluation) pe = NULL;
    AUTO(evaluation) tiles = run(fixture, true, NULL);
    assert_ok(sim_run_pe(fixture->problem->plan, fixture->diags, data, &pe),
              fixture->diags);
    if (pe->cycles != tiles->cycles) {
        print_error("seed %d, %s\n%s", (int)seed, product.settings,
                    product.tree);
    }
    assert_int_equal(pe->fidelity, FIDELITY_PE);
    assert_int_equal(pe->cycles, tiles->cycles);
    assert_int_equal(pe->units[0].busy_cycles, tiles->units[0].busy_cycles);
    assert_stalls_add_up(pe);
    assert_same_counts(pe, tiles);
    check_values(fixture, data, seed);
    g_free(product.tree);
    g_free(product.settings);
}

static int64_t from_environment(const char *name, int64_t usual)
{
    const char *text = g_getenv(name);
    return text == NULL ? usual : g_ascii_strtoll(text, NULL, 10);
}

static void test_random_tilings(void **state)
{
    (void)state;
    int64_t first = from_environment("WEIR_SEED", 1);
    int64_t count = from_environment("WEIR_PE_COUNT", 300);
    for (int64_t i = 0; i < count; i++) {
        check_case(first + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_tilings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
