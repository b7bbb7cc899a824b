/* Random mappings (tests/random_mapping.h) in time and on data. Of a legal one
 *   - with and without fast-forward every field of the result is the same,
 *   - counts equal the model's; every leaf and flow happens as often as planned,
 *   - model <= sim, busy + stalls = cycles for every unit,
 *   - functional execution finds nothing wrong and gives the interpreter's
 *     numbers.
 * Batches and heads are made many, so that there is something to skip.
 *
 * WEIR_RANDOM_COUNT legal mappings (default 250), first seed WEIR_RANDOM_SEED. */
#include <stdlib.h>

#include "sim/machine.h"
#include "tests/assert_close.h"
#include "tests/sim_support.h"

#include "tests/random_mapping.h"

#define MAX_TILE_STEPS 30000
#define MAX_ELEMENTS   20000

/* Lanes that begin after one another, tiles that are shifted in: of every third
 * case. */
static void make_systolic(guint32 seed, struct arch *arch)
{
    if (seed % 3 != 0) {
        return;
    }
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (int u = 0; u < arch->unit_count; u++) {
        struct arch_unit *unit = &arch->units[u];
        unit->overlaps_steps = g_rand_boolean(random);
        for (int i = 0; i < unit->axis_count; i++) {
            unit->axis[i].skew_cycles = g_rand_int_range(random, 0, 3);
        }
    }
    for (int m = 1; m < arch->memory_count; m++) {
        arch->memories[m].load_cycles = g_rand_int_range(random, 0, 12);
    }
}

/* Memories whose transfers overlap nothing: of every fifth case. */
static void make_serial(guint32 seed, struct arch *arch)
{
    for (int m = 0; seed % 5 == 0 && m < arch->memory_count; m++) {
        arch->memories[m].is_serial = (seed / 5 + (guint32)m) % 3 != 0;
    }
}

/* Memories on the chip whose tensors lie in one bank each, and that are narrow: of
 * every other case. */
static void make_banked(guint32 seed, struct arch *arch)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed + 1);
    for (int m = 1; seed % 2 == 0 && m < arch->memory_count; m++) {
        struct arch_memory *memory = &arch->memories[m];
        memory->is_banked_by_tensor = g_rand_boolean(random);
        memory->banks = g_rand_int_range(random, 1, 6);
        if (memory->is_banked_by_tensor) {
            memory->bandwidth_bytes_per_s =
                arch->clock_hz * g_rand_int_range(random, 1, 32);
        }
    }
}

/* NULL if it is refused. */
static struct fixture *load(guint32 seed, const struct random_case *c)
{
    struct fixture *fixture = g_new0(struct fixture, 1);
    fixture->diags = diags_new();
    struct problem *problem = g_new0(struct problem, 1);
    fixture->problem = problem;
    struct diags *diags = fixture->diags;
    assert_ok(cascade_load_file(diags, c->cascade, &problem->cascade), diags);
    assert_ok(arch_load_file(diags, c->arch, c->chosen, &problem->arch), diags);
    make_systolic(seed, problem->arch);
    make_serial(seed, problem->arch);
    make_banked(seed, problem->arch);
    assert_ok(workload_bind(problem->cascade, c->chosen, NULL, diags,
                            &problem->workload),
              diags);
    const struct source *source = diags_add_text(diags, "random.yaml", c->text);
    if (mapping_load_source(diags, source, &problem->mapping) != OK ||
        plan_bind(problem->mapping, problem->workload, problem->arch, c->chosen,
                  diags, &problem->plan) != OK ||
        !problem->plan->is_regular) {
        fixture_free(fixture);
        return NULL;
    }
    return fixture;
}

/* More trips of the loops that most mappings have outside. */
static void lengthen(GRand *random, struct random_case *c)
{
    static const char *const names[] = {"B", "H"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        int64_t extent = 0;
        if (scope_get(c->chosen, names[i], &extent)) {
            scope_set(c->chosen, names[i],
                      extent * g_rand_int_range(random, 1, 8));
        }
    }
}

static int64_t count_tile_steps(const struct plan *plan)
{
    int64_t steps = 0;
    for (int l = 0; l < plan->leaf_count; l++) {
        steps += plan->leaves[l].step_count;
    }
    return steps;
}

static int64_t count_elements(const struct workload *workload)
{
    int64_t elements = 0;
    for (int t = 0; t < workload->tensor_count; t++) {
        elements += workload->tensors[t].element_count;
    }
    return elements;
}

/* ---- time ---------------------------------------------------------------- */

static void check_walked_counts(const struct fixture *fixture)
{
    const struct plan *plan = fixture->problem->plan;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    AUTO(machine) machine = NULL;
    assert_ok(machine_new(plan, &options, -1, fixture->diags, &machine),
              fixture->diags);
    assert_ok(machine_run(machine), fixture->diags);
    for (int l = 0; l < plan->leaf_count; l++) {
        assert_int_equal(*counter_executed(machine, l),
                         plan->leaves[l].step_count);
    }
    for (int f = 0; f < plan->flow_count; f++) {
        if (plan->flows[f].node >= 0) {
            assert_int_equal(*counter_moved(machine, f), plan->flows[f].events);
        }
    }
}

