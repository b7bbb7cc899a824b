/* NumPy files: those that NumPy would write, byte by byte, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "formats/formats.h"

/* Version 1.0 with the dictionary, then the elements. */
static GByteArray *make(const char *dictionary, const void *elements,
                        size_t bytes)
{
    GByteArray *file = g_byte_array_new();
    size_t length = strlen(dictionary);
    const uint8_t head[] = {0x93,
                            'N',
                            'U',
                            'M',
                            'P',
                            'Y',
                            1,
                            0,
                            (uint8_t)length,
                            (uint8_t)(length >> 8)};
    g_byte_array_append(file, head, sizeof head);
    g_byte_array_append(file, (const guint8 *)dictionary, (guint)length);
    g_byte_array_append(file, elements, (guint)bytes);
    return file;
}

static void check_values(const char *dictionary, const void *elements,
                         size_t bytes, const double *wanted, int64_t count)
{
    g_autoptr(GByteArray) file = make(dictionary, elements, bytes);
    struct npy npy;
    g_autofree char *problem = NULL;
    if (!npy_parse(file->data, file->len, &npy, &problem)) {
        fail_msg("%s", problem);
    }
    assert_int_equal(npy.element_count, count);
    for (int64_t i = 0; i < count; i++) {
        assert_true(npy.value[i] <= wanted[i] && npy.value[i] >= wanted[i]);
    }
    npy_clear(&npy);
}

static void test_types_and_orders(void **state)
{
    (void)state;
    const float f4[] = {0.5F, -1.0F, 2.0F, 3.0F, 4.0F, 5.0F};
    const uint8_t f2[] = {0x00, 0x3c, 0xff, 0xfb}; /* 1, -65504 */
    const uint8_t i2[] = {0xff, 0xfe, 0x01, 0x00}; /* big: -2, 256 */
    const uint8_t u1[] = {200, 7};
    const double wanted4[] = {0.5, -1, 2, 3, 4, 5};
    const double fortran4[] = {0.5, 2, 4, -1, 3, 5};
    const double wanted2[] = {1, -65504};
    const double wanted_i2[] = {-2, 256};
    const double wanted_u1[] = {200, 7};
    check_values(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", f4,
        sizeof f4, wanted4, 6);
    check_values("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n",
                 f4, sizeof f4, fortran4, 6);
    check_values("{\"shape\":(2,),'descr':'<f2','fortran_order':False}", f2,
                 sizeof f2, wanted2, 2);
    check_values("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}", i2,
                 sizeof i2, wanted_i2, 2);
    check_values("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2)}",
                 u1, sizeof u1, wanted_u1, 2);
    check_values("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", f4, 4,
                 wanted4, 1);
    check_values("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}",
                 f4, 0, wanted4, 0);
}

static void test_places_of_mistakes(void **state)
{
    (void)state;
    const struct {
        const char *dictionary;
        const char *wanted;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
         "byte 65: 4 bytes for 2 elements of 4"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}",
         "byte 25: type '<c8' is none of"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}",
         "byte 25: type '|f4' is none of"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
         "byte 44: expected True or False"},
        {"{'descr': '<f4', 'shape': (1,)}", "byte 41: 'descr', 'fortran"},
        {"{'descr': '<f4', 'extra': 1}", "byte 35: an unknown key"},
        {"{'descr': '<f4', 'descr': '<f4'}", "byte 35: a key for the second"},
        {"{'shape': (1)}", "byte 23: a tuple of one ends in ',)'"},
        {"{'shape': (-1,)}", "byte 21: expected a number or ')'"},
        {"{'shape': (99999999999999999999,)}", "byte 39: an extent beyond"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
         "byte 66: more than a dictionary"},
        {"['descr']", "byte 10: expected '{'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) file = make(cases[i].dictionary, "abcd", 4);
        struct npy npy;
        g_autofree char *problem = NULL;
        assert_false(npy_parse(file->data, file->len, &npy, &problem));
        if (!g_str_has_prefix(problem, cases[i].wanted)) {
            fail_msg("%s\nnot: %s", problem, cases[i].wanted);
        }
    }
}

static void test_written_and_read(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    double values[] = {1.5, -0.0, (double)INFINITY, 0x1p-1074, 1e300, 7.0};
    const struct npy npy = {2, {3, 2}, 6, values};
    g_autofree char *path = NULL;
    int file = g_file_open_tmp("weir-npy-XXXXXX.npy", &path, NULL);
    assert_true(file >= 0);
    g_close(file, NULL);
    struct npy again;
    assert_int_equal(npy_save(diags, path, &npy), OK);
    assert_int_equal(npy_load(diags, path, &again), OK);
    g_unlink(path);
    assert_int_equal(again.dim_count, 2);
    assert_int_equal(again.extent[0], 3);
    assert_memory_equal(again.value, values, sizeof values);
    npy_clear(&again);
    assert_int_equal(npy_load(diags, "tests/there-is-none.npy", &again),
                     ERR_IO);
    assert_int_equal(npy_load(diags, "README.md", &again), ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_and_orders),
        cmocka_unit_test(test_places_of_mistakes),
        cmocka_unit_test(test_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
