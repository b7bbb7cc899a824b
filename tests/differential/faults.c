/* Deliberate faults: valid mappings, schedules and cascades with one thing wrong.
 * Each is caught, by the check of legality, by executing the schedule on data, or
 * by comparing results, with a message that names the cause; and each change that
 * leaves an equivalent program passes everything. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/execute/execute.h"
#include "tests/faults_mappings.h"
#include "tests/problem_fixture.h"

enum catcher { NOBODY, LEGALITY, EXECUTION, COMPARISON };

static const char *const catcher_names[] = {"nobody", "legality", "execution",
                                            "comparison"};

/* ---- what is done to a plan, or to its schedule --------------------------- */

/* What is spoilt of a bound plan. `name` is an Einsum or a tensor. */
typedef void (*plan_function)(struct plan *plan, const char *name,
                              int64_t number);

/* What becomes of one event of the schedule. */
struct blow {
    enum walk_kind kind;
    const char *name;    /* Einsum of a step, tensor of a move */
    enum flow_kind move; /* of a move */
    const char *memory;  /* of a move: the inner one */
    int64_t at;          /* which of those: 0, 1, ...; -1: all */
    enum tampering tampering;
    const char *rank; /* KEEP: of this rank of the Einsum */
    int64_t low;      /* the box begins so much later */
    int64_t high;     /* and ends so much later */
};

struct mutation {
    const char *about;
    const struct valid *valid;
    const char *from; /* text of the mapping; NULL: as it is */
    const char *to;
    const char *cascade_from; /* text of the cascade */
    const char *cascade_to;
    plan_function spoil;
    const char *name; /* for spoil */
    int64_t number;
    struct blow blow;
    const char *settings; /* more */
    enum catcher catcher;
    const char *code;
    const char *says;
};

static int leaf_of(const struct plan *plan, const char *einsum)
{
    int statement = workload_find_statement(plan->workload, einsum);
    for (int l = 0; l < plan->leaf_count; l++) {
        if (plan->leaves[l].statement == statement) {
            return l;
        }
    }
    fail_msg("no leaf '%s'", einsum);
    return -1;
}

static int hold_of(const struct plan *plan, const char *name, int *held)
{
    int tensor = workload_find_tensor(plan->workload, name);
    for (int n = plan->node_count; n-- > 0;) {
        for (int i = 0;
             plan->nodes[n].kind == PLAN_HOLD && i < plan->nodes[n].held_count;
             i++) {
            if (plan->nodes[n].held[i] == tensor) {
                *held = i;
                return n;
            }
        }
    }
    fail_msg("no hold of '%s'", name);
    return -1;
}

/* Its child runs `number` iterations later. */
static void spoil_delay(struct plan *plan, const char *name, int64_t number)
{
    const struct plan_leaf *leaf = &plan->leaves[leaf_of(plan, name)];
    plan->phases[leaf->phase].children[leaf->child].delay += (int)number;
}

static void spoil_slot(struct plan *plan, const char *name, int64_t number)
{
    const struct plan_leaf *leaf = &plan->leaves[leaf_of(plan, name)];
    plan->phases[leaf->phase].children[leaf->child].slot = (int)number;
}

static void spoil_copies(struct plan *plan, const char *name, int64_t number)
{
    int held = 0;
    int node = hold_of(plan, name, &held);
    plan->nodes[node].held_copies[held] = number;
}

static void spoil_slices(struct plan *plan, const char *name, int64_t number)
{
    int tensor = workload_find_tensor(plan->workload, name);
    for (int n = 0; n < plan->node_count; n++) {
        struct plan_node *node = &plan->nodes[n];
        for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
            if (node->held[i] == tensor && node->held_slices[i] > 0) {
                node->held_slices[i] = number;
                return;
            }
        }
    }
    fail_msg("no slices of '%s'", name);
}

/* The innermost hold of the tensor keeps it no more. */
static void spoil_hold(struct plan *plan, const char *name, int64_t number)
{
    int held = 0;
    int node = hold_of(plan, name, &held);
    plan->nodes[node].held[held] =
        plan->nodes[node].held[--plan->nodes[node].held_count];
    (void)number;
}

static void spoil_iterations(struct plan *plan, const char *name,
                             int64_t number)
{
    plan->phases[0].iteration_count += number;
    (void)name;
}

/* The innermost loop over the rank takes other tiles. */
static void spoil_tile(struct plan *plan, const char *name, int64_t number)
{
    int rank = workload_find_rank(plan->workload, name);
    for (int n = plan->node_count; n-- > 0;) {
        if (plan->nodes[n].kind == PLAN_LOOP && plan->nodes[n].rank == rank) {
            plan->nodes[n].tile = number;
            return;
        }
    }
    fail_msg("no loop over '%s'", name);
}

static void spoil_size(struct plan *plan, const char *name, int64_t number)
{
    for (int m = 0; m < plan->arch->memory_count; m++) {
        if (strcmp(plan->arch->memories[m].name, name) == 0) {
            ((struct arch *)(uintptr_t)plan->arch)->memories[m].size_bytes =
                number;
            return;
        }
    }
    fail_msg("no memory '%s'", name);
}

