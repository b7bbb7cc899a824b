/* Grouped-query attention is multi-head attention with K and V repeated. */
#include "tests/kernel_fixture.h"

enum { B = 2, H = 6, P = 4, M = 7, E = 5, F = 3 };

static struct kernel_fixture *attention_new(int groups)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        1, "bhgpmef", (const int[]){B, H, groups, P, M, E, F});
    fixture_input(fixture, "Q", "bhpe", 1.0);
    fixture_input(fixture, "K", "bgme", 1.0);
    fixture_input(fixture, "V", "bgmf", 1.0);
    fixture_result(fixture, "AV", "bhpf");
    return fixture;
}

/* As many heads as Q has, h reading group `group_of[h]`. */
static double *repeat(const double *tensor, int groups, int size,
                      const int *group_of)
{
    double *repeated = g_new(double, (gsize)(B * H * size));
    for (int bh = 0; bh < B * H; bh++) {
        int from = bh / H * groups + group_of[bh % H];
        memcpy(&repeated[bh * size], &tensor[from * size],
               (gsize)size * sizeof(double));
    }
    return repeated;
}

static void check(int groups, const int *group_of)
{
    AUTO(kernel_fixture) fixture = attention_new(groups);
    fixture_run(fixture, "grouped-query-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    struct kernel_tensor *k = &fixture->tensors[1];
    struct kernel_tensor *v = &fixture->tensors[2];
    double *all_k = repeat(k->value, groups, M * E, group_of);
    double *all_v = repeat(v->value, groups, M * F, group_of);
    g_free(k->value);
    g_free(v->value);
    *k = (struct kernel_tensor){"K", "bhme", {B, H, M, E}, all_k, NULL};
    *v = (struct kernel_tensor){"V", "bhmf", {B, H, M, F}, all_v, NULL};
    fixture_run(fixture, "softmax-attention");
    assert_agrees(fixture, value, error, 1e-13);
}

static void test_groups_repeat_keys_and_values(void **state)
{
    (void)state;
    check(2, (const int[]){0, 0, 0, 1, 1, 1});
    check(3, (const int[]){0, 0, 1, 1, 2, 2});
}

static void test_as_many_groups_as_heads_is_multi_head(void **state)
{
    (void)state;
    check(H, (const int[]){0, 1, 2, 3, 4, 5});
}

static void test_one_group_is_multi_query(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(1);
    fixture_run(fixture, "grouped-query-attention");
    g_autofree double *value = fixture_copy(fixture, fixture->result);
    g_autofree double *error = fixture_copy(fixture, fixture->error);
    fixture->tensors[1].dims = "bme";
    fixture->tensors[2].dims = "bmf";
    memcpy(fixture->tensors[1].extent, (const int64_t[]){B, M, E}, 24);
    memcpy(fixture->tensors[2].extent, (const int64_t[]){B, M, F}, 24);
    fixture_run(fixture, "multi-query-attention");
    assert_agrees(fixture, value, error, 1e-13);
    fixture_run(fixture, "grouped-query-attention");
    assert_agrees(fixture, value, error, 1e-13);
}

static void test_groups_must_divide_the_heads(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(4);
    fixture_expect_refusal(fixture, "grouped-query-attention",
                           "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_repeat_keys_and_values),
        cmocka_unit_test(test_as_many_groups_as_heads_is_multi_head),
        cmocka_unit_test(test_one_group_is_multi_query),
        cmocka_unit_test(test_groups_must_divide_the_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
