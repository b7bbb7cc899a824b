/* The pass analysis against passes_oracle.h, which executes the cascade point by
 * point, on random cascades with what the language has beyond affine accesses
 * over all points: conditions, clamped windows, floor divisions, gathers,
 * scatters and selections; and on the attention cascades of the tree that have
 * any of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/passes_check.h"
#include "tests/unit/einsum_random.h"

/* ---- random cascades ------------------------------------------------------- */

/* Ranks: 'm' (12), 'p' (3), 'j' (2), 'q' = m/3. */
struct pooled {
    char name[8];
    char ranks[8];
    bool is_index;   /* holds indices into m */
    bool is_thinned; /* some elements have no point: a condition over ranks */
};

enum dialect {
    DIALECT_CONDITIONS = 1,
    DIALECT_WINDOWS = 2,
    DIALECT_RAGGED = 4
};

struct beyond_cascade {
    GRand *random;
    unsigned dialect;
    struct pooled pool[20];
    int count;
    bool is_thinned; /* something that the statement reads */
    GString *text;
};

#define BEYOND_SHAPES "M: 12, P: 3, J: 2, Q: 4"
#define BEYOND_INPUTS                                                          \
    "X: \"[p,m]\", Y: \"[m]\", W: \"[p]\", C: \"[p,q]\", IX: \"[p,j]\""

static const struct pooled beyond_inputs[] = {
    {"C", "pq", false, false}, {"X", "pm", false, false},
    {"Y", "m", false, false},  {"W", "p", false, false},
    {"IX", "pj", true, false},
};

static struct pooled *add_pooled(struct beyond_cascade *cascade,
                                 const char *ranks, bool is_index)
{
    struct pooled *pooled = &cascade->pool[cascade->count];
    g_snprintf(pooled->name, sizeof pooled->name, "T%d", cascade->count);
    g_strlcpy(pooled->ranks, ranks, sizeof pooled->ranks);
    pooled->is_index = is_index;
    cascade->count++;
    return pooled;
}

static void use_rank(char *used, char rank)
{
    size_t length = strlen(used);
    if (strchr(used, rank) == NULL) {
        used[length] = rank;
        used[length + 1] = '\0';
    }
}

static const struct pooled *pick(struct beyond_cascade *cascade, bool is_index)
{
    const struct pooled *found = NULL;
    while (found == NULL || found->is_index != is_index) {
        found =
            &cascade
                 ->pool[g_rand_int_range(cascade->random, 0, cascade->count)];
    }
    cascade->is_thinned = cascade->is_thinned || found->is_thinned;
    return found;
}

/* A[r,s] with every rank as it is. */
static void add_plain_access(const struct pooled *pooled, char *used,
                             GString *text)
{
    g_string_append_printf(text, "%s[", pooled->name);
    for (const char *rank = pooled->ranks; *rank != '\0'; rank++) {
        g_string_append_printf(text, "%s%c", rank > pooled->ranks ? "," : "",
                               *rank);
        use_rank(used, *rank);
    }
    g_string_append_c(text, ']');
}

/* What stands at dimension m: m, a window, a place that is data. */
static void add_key(struct beyond_cascade *cascade, char *used, GString *text)
{
    static const char *const behind[] = {"clamp(m-1)", "zero(m-2)",
                                         "max(m-2,0)"};
    static const char *const ahead[] = {"clamp(m+1)", "zero(m+1)",
                                        "min(max(m-1,0)+1,M-1)"};
    int kind = g_rand_int_range(cascade->random, 0, 10);
    bool has_windows = (cascade->dialect & DIALECT_WINDOWS) != 0;
    if (kind < (has_windows ? 6 : 8)) {
        g_string_append_c(text, 'm');
        use_rank(used, 'm');
    } else if (kind < 8) {
        bool is_ahead = kind == 7;
        g_string_append(
            text, (is_ahead ? ahead
                            : behind)[g_rand_int_range(cascade->random, 0, 3)]);
        use_rank(used, 'm');
    } else {
        g_string_append(text, "clamp(");
        add_plain_access(pick(cascade, true), used, text);
        g_string_append_c(text, ')');
    }
}

