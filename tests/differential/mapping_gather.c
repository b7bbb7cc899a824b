/* Mapped cascades in which data decides what is read and written: routed and
 * clustered attention, scattered sums. What moves against a brute force over the
 * schedule; which ranks decide on an element against data; the schedule applied to
 * data against the interpreter; model against simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim.h"
#include "tests/assert_close.h"
#include "tests/problem_fixture.h"
#include "tests/traffic_oracle.h"

struct study {
    const char *cascade;
    const char *mapping;
    const char *whole; /* shapes whose tiles divide */
    const char *parts; /* whose do not */
};

static const struct study studies[] = {
    {"attention/kmax", "kmax-scatter", "M=20 P=24 F=8",
     "M=19 P=23 F=7 E=5 H=1"},
    {"attention/biformer", "biformer-routed", "R=8 F=8", "R=7 F=5 W=3 E=6 T=3"},
    {"attention/routing-transformer", "routing-clusters", "W=4 F=8",
     "W=7 F=5 P=21 C=3 E=6"},
};

static struct problem *load(struct diags *diags, const struct study *study,
                            const char *settings)
{
    return fixture_load(diags, study->cascade, "teaching", study->mapping,
                        settings);
}

static void test_what_moves_is_what_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(studies); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = load(diags, &studies[i], studies[i].whole);
        assert_true(problem->plan->is_regular);
        g_autofree struct oracle_memory *memories =
            g_new0(struct oracle_memory, (gsize)problem->arch->memory_count);
        oracle_check_plan(problem->plan, memories);
        AUTO(evaluation) e = NULL;
        assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
        for (int m = 0; m < problem->arch->memory_count; m++) {
            assert_int_equal(e->memories[m].read_bytes,
                             memories[m].read * problem->plan->word_bytes);
            assert_int_equal(e->memories[m].write_bytes,
                             memories[m].written * problem->plan->word_bytes);
        }
    }
}

/* Simulated, both count the same, also where tiles do not divide; and no bound is
 * above the model, no model above the simulation. */
static void test_model_and_simulation_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(studies); i++) {
        const struct study *study = &studies[i / 2];
        AUTO(diags) diags = diags_new();
        AUTO(problem)
        problem = load(diags, study, i % 2 == 0 ? study->whole : study->parts);
        struct sim_options options = SIM_OPTIONS_DEFAULT;
        AUTO(evaluation) model = NULL;
        AUTO(evaluation) sim = NULL;
        assert_int_equal(model_evaluate(problem->plan, diags, &model), OK);
        assert_int_equal(sim_run(problem->plan, &options, diags, &sim, NULL),
                         OK);
        assert_true(model->bound_cycles <= model->cycles);
        assert_true(model->cycles <= sim->cycles);
        assert_true(model->bound_traffic_bytes <=
                    model->memories[0].read_bytes +
                        model->memories[0].write_bytes);
        assert_int_equal(model->transfer_count, sim->transfer_count);
        for (int t = 0; t < model->transfer_count; t++) {
            const struct evaluation_transfer *a = &model->transfers[t];
            const struct evaluation_transfer *b = &sim->transfers[t];
            assert_int_equal(a->reads, b->reads);
            assert_int_equal(a->fills, b->fills);
            assert_int_equal(a->updates, b->updates);
            assert_int_equal(a->drains, b->drains);
        }
        assert_close(model->energy_pj, sim->energy_pj, 1e-12);
    }
}

/* As the interpreter, on several inputs. */
static void test_schedules_give_the_numbers_of_the_cascade(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6 * G_N_ELEMENTS(studies); i++) {
        const struct study *study = &studies[i / 6];
        AUTO(diags) diags = diags_new();
        AUTO(problem)
        problem = load(diags, study, i % 2 == 0 ? study->whole : study->parts);
        AUTO(einsum_data) mapped = NULL;
        AUTO(einsum_data) data = NULL;
        assert_int_equal(
            einsum_data_new(problem->workload, false, diags, &mapped), OK);
        assert_int_equal(einsum_data_new(problem->workload, true, diags, &data),
                         OK);
        einsum_fill_inputs(problem->workload, i, mapped);
        einsum_fill_inputs(problem->workload, i, data);
        assert_int_equal(einsum_run(problem->workload, diags, data), OK);
        if (sim_execute(problem->plan, diags, mapped) != OK) {
            fixture_print(diags);
            fail();
        }
        int output = workload_find_tensor(problem->workload, "AV");
        const struct tensor_data *want = &data->tensors[output];
        for (int64_t e = 0;
             e < problem->workload->tensors[output].element_count; e++) {
            assert_true(isfinite(want->value[e]));
            assert_true(fabs(mapped->tensors[output].value[e] -
                             want->value[e]) <= want->error[e]);
        }
    }
}

/* ---- which ranks decide ------------------------------------------------------ */

static unsigned find_ranks(const struct workload *workload, const char *names)
{
    unsigned ranks = 0;
    g_auto(GStrv) list = g_strsplit(names, ",", -1);
    for (char **name = list; *name != NULL; name++) {
        int rank = workload_find_rank(workload, *name);
        assert_true(rank >= 0);
        ranks |= 1U << rank;
    }
    return ranks;
}

