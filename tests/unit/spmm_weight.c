/* Packing: what is refused, what is kept, and CSR beside dense. */
#define _DEFAULT_SOURCE
#include "tests/spmm_fixture.h"

static const enum spmm_pattern patterns[] = {SPMM_4X1, SPMM_16X1, SPMM_32X1,
                                             SPMM_4X4, SPMM_1X4};

static enum status new_of(int64_t rows, int64_t inputs, int64_t stride,
                          struct spmm_weight **weight)
{
    static const int8_t value = 1;
    struct spmm_dense dense = {SPMM_S8, rows, inputs, stride, &value};
    return spmm_weight_new_dense(&dense, SPMM_4X1, weight);
}

static void test_extents_that_make_no_matrix_are_refused(void **state)
{
    (void)state;
    struct spmm_weight *weight = NULL;
    assert_int_equal(new_of(-1, 1, 1, &weight), ERR_INPUT);
    assert_int_equal(new_of(1, -1, 1, &weight), ERR_INPUT);
    assert_int_equal(new_of(1, 2, 1, &weight), ERR_INPUT);
    int64_t row_first[] = {0, 0};
    struct spmm_csr wide = {SPMM_S8,   1,    (INT64_C(1) << 24) + 1,
                            row_first, NULL, NULL};
    assert_int_equal(spmm_weight_new_csr(&wide, SPMM_4X1, &weight), ERR_LIMIT);
    assert_null(weight);
}

static void test_csr_out_of_order_is_refused(void **state)
{
    (void)state;
    struct spmm_weight *weight = NULL;
    int8_t values[] = {1, 2};
    int64_t descending[] = {0, 2, 1}, whole[] = {0, 2};
    int32_t good[] = {0, 1}, twice[] = {1, 1}, below[] = {-1, 0},
            beyond[] = {0, 2};
    const struct spmm_csr bad[] = {{SPMM_S8, 2, 2, descending, good, values},
                                   {SPMM_S8, 1, 2, whole, twice, values},
                                   {SPMM_S8, 1, 2, whole, below, values},
                                   {SPMM_S8, 1, 2, whole, beyond, values},
                                   {SPMM_S8, -1, 2, whole, good, values}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_int_equal(spmm_weight_new_csr(&bad[i], SPMM_4X1, &weight),
                         ERR_INPUT);
    }
    assert_null(weight);
}

static void test_sizes_count_kept_blocks_and_their_padding(void **state)
{
    (void)state;
    /* Row 0 has columns 1 and 6, row 5 column 6, of 6 x 8. */
    int64_t row_first[] = {0, 2, 2, 2, 2, 2, 3};
    int32_t columns[] = {1, 6, 6};
    int8_t values[] = {3, 4, 0}; /* a stored zero keeps its block */
    static const int64_t blocks[] = {3, 2, 2, 3, 3};
    static const int64_t macs[] = {32, 64, 128, 48, 12};
    for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
        AUTO(spmm_weight) weight = NULL;
        struct spmm_csr csr = {SPMM_S8, 6, 8, row_first, columns, values};
        assert_int_equal(spmm_weight_new_csr(&csr, patterns[i], &weight), OK);
        struct spmm_weight_size size = spmm_weight_get_size(weight);
        assert_int_equal(size.row_count, 6);
        assert_int_equal(size.k_count, 8);
        assert_int_equal(size.block_count, blocks[i]);
        assert_int_equal(size.mac_count, macs[i]);
        assert_int_equal(size.value_bytes, macs[i]);
    }
}

static void to_csr(const int8_t *values, int64_t rows, int64_t k_count,
                   int64_t *row_first, int32_t *columns, int8_t *kept)
{
    int64_t next = 0;
    for (int64_t m = 0; m < rows; m++) {
        row_first[m] = next;
        for (int64_t k = 0; k < k_count; k++) {
            if (values[m * k_count + k] != 0) {
                columns[next] = (int32_t)k;
                kept[next++] = values[m * k_count + k];
            }
        }
    }
    row_first[rows] = next;
}

static void test_csr_and_dense_give_the_same_product(void **state)
{
    (void)state;
    enum { ROWS = 37, INPUTS = 50, TOKENS = 20 };
    int8_t values[ROWS * INPUTS], kept[ROWS * INPUTS];
    int32_t columns[ROWS * INPUTS];
    int64_t row_first[ROWS + 1];
    uint8_t tokens[TOKENS * INPUTS], panels[64 * 52];
    int32_t outputs[2][64 * ROWS] = {{0}};
    uint64_t seed = 5;
    for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
        spmm_fill_weight(&seed, patterns[i], ROWS, INPUTS, 30, values);
        spmm_fill_bytes(&seed, tokens, sizeof tokens);
        to_csr(values, ROWS, INPUTS, row_first, columns, kept);
        struct spmm_tokens in = spmm_byte_tokens(tokens, INPUTS, TOKENS);
        spmm_panels_from_tokens(&in, spmm_input_layout(patterns[i], SPMM_S8),
                                panels);
        AUTO(spmm_weight) dense = NULL;
        AUTO(spmm_weight) sparse = NULL;
        assert_int_equal(
            spmm_new_bytes(values, ROWS, INPUTS, patterns[i], &dense), OK);
        struct spmm_csr csr = {SPMM_S8, ROWS, INPUTS, row_first, columns, kept};
        assert_int_equal(spmm_weight_new_csr(&csr, patterns[i], &sparse), OK);
        for (int which = 0; which < 2; which++) {
            struct spmm_call call = {.weight = which == 0 ? dense : sparse,
                                     .activations = panels,
                                     .token_count = TOKENS,
                                     .output = outputs[which]};
            assert_int_equal(spmm_run(&call), OK);
        }
        for (int64_t m = 0; m < ROWS; m++) {
            assert_memory_equal(outputs[0] + 64 * m, outputs[1] + 64 * m,
                                TOKENS * sizeof(int32_t));
        }
    }
}

static void test_panels_and_tokens_are_inverse(void **state)
{
    (void)state;
    enum { ROWS = 70, TOKENS = 150 };
    uint8_t tokens[TOKENS * ROWS], back[TOKENS * ROWS];
    uint64_t seed = 3;
    spmm_fill_bytes(&seed, tokens, sizeof tokens);
    for (int layout = 0; layout < 2; layout++) {
        struct guarded panels = guarded_new(
            spmm_panel_elements(ROWS, TOKENS, (enum spmm_layout)layout), 1);
        struct spmm_tokens from = spmm_byte_tokens(tokens, ROWS, TOKENS);
        struct spmm_tokens to = spmm_byte_tokens(back, ROWS, TOKENS);
        memset(back, 0, sizeof back);
        spmm_panels_from_tokens(&from, (enum spmm_layout)layout, panels.data);
        spmm_tokens_from_panels(panels.data, (enum spmm_layout)layout, &to);
        assert_memory_equal(tokens, back, sizeof back);
        guarded_clear(&panels);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extents_that_make_no_matrix_are_refused),
        cmocka_unit_test(test_csr_out_of_order_is_refused),
        cmocka_unit_test(test_sizes_count_kept_blocks_and_their_padding),
        cmocka_unit_test(test_csr_and_dense_give_the_same_product),
        cmocka_unit_test(test_panels_and_tokens_are_inverse),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