static void add_access_of(struct beyond_cascade *cascade,
                          const struct pooled *pooled, char *used,
                          GString *text)
{
    g_string_append_printf(text, "%s[", pooled->name);
    for (const char *rank = pooled->ranks; *rank != '\0'; rank++) {
        g_string_append(text, rank > pooled->ranks ? "," : "");
        if (*rank == 'm') {
            add_key(cascade, used, text);
        } else if (*rank == 'q') {
            g_string_append(text, "m/3");
            use_rank(used, 'm');
        } else {
            g_string_append_c(text, *rank);
            use_rank(used, *rank);
        }
    }
    g_string_append_c(text, ']');
}

static char *random_right(struct beyond_cascade *cascade, char *used)
{
    static const char *const signs[] = {"+", "-", "*"};
    GString *text = g_string_new("exp(");
    int operands = g_rand_int_range(cascade->random, 1, 4);
    for (int i = 0; i < operands; i++) {
        g_string_append(
            text, i == 0 ? "" : signs[g_rand_int_range(cascade->random, 0, 3)]);
        add_access_of(cascade, pick(cascade, false), used, text);
        g_string_append(text, i == 0 ? ")" : "");
    }
    return g_string_free(text, FALSE);
}

/* Conditions that each leave every m to some p and every p several m. Two over
 * ranks in a row might leave an m to no p at all. A tensor without an element
 * there is no fiber to the oracle, which then may keep it whole; the analysis
 * still says what the other elements need, and that is right. */
static void add_condition(struct beyond_cascade *cascade, const char *used)
{
    static const char *const conditions[] = {
        "m <= 4*p+3",         "abs(m - 4*p) <= 4",
        "(m + p) mod 2 == 0", "m <= 5*p+4 && m >= 3*p",
        "m < 4 || m/4 == p",  "W[p] > 0",
        "Y[m] > W[p]"};
    static const int first_of_data = 5;
    if ((cascade->dialect & DIALECT_CONDITIONS) != 0 &&
        strchr(used, 'm') != NULL && strchr(used, 'p') != NULL &&
        is_chance(cascade->random, 60)) {
        int kind = g_rand_int_range(cascade->random,
                                    cascade->is_thinned ? first_of_data : 0, 7);
        g_string_append_printf(cascade->text, " where %s", conditions[kind]);
        cascade->is_thinned = cascade->is_thinned || kind < first_of_data;
    }
    g_string_append_c(cascade->text, '\n');
    cascade->pool[cascade->count - 1].is_thinned = cascade->is_thinned;
}

/* T = [max] right, each rank kept or reduced. */
static void add_plain(struct beyond_cascade *cascade)
{
    char used[8] = "";
    char kept[8] = "";
    g_autofree char *right = random_right(cascade, used);
    bool is_maximum = g_rand_boolean(cascade->random);
    g_autoptr(GString) reduced = g_string_new(NULL);
    for (const char *rank = used; *rank != '\0'; rank++) {
        if (is_chance(cascade->random, 65)) {
            use_rank(kept, *rank);
        } else {
            g_string_append_printf(reduced, "%s%c", reduced->len > 0 ? "," : "",
                                   *rank);
        }
    }
    char ignored[8] = "";
    add_plain_access(add_pooled(cascade, kept, false), ignored, cascade->text);
    g_string_append(cascade->text, " = ");
    if (reduced->len > 0) {
        g_string_append_printf(cascade->text, "%s(%s) ",
                               is_maximum ? "max" : "sum", reduced->str);
    }
    g_string_append(cascade->text, right);
    add_condition(cascade, used);
}

/* T[..,j] = topk(m, J) right, or T[..] = argmax(m) right: indices into m. */
static void add_selection(struct beyond_cascade *cascade)
{
    char used[8] = "";
    char kept[8] = "";
    char ignored[8] = "";
    g_autofree char *right = random_right(cascade, used);
    bool is_topk = g_rand_boolean(cascade->random);
    if (strchr(used, 'm') == NULL || strchr(used, 'j') != NULL) {
        return;
    }
    for (const char *rank = used; *rank != '\0'; rank++) {
        if (*rank != 'm') {
            use_rank(kept, *rank);
        }
    }
    if (is_topk) {
        use_rank(kept, 'j');
    }
    add_plain_access(add_pooled(cascade, kept, true), ignored, cascade->text);
    g_string_append_printf(cascade->text, " = %s %s",
                           is_topk ? "topk(m, J)" : "argmax(m)", right);
    add_condition(cascade, used);
}

