/* The pass analysis against passes_oracle.h, for every fiber of a family. Include
 * after cmocka.h. */
#ifndef WEIR_TESTS_PASSES_CHECK_H
#define WEIR_TESTS_PASSES_CHECK_H

#include "tests/passes_oracle.h"
#include "tests/unit/einsum_text.h"

/* "M=4 P=2" */
static inline struct scope *make_scope(const char *settings)
{
    struct scope *scope = scope_new(NULL);
    g_auto(GStrv) words = g_strsplit(settings, " ", -1);
    for (char **word = words; *word != NULL; word++) {
        char *value = strchr(*word, '=');
        *value++ = '\0';
        scope_set(scope, *word, g_ascii_strtoll(value, NULL, 10));
    }
    return scope;
}

/* ---- fibers by name ------------------------------------------------------ */

/* A family as the test's author sees it: "m" of `extent`, cut into blocks:
 * outer rank "m1", inner "m0". Unsplit: outer and inner are "". Where m is
 * called n, `alias` is "n". */
struct family_names {
    const char *whole;
    const char *outer;
    const char *inner;
    int64_t extent;
    int64_t block;
    const char *alias;
    int64_t reach; /* how far windows look ahead, in all */
};

/* False: the tensor has no whole fiber of the family, nor all outer ranks. */
static inline bool find_fiber(const struct workload *workload, int tensor,
                              const struct family_names *family,
                              struct oracle_fiber *fiber)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    bool has_whole = false;
    bool has_outer = false;
    bool has_inner = false;
    *fiber = (struct oracle_fiber){.tensor = tensor,
                                   .extent = family->extent,
                                   .block = family->block,
                                   .reach = family->reach};
    for (int d = 0; d < t->dim_count; d++) {
        const char *rank = t->dim_rank[d] == NULL ? "?" : t->dim_rank[d];
        if (g_str_equal(rank, family->whole) ||
            g_strcmp0(rank, family->alias) == 0) {
            has_whole = true;
            fiber->stride[d] = 1;
            fiber->extent = t->extent[d];
        } else if (g_str_equal(rank, family->outer)) {
            has_outer = true;
            fiber->stride[d] = family->block;
        } else if (g_str_equal(rank, family->inner)) {
            has_inner = true;
            fiber->stride[d] = 1;
        }
    }
    if (has_outer && !has_inner) { /* a summary: blocks are its coordinates */
        for (int d = 0; d < t->dim_count; d++) {
            fiber->stride[d] = fiber->stride[d] != 0;
        }
        fiber->extent = family->extent / family->block;
        fiber->block = 1;
    }
    return has_whole || has_outer;
}

static inline const struct pass_fiber *
find_analyzed(const struct pass_analysis *analysis, int tensor,
              const char *family)
{
    const struct pass_tensor *t = &analysis->tensors[tensor];
    for (int i = 0; i < t->fiber_count; i++) {
        if (g_str_equal(analysis->families[t->fibers[i].family].name, family)) {
            return &t->fibers[i];
        }
    }
    return NULL;
}

/* Tensors that advance along a rank are no fibers of their own, and indices of
 * gathers are kept in any case: see doc/passes.md. */
static inline bool is_followed(const struct workload *workload, int tensor)
{
    for (int i = 0; i < workload->statement_count; i++) {
        if (oracle_is_index(&workload->statements[i], tensor)) {
            return false;
        }
    }
    const struct einsum_tensor *t = &workload->tensors[tensor];
    bool is_view = t->producer >= 0 &&
                   workload->statements[t->producer].kind != EINSUM_COMPUTE;
    return !is_view && t->iterative_rank < 0;
}

static inline bool is_by_alias(const struct workload *workload, int tensor,
                               const struct family_names *family)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    for (int d = 0; d < t->dim_count; d++) {
        if (family->alias != NULL &&
            g_strcmp0(t->dim_rank[d], family->alias) == 0) {
            return true;
        }
    }
    return false;
}

/* How many fibers were compared, and that they were not all trivial. */
struct tally {
    int fibers;
    int several; /* with more than one pass */
    int64_t most;
};

static inline void check_family(const struct loaded *loaded,
                                const struct family_names *family,
                                const char *what, struct tally *tally)
{
    const struct workload *workload = loaded->workload;
    AUTO(pass_analysis) analysis = NULL;
    assert_int_equal(pass_analysis_new(workload, 2, loaded->diags, &analysis),
                     OK);
    for (int t = 0; t < workload->tensor_count; t++) {
        struct oracle_fiber fiber;
        const struct pass_fiber *analyzed =
            find_analyzed(analysis, t, family->whole);
        if (!is_followed(workload, t) ||
            !find_fiber(workload, t, family, &fiber)) {
            continue;
        }
        if (analyzed == NULL && is_by_alias(workload, t, family)) {
            continue; /* nothing put the alias on the family's axis */
        }
        assert_non_null(analyzed);
        int64_t swept = oracle_count_sweeps(workload, fiber);
        if (analyzed->pass_count != swept) {
            g_autofree char *text = cascade_print(workload->cascade);
            print_error("%s\n%s\n%s over %s: analysis %d, sweeps %d\n", what,
                        text, workload->tensors[t].name, family->whole,
                        (int)analyzed->pass_count, (int)swept);
        }
        assert_int_equal(analyzed->pass_count, swept);
        tally->fibers++;
        tally->several += swept > 1;
        tally->most = MAX(tally->most, swept);
    }
}

#endif
