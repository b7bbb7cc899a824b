/* The pass analysis against passes_oracle.h, which executes the cascade point by
 * point: for the cascades of the tree, and for random ones, the passes over
 * every fiber of every tensor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/passes_check.h"
#include "tests/unit/einsum_random.h"
#include "tests/unit/einsum_text.h"

/* ---- the cascades of the tree -------------------------------------------- */

static const char attention_shapes[] = "B=1 H=1 P=2 M=6 E=2 F=2 M0=2";

static int64_t sweep_keys(const char *name)
{
    g_autofree char *path =
        g_strdup_printf("workloads/attention/%s.yaml", name);
    AUTO(scope) scope = make_scope(attention_shapes);
    struct loaded loaded = load_workload(path, scope);
    int keys = workload_find_tensor(loaded.workload, "K");
    bool is_blocked = workload_find_rank(loaded.workload, "m0") >= 0;
    struct oracle_fiber fiber = {.tensor = keys,
                                 .stride = {0, 0, 1, 0},
                                 .extent = 6,
                                 .block = is_blocked ? 2 : 1};
    int64_t sweeps = oracle_count_sweeps(loaded.workload, fiber);
    loaded_clear(&loaded);
    return sweeps;
}

static void test_sweeps_over_the_keys_of_each_attention_cascade(void **state)
{
    (void)state;
    assert_int_equal(sweep_keys("three-pass"), 3);
    assert_int_equal(sweep_keys("three-pass-deferred"), 2);
    assert_int_equal(sweep_keys("two-pass"), 2);
    assert_int_equal(sweep_keys("one-pass"), 1);
}

static void check_file(const char *path, const char *settings,
                       const struct family_names *families, int count)
{
    AUTO(scope) scope = make_scope(settings);
    struct loaded loaded = load_workload(path, scope);
    for (int i = 0; i < count; i++) {
        struct tally tally = {0, 0, 0};
        check_family(&loaded, &families[i], path, &tally);
        assert_true(tally.fibers > 0);
    }
    loaded_clear(&loaded);
}

static void test_all_fibers_of_attention(void **state)
{
    static const struct family_names unsplit[] = {{"m", "", "", 6, 1, NULL, 0},
                                                  {"p", "", "", 2, 1, NULL, 0},
                                                  {"e", "", "", 2, 1, NULL, 0},
                                                  {"f", "", "", 2, 1, NULL, 0}};
    static const struct family_names split[] = {
        {"m", "m1", "m0", 6, 2, NULL, 0},
        {"p", "", "", 2, 1, NULL, 0},
        {"e", "", "", 2, 1, NULL, 0},
        {"f", "", "", 2, 1, NULL, 0}};
    static const char unsplit_shapes[] = "B=1 H=1 P=2 M=6 E=2 F=2";
    (void)state;
    check_file("workloads/attention/three-pass.yaml", unsplit_shapes, unsplit,
               G_N_ELEMENTS(unsplit));
    check_file("workloads/attention/three-pass-deferred.yaml", unsplit_shapes,
               unsplit, G_N_ELEMENTS(unsplit));
    check_file("workloads/attention/two-pass.yaml", attention_shapes, split,
               G_N_ELEMENTS(split));
    check_file("workloads/attention/one-pass.yaml", attention_shapes, split,
               G_N_ELEMENTS(split));
}

static void test_all_fibers_of_gemm(void **state)
{
    static const struct family_names families[] = {
        {"m", "", "", 3, 1, NULL, 0},
        {"n", "", "", 4, 1, NULL, 0},
        {"k", "", "", 5, 1, NULL, 0}};
    (void)state;
    check_file("workloads/gemm.yaml", "M=3 N=4 K=5", families,
               G_N_ELEMENTS(families));
}

/* ---- random cascades over four ranks ------------------------------------- */

static void test_all_fibers_of_random_cascades(void **state)
{
    static const struct family_names families[] = {
        {"i", "", "", 3, 1, NULL, 0},
        {"j", "", "", 4, 1, NULL, 0},
        {"k", "", "", 2, 1, NULL, 0},
        {"l", "", "", 5, 1, NULL, 0}};
    struct tally tally = {0, 0, 0};
    (void)state;
    for (guint32 seed = 0; seed < 300; seed++) {
        GRand *random = g_rand_new_with_seed(seed);
        char output[8];
        g_autofree char *einsums = random_einsums(random, output);
        g_autofree char *what = g_strdup_printf("seed %u", seed);
        struct loaded loaded =
            load_cascade(RANDOM_SHAPES, RANDOM_INPUTS, einsums, output);
        for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
            check_family(&loaded, &families[i], what, &tally);
        }
        loaded_clear(&loaded);
        g_rand_free(random);
    }
    assert_true(tally.fibers > 3000 && tally.several > 200);
    assert_true(tally.most >= 3);
}