/* Transfers that take turns are rounded up to whole cycles by the model for each
 * memory, reads and writes apart, and their sum only by the simulator. */
static int64_t count_roundings(const struct plan *plan)
{
    int64_t count = 0;
    for (int m = 0; m < plan->arch->memory_count; m++) {
        count += plan->arch->memories[m].is_serial ? 2 : 0;
    }
    return count * plan->phase_count;
}

static bool has_conflict(const struct evaluation *e)
{
    bool has = false;
    for (int u = 0; u < e->unit_count; u++) {
        has |= e->units[u].stall_cycles[STALL_BANK_CONFLICT] > 0;
    }
    return has;
}

/* Do banks come into it? */
static bool check_times(const struct fixture *fixture)
{
    int64_t fast_steps = 0;
    int64_t slow_steps = 0;
    AUTO(evaluation) fast = run(fixture, true, &fast_steps);
    AUTO(evaluation) slow = run(fixture, false, &slow_steps);
    AUTO(evaluation) model = NULL;
    assert_ok(model_evaluate(fixture->problem->plan, fixture->diags, &model),
              fixture->diags);
    assert_int_equal(slow_steps, count_tile_steps(fixture->problem->plan));
    assert_true(fast_steps <= slow_steps);
    assert_same_times(fast, slow);
    assert_same_counts(fast, slow);
    assert_same_counts(fast, model);
    assert_stalls_add_up(fast);
    fast->model_cycles -= count_roundings(fixture->problem->plan);
    assert_filled_below(fast);
    check_walked_counts(fixture);
    return has_conflict(fast);
}

/* ---- numbers ------------------------------------------------------------- */

static void check_numbers(const struct fixture *fixture)
{
    const struct problem *problem = fixture->problem;
    AUTO(einsum_data) got = NULL;
    AUTO(einsum_data) expected = NULL;
    assert_ok(einsum_data_new(problem->workload, false, fixture->diags, &got),
              fixture->diags);
    assert_ok(
        einsum_data_new(problem->workload, false, fixture->diags, &expected),
        fixture->diags);
    einsum_fill_inputs(problem->workload, 7, got);
    einsum_fill_inputs(problem->workload, 7, expected);
    assert_ok(einsum_run(problem->workload, fixture->diags, expected),
              fixture->diags);
    assert_ok(sim_execute(problem->plan, fixture->diags, got), fixture->diags);
    for (int t = 0; t < problem->workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &problem->workload->tensors[t];
        for (int64_t i = 0;
             tensor->kind == TENSOR_OUTPUT && i < tensor->element_count; i++) {
            assert_close(got->tensors[t].value[i],
                         expected->tensors[t].value[i], 1e-9);
        }
    }
}

/* ---- all ----------------------------------------------------------------- */

/* The case that runs, to be shown if it fails. */
struct progress {
    guint32 seed;
    int legal;
    int conflicting; /* in which banks are in each other's way */
    bool is_done;
    struct random_case shown;
};

static void check_seed(struct progress *progress)
{
    struct random_case *c = &progress->shown;
    *c = random_case_new(progress->seed);
    GRand *random = g_rand_new_with_seed(progress->seed);
    lengthen(random, c);
    g_rand_free(random);
    AUTO(fixture) fixture = load(progress->seed, c);
    if (fixture != NULL &&
        count_tile_steps(fixture->problem->plan) <= MAX_TILE_STEPS) {
        progress->conflicting += check_times(fixture) ? 1 : 0;
        if (count_elements(fixture->problem->workload) <= MAX_ELEMENTS) {
            check_numbers(fixture);
        }
        progress->legal++;
    }
    random_case_clear(c);
}

static int from_environment(const char *name, int usual)
{
    const char *text = g_getenv(name);
    return text == NULL ? usual : (int)g_ascii_strtoll(text, NULL, 10);
}

static void test_random_mappings(void **state)
{
    struct progress *progress = *state;
    int wanted = from_environment("WEIR_RANDOM_COUNT", 250);
    progress->seed = (guint32)from_environment("WEIR_RANDOM_SEED", 5000);
    guint32 last = progress->seed + 100 * (guint32)wanted;
    for (; progress->legal < wanted; progress->seed++) {
        check_seed(progress);
        assert_true(progress->seed < last);
    }
    assert_true(wanted < 250 || progress->conflicting > wanted / 100);
    progress->is_done = true;
}

static int show_failed_case(void **state)
{
    struct progress *progress = *state;
    if (!progress->is_done) {
        print_error("# seed %u, %s on %s:", progress->seed,
                    progress->shown.cascade, progress->shown.arch);
        g_autoptr(GPtrArray) names = scope_names(progress->shown.chosen);
        for (guint i = 0; i < names->len; i++) {
            int64_t value = 0;
            if (scope_get(progress->shown.chosen, names->pdata[i], &value)) {
                print_error(" %s=%" G_GINT64_FORMAT,
                            (const char *)names->pdata[i], value);
            }
        }
        print_error("\n%s", progress->shown.text);
    }
    return 0;
}

int main(void)
{
    struct progress progress = {0};
    const struct CMUnitTest tests[] = {
        {
            .name = "test_random_mappings",
            .test_func = test_random_mappings,
            .teardown_func = show_failed_case,
            .initial_state = &progress,
        },
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
