/* Quantities: exact values, refusals with their places, formatting. */
#include "tests/assert_diags.h"

#include <math.h>
#include <string.h>

#include "tests/assert_close.h"

struct count_example {
    enum unit_kind kind;
    const char *text;
    int64_t count;
};

struct real_example {
    enum unit_kind kind;
    const char *text;
    double real;
};

struct error_example {
    enum unit_kind kind;
    const char *text;
    const char *code;
    int column;
    int length;
};

static enum status parse(struct diags *diags, enum unit_kind kind,
                         const char *text, int64_t *count, double *real)
{
    const struct source *source = diags_add_text(diags, "q", text);
    struct span at = {source, 1, 1, (int)g_utf8_strlen(text, -1), NULL};
    AUTO(scope) scope = scope_new(NULL);
    scope_set(scope, "P", 64);
    scope_set(scope, "B", 2);
    scope_set(scope, "most", INT64_MAX);
    return units_parse(diags, at, text, kind, scope, count, real);
}

static void test_integer_kinds_are_exact(void **state)
{
    (void)state;
    static const struct count_example examples[] = {
        {UNIT_COUNT, "64", 64},
        {UNIT_COUNT, "1K", 1024},
        {UNIT_COUNT, " 1.5K ", 1536},
        {UNIT_COUNT, "1e6", 1000000},
        {UNIT_COUNT, "2.50e1", 25},
        {UNIT_COUNT, "P * 2 + 1", 129},
        {UNIT_COUNT, "2 * P", 128},
        {UNIT_COUNT, "min(P, 3)", 3},
        {UNIT_COUNT, "3KiB", 3072},
        {UNIT_COUNT, "0", 0},
        {UNIT_COUNT, "9223372036854775807", INT64_MAX},
        {UNIT_COUNT, "P > 10 ? 1K : 2K", 1024},
        {UNIT_BYTES, "16MiB", INT64_C(16) << 20},
        {UNIT_BYTES, "16 MiB", INT64_C(16) << 20},
        {UNIT_BYTES, "1.5 KiB", 1536},
        {UNIT_BYTES, "+2 B", 2},
        {UNIT_BYTES, "2.0 B", 2},
        {UNIT_BYTES, "0.5 KiB", 512},
        {UNIT_BYTES, ".5 KiB", 512},
        {UNIT_BYTES, "5. KiB", 5120},
        {UNIT_BYTES, "1 kB", 1000},
        {UNIT_BYTES, "1 MB", 1000000},
        {UNIT_BYTES, "1.5 GB", 1500000000},
        {UNIT_BYTES, "2 TB", INT64_C(2000000000000)},
        {UNIT_BYTES, "3 GiB", INT64_C(3) << 30},
        {UNIT_BYTES, "1 TiB", INT64_C(1) << 40},
        {UNIT_BYTES, "P * 2 KiB", 131072},
        {UNIT_BYTES, "2 * P KiB", 131072},
        {UNIT_BYTES, "min(P, 3) * (1 + 1) B", 6},
        {UNIT_BYTES, "P * B B", 128},
        {UNIT_BYTES, "unlimited", NUM_UNLIMITED},
        {UNIT_BYTES, "9223372036854775807 B", INT64_MAX},
        {UNIT_BYTES, "0.0000002384185791015625 TiB", 262144},
        {UNIT_BYTES, "10000000000000000000e-16 B", 1000},
        {UNIT_BYTES, "0 TiB", 0},
        {UNIT_BYTES, "0e99999999999 TiB", 0},
        {UNIT_BITS, "16 bits", 16},
        {UNIT_BITS, "1 bit", 1},
        {UNIT_BYTES_PER_SECOND, "400 GiB/s", INT64_C(400) << 30},
        {UNIT_BYTES_PER_SECOND, "400GB/s", INT64_C(400000000000)},
        {UNIT_BYTES_PER_SECOND, "0.5 kB/s", 500},
        {UNIT_BYTES_PER_SECOND, "12 B/s", 12},
        {UNIT_BYTES_PER_SECOND, "unlimited", NUM_UNLIMITED},
        {UNIT_HZ, "940 MHz", 940000000},
        {UNIT_HZ, "1.2 GHz", 1200000000},
        {UNIT_HZ, "32.768 kHz", 32768},
        {UNIT_HZ, "1 Hz", 1},
        {UNIT_CYCLES, "1 cycle", 1},
        {UNIT_CYCLES, "P / 2 cycles", 32},
        {UNIT_NM, "45 nm", 45},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        AUTO(diags) diags = diags_new();
        int64_t count = -1;
        enum status status =
            parse(diags, examples[i].kind, examples[i].text, &count, NULL);
        if (status != OK || count != examples[i].count) {
            fail_msg("'%s': status %d, count %" G_GINT64_FORMAT,
                     examples[i].text, (int)status, count);
        }
    }
}

