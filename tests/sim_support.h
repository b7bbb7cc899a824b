/* What tests of sim share: problems from delivered files, or with a mapping in
 * the test's own text, run and compared. */
#ifndef WEIR_TESTS_SIM_SUPPORT_H
#define WEIR_TESTS_SIM_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/sim.h"

/* A problem and the diags its spans are borrowed from. */
struct fixture {
    struct diags *diags;
    struct problem *problem; /* NULL: the mapping does not fit the settings */
};

static inline void fixture_free(struct fixture *fixture)
{
    if (fixture != NULL) {
        problem_free(fixture->problem);
        diags_free(fixture->diags);
        g_free(fixture);
    }
}
BASE_DEFINE_CLEANUP(fixture)

static inline void assert_ok(enum status status, const struct diags *diags)
{
    if (status != OK) {
        g_autoptr(GString) text = g_string_new(NULL);
        diags_print(diags, false, text);
        print_error("%s", text->str);
    }
    assert_int_equal(status, OK);
}

static inline bool has_code(const struct diags *diags, const char *code)
{
    for (size_t i = 0; i < diags_count(diags); i++) {
        if (strcmp(diags_get(diags, i)->code, code) == 0) {
            return true;
        }
    }
    return false;
}

/* "P=64 M=64" into a scope. */
static inline struct scope *scope_of(const char *settings)
{
    struct scope *scope = scope_new(NULL);
    g_auto(GStrv) words = g_strsplit(settings, " ", -1);
    for (size_t i = 0; words[i] != NULL; i++) {
        char *value = strchr(words[i], '=');
        if (value != NULL) {
            *value = '\0';
            scope_set(scope, words[i], g_ascii_strtoll(value + 1, NULL, 10));
        }
    }
    return scope;
}

/* Paths without folder and ending. */
static inline struct fixture *fixture_try(const char *cascade, const char *arch,
                                          const char *mapping_path,
                                          const char *settings)
{
    struct fixture *fixture = g_new0(struct fixture, 1);
    fixture->diags = diags_new();
    AUTO(scope) chosen = scope_of(settings);
    g_autofree char *cascade_path =
        g_strdup_printf("workloads/%s.yaml", cascade);
    g_autofree char *arch_path = g_strdup_printf("arch-configs/%s.yaml", arch);
    if (problem_load(fixture->diags, cascade_path, arch_path, mapping_path,
                     chosen, &fixture->problem) != OK) {
        fixture->problem = NULL;
    }
    return fixture;
}

static inline struct fixture *fixture_load(const char *cascade,
                                           const char *arch,
                                           const char *mapping,
                                           const char *settings)
{
    g_autofree char *path = g_strdup_printf("mappings/%s.yaml", mapping);
    struct fixture *fixture = fixture_try(cascade, arch, path, settings);
    assert_ok(fixture->problem == NULL ? ERR_INPUT : OK, fixture->diags);
    return fixture;
}

/* The mapping is given as the text of its `tree`. */
static inline struct fixture *fixture_of_tree(const char *cascade,
                                              const char *arch,
                                              const char *tree,
                                              const char *settings)
{
    g_autofree char *path = NULL;
    int file = g_file_open_tmp("weir-XXXXXX.yaml", &path, NULL);
    assert_true(file >= 0);
    close(file);
    g_autofree char *text = g_strdup_printf(
        "schema: 1\nmapping: test\ncascade: %s\ntree:\n%s",
        strrchr(cascade, '/') == NULL ? cascade : strrchr(cascade, '/') + 1,
        tree);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    struct fixture *fixture = fixture_try(cascade, arch, path, settings);
    unlink(path);
    assert_ok(fixture->problem == NULL ? ERR_INPUT : OK, fixture->diags);
    return fixture;
}

static inline struct evaluation *run(const struct fixture *fixture,
                                     bool use_fast_forward, int64_t *steps)
{
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.use_fast_forward = use_fast_forward;
    struct evaluation *evaluation = NULL;
    assert_ok(sim_run(fixture->problem->plan, &options, fixture->diags,
                      &evaluation, steps),
              fixture->diags);
    return evaluation;
}

/* Every stall is the sum of its causes. */
static inline void assert_causes_add_up(const struct evaluation *evaluation,
                                        const struct evaluation_unit *unit)
{
    int64_t sum_cycles[STALL_COUNT] = {0};
    for (int c = 0; c < evaluation->cause_count; c++) {
        const struct evaluation_cause *cause = &evaluation->causes[c];
        if (strcmp(cause->unit, unit->name) == 0) {
            assert_true(cause->cycles > 0);
            sum_cycles[cause->stall] += cause->cycles;
        }
    }
    assert_memory_equal(sum_cycles, unit->stall_cycles, sizeof sum_cycles);
}