/* A child's programs come in another order. */
static void spoil_order(struct plan *plan, const char *name, int64_t number)
{
    const struct plan_leaf *leaf = &plan->leaves[leaf_of(plan, name)];
    struct plan_phase *phase = &plan->phases[leaf->phase];
    struct plan_child swap = phase->children[leaf->child];
    phase->children[leaf->child] = phase->children[number];
    phase->children[number] = swap;
}

/* The sequence's children that compute these change places. */
static void spoil_sequence(struct plan *plan, const char *name, int64_t number)
{
    int first = plan->leaves[leaf_of(plan, name)].node;
    int second = plan->nodes[first].next_sibling;
    int parent = plan->nodes[first].parent;
    assert_true(second >= 0 && plan->nodes[parent].kind == PLAN_SEQUENCE);
    int *link = &plan->nodes[parent].first_child;
    while (*link != first) {
        link = &plan->nodes[*link].next_sibling;
    }
    plan->nodes[first].next_sibling = plan->nodes[second].next_sibling;
    plan->nodes[second].next_sibling = first;
    *link = second;
    (void)number;
}

/* A leaf waits for the last iteration no more. */
static void spoil_at(struct plan *plan, const char *name, int64_t number)
{
    plan->leaves[leaf_of(plan, name)].at_count = (int)number;
}

#include "tests/faults_table.h"

/* ---- one mutation --------------------------------------------------------- */

static char *replace(const char *text, const char *from, const char *to)
{
    const char *found = from == NULL ? NULL : strstr(text, from);
    if (from == NULL) {
        return g_strdup(text);
    }
    if (found == NULL) {
        print_error("no '%s' in\n%s", from, text);
    }
    assert_non_null(found);
    return g_strdup_printf("%.*s%s%s", (int)(found - text), text, to,
                           found + strlen(from));
}

static char *text_of(const char *path)
{
    char *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static enum status load(struct diags *diags, const struct mutation *m,
                        bool is_mutated, struct problem **problem)
{
    const struct valid *valid = m->valid;
    g_autofree char *cascade_text = text_of(valid->cascade);
    g_autofree char *cascade = replace(
        cascade_text, is_mutated ? m->cascade_from : NULL, m->cascade_to);
    g_autofree char *original =
        valid->text != NULL ? g_strdup(valid->text) : text_of(valid->mapping);
    g_autofree char *mapping =
        replace(original, is_mutated ? m->from : NULL, m->to);
    g_autofree char *settings =
        g_strconcat(valid->settings,
                    is_mutated && m->settings != NULL ? m->settings : "", NULL);
    AUTO(scope) chosen = fixture_scope(settings);
    struct problem *p = g_new0(struct problem, 1);
    *problem = p;
    TRY(cascade_load_source(
        diags, diags_add_text(diags, valid->cascade, cascade), &p->cascade));
    TRY(arch_load_file(diags, valid->arch, chosen, &p->arch));
    TRY(mapping_load_source(
        diags, diags_add_text(diags, "mapping.yaml", mapping), &p->mapping));
    struct problem *bound = NULL;
    enum status status =
        problem_bind(diags, p->cascade, p->arch, p->mapping, chosen, &bound);
    if (bound != NULL) {
        p->workload = bound->workload;
        p->plan = bound->plan;
        bound->workload = NULL;
        bound->plan = NULL;
        problem_free(bound);
    }
    return status;
}

struct smith {
    const struct plan *plan;
    const struct blow *blow;
    int64_t seen;
    int64_t struck;
};

static bool is_meant(const struct smith *smith, const struct walk_event *event)
{
    const struct plan *plan = smith->plan;
    const struct blow *blow = smith->blow;
    if (event->kind != blow->kind) {
        return false;
    }
    if (event->kind == WALK_COMPUTE) {
        return strcmp(plan->workload
                          ->statements[plan->leaves[event->leaf].statement]
                          .name,
                      blow->name) == 0;
    }
    const struct plan_flow *flow = &plan->flows[event->move.flow];
    return flow->kind == blow->move &&
           strcmp(plan->workload->tensors[flow->tensor].name, blow->name) ==
               0 &&
           (blow->memory == NULL ||
            strcmp(plan->arch->memories[flow->memory].name, blow->memory) == 0);
}

static enum tampering strike(void *context, struct walk_event *event)
{
    struct smith *smith = context;
    const struct blow *blow = smith->blow;
    if (blow->name == NULL || !is_meant(smith, event) ||
        (smith->seen++ != blow->at && blow->at >= 0)) {
        return TAMPER_KEEP;
    }
    smith->struck++;
    for (int r = 0; blow->rank != NULL && event->kind == WALK_COMPUTE; r++) {
        const struct einsum_statement *s =
            &smith->plan->workload
                 ->statements[smith->plan->leaves[event->leaf].statement];
        assert_true(r < s->rank_count);
        if (strcmp(smith->plan->workload->rank[s->rank[r]].name, blow->rank) ==
            0) {
            event->lo[r] += blow->low;
            event->hi[r] += blow->high;
            break;
        }
    }
    return blow->tampering;
}

/* The reference: the cascade as it was, by the interpreter. */
static struct einsum_data *interpret(const struct mutation *m)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    struct einsum_data *data = NULL;
    assert_int_equal(load(diags, m, false, &problem), OK);
    assert_int_equal(einsum_data_new(problem->workload, true, diags, &data),
                     OK);
    einsum_fill_inputs(problem->workload, 3, data);
    assert_int_equal(einsum_run(problem->workload, diags, data), OK);
    return data;
}