static void test_real_kinds_are_rounded_once(void **state)
{
    (void)state;
    static const struct real_example examples[] = {
        {UNIT_PJ, "2.5 pJ", 2.5},    {UNIT_PJ, "2.5pJ", 2.5},
        {UNIT_PJ, "0.3 fJ", 0.0003}, {UNIT_PJ, "1.1 nJ", 1100},
        {UNIT_PJ, "7e-1 nJ", 700},   {UNIT_PJ, "0 pJ", 0},
        {UNIT_PJ, "P * 2 pJ", 128},  {UNIT_PJ, "P nJ", 64000},
        {UNIT_UM2, "12 um2", 12},    {UNIT_UM2, "1.5 mm2", 1.5e6},
        {UNIT_NS, "4 ps", 0.004},    {UNIT_NS, "4 ns", 4},
        {UNIT_NS, "4.4 us", 4400},   {UNIT_NS, "4 ms", 4e6},
        {UNIT_NS, "0.1 s", 1e8},     {UNIT_MW, "3 uW", 0.003},
        {UNIT_MW, "3 mW", 3},        {UNIT_MW, "0.7 W", 700},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        AUTO(diags) diags = diags_new();
        double real = -1;
        assert_int_equal(
            parse(diags, examples[i].kind, examples[i].text, NULL, &real), OK);
        /* The nearest double, hence the exact comparison. */
        assert_close(real, examples[i].real, 0);
    }
}