static inline void assert_stalls_add_up(const struct evaluation *evaluation)
{
    for (int u = 0; u < evaluation->unit_count; u++) {
        int64_t sum_cycles = evaluation->units[u].busy_cycles;
        for (int s = 0; s < STALL_COUNT; s++) {
            assert_true(evaluation->units[u].stall_cycles[s] >= 0);
            sum_cycles += evaluation->units[u].stall_cycles[s];
        }
        assert_int_equal(sum_cycles, evaluation->cycles);
        assert_causes_add_up(evaluation, &evaluation->units[u]);
    }
}

/* What leaks, does so in every cycle: equal only if the times are. */
static inline void assert_same_counts(const struct evaluation *a,
                                      const struct evaluation *b)
{
    assert_int_equal(a->memory_count, b->memory_count);
    for (int m = 0; m < a->memory_count; m++) {
        assert_int_equal(a->memories[m].read_bytes, b->memories[m].read_bytes);
        assert_int_equal(a->memories[m].write_bytes,
                         b->memories[m].write_bytes);
    }
    assert_int_equal(a->action_count, b->action_count);
    for (int i = 0; i < a->action_count; i++) {
        assert_string_equal(a->actions[i].component, b->actions[i].component);
        assert_string_equal(a->actions[i].action, b->actions[i].action);
        if (a->cycles != b->cycles &&
            strcmp(a->actions[i].action, "leak") == 0) {
            continue;
        }
        assert_int_equal(a->actions[i].count, b->actions[i].count);
        assert_int_equal(a->actions[i].bytes, b->actions[i].bytes);
    }
    assert_int_equal(a->einsum_count, b->einsum_count);
    for (int i = 0; i < a->einsum_count; i++) {
        assert_int_equal(a->einsums[i].busy_cycles, b->einsums[i].busy_cycles);
        assert_memory_equal(a->einsums[i].ops, b->einsums[i].ops,
                            sizeof a->einsums[i].ops);
    }
    assert_int_equal(a->bound_cycles, b->bound_cycles);
}

static inline void assert_same_causes(const struct evaluation *a,
                                      const struct evaluation *b)
{
    assert_int_equal(a->cause_count, b->cause_count);
    for (int c = 0; c < a->cause_count; c++) {
        const struct evaluation_cause *x = &a->causes[c];
        const struct evaluation_cause *y = &b->causes[c];
        assert_string_equal(x->unit, y->unit);
        assert_int_equal(x->stall, y->stall);
        assert_int_equal(g_strcmp0(x->einsum, y->einsum), 0);
        assert_int_equal(g_strcmp0(x->tensor, y->tensor), 0);
        assert_int_equal(g_strcmp0(x->component, y->component), 0);
        assert_int_equal(g_strcmp0(x->part, y->part), 0);
        assert_int_equal(x->cycles, y->cycles);
    }
}

/* Neither steady state, filling nor draining are more than what happens. */
static inline void assert_filled_below(const struct evaluation *sim)
{
    assert_true(sim->fill_cycles >= 0 && sim->drain_cycles >= 0);
    if (sim->model_cycles + sim->fill_cycles + sim->drain_cycles >
        sim->cycles) {
        print_error("%" G_GINT64_FORMAT " + fill %" G_GINT64_FORMAT
                    " + drain %" G_GINT64_FORMAT " > sim %" G_GINT64_FORMAT
                    "\n",
                    sim->model_cycles, sim->fill_cycles, sim->drain_cycles,
                    sim->cycles);
    }
    assert_true(sim->model_cycles + sim->fill_cycles + sim->drain_cycles <=
                sim->cycles);
}

static inline void assert_same_times(const struct evaluation *a,
                                     const struct evaluation *b)
{
    assert_same_causes(a, b);
    assert_int_equal(a->cycles, b->cycles);
    assert_int_equal(a->model_cycles, b->model_cycles);
    assert_string_equal(a->bottleneck, b->bottleneck);
    for (int u = 0; u < a->unit_count; u++) {
        assert_int_equal(a->units[u].busy_cycles, b->units[u].busy_cycles);
        assert_memory_equal(a->units[u].stall_cycles, b->units[u].stall_cycles,
                            sizeof a->units[u].stall_cycles);
        assert_memory_equal(&a->units[u].utilization_ratio,
                            &b->units[u].utilization_ratio, sizeof(double));
    }
}

#endif
