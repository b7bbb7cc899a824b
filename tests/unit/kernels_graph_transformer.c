/* Attention over edges against long double, edge by edge in place of node by
 * node; clamped logits; nodes without edges. */
#include "tests/kernel_fixture.h"

enum { B = 2, H = 2, N = 5, G = 9, E = 3, F = 2 };

/* The second graph has an edge twice, a loop, and node 4 alone. */
static const double sources[B * G] = {0, 1, 2, 3, 4, 0, 2, 4, 1,
                                      3, 3, 1, 2, 0, 2, 1, 0, 3};
static const double targets[B * G] = {1, 2, 3, 4, 0, 2, 0, 2, 4,
                                      1, 1, 1, 0, 3, 3, 2, 1, 0};

static struct kernel_fixture *graph_new(double scale, bool has_states)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(3, "bhngef", (const int[]){B, H, N, G, E, F});
    fixture_input(fixture, "Q", "bhne", scale);
    fixture_input(fixture, "K", "bhne", scale);
    fixture_input(fixture, "V", "bhnf", 1.0);
    fixture_result(fixture, "AV", "bhnf");
    memcpy(fixture_input(fixture, "SRC", "bg", 1.0), sources, sizeof(sources));
    memcpy(fixture_input(fixture, "DST", "bg", 1.0), targets, sizeof(targets));
    if (has_states) {
        fixture_input(fixture, "PE", "bhge", 1.0);
    }
    return fixture;
}

static void evaluate(const struct kernel_fixture *fixture, bool has_states,
                     long double *exact)
{
    long double sum[B * H * N] = {0.0L};
    for (int i = 0; i < B * H * G; i++) {
        int slice = i / G;
        int edge = slice / H * G + i % G;
        int from = slice * N + (int)sources[edge];
        int to = slice * N + (int)targets[edge];
        long double logit = 0.0L;
        for (int e = 0; e < E; e++) {
            long double term =
                (long double)fixture->tensors[1].value[from * E + e] *
                (long double)fixture->tensors[0].value[to * E + e];
            logit +=
                has_states
                    ? term * (long double)fixture->tensors[6].value[i * E + e]
                    : term;
        }
        long double weight = expl(fminl(fmaxl(logit, -5.0L), 5.0L));
        sum[to] += weight;
        for (int f = 0; f < F; f++) {
            exact[to * F + f] +=
                weight * (long double)fixture->tensors[2].value[from * F + f];
        }
    }
    for (int i = 0; i < B * H * N * F; i++) {
        exact[i] /= sum[i / F] + 1e-6L;
    }
}

static void check(double scale, bool has_states)
{
    AUTO(kernel_fixture) fixture = graph_new(scale, has_states);
    long double exact[B * H * N * F] = {0.0L};
    fixture_run(fixture, "graph-transformer");
    evaluate(fixture, has_states, exact);
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_values_lie_within_bounds(void **state)
{
    (void)state;
    check(1.0, true);
    check(1.0, false);
}

static void test_logits_are_clamped(void **state)
{
    (void)state;
    check(5.0, true);
}

static void test_a_node_without_edges_gets_zero(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = graph_new(1.0, true);
    fixture_run(fixture, "graph-transformer");
    for (int i = 0; i < H * F; i++) {
        int at = ((H + i / F) * N + 4) * F + i % F;
        assert_true(fabs(fixture->result[at]) <= 0.0);
        assert_true(fixture->error[at] <= 0.0);
    }
}

static void test_edges_must_join_nodes(void **state)
{
    (void)state;
    for (int i = 4; i <= 5; i++) {
        AUTO(kernel_fixture) fixture = graph_new(1.0, true);
        fixture->tensors[i].value[3] = N;
        fixture_expect_refusal(fixture, "graph-transformer", "kernel-index");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_lie_within_bounds),
        cmocka_unit_test(test_logits_are_clamped),
        cmocka_unit_test(test_a_node_without_edges_gets_zero),
        cmocka_unit_test(test_edges_must_join_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