static void check_ranks(const struct workload *workload, const char *einsum,
                        const char *tensor, const char *names)
{
    int statement = workload_find_statement(workload, einsum);
    assert_true(statement >= 0);
    const struct einsum_statement *s = &workload->statements[statement];
    int read = -1;
    for (int i = 0; i < s->read_count; i++) {
        const char *name = workload->tensors[s->resolved_reads[i].tensor].name;
        read = strcmp(name, tensor) == 0 ? i : read;
    }
    assert_true(read >= 0 || strcmp(einsum, tensor) == 0);
    assert_int_equal(workload_access_ranks(workload, statement, read),
                     find_ranks(workload, names));
}

/* K[b,h,I[b,r,t],m,e] goes where b, h, r, t, m and e say, not w. */
static void test_ranks_of_gathers_are_those_of_their_indices_too(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) kmax = load(diags, &studies[0], "");
    check_ranks(kmax->workload, "AV", "AV", "b,h,m,f");
    AUTO(problem) biformer = load(diags, &studies[1], "");
    check_ranks(biformer->workload, "S", "K", "b,h,r,t,m,e");
    check_ranks(biformer->workload, "S", "I", "b,r,t");
    check_ranks(biformer->workload, "S", "Q", "b,h,r,w,e");
    AUTO(problem) routing = load(diags, &studies[2], "");
    check_ranks(routing->workload, "QK", "QN", "b,h,c,i,e");
    check_ranks(routing->workload, "QK", "KN", "b,h,c,j,e");
    check_ranks(routing->workload, "SO", "SO", "b,h,c,i,f");
}

/* ---- whole in the buffer, or row by row ----------------------------------------- */

static int64_t filled(const struct plan *plan, const char *name)
{
    int64_t sum = 0;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        const char *tensor = plan->workload->tensors[flow->tensor].name;
        sum += flow->kind == FLOW_FILL && strcmp(tensor, name) == 0
                   ? flow->total
                   : 0;
    }
    return sum;
}

/* A hold has all that may be wanted of the gathered dimension: S asks for rows of
 * any of the R regions. A stream fetches the rows that are asked for, once for all
 * lanes that share one. */
static void test_holds_keep_whole_dimensions_and_streams_rows(void **state)
{
    (void)state;
    static const char text[] =
        "schema: 1\n"
        "mapping: rows\n"
        "cascade: attention-biformer\n"
        "tree:\n"
        "- hold: [QR_SUM, QR, KR_SUM, KR, AR, I, S, A_MAX, A_EXP, A_SUM, A]\n"
        "  in: gbuf\n"
        "- sequence:\n"
        "  - {compute: QR_SUM, on: array1d}\n"
        "  - {compute: KR_SUM, on: array1d}\n"
        "  - {compute: QR, on: array1d}\n"
        "  - {compute: KR, on: array1d}\n"
        "  - {compute: AR, on: array1d}\n"
        "  - {compute: I, on: array1d}\n"
        "  - tree:\n"
        "    - for: {h: 1}\n"
        "    - for: {r: 1}\n"
        "    - %s: [K]\n"
        "      in: gbuf\n"
        "    - for: {t: 1}\n"
        "    - {compute: S, on: array2d, spatial: {w: X}}\n"
        "  - {compute: A_MAX, on: array1d}\n"
        "  - {compute: A_EXP, on: array1d}\n"
        "  - {compute: A_SUM, on: array1d}\n"
        "  - {compute: A, on: array1d}\n"
        "  - {compute: AV, on: array1d}\n";
    const struct {
        const char *node;
        int64_t elements;
    } cases[] = {
        {"hold", 2 * 6 * 4 * 8},       /* h: 6 regions of 4 rows, once */
        {"stream", 2 * 6 * 2 * 4 * 8}, /* h, r, t: one region of 4 rows */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        g_autoptr(GString) mapping = g_string_new(text);
        (void)g_string_replace(mapping, "%s", cases[i].node, 0);
        AUTO(problem)
        problem = fixture_load_text(diags, "attention/biformer", "teaching",
                                    mapping->str,
                                    "H=2 R=6 W=4 T=2 E=8 F=6 GBUF=65536");
        assert_int_equal(filled(problem->plan, "K"), cases[i].elements);
    }
}

/* Where it scatters to more places than there are, it comes back to some. */
static void test_scatters_meet_as_few_elements_twice_as_can_be(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = load(diags, &studies[0], "M=20 P=8 F=4 H=1");
    int64_t partial = 0;
    for (int f = 0; f < problem->plan->flow_count; f++) {
        const struct plan_flow *flow = &problem->plan->flows[f];
        partial += flow->kind == FLOW_PARTIAL ? flow->total : 0;
    }
    assert_int_equal(partial, 20 * 4 - 8 * 4);
    assert_int_equal(problem->plan->notes->len, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_moves_is_what_is_counted),
        cmocka_unit_test(test_model_and_simulation_agree),
        cmocka_unit_test(test_schedules_give_the_numbers_of_the_cascade),
        cmocka_unit_test(test_ranks_of_gathers_are_those_of_their_indices_too),
        cmocka_unit_test(test_holds_keep_whole_dimensions_and_streams_rows),
        cmocka_unit_test(test_scatters_meet_as_few_elements_twice_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
