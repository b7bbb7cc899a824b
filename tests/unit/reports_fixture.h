/* A real run to report on: one-pass attention on the teaching chip. Include
 * after cmocka.h. */
#ifndef WEIR_TESTS_REPORTS_FIXTURE_H
#define WEIR_TESTS_REPORTS_FIXTURE_H

#include <string.h>

#include "reports/reports.h"
#include "sim/sim.h"
#include "tests/problem_fixture.h"

static inline struct run *fixture_run(const char *settings,
                                      enum fidelity fidelity)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load(diags, "attention/one-pass", "teaching",
                           "fusemax-binding", settings);
    AUTO(evaluation) evaluation = NULL;
    AUTO(scope) chosen = fixture_scope(settings);
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    if (fidelity == FIDELITY_MODEL) {
        assert_int_equal(model_evaluate(problem->plan, diags, &evaluation), OK);
    } else {
        assert_int_equal(
            sim_run(problem->plan, &options, diags, &evaluation, NULL), OK);
    }
    g_autofree char *key =
        run_key(fidelity, cascade_hash(problem->cascade), problem->arch->hash,
                mapping_hash(problem->mapping), chosen);
    struct run_origin origin = {
        .version = "1.2.3",
        .git_id = "abc",
        .command = "weir model --cascade 'a b'",
        .time_s = 1700000000,
        .seed = 7,
    };
    return run_new(problem, evaluation, key, &origin);
}

#endif
