/* Routing attention against long double, with membership as a table; a cluster
 * of all tokens is plain attention of normalised tokens. */
#include "tests/kernel_fixture.h"

enum { H = 2, N = 12, E = 5, F = 3, C = 3, W = 4 };

static struct kernel_fixture *attention_new(int clusters, int window)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "htefc", (const int[]){H, N, E, F, clusters});
    fixture_input(fixture, "Q", "hte", 1.0);
    fixture_input(fixture, "K", "hte", 2.0);
    fixture_input(fixture, "V", "htf", 1.0);
    fixture_result(fixture, "AV", "htf");
    fixture_input(fixture, "MU", "hce", 1.0);
    fixture_parameter(fixture, "W", window);
    return fixture;
}

static void normalise(const double *x, long double *result)
{
    for (int n = 0; n < N; n++) {
        long double sum = 0.0L;
        long double squares = 0.0L;
        for (int e = 0; e < E; e++) {
            sum += (long double)x[n * E + e];
            squares += (long double)x[n * E + e] * (long double)x[n * E + e];
        }
        long double mean = sum / (long double)E;
        long double variance = squares / (long double)E - mean * mean;
        for (int e = 0; e < E; e++) {
            result[n * E + e] = ((long double)x[n * E + e] - mean) /
                                sqrtl(variance + (long double)1e-6);
        }
    }
}

static void find_members(const long double *x, const double *centroid,
                         int window, bool *is_member)
{
    long double closeness[N];
    for (int n = 0; n < N; n++) {
        closeness[n] = 0.0L;
        for (int e = 0; e < E; e++) {
            closeness[n] += x[n * E + e] * (long double)centroid[e];
        }
    }
    for (int n = 0; n < N; n++) {
        int closer = 0;
        for (int m = 0; m < N; m++) {
            closer += closeness[m] > closeness[n];
        }
        is_member[n] = closer < window;
    }
}

struct head {
    long double q[N * E];
    long double k[N * E];
    const double *v;
    const double *centroids;
};

/* AV[n,f] of one head. */
static long double element(const struct head *head, int clusters, int window,
                           bool is_causal, int n, int f)
{
    long double total = 0.0L;
    int visits = 0;
    for (int c = 0; c < clusters; c++) {
        bool is_query[N];
        bool is_key[N];
        long double numerator = 0.0L;
        long double denominator = 0.0L;
        find_members(head->q, &head->centroids[c * E], window, is_query);
        find_members(head->k, &head->centroids[c * E], window, is_key);
        for (int m = 0; m < N; m++) {
            long double logit = 0.0L;
            for (int e = 0; e < E; e++) {
                logit += head->q[n * E + e] * head->k[m * E + e];
            }
            bool is_seen = is_query[n] && is_key[m] && (m <= n || !is_causal);
            numerator +=
                is_seen ? expl(logit) * (long double)head->v[m * F + f] : 0.0L;
            denominator += is_seen ? expl(logit) : 0.0L;
        }
        visits += is_query[n];
        total += denominator > 0.0L ? numerator / denominator : 0.0L;
    }
    return total / ((long double)visits + (long double)1e-2);
}

static void check(int clusters, int window, bool is_causal)
{
    AUTO(kernel_fixture) fixture = attention_new(clusters, window);
    long double exact[H * N * F];
    fixture_run(fixture, is_causal ? "routing-transformer-causal"
                                   : "routing-transformer");
    for (int h = 0; h < H; h++) {
        struct head head = {.v = &fixture->tensors[2].value[h * N * F],
                            .centroids =
                                &fixture->tensors[4].value[h * clusters * E]};
        normalise(&fixture->tensors[0].value[h * N * E], head.q);
        normalise(&fixture->tensors[1].value[h * N * E], head.k);
        for (int i = 0; i < N * F; i++) {
            exact[h * N * F + i] =
                element(&head, clusters, window, is_causal, i / F, i % F);
        }
    }
    assert_exact_within_bounds(fixture, exact, 1e-11);
}

static void test_clusters_are_a_table_of_members(void **state)
{
    (void)state;
    check(C, W, false);
    check(5, 7, false);
}

static void test_causal_form_sees_no_later_token(void **state)
{
    (void)state;
    check(C, W, true);
}

static void test_cluster_of_all_tokens_is_softmax_attention(void **state)
{
    (void)state;
    check(1, N, false);
}

static void test_token_in_no_cluster_gets_zero(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(1, 1);
    fixture_run(fixture, "routing-transformer");
    int visited = 0;
    for (int n = 0; n < N; n++) {
        visited += fabs(fixture->result[n * F]) > 0.0;
    }
    assert_int_equal(visited, 1);
}

static void test_equal_tokens_leave_clusters_undecided(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(C, 1);
    double *q = fixture->tensors[0].value;
    for (int i = 0; i < N * E; i++) {
        q[i] = q[i % E];
    }
    fixture_run(fixture, "routing-transformer");
    assert_true(isinf(fixture->error[0]));
    assert_true(isfinite(fixture->error[N * F])); /* the other head */
    fixture_parameter(fixture, "W", N + 1);
    fixture_expect_refusal(fixture, "routing-transformer", "kernel-parameter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters_are_a_table_of_members),
        cmocka_unit_test(test_causal_form_sees_no_later_token),
        cmocka_unit_test(test_cluster_of_all_tokens_is_softmax_attention),
        cmocka_unit_test(test_token_in_no_cluster_gets_zero),
        cmocka_unit_test(test_equal_tokens_leave_clusters_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