/* ---- random cascades with blocks and recurrences ------------------------- */

/* A tensor of the pool and how it may be read. */
struct pooled {
    char name[8];
    char ranks[12]; /* of '1' (m1), '0' (m0), 'n' (m whole), 'p', 'i' */
    char advances;  /* '1': along m1, 'i': along i, 0 */
};

struct block_cascade {
    GRand *random;
    struct pooled pool[16];
    int count;
    GString *text;
};

static void add_pooled(struct block_cascade *cascade, const char *ranks,
                       char advances)
{
    struct pooled *pooled = &cascade->pool[cascade->count];
    g_snprintf(pooled->name, sizeof pooled->name, "T%d", cascade->count);
    g_strlcpy(pooled->ranks, ranks, sizeof pooled->ranks);
    pooled->advances = advances;
    cascade->count++;
}

static const char *rank_name(char rank)
{
    switch (rank) {
    case '1':
        return "m1";
    case '0':
        return "m0";
    case 'n':
        return "n";
    case 'p':
        return "p";
    default:
        return "i";
    }
}

/* "T3[m1+1,p]"; the ranks that occur are set in `used`. `step`: what stands at
 * an advancing dimension; NULL: any that is legal outside of the recurrence. */
static char *random_access(struct block_cascade *cascade,
                           const struct pooled *pooled, const char *step,
                           char *used)
{
    static const char *const along[] = {"m1", "m1+1", "M1", "0"};
    GString *text = g_string_new(pooled->name);
    g_string_append_c(text, '[');
    for (const char *rank = pooled->ranks; *rank != '\0'; rank++) {
        const char *index = rank_name(*rank);
        if (*rank == pooled->advances) {
            index = step != NULL ? step
                    : pooled->advances == 'i'
                        ? "I"
                        : along[g_rand_int_range(cascade->random, 0, 4)];
        }
        if (g_ascii_islower(index[0]) && strchr(used, *rank) == NULL) {
            size_t length = strlen(used);
            used[length] = *rank;
            used[length + 1] = '\0';
        }
        g_string_append_printf(text, "%s%s", index, rank[1] == '\0' ? "" : ",");
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

/* Whole fibers and blocks do not meet in one statement: they would be two
 * traversals, one within the other. */
static bool does_meet(const struct pooled *pooled, const char *used)
{
    bool has_blocks = strpbrk(pooled->ranks, "10") != NULL;
    bool has_whole = strchr(pooled->ranks, 'n') != NULL;
    return (has_blocks && strchr(used, 'n') != NULL) ||
           (has_whole && strpbrk(used, "10") != NULL);
}

/* The right side: one to three operands. */
static char *random_right(struct block_cascade *cascade, char *used)
{
    static const char *const signs[] = {"+", "-", "*"};
    GString *text = g_string_new(NULL);
    int operands = g_rand_int_range(cascade->random, 1, 4);
    for (int i = 0; i < operands; i++) {
        int from = g_rand_int_range(cascade->random, 0, cascade->count);
        const struct pooled *pooled = &cascade->pool[from];
        pooled = does_meet(pooled, used) ? &cascade->pool[2] : pooled;
        g_autofree char *access = random_access(cascade, pooled, NULL, used);
        g_string_append_printf(
            text, "%s%s",
            i == 0 ? "exp(" : signs[g_rand_int_range(cascade->random, 0, 3)],
            access);
        g_string_append(text, i == 0 ? ")" : "");
    }
    return g_string_free(text, FALSE);
}

/* T = [max] right, each rank kept or reduced. */
static void add_plain(struct block_cascade *cascade)
{
    char used[8] = "";
    char kept[8] = "";
    g_autofree char *right = random_right(cascade, used);
    bool is_maximum = g_rand_boolean(cascade->random);
    g_autoptr(GString) reduced = g_string_new(NULL);
    for (const char *rank = used; *rank != '\0'; rank++) {
        if (is_chance(cascade->random, 65)) {
            kept[strlen(kept)] = *rank;
        } else {
            g_string_append_printf(reduced, "%s%s", reduced->len > 0 ? "," : "",
                                   rank_name(*rank));
        }
    }
    add_pooled(cascade, kept, 0);
    const struct pooled *made = &cascade->pool[cascade->count - 1];
    char ignored[8] = "";
    g_autofree char *left = random_access(cascade, made, NULL, ignored);
    g_string_append_printf(cascade->text, "%s = ", left);
    if (reduced->len > 0) {
        g_string_append_printf(cascade->text, "%s(%s) ",
                               is_maximum ? "max" : "sum", reduced->str);
    }
    g_string_append_printf(cascade->text, "%s\n", right);
}

/* T[0,..] = 0; T[m1+1,..] = max(T[m1,..], right) along m1; along i a whole
 * traversal of the right side at every step. */
static void add_recurrence(struct block_cascade *cascade, char along)
{
    char used[8] = "";
    char kept[8] = {along, '\0'};
    g_autofree char *right = random_right(cascade, used);
    g_autoptr(GString) reduced = g_string_new(NULL);
    if (along == '1' && strchr(used, '1') == NULL) {
        return; /* nothing on the right moves */
    }
    for (const char *rank = used; *rank != '\0'; rank++) {
        if (*rank == along) {
            continue;
        }
        if (*rank == 'p') {
            kept[strlen(kept)] = *rank;
        } else {
            g_string_append_printf(reduced, "%s%s", reduced->len > 0 ? "," : "",
                                   rank_name(*rank));
        }
    }
    add_pooled(cascade, kept, along);
    const struct pooled *made = &cascade->pool[cascade->count - 1];
    char ignored[8] = "";
    const char *rank = rank_name(along);
    g_autofree char *next_step = g_strdup_printf("%s+1", rank);
    g_autofree char *first = random_access(cascade, made, "0", ignored);
    g_autofree char *before = random_access(cascade, made, rank, ignored);
    g_autofree char *next = random_access(cascade, made, next_step, ignored);
    g_string_append_printf(cascade->text, "%s = 0\n%s = ", first, next);
    if (reduced->len > 0) {
        g_string_append_printf(cascade->text, "sum(%s) ", reduced->str);
    }
    g_string_append_printf(cascade->text, "%s*%s\n", before, right);
}

static void make_blocks(struct block_cascade *cascade)
{
    cascade->text = g_string_new("BX[p,m1,m0] = X[p,m1*M0+m0]\n"
                                 "BY[m1,m0] = Y[m1*M0+m0]\n");
    cascade->pool[0] = (struct pooled){"BX", "p10", 0};
    cascade->pool[1] = (struct pooled){"BY", "10", 0};
    cascade->pool[2] = (struct pooled){"W", "p", 0};
    cascade->pool[3] = (struct pooled){"X", "pn", 0};
    cascade->pool[4] = (struct pooled){"Y", "n", 0};
    cascade->count = 5;
    add_plain(cascade); /* at least one statement */
    int statements = g_rand_int_range(cascade->random, 1, 8);
    for (int i = 0; i < statements; i++) {
        int kind = g_rand_int_range(cascade->random, 0, 10);
        if (kind < 7) {
            add_plain(cascade);
        } else {
            add_recurrence(cascade, kind < 9 ? '1' : 'i');
        }
    }
}

static void test_all_fibers_of_random_blocked_cascades(void **state)
{
    static const struct family_names families[] = {
        {"m", "m1", "m0", 6, 2, "n", 0}, {"p", "", "", 3, 1, NULL, 0}};
    struct tally tally = {0, 0, 0};
    (void)state;
    for (guint32 seed = 0; seed < 500; seed++) {
        struct block_cascade cascade = {.random = g_rand_new_with_seed(seed)};
        g_autofree char *what = g_strdup_printf("seed %u", seed);
        make_blocks(&cascade);
        struct loaded loaded = load_cascade(
            "P: 3, M: 6, N: 6, M0: 2, I: 3",
            "X: \"[p,m]\", Y: \"[m]\", W: \"[p]\"", cascade.text->str,
            cascade.pool[cascade.count - 1].name);
        for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
            check_family(&loaded, &families[i], what, &tally);
        }
        loaded_clear(&loaded);
        g_string_free(cascade.text, TRUE);
        g_rand_free(cascade.random);
    }
    assert_true(tally.fibers > 3000 && tally.several > 200);
    assert_true(tally.most >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweeps_over_the_keys_of_each_attention_cascade),
        cmocka_unit_test(test_all_fibers_of_attention),
        cmocka_unit_test(test_all_fibers_of_gemm),
        cmocka_unit_test(test_all_fibers_of_random_cascades),
        cmocka_unit_test(test_all_fibers_of_random_blocked_cascades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