/* The first output element that differs by more than rounding; NULL. */
static char *find_difference(const struct workload *workload,
                             const struct einsum_data *expected,
                             const struct einsum_data *got)
{
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &workload->tensors[t];
        const struct tensor_data *a = &expected->tensors[t];
        const struct tensor_data *b = &got->tensors[t];
        for (int64_t i = 0;
             tensor->kind == TENSOR_OUTPUT && i < tensor->element_count; i++) {
            double difference = fabs(a->value[i] - b->value[i]);
            if (!(difference <= 2 * a->error[i])) {
                return element_name(workload, t, i);
            }
        }
    }
    return NULL;
}

/* Who catches it; what is said is left in `diags`. */
static enum catcher try_mutation(struct diags *diags, const struct mutation *m,
                                 char **difference)
{
    AUTO(problem) problem = NULL;
    AUTO(einsum_data) expected = interpret(m);
    AUTO(einsum_data) got = NULL;
    if (load(diags, m, true, &problem) != OK) {
        return LEGALITY;
    }
    if (m->spoil != NULL) {
        m->spoil(problem->plan, m->name, m->number);
    }
    struct smith smith = {.plan = problem->plan, .blow = &m->blow};
    assert_int_equal(einsum_data_new(problem->workload, false, diags, &got),
                     OK);
    einsum_fill_inputs(problem->workload, 3, got);
    if (execute_tampered(problem->plan, strike, &smith, diags, got) != OK) {
        return EXECUTION;
    }
    assert_true(m->blow.name == NULL || smith.struck > 0);
    *difference = find_difference(problem->workload, expected, got);
    return *difference != NULL ? COMPARISON : NOBODY;
}

static bool is_as_expected(const struct mutation *m)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *difference = NULL;
    enum catcher catcher = try_mutation(diags, m, &difference);
    bool is_good = catcher == m->catcher;
    if (is_good && (catcher == LEGALITY || catcher == EXECUTION)) {
        const struct diag *diag = diags_get(diags, 0);
        is_good = strcmp(diag->code, m->code) == 0 &&
                  strstr(diag->message, m->says) != NULL && diag->span.line > 0;
    } else if (is_good && catcher == COMPARISON) {
        is_good = strstr(difference, m->says) != NULL;
    }
    if (!is_good) {
        print_error("%s: expected %s %s \"%s\", caught by %s %s\n", m->about,
                    catcher_names[m->catcher], m->code != NULL ? m->code : "",
                    m->says != NULL ? m->says : "", catcher_names[catcher],
                    difference != NULL ? difference : "");
        fixture_print(diags);
    }
    return is_good;
}

static void check_all(const struct mutation *mutations, size_t count)
{
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        good += is_as_expected(&mutations[i]);
    }
    assert_int_equal(good, count);
}

static void test_what_they_are_made_from_is_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(valid_mappings); i++) {
        const struct mutation none = {.about = valid_mappings[i]->name,
                                      .valid = valid_mappings[i],
                                      .catcher = NOBODY};
        assert_true(is_as_expected(&none));
    }
}

static void test_faults_of_mappings_are_caught(void **state)
{
    (void)state;
    check_all(mapping_faults, G_N_ELEMENTS(mapping_faults));
}

static void test_faults_of_plans_are_caught(void **state)
{
    (void)state;
    check_all(plan_faults, G_N_ELEMENTS(plan_faults));
}

static void test_what_stays_needs_room(void **state)
{
    (void)state;
    check_all(room_faults, G_N_ELEMENTS(room_faults));
}

static void test_faults_of_schedules_are_caught(void **state)
{
    (void)state;
    check_all(schedule_faults, G_N_ELEMENTS(schedule_faults));
}

static void test_faults_of_cascades_are_caught(void **state)
{
    (void)state;
    check_all(cascade_faults, G_N_ELEMENTS(cascade_faults));
}

static void test_equivalent_programs_pass(void **state)
{
    (void)state;
    check_all(equivalent, G_N_ELEMENTS(equivalent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_they_are_made_from_is_valid),
        cmocka_unit_test(test_faults_of_mappings_are_caught),
        cmocka_unit_test(test_faults_of_plans_are_caught),
        cmocka_unit_test(test_what_stays_needs_room),
        cmocka_unit_test(test_faults_of_schedules_are_caught),
        cmocka_unit_test(test_faults_of_cascades_are_caught),
        cmocka_unit_test(test_equivalent_programs_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
