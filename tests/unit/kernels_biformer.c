/* Bi-level routing against masked softmax attention in long double, with the
 * routes found by counting larger affinities; all regions are plain attention.
 */
#include "tests/kernel_fixture.h"

enum { B = 2, H = 2, R = 5, W = 3, E = 4, F = 3, T = 2, N = R * W };

static struct kernel_fixture *attention_new(int routes)
{
    struct kernel_fixture *fixture =
        kernel_fixture_new(1, "bhrwef", (const int[]){B, H, R, W, E, F});
    fixture_input(fixture, "Q", "bhrwe", 1.0);
    fixture_input(fixture, "K", "bhrwe", 1.0);
    fixture_input(fixture, "V", "bhrwf", 1.0);
    fixture_result(fixture, "AV", "bhrwf");
    fixture_parameter(fixture, "T", routes);
    return fixture;
}

struct routes {
    bool is_route[R][R];
};

static long double mean_of(const double *x, int region, int channel)
{
    long double sum = 0.0L;
    const double *head = &x[channel / E * N * E];
    for (int w = 0; w < W; w++) {
        sum += (long double)head[(region * W + w) * E + channel % E];
    }
    return sum / (long double)W;
}

/* q, k of one batch: [h,r,w,e]. */
static struct routes find_routes(const double *q, const double *k, int wanted)
{
    struct routes routes;
    for (int from = 0; from < R; from++) {
        long double affinity[R];
        for (int to = 0; to < R; to++) {
            affinity[to] = 0.0L;
            for (int c = 0; c < H * E; c++) {
                affinity[to] += mean_of(q, from, c) * mean_of(k, to, c);
            }
        }
        for (int to = 0; to < R; to++) {
            int larger = 0;
            for (int other = 0; other < R; other++) {
                larger += affinity[other] > affinity[to];
            }
            routes.is_route[from][to] = larger < wanted;
        }
    }
    return routes;
}

static long double routed(int p, int m, const void *data)
{
    const struct routes *routes = data;
    return routes->is_route[p / W][m / W] ? 0.0L : -HUGE_VALL;
}

static void test_regions_attend_to_their_routes(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(T);
    long double exact[B * H * N * F];
    fixture_run(fixture, "biformer");
    for (int bh = 0; bh < B * H; bh++) {
        int batch = bh / H * H * N * E;
        struct routes routes =
            find_routes(&fixture->tensors[0].value[batch],
                        &fixture->tensors[1].value[batch], T);
        struct oracle oracle = {N, N, E, F, routed, &routes};
        oracle_attend(&oracle, &fixture->tensors[0].value[bh * N * E],
                      &fixture->tensors[1].value[bh * N * E],
                      &fixture->tensors[2].value[bh * N * F],
                      &exact[bh * N * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_all_regions_are_softmax_attention(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(R);
    long double exact[B * H * N * F];
    struct oracle oracle = {N, N, E, F, NULL, NULL};
    fixture_run(fixture, "biformer");
    for (int bh = 0; bh < B * H; bh++) {
        oracle_attend(&oracle, &fixture->tensors[0].value[bh * N * E],
                      &fixture->tensors[1].value[bh * N * E],
                      &fixture->tensors[2].value[bh * N * F],
                      &exact[bh * N * F]);
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
}

static void test_equal_regions_leave_the_route_undecided(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(1);
    for (int h = 0; h < B * H; h++) {
        double *k = &fixture->tensors[1].value[h * N * E];
        /* Regions 1 to 4 are copies of region 0. */
        for (int i = W * E; i < N * E; i++) {
            k[i] = k[i % (W * E)];
        }
    }
    fixture_run(fixture, "biformer");
    for (int i = 0; i < fixture->result_count; i++) {
        assert_true(isinf(fixture->error[i]));
    }
}

static void test_more_routes_than_regions_are_refused(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(R + 1);
    fixture_expect_refusal(fixture, "biformer", "kernel-parameter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions_attend_to_their_routes),
        cmocka_unit_test(test_all_regions_are_softmax_attention),
        cmocka_unit_test(test_equal_regions_leave_the_route_undecided),
        cmocka_unit_test(test_more_routes_than_regions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
