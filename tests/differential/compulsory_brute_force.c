/* Distinct elements that a cascade uses, in closed form, against marking them
 * one by one at every point: for random conditions and accesses, and for every
 * attention cascade of the tree. Where data decides, the bounds hold. Windows of
 * live footprints against counting them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "einsum/passes.h"
#include "tests/passes_oracle.h"
#include "tests/unit/einsum_text.h"

/* ---- marking ---------------------------------------------------------------- */

struct marked {
    int64_t least; /* certain, and whether all is certain */
    int64_t most;
};

static bool has_data_condition(const struct einsum_statement *s)
{
    return (s->features & EINSUM_DATA_PREDICATE) != 0;
}

/* The oracle's meaning of an access: one element, or all that data may say. */
static struct marked mark_used(const struct workload *workload, int tensor)
{
    struct oracle oracle;
    struct oracle_fiber fiber = {.tensor = tensor, .extent = 1, .block = 1};
    int64_t elements = workload->tensors[tensor].element_count;
    g_autofree bool *is_certain = g_new0(bool, (size_t)elements);
    g_autofree bool *is_possible = g_new0(bool, (size_t)elements);
    struct marked marked = {0, 0};
    oracle_init(&oracle, workload, fiber);
    for (int i = 0; i < workload->statement_count; i++) {
        bool is_sure = !has_data_condition(&workload->statements[i]);
        for (guint n = oracle.first_point[i]; n < oracle.first_point[i + 1];
             n++) {
            const struct oracle_point *point = oracle_point(&oracle, n);
            for (guint j = 0; j < point->operand->len; j++) {
                int at =
                    oracle_operand(point, j) - oracle.first_element[tensor];
                if (at >= 0 && at < elements) {
                    is_possible[at] = true;
                    is_certain[at] =
                        is_certain[at] ||
                        (is_sure && !g_array_index(point->is_sought, bool, j));
                }
            }
        }
    }
    for (int64_t e = 0; e < elements; e++) {
        marked.least += is_certain[e];
        marked.most += is_possible[e];
    }
    oracle_clear(&oracle);
    return marked;
}

static void check_used(const struct loaded *loaded, const char *what,
                       int *exact_count)
{
    const struct workload *workload = loaded->workload;
    for (int t = 0; t < workload->tensor_count; t++) {
        int64_t least = 0;
        int64_t most = 0;
        if (workload->tensors[t].kind != TENSOR_INPUT) {
            continue;
        }
        struct marked marked = mark_used(workload, t);
        assert_int_equal(
            workload_count_used_elements(workload, t, &least, &most), OK);
        bool is_static = marked.least == marked.most;
        bool is_right = is_static ? least == marked.least && most == least
                                  : most >= marked.most && least <= most;
        if (!is_right) {
            print_error("%s, %s: %d..%d, marked %d..%d\n", what,
                        workload->tensors[t].name, (int)least, (int)most,
                        (int)marked.least, (int)marked.most);
        }
        assert_true(is_right);
        *exact_count += is_static && least < workload->tensors[t].element_count;
    }
}

/* ---- random accesses -------------------------------------------------------- */

static const char *pick(GRand *random, const char *const *choices, int count)
{
    return choices[g_rand_int_range(random, 0, count)];
}