/* Indices that have no fiber of m behind them: T[p,m] is an index too. */
static void add_index_map(struct beyond_cascade *cascade)
{
    const struct pooled *from = pick(cascade, false);
    char used[8] = "";
    if (strchr(from->ranks, 'q') != NULL) {
        return;
    }
    g_autofree char *ranks = g_strdup(from->ranks);
    const struct pooled *made = add_pooled(cascade, ranks, true);
    add_plain_access(made, used, cascade->text);
    g_string_append(cascade->text, " = floor(");
    add_plain_access(from, used, cascade->text);
    g_string_append(cascade->text, ")\n");
    cascade->pool[cascade->count - 1].is_thinned = cascade->is_thinned;
}

/* T[p,m=I[..]] = right: added up wherever the indices say. */
static void add_scatter(struct beyond_cascade *cascade)
{
    char used[8] = "";
    char kept[8] = "pm";
    g_autofree char *right = random_right(cascade, used);
    g_autoptr(GString) place = g_string_new(NULL);
    add_plain_access(pick(cascade, true), used, place);
    if (strstr(right, "[p]") == NULL && strstr(right, "[p,") == NULL) {
        return;
    }
    const struct pooled *made = add_pooled(cascade, kept, false);
    g_string_append_printf(cascade->text, "%s[p,m=%s] = %s\n", made->name,
                           place->str, right);
    cascade->pool[cascade->count - 1].is_thinned = cascade->is_thinned;
}

static void make_cascade(struct beyond_cascade *cascade)
{
    cascade->text = g_string_new(NULL);
    /* Of m/3 a window reaches over as many elements at three times the pace. */
    bool has_windows = (cascade->dialect & DIALECT_WINDOWS) != 0;
    for (size_t i = has_windows ? 1 : 0; i < G_N_ELEMENTS(beyond_inputs); i++) {
        cascade->pool[cascade->count++] = beyond_inputs[i];
    }
    if ((cascade->dialect & DIALECT_RAGGED) != 0) {
        /* Some statement must have both m and p. */
        g_string_append(cascade->text, "RAG[p,m] = exp(X[p,m])\n");
    }
    add_plain(cascade);
    int statements = g_rand_int_range(cascade->random, 1, 8);
    for (int i = 0; i < statements; i++) {
        int kind = g_rand_int_range(cascade->random, 0, 10);
        cascade->is_thinned = false;
        if (kind < 6) {
            add_plain(cascade);
        } else if (kind < 8) {
            add_selection(cascade);
        } else if (kind < 9) {
            add_index_map(cascade);
        } else {
            add_scatter(cascade);
        }
    }
}

/* Along m there is as much as W says; where a statement has p too. */
static struct loaded load_beyond(const struct beyond_cascade *cascade)
{
    const char *output = cascade->pool[cascade->count - 1].name;
    if ((cascade->dialect & DIALECT_RAGGED) == 0) {
        return load_cascade(BEYOND_SHAPES, BEYOND_INPUTS, cascade->text->str,
                            output);
    }
    return load_ragged(BEYOND_SHAPES, BEYOND_INPUTS, "m: \"W[p]\"",
                       cascade->text->str, output);
}

static void check_random(unsigned dialect, int64_t reach)
{
    const char *wanted = g_getenv("WEIR_RANDOM_PASSES_COUNT");
    guint32 count =
        wanted == NULL ? 100 : (guint32)g_ascii_strtoull(wanted, NULL, 10);
    const struct family_names families[] = {{"m", "", "", 12, 1, "q", reach},
                                            {"p", "", "", 3, 1, NULL, 0}};
    struct tally tally = {0, 0, 0};
    for (guint32 seed = 0; seed < count; seed++) {
        struct beyond_cascade cascade = {
            .random = g_rand_new_with_seed(seed + 1000 * dialect),
            .dialect = dialect};
        g_autofree char *what = g_strdup_printf("seed %u", seed);
        make_cascade(&cascade);
        struct loaded loaded = load_beyond(&cascade);
        for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
            check_family(&loaded, &families[i], what, &tally);
        }
        loaded_clear(&loaded);
        g_string_free(cascade.text, TRUE);
        g_rand_free(cascade.random);
    }
    assert_true(tally.fibers > 5 * (int)count);
    assert_true(tally.several > (int)count / 2 && tally.most >= 3);
}

static void test_random_cascades_with_gathers_scatters_selections(void **state)
{
    (void)state;
    check_random(0, 0);
}

static void test_random_cascades_with_conditions(void **state)
{
    (void)state;
    check_random(DIALECT_CONDITIONS, 0);
}

