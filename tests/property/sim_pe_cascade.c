/* One-pass attention on FuseMax's arrays, PE by PE: the cycles and busy cycles of the
 * simulation by tile steps where memories have unlimited bandwidth, and the
 * interpreter's numbers within the error of exponentials by six macs. Arrays up to
 * 16 x 16, random shapes.
 *
 * WEIR_PE_COUNT cases (default 60), first seed WEIR_SEED. */
#include <math.h>

#include "sim/pe/grid.h"
#include "tests/sim_support.h"

static int64_t random_of(GRand *random, int64_t low, int64_t high)
{
    return g_rand_int_range(random, (gint32)low, (gint32)high + 1);
}

/* Rows of the array are keys of a tile, columns are queries: their numbers need not
 * fill it. */
static char *random_settings(GRand *random)
{
    int64_t pe = random_of(random, 1, 16);
    int64_t keys = random_of(random, 1, pe) * random_of(random, 1, 5);
    int64_t queries = random_of(random, 1, pe) * random_of(random, 1, 4);
    return g_strdup_printf(
        "PE=%d M=%d P=%d B=%d H=%d E=%d F=%d GBUF=%d", (int)pe, (int)keys,
        (int)queries, (int)random_of(random, 1, 2),
        (int)random_of(random, 1, 2), (int)random_of(random, 1, 9),
        (int)random_of(random, 1, 9),
        g_rand_boolean(random) ? 65536 : 4 * 1024);
}

/* Memories that are never in the way. */
static void open_memories(struct arch *arch)
{
    for (int m = 0; m < arch->memory_count; m++) {
        arch->memories[m].bandwidth_bytes_per_s = NUM_UNLIMITED;
    }
}

static struct einsum_data *data_of(const struct fixture *fixture,
                                   bool with_error, uint64_t seed,
                                   const struct einsum_arithmetic *arithmetic)
{
    const struct workload *workload = fixture->problem->workload;
    struct einsum_data *data = NULL;
    assert_ok(einsum_data_new(workload, with_error, fixture->diags, &data),
              fixture->diags);
    data->arithmetic = arithmetic;
    einsum_fill_inputs(workload, seed, data);
    return data;
}

/* Every element within the error bound of an interpreter with such
 * exponentials. */
static void check_values(const struct fixture *fixture,
                         const struct einsum_data *got, uint64_t seed)
{
    const struct workload *workload = fixture->problem->workload;
    AUTO(einsum_arithmetic) arithmetic = sim_pe_arithmetic(workload);
    AUTO(einsum_data) bound = data_of(fixture, true, seed, arithmetic);
    AUTO(einsum_data) exact = data_of(fixture, true, seed, NULL);
    assert_ok(einsum_run(workload, fixture->diags, bound), fixture->diags);
    assert_ok(einsum_run(workload, fixture->diags, exact), fixture->diags);
    int av = workload_find_tensor(workload, "AV");
    double largest = 0.0;
    for (int64_t i = 0; i < workload->tensors[av].element_count; i++) {
        double difference =
            fabs(got->tensors[av].value[i] - exact->tensors[av].value[i]);
        double allowed =
            bound->tensors[av].error[i] + exact->tensors[av].error[i];
        largest = fmax(largest, allowed);
        assert_true(difference <= allowed);
    }
    assert_true(largest < 1e-3);
}

/* False if the mapping does not fit. */
static bool check_case(const char *mapping, int64_t seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed((guint32)seed);
    g_autofree char *settings = random_settings(random);
    AUTO(fixture)
    fixture =
        fixture_try("attention/one-pass", "fusemax-cloud", mapping, settings);
    if (fixture->problem == NULL) {
        return false;
    }
    open_memories(fixture->problem->arch);
    AUTO(einsum_data) data = data_of(fixture, false, (uint64_t)seed, NULL);
    AUTO(evaluation) tiles = run(fixture, true, NULL);
    AUTO(evaluation) pe = NULL;
    assert_ok(sim_run_pe(fixture->problem->plan, fixture->diags, data, &pe),
              fixture->diags);
    if (pe->cycles != tiles->cycles) {
        print_error("seed %d, %s, %s\n", (int)seed, mapping, settings);
    }
    assert_int_equal(pe->cycles, tiles->cycles);
    for (int u = 0; u < pe->unit_count; u++) {
        assert_int_equal(pe->units[u].busy_cycles, tiles->units[u].busy_cycles);
    }
    assert_stalls_add_up(pe);
    assert_same_counts(pe, tiles);
    check_values(fixture, data, (uint64_t)seed);
    return true;
}

static int64_t from_environment(const char *name, int64_t usual)
{
    const char *text = g_getenv(name);
    return text == NULL ? usual : g_ascii_strtoll(text, NULL, 10);
}

static void test_random_attention(void **state)
{
    (void)state;
    static const char *const mappings[] = {
        "mappings/fusemax-binding.yaml", "mappings/fusemax-architecture.yaml"};
    int64_t count = from_environment("WEIR_PE_COUNT", 60);
    int64_t seed = from_environment("WEIR_SEED", 1);
    int64_t last = seed + 20 * count;
    for (int64_t done = 0; done < count; seed++) {
        done += check_case(mappings[seed % 2], seed);
        assert_true(seed < last);
    }
}

/* With one register for scores of which several tiles are in flight. */
static void test_a_register_written_too_early_is_noticed(void **state)
{
    (void)state;
    AUTO(fixture)
    fixture =
        fixture_load("attention/one-pass", "fusemax-cloud", "fusemax-binding",
                     "PE=8 M=64 P=64 B=1 H=1 E=4 F=4 GBUF=65536");
    struct plan *plan = fixture->problem->plan;
    int qk = workload_find_tensor(fixture->problem->workload, "QK");
    for (int n = 0; n < plan->node_count; n++) {
        if (plan->nodes[n].kind == PLAN_HOLD && plan->nodes[n].held[0] == qk) {
            assert_true(plan->nodes[n].copies > 1);
            plan->nodes[n].copies = 1;
        }
    }
    AUTO(einsum_data) data = data_of(fixture, false, 1, NULL);
    AUTO(evaluation) pe = NULL;
    assert_int_equal(sim_run_pe(plan, fixture->diags, data, &pe), ERR_INPUT);
    assert_true(has_code(fixture->diags, "sim-pe-overwritten"));
    assert_null(pe);
}

/* The macs against the C library's long double. */
static void test_exponentials_are_as_exact_as_stated(void **state)
{
    (void)state;
    double largest = 0.0;
    for (int i = -690000; i <= 690000; i++) {
        double x = 1e-3 * i + 1e-7 * (i % 1000);
        long double exact = expl((long double)x);
        largest =
            fmax(largest, (double)fabsl((long double)pe_exp(x) / exact - 1.0L));
    }
    assert_true(largest <= PE_EXP_ERROR_RATIO);
    assert_true(largest > 7.4e-8);
    assert_true(!(pe_exp(-(double)INFINITY) > 0.0));
    assert_true(!(pe_exp(-800.0) > 0.0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_attention),
        cmocka_unit_test(test_a_register_written_too_early_is_noticed),
        cmocka_unit_test(test_exponentials_are_as_exact_as_stated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