static char *random_cascade(GRand *random)
{
    static const char *const keys[] = {"m",           "m",
                                       "p",           "clamp(p+i-2)",
                                       "zero(2*p+i)", "wrap(p-i-1)",
                                       "m/2",         "(m+3) mod M",
                                       "clamp(p*3)",  "min(max(p-1,0),3)+i",
                                       "clamp(m-p)",  "2*i"};
    static const char *const conditions[] = {
        "m <= p",
        "m <= p && p - m < 3",
        "abs(m - p) <= 2",
        "m >= 2 && m < 6",
        "m <= p + i && i <= p",
        "(m + p) mod 3 == 0",
        "m/4 == p/4",
        "m <= p || m < 2",
        "m != p",
        "m + p == i + 4",
        "p < m && m < p",
        "2*m <= p",
        "m <= p && p >= 3 && i == 1",
    };
    GString *text = g_string_new(NULL);
    int statements = g_rand_int_range(random, 1, 4);
    for (int n = 0; n < statements; n++) {
        bool has_condition = g_rand_int_range(random, 0, 4) > 0;
        g_string_append_printf(text,
                               "T%d[p] = sum(m,i) K[%s,%s] * X[m,p] * W[i]", n,
                               pick(random, keys, G_N_ELEMENTS(keys)),
                               pick(random, keys, G_N_ELEMENTS(keys)));
        if (has_condition) {
            g_string_append_printf(
                text, " where %s",
                pick(random, conditions, G_N_ELEMENTS(conditions)));
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

static void test_random_accesses_under_conditions(void **state)
{
    (void)state;
    int exact_count = 0;
    for (guint32 seed = 0; seed < 600; seed++) {
        GRand *random = g_rand_new_with_seed(seed);
        g_autofree char *einsums = random_cascade(random);
        g_autofree char *what = g_strdup_printf("seed %u", seed);
        struct loaded loaded = load_cascade(
            "M: 9, P: 9, I: 3", "K: \"[m,p]\", X: \"[m,p]\", W: \"[i]\"",
            einsums, "T0");
        check_used(&loaded, what, &exact_count);
        loaded_clear(&loaded);
        g_rand_free(random);
    }
    assert_true(exact_count > 500);
}

static void test_every_attention_of_the_tree(void **state)
{
    (void)state;
    int exact_count = 0;
    int checked = 0;
    static const char folder[] = "workloads/attention";
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    assert_non_null(dir);
    for (const char *name = g_dir_read_name(dir); name != NULL;
         name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        struct loaded loaded = load_workload(path, NULL);
        int64_t points = 0;
        for (int i = 0; i < loaded.workload->statement_count; i++) {
            points += loaded.workload->statements[i].point_count;
        }
        if (points < 100000) {
            check_used(&loaded, path, &exact_count);
            checked++;
        }
        loaded_clear(&loaded);
    }
    assert_true(checked > 10);
}

/* ---- data ------------------------------------------------------------------- */

static void check_range(const char *einsums, int64_t least, int64_t most)
{
    struct loaded loaded =
        load_cascade("M: 9, P: 4, J: 3",
                     "K: \"[m,p]\", IX: \"[p,j]\", Z: \"[p]\"", einsums, "T");
    int64_t found_least = 0;
    int64_t found_most = 0;
    assert_int_equal(workload_count_used_elements(loaded.workload, 0,
                                                  &found_least, &found_most),
                     OK);
    assert_int_equal(found_least, least);
    assert_int_equal(found_most, most);
    loaded_clear(&loaded);
}

static void test_bounds_where_data_decides(void **state)
{
    (void)state;
    /* 12 indices into 9 rows: one row at least, all at most; of each a point p */
    check_range("T[p] = K[clamp(IX[p,j]),p]", 4, 36);
    check_range("T[p] = K[clamp(IX[0,j]),p]", 4, 12);
    check_range("T[p] = sum(m) K[m,p] where Z[p] > 0", 0, 36);
    check_range("T[p] = sum(m) K[m,p] * IX[p,0]", 36, 36);
}

/* ---- closed form at scale --------------------------------------------------- */

static void test_a_square_of_a_million_is_counted_in_closed_form(void **state)
{
    (void)state;
    int64_t n = 1048576;
    struct loaded loaded = load_cascade(
        "M: 1M, P: 1M, W: 4K", "K: \"[m]\", C: \"[p,m]\", X: \"[p]\"",
        "T[p] = sum(m) K[m] * X[p] where m < p && p - m < W && m >= W\n"
        "S[p] = sum(m) C[p,m] where m <= p && p - m < W",
        "T, S");
    int64_t least = 0;
    int64_t most = 0;
    assert_int_equal(
        workload_count_used_elements(loaded.workload, 0, &least, &most), OK);
    assert_int_equal(least, n - 4096 - 1);
    assert_int_equal(most, least);
    assert_int_equal(
        workload_count_used_elements(loaded.workload, 1, &least, &most), OK);
    assert_int_equal(least, n * 4096 - 4096 * INT64_C(4095) / 2);
    assert_int_equal(most, least);
    loaded_clear(&loaded);
}

/* ---- windows ---------------------------------------------------------------- */

/* The most values of rank m that exist at any one point of the others. */
static int64_t count_window(const struct workload *workload)
{
    const struct einsum_statement *s = &workload->statements[0];
    struct point point = {.workload = workload};
    int rank = workload_find_rank(workload, "m");
    int64_t most = 0;
    g_autoptr(GHashTable) counts =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    for (int64_t n = 0; n < s->point_count; n++) {
        int64_t rest = n;
        int64_t key = 0;
        bool exists = true;
        for (int i = s->rank_count - 1; i >= 0; i--) {
            int64_t extent = workload->rank[s->rank[i]].extent;
            point.index[s->rank[i]] = rest % extent;
            key = key * extent + (s->rank[i] == rank ? 0 : rest % extent);
            rest /= extent;
        }
        for (int i = 0; i < s->extension->condition_count; i++) {
            exists =
                exists && condition_holds(s->extension->condition[i], &point);
        }
        int64_t *count = g_hash_table_lookup(counts, &key);
        if (count == NULL) {
            count = g_new0(int64_t, 1);
            g_hash_table_insert(counts, g_memdup2(&key, sizeof key), count);
        }
        *count += exists;
        most = MAX(most, *count);
    }
    return most;
}

struct window_case {
    const char *condition;
    const char *text; /* NULL: all of M */
    bool is_exact;
};

static void test_windows_are_what_conditions_leave(void **state)
{
    static const struct window_case cases[] = {
        {"m <= p", NULL, true},
        {"m <= p && p - m < W", "W", true},
        {"abs(p - m) <= W", "2*W+1", true},
        {"abs(p - m) < W", "2*W-1", true},
        {"m <= p && p - m < W*D && (p - m) mod D == 0", "W", true},
        {"m <= p && p - m < W+1 && (p - m) mod D == 0", "ceil((W+1)/D)", true},
        {"m/W == p/W", "W", true},
        {"m/W <= p/W && p/W - m/W <= 1", "2*W", true},
        {"m <= p && p - m < W || m < D", "W+D", true},
        {"m < W", "W", true},
        {"m >= W", "M-W", true},
        {"m == p", "1", true},
        {"m <= p && !(p - m >= W)", "W", true},
        {"m mod D == 0", "ceil(M/D)", true},
        {"m <= p && p - m < W && i < 2", "W", true},
        {"p - m < W", NULL, true},
        {"2*m <= p && p - m < W", NULL, false},
        {"m <= p || m >= p", NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *einsums = g_strdup_printf(
            "T[p] = sum(m,i) K[m] * X[p] * Z[i] where %s", cases[i].condition);
        struct loaded loaded =
            load_cascade("M: 24, P: 24, I: 3, W: 4, D: 3",
                         "K: \"[m]\", X: \"[p]\", Z: \"[i]\"", einsums, "T");
        struct pass_window window = {NULL, 24, 0};
        int rank = workload_find_rank(loaded.workload, "m");
        bool is_found = pass_window_find(loaded.workload, 0, rank, &window);
        int64_t counted = count_window(loaded.workload);
        if (is_found != (cases[i].text != NULL) ||
            g_strcmp0(window.text, cases[i].text) != 0) {
            print_error("%s: %s\n", cases[i].condition, window.text);
        }
        assert_true(is_found == (cases[i].text != NULL));
        assert_int_equal(g_strcmp0(window.text, cases[i].text), 0);
        if (cases[i].is_exact) {
            assert_int_equal(window.elements, counted);
        }
        assert_true(window.elements >= counted);
        g_free(window.text);
        loaded_clear(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_accesses_under_conditions),
        cmocka_unit_test(test_every_attention_of_the_tree),
        cmocka_unit_test(test_bounds_where_data_decides),
        cmocka_unit_test(test_a_square_of_a_million_is_counted_in_closed_form),
        cmocka_unit_test(test_windows_are_what_conditions_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
