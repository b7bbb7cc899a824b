/* On every delivered chip the energies of memories, units and networks, as JSON
 * tells them, sum to the run's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "reports/reports.h"
#include "tests/assert_close.h"
#include "tests/problem_fixture.h"

#include <jansson.h>

static double sum_energies(const json_t *run, const char *key)
{
    double sum_pj = 0;
    const char *name = NULL;
    json_t *part = NULL;
    json_t *parts = json_object_get(run, key);
    assert_true(json_is_object(parts));
    json_object_foreach(parts, name, part)
    {
        sum_pj += json_number_value(json_object_get(part, "energy_pj"));
    }
    return sum_pj;
}

/* Returns what networks take of the energy. */
static double check_energies(struct diags *diags, const struct problem *problem)
{
    AUTO(evaluation) evaluation = NULL;
    assert_int_equal(model_evaluate(problem->plan, diags, &evaluation), OK);
    const struct run_origin origin = {.version = "test", .command = "test"};
    AUTO(run) run = run_new(problem, evaluation, "key", &origin);
    g_autofree char *text = run_print_json(run, 0);
    json_t *object = json_loads(text, 0, NULL);
    double networks_pj = sum_energies(object, "networks");
    double energy_pj = json_number_value(json_object_get(object, "energy_pj"));
    assert_true(energy_pj > 0);
    assert_close(sum_energies(object, "memories") +
                     sum_energies(object, "units") + networks_pj,
                 energy_pj, 1e-12);
    json_decref(object);
    return networks_pj;
}

static void test_energies_of_parts_sum_to_the_total_on_every_chip(void **state)
{
    (void)state;
    static const struct {
        const char *cascade;
        const char *arch;
        const char *mapping;
        const char *settings;
    } cases[] = {
        {"gemm", "eyeriss-like", "gemm-eyeriss-os", "M=30 N=30 K=20"},
        {"gemm", "tpu-like", "gemm-tpu-ws", "M=300 N=300 K=200"},
        {"attention/one-pass", "fusemax-cloud", "fusemax-binding",
         "E=64 F=64 P=1024 M=1024"},
        {"attention/one-pass", "fusemax-area", "fusemax-binding",
         "E=64 F=64 P=1024 M=1024"},
        {"attention/three-pass", "flat-cloud", "flat", NULL},
        {"attention/three-pass", "flat-edge", "flat", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem)
        problem = fixture_load(diags, cases[i].cascade, cases[i].arch,
                               cases[i].mapping, cases[i].settings);
        double networks_pj = check_energies(diags, problem);
        assert_close(networks_pj, 0, 1e-12); /* none of them has any */
    }
}

static void test_networks_of_chips_and_of_a_package_are_told_apart(void **state)
{
    (void)state;
    static const char mapping[] = "schema: 1\n"
                                  "mapping: chiplets\n"
                                  "cascade: gemm\n"
                                  "tree:\n"
                                  "- spatial: {m: CX, n: CY}\n"
                                  "- for: {n: 8}\n"
                                  "- hold: [A, B, Z]\n"
                                  "  in: gbuf\n"
                                  "- spatial: {m: PX, k: PY}\n"
                                  "- hold: [Z]\n"
                                  "  in: abuf\n"
                                  "- {compute: Z, on: mac_array,"
                                  " spatial: {n: V, k: W}}\n";
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "gemm", "simba-like", mapping,
                                "M=48 N=60 K=32");
    assert_true(check_energies(diags, problem) > 0);
    static const char teaching[] = "schema: 1\n"
                                   "mapping: small\n"
                                   "cascade: gemm\n"
                                   "tree:\n"
                                   "- {compute: Z, on: array2d,"
                                   " spatial: {m: X, k: Y}}\n";
    AUTO(problem)
    small =
        fixture_load_text(diags, "gemm", "teaching", teaching, "M=4 N=8 K=4");
    assert_close(check_energies(diags, small), 0, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_energies_of_parts_sum_to_the_total_on_every_chip),
        cmocka_unit_test(
            test_networks_of_chips_and_of_a_package_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
