/* Mixture-of-head attention against long double: gates from thresholds on raw
 * logits in place of a selection of shares; heads that are not chosen. */
#include "tests/kernel_fixture.h"

enum { B = 2, C = 2, R = 4, H = C + R, P = 7, M = 6, D = 3, E = 4, F = 2 };

static struct kernel_fixture *attention_new(int64_t chosen)
{
    struct kernel_fixture *fixture = kernel_fixture_new(
        5, "bhpmefdcra", (const int[]){B, H, P, M, E, F, D, C, R, 2});
    fixture_input(fixture, "Q", "bhpe", 1.0);
    fixture_input(fixture, "K", "bhme", 1.0);
    fixture_input(fixture, "V", "bhmf", 1.0);
    fixture_result(fixture, "AV", "bhpf");
    fixture_input(fixture, "X", "bpd", 1.0);
    fixture_input(fixture, "WS", "cd", 1.0);
    fixture_input(fixture, "WR", "rd", 1.0);
    fixture_input(fixture, "WA", "ad", 1.0);
    fixture_parameter(fixture, "T", chosen);
    return fixture;
}

/* exp of a token's product with row `row` of weight tensor `which`. */
static long double power(const struct kernel_fixture *fixture, int token,
                         int which, int row)
{
    return expl(oracle_dot(&fixture->tensors[4].value[token * D],
                           &fixture->tensors[which].value[row * D], D));
}

static long double shared_gate(const struct kernel_fixture *fixture, int token,
                               int head)
{
    long double sum = 0.0L;
    for (int c = 0; c < C; c++) {
        sum += power(fixture, token, 5, c);
    }
    return (long double)C * power(fixture, token, 5, head) / sum;
}

/* Chosen: fewer than `chosen` others are above. The sum of all powers cancels.
 */
static long double routed_gate(const struct kernel_fixture *fixture, int token,
                               int head, int chosen)
{
    long double sum = 0.0L;
    long double gate = 0.0L;
    for (int r = 0; r < R; r++) {
        int above = 0;
        for (int other = 0; other < R; other++) {
            above +=
                power(fixture, token, 6, other) > power(fixture, token, 6, r);
        }
        if (above < chosen) {
            sum += power(fixture, token, 6, r);
            gate = r == head ? power(fixture, token, 6, r) : gate;
        }
    }
    return (long double)chosen * gate / sum;
}

static void check(int chosen)
{
    AUTO(kernel_fixture) fixture = attention_new(chosen);
    struct oracle oracle = {P, M, E, F, NULL, NULL};
    long double exact[B * H * P * F];
    int zeros = 0;
    fixture_run(fixture, "moh");
    for (int i = 0; i < B * H; i++) {
        oracle_attend(&oracle, &fixture->tensors[0].value[i * P * E],
                      &fixture->tensors[1].value[i * M * E],
                      &fixture->tensors[2].value[i * M * F], &exact[i * P * F]);
    }
    for (int i = 0; i < B * H * P * F; i++) {
        int head = i / F / P % H;
        int token = i / (H * P * F) * P + i / F % P;
        long double first = power(fixture, token, 7, 0);
        long double second = power(fixture, token, 7, 1);
        exact[i] *= head < C ? shared_gate(fixture, token, head) * 2.0L *
                                   first / (first + second)
                             : routed_gate(fixture, token, head - C, chosen) *
                                   2.0L * second / (first + second);
        zeros += fpclassify(fixture->result[i]) == FP_ZERO;
    }
    assert_exact_within_bounds(fixture, exact, 1e-12);
    assert_int_equal(zeros, B * P * F * (R - chosen));
}

static void test_gates_multiply_attention(void **state)
{
    (void)state;
    for (int chosen = 1; chosen <= R; chosen++) {
        check(chosen);
    }
}

static void test_equal_shares_are_undecided(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(2);
    for (int i = 0; i < R * D; i++) {
        fixture->tensors[6].value[i] = 0.5;
    }
    fixture_run(fixture, "moh");
    for (int i = 0; i < B * H * P * F; i++) {
        bool is_shared = i / F / P % H < C;
        assert_int_equal(isfinite(fixture->error[i]) != 0, is_shared);
    }
}

static void test_heads_must_add_up(void **state)
{
    (void)state;
    AUTO(kernel_fixture) fixture = attention_new(R + 1);
    fixture_expect_refusal(fixture, "moh", "kernel-extents");
    AUTO(kernel_fixture) other = attention_new(1);
    other->tensors[5].extent[0] = C - 1;
    fixture_expect_refusal(other, "moh", "kernel-extents");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gates_multiply_attention),
        cmocka_unit_test(test_equal_shares_are_undecided),
        cmocka_unit_test(test_heads_must_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
