/* Did-you-mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

struct example {
    const char *word;
    const char *nearest; /* NULL: none is near enough */
};

static void test_nearest_name_within_a_third(void **state)
{
    (void)state;
    static const char *const names[] = {"QK",   "capacity", "bandwidth",
                                        "size", "sizes",    "KiB"};
    static const struct example examples[] = {
        {"QKT", "QK"},            /* one inserted of three */
        {"QKTX", NULL},           /* two of four */
        {"capcaity", "capacity"}, /* a swap is one edit */
        {"cpacity", "capacity"},  /* one deleted */
        {"bndwdth", "bandwidth"}, /* two of nine */
        {"bndwdt", "bandwidth"},  /* three of nine */
        {"bndwd", NULL},          /* four of nine */
        {"sizt", "size"},         /* both sizes are one away: the first */
        {"size", "size"},         /* itself */
        {"kib", "KiB"},           /* case alone */
        {"Q", NULL},
        {"", NULL},
        {"\xE6\xBC\xA2", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        const char *nearest =
            suggest_nearest(examples[i].word, names, G_N_ELEMENTS(names));
        if (g_strcmp0(nearest, examples[i].nearest) != 0) {
            fail_msg("'%s' gives '%s'", examples[i].word,
                     nearest ? nearest : "nothing");
        }
    }
}

static void test_code_points_count_and_not_bytes(void **state)
{
    (void)state;
    /* Six code points, one differs: near, though two bytes of nine differ. */
    static const char *const names[] = {"\xC3\xA4\xC3\xB6\xC3\xBC"
                                        "abc"};
    assert_ptr_equal(suggest_nearest("\xC3\xA4\xC3\xB6\xE6\xBC\xA2"
                                     "abc",
                                     names, 1),
                     names[0]);
}

static void test_no_names_no_suggestion(void **state)
{
    (void)state;
    assert_null(suggest_nearest("word", NULL, 0));
    assert_null(suggest_text("word", NULL, 0));
}

static void test_words_beyond_all_measure_are_not_compared(void **state)
{
    (void)state;
    g_autofree char *word = g_strnfill(100000, 'a');
    g_autofree char *other = g_strnfill(99999, 'a');
    const char *names[] = {other, "aaa"};
    assert_null(suggest_nearest(word, names, 2));
    assert_null(suggest_nearest("bb", names, 2));
}

static void test_text_asks(void **state)
{
    (void)state;
    static const char *const names[] = {"size"};
    g_autofree char *text = suggest_text("sise", names, 1);
    assert_string_equal(text, "did you mean 'size'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest_name_within_a_third),
        cmocka_unit_test(test_code_points_count_and_not_bytes),
        cmocka_unit_test(test_no_names_no_suggestion),
        cmocka_unit_test(test_words_beyond_all_measure_are_not_compared),
        cmocka_unit_test(test_text_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