static void test_random_cascades_with_windows(void **state)
{
    (void)state;
    check_random(DIALECT_WINDOWS, 4);
}

static void test_random_cascades_with_ragged_ranks(void **state)
{
    (void)state;
    check_random(DIALECT_RAGGED, 0);
}

/* A softmax over keys and global keys, one behind the other. */
static void test_a_tensor_in_parts_has_fibers_of_its_own(void **state)
{
    (void)state;
    AUTO(pass_analysis) analysis = NULL;
    struct loaded loaded =
        load_cascade("P: 2, M: 4, G: 2, A: M+G, F: 2",
                     "X: \"[p,m]\", Y: \"[p,g]\", V: \"[m,f]\"",
                     "S[p,m] = 2 * X[p,m]\nS[p,M+g] = 3 * Y[p,g]\n"
                     "B[p,a] = softmax(a) S[p,a]\n"
                     "AV[p,f] = B[p,m+0] * V[m,f]",
                     "AV");
    const struct workload *workload = loaded.workload;
    int scores = workload_find_tensor(workload, "S");
    struct oracle_fiber fiber = {
        .tensor = scores, .stride = {0, 1}, .extent = 6, .block = 1};
    assert_int_equal(pass_analysis_new(workload, 2, loaded.diags, &analysis),
                     OK);
    const struct pass_fiber *found = find_analyzed(analysis, scores, "m");
    assert_non_null(found);
    struct pass_fiber passes = found == NULL ? (struct pass_fiber){0} : *found;
    assert_int_equal(passes.pass_count, oracle_count_sweeps(workload, fiber));
    assert_int_equal(passes.pass_count, 3);
    assert_string_equal(passes.footprint, "A");
    assert_int_equal(passes.footprint_elements, 6);
    assert_int_equal(analysis->assumptions->len, 1);
    g_clear_pointer(&analysis, pass_analysis_free);
    loaded_clear(&loaded);
}

/* ---- the cascades of the tree ---------------------------------------------- */

struct tree_case {
    const char *name;
    const char *settings;
    struct family_names family;
};

static void test_cascades_of_the_tree(void **state)
{
    static const struct tree_case cases[] = {
        {"causal", "B=1 H=1 P=4 M=4 E=2 F=2", {"m", "", "", 4, 1, NULL, 0}},
        {"sliding-window",
         "B=1 H=1 P=5 M=5 E=2 F=2 W=3",
         {"m", "", "", 5, 1, NULL, 0}},
        {"symmetric-window",
         "B=1 H=1 P=4 M=4 E=2 F=2 W=1",
         {"m", "", "", 4, 1, NULL, 0}},
        {"grouped-query",
         "B=1 H=4 G=2 P=2 M=3 E=2 F=2",
         {"m", "", "", 3, 1, NULL, 0}},
        {"grouped-query",
         "B=1 H=4 G=2 P=2 M=3 E=2 F=2",
         {"h", "", "", 4, 1, "g", 0}},
        {"kmax", "B=1 H=1 P=3 M=4 E=2 F=2", {"p", "", "", 3, 1, NULL, 0}},
        {"kmax", "B=1 H=1 P=3 M=4 E=2 F=2", {"m", "", "", 4, 1, NULL, 0}},
        {"biformer",
         "B=1 H=1 R=3 W=2 U=3 T=2 M=2 E=2 F=1",
         {"r", "", "", 3, 1, NULL, 0}},
        {"biformer",
         "B=1 H=1 R=3 W=2 U=3 T=2 M=2 E=2 F=1",
         {"t", "", "", 2, 1, NULL, 0}},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path =
            g_strdup_printf("workloads/attention/%s.yaml", cases[i].name);
        AUTO(scope) scope = make_scope(cases[i].settings);
        struct loaded loaded = load_workload(path, scope);
        struct tally tally = {0, 0, 0};
        check_family(&loaded, &cases[i].family, path, &tally);
        assert_true(tally.fibers > 0);
        loaded_clear(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cascades_of_the_tree),
        cmocka_unit_test(test_random_cascades_with_gathers_scatters_selections),
        cmocka_unit_test(test_random_cascades_with_conditions),
        cmocka_unit_test(test_random_cascades_with_windows),
        cmocka_unit_test(test_random_cascades_with_ragged_ranks),
        cmocka_unit_test(test_a_tensor_in_parts_has_fibers_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