static void test_refusals_and_their_places(void **state)
{
    (void)state;
    static const struct error_example examples[] = {
        {UNIT_BYTES, "16", "unit-missing", 1, 2},
        {UNIT_BYTES, "", "unit-missing", 1, 1},
        {UNIT_BYTES, "1.5", "unit-missing", 1, 3},
        {UNIT_BYTES, "P * 2", "unit-missing", 1, 5},
        {UNIT_BYTES, "P", "unit-missing", 1, 1},
        {UNIT_BYTES, "KiB", "unit-number", 1, 3},
        {UNIT_PJ, "KiB", "unit-number", 1, 3},
        {UNIT_HZ, "unlimited", "unit-missing", 1, 9},
        {UNIT_BYTES, "16 kib", "unit-unknown", 4, 3},
        {UNIT_BYTES, "16 KB", "unit-unknown", 4, 2},
        {UNIT_BYTES, "16K", "unit-unknown", 3, 1},
        {UNIT_BYTES, "  16Mib", "unit-unknown", 5, 3},
        {UNIT_BYTES, "16 GiB/s", "unit-unknown", 4, 5},
        {UNIT_BYTES_PER_SECOND, "16 GiB", "unit-unknown", 4, 3},
        {UNIT_HZ, "5 cycles", "unit-unknown", 3, 6},
        {UNIT_PJ, "5 J", "unit-unknown", 3, 1},
        {UNIT_BYTES, "P * 2 MHz", "unit-unknown", 7, 3},
        {UNIT_BYTES, "2.5 B", "unit-fraction", 1, 5},
        {UNIT_BYTES, "0.0001 KiB", "unit-fraction", 1, 10},
        {UNIT_BYTES, "1.23456789012345678901 B", "unit-fraction", 1, 24},
        {UNIT_BYTES, "1e-30 B", "unit-fraction", 1, 7},
        {UNIT_COUNT, "1.5", "unit-fraction", 1, 3},
        {UNIT_NM, "4.5 nm", "unit-fraction", 1, 6},
        {UNIT_BYTES, "-1 B", "unit-negative", 1, 4},
        {UNIT_COUNT, "-1", "unit-negative", 1, 2},
        {UNIT_COUNT, "P - 65", "unit-negative", 1, 6},
        {UNIT_BYTES, "P - 65 B", "unit-negative", 1, 8},
        {UNIT_PJ, "-0.5 pJ", "unit-negative", 1, 7},
        {UNIT_BYTES, "8388608 TiB", "unit-overflow", 1, 11},
        {UNIT_BYTES, "most KiB", "unit-overflow", 1, 8},
        {UNIT_BYTES, "99999999999999999999 B", "unit-overflow", 1, 22},
        {UNIT_BYTES, "1e99999999999999 B", "unit-overflow", 1, 18},
        {UNIT_PJ, "1e400 pJ", "unit-overflow", 1, 8},
        {UNIT_PJ, "inf pJ", "expr-unknown-name", 1, 3},
        {UNIT_PJ, "0x10 pJ", "expr-syntax", 1, 4},
        {UNIT_BYTES, "P * KiB", "expr-syntax", 5, 1},
        {UNIT_BYTES, "P / 0 B", "expr-division-by-zero", 5, 1},
        {UNIT_BYTES, "Q B", "expr-unknown-name", 1, 1},
        {UNIT_COUNT, "1.5 + 1", "expr-syntax", 1, 3},
        {UNIT_COUNT, "P pJ", "expr-syntax", 3, 2},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        AUTO(diags) diags = diags_new();
        int64_t count = -1;
        double real = -1;
        print_message("# %s\n", examples[i].text);
        assert_int_equal(
            parse(diags, examples[i].kind, examples[i].text, &count, &real),
            ERR_INPUT);
        assert_one_diag(diags, examples[i].code, 1, examples[i].column);
        assert_int_equal(diags_get(diags, 0)->span.length, examples[i].length);
        assert_true(count == -1);
        assert_close(real, -1, 0);
    }
}

static void test_missing_unit_lists_what_is_accepted(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    int64_t count = 0;
    assert_int_equal(parse(diags, UNIT_HZ, "940", &count, NULL), ERR_INPUT);
    assert_rendered(diags, "q:1:1: error: '940' has no unit [unit-missing]\n"
                           "    1 | 940\n"
                           "      | ^~~ write one of Hz, kHz, MHz, GHz\n");
}

static void test_unknown_unit_suggests_a_near_one(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    int64_t count = 0;
    assert_int_equal(parse(diags, UNIT_HZ, "940 Mhz", &count, NULL), ERR_INPUT);
    assert_rendered(diags, "q:1:5: error: unknown unit 'Mhz' [unit-unknown]\n"
                           "    1 | 940 Mhz\n"
                           "      |     ^~~ did you mean 'MHz'?\n");
}

static void test_bytes_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } examples[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {16 << 20, "16 MiB"},
        {(1 << 20) - 1, "1.0 MiB"},
        {INT64_MAX - 1, "8.0 EiB"},
        {NUM_UNLIMITED, "unlimited"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *text = units_format_bytes(examples[i].bytes);
        assert_string_equal(text, examples[i].text);
    }
}

static void test_counts_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t count;
        const char *text;
    } examples[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {1892352, "1,892,352"},
        {-123456, "-123,456"},
        {INT64_MIN, "-9,223,372,036,854,775,808"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *text = units_format_count(examples[i].count);
        assert_string_equal(text, examples[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_kinds_are_exact),
        cmocka_unit_test(test_real_kinds_are_rounded_once),
        cmocka_unit_test(test_refusals_and_their_places),
        cmocka_unit_test(test_missing_unit_lists_what_is_accepted),
        cmocka_unit_test(test_unknown_unit_suggests_a_near_one),
        cmocka_unit_test(test_bytes_for_people),
        cmocka_unit_test(test_counts_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
