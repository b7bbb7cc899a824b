/* Macros: what standard ones compute, against the formulas in plain C; names
 * and text of expansions; files of macros. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>

#include "tests/unit/einsum_text.h"

static char *print_of(const char *shapes, const char *inputs,
                      const char *einsums, const char *output)
{
    struct loaded loaded = load_cascade(shapes, inputs, einsums, output);
    char *text = cascade_print(loaded.cascade);
    loaded_clear(&loaded);
    return text;
}

static void test_generated_names_are_those_of_the_manual(void **state)
{
    (void)state;
    g_autofree char *text =
        print_of("P: 3, M: 4, N: 2", "X: \"[p,m,n]\"",
                 "A[p,m,n] = softmax(m,n) 2 * X[p,m,n] where m <= p\n"
                 "T[p] = mean(m,n) A[p,m,n]\n"
                 "Y[p,m,n] = layernorm(m, 1e-5) X[p,m,n]",
                 "T, Y");
    assert_string_equal(
        text, "A_IN[p,m,n] = 2 * X[p,m,n] where m <= p\n"
              "A_MAX[p] = max(m,n) A_IN[p,m,n] where m <= p\n"
              "A_EXP[p,m,n] = exp(A_IN[p,m,n] - A_MAX[p]) where m <= p\n"
              "A_SUM[p] = sum(m,n) A_EXP[p,m,n] where m <= p\n"
              "A[p,m,n] = A_EXP[p,m,n] / A_SUM[p] where m <= p\n"
              "T_SUM[p] = sum(m,n) A[p,m,n]\n"
              "T[p] = T_SUM[p] / (M * N)\n"
              "Y_IN[p,m,n] = X[p,m,n]\n"
              "Y_SUM[p,n] = sum(m) Y_IN[p,m,n]\n"
              "Y_MEAN[p,n] = Y_SUM[p,n] / M\n"
              "Y_DIF[p,m,n] = Y_IN[p,m,n] - Y_MEAN[p,n]\n"
              "Y_SQUARES[p,n] = sum(m) Y_DIF[p,m,n] * Y_DIF[p,m,n]\n"
              "Y_VAR[p,n] = Y_SQUARES[p,n] / M\n"
              "Y[p,m,n] = Y_DIF[p,m,n] * rsqrt(Y_VAR[p,n] + 1e-05)\n");
}

/* ---- a transformer block in plain C -------------------------------------- */

enum { N = 5, D = 6, H = 2, E = 3, F = 4, J = 7 };

struct block {
    const double *x;
    const double *wq; /* [h,e,d] */
    const double *wk;
    const double *wv; /* [h,f,d] */
    const double *wo; /* [h,f,o] */
    const double *w1; /* [d,j] */
    const double *b1;
    const double *w2; /* [j,o] */
    const double *b2;
};

static double project(const double *weights, int row, const double *x)
{
    double sum = 0.0;
    for (int d = 0; d < D; d++) {
        sum += weights[row * D + d] * x[d];
    }
    return sum;
}

static void normalise(const double *x, double *y)
{
    double mean = 0.0;
    double variance = 0.0;
    for (int d = 0; d < D; d++) {
        mean += x[d] / D;
    }
    for (int d = 0; d < D; d++) {
        variance += (x[d] - mean) * (x[d] - mean) / D;
    }
    for (int d = 0; d < D; d++) {
        y[d] = (x[d] - mean) / sqrt(variance + 1e-5);
    }
}

/* Causal attention of all heads for token n, projected back. */
static void attend(const struct block *block, const double *y, int n,
                   double *out)
{
    for (int o = 0; o < D; o++) {
        out[o] = 0.0;
    }
    for (int h = 0; h < H; h++) {
        double weight[N];
        double total = 0.0;
        for (int m = 0; m <= n; m++) {
            double score = 0.0;
            for (int e = 0; e < E; e++) {
                score += project(block->wq, h * E + e, y + n * D) *
                         project(block->wk, h * E + e, y + m * D);
            }
            weight[m] = exp(score / sqrt(E));
            total += weight[m];
        }
        for (int f = 0; f < F; f++) {
            double value = 0.0;
            for (int m = 0; m <= n; m++) {
                value += weight[m] / total *
                         project(block->wv, h * F + f, y + m * D);
            }
            for (int o = 0; o < D; o++) {
                out[o] += value * block->wo[(h * F + f) * D + o];
            }
        }
    }
}

static void feed_forward(const struct block *block, const double *x,
                         double *out)
{
    for (int o = 0; o < D; o++) {
        out[o] = block->b2[o];
    }
    for (int j = 0; j < J; j++) {
        double sum = block->b1[j];
        for (int d = 0; d < D; d++) {
            sum += block->w1[d * J + j] * x[d];
        }
        double active = 0.5 * sum * (1.0 + erf(sum / sqrt(2.0)));
        for (int o = 0; o < D; o++) {
            out[o] += active * block->w2[j * D + o];
        }
    }
}

/* x + attention(norm(x)), then + feed-forward of the norm of that. */
static void run_block(const struct block *block, double *result)
{
    double y[N * D];
    double mixed[D];
    double normal[D];
    for (int n = 0; n < N; n++) {
        normalise(block->x + n * D, y + n * D);
    }
    for (int n = 0; n < N; n++) {
        double *out = result + n * D;
        attend(block, y, n, mixed);
        for (int d = 0; d < D; d++) {
            out[d] = block->x[n * D + d] + mixed[d];
        }
        normalise(out, normal);
        feed_forward(block, normal, mixed);
        for (int d = 0; d < D; d++) {
            out[d] += mixed[d];
        }
    }
}

#define BLOCK_SHAPES "N: 5, M: N, D: 6, O: D, H: 2, E: 3, F: 4, J: 7"
#define BLOCK_INPUTS                                                           \
    "X: \"[n,d]\", WQ: \"[h,e,d]\", WK: \"[h,e,d]\", WV: \"[h,f,d]\", "        \
    "WO: \"[h,f,o]\", W1: \"[d,j]\", B1: \"[j]\", W2: \"[j,o]\", B2: \"[o]\""

static void assert_same(const double *a, const double *b, int count)
{
    for (int i = 0; i < count; i++) {
        assert_true(fabs(a[i] - b[i]) <= 1e-12 * (1.0 + fabs(b[i])));
    }
}

static void test_a_transformer_block_of_standard_macros(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        BLOCK_SHAPES, BLOCK_INPUTS,
        "XN[n,d] = layernorm(d, 1e-5) X[n,d]\n"
        "AT[n,o] = multihead(n, m, h, e, f, d, o, WQ[h,e,d], WK[h,e,d], "
        "WV[h,f,d], WO[h,f,o]) XN[n,d] where m <= n\n"
        "R[n,d] = X[n,d] + AT[n,d]\n"
        "RN[n,d] = layernorm(d, 1e-5) R[n,d]\n"
        "FF[n,o] = feedforward(d, j, o, W1[d,j], B1[j], W2[j,o], B2[o]) "
        "RN[n,d]\n"
        "Y[n,d] = R[n,d] + FF[n,d]",
        "Y");
    struct einsum_data *data = new_data(&loaded, true, 3);
    run_all(&loaded, data);
    const struct block block = {
        values_of(&loaded, data, "X")->value,
        values_of(&loaded, data, "WQ")->value,
        values_of(&loaded, data, "WK")->value,
        values_of(&loaded, data, "WV")->value,
        values_of(&loaded, data, "WO")->value,
        values_of(&loaded, data, "W1")->value,
        values_of(&loaded, data, "B1")->value,
        values_of(&loaded, data, "W2")->value,
        values_of(&loaded, data, "B2")->value,
    };
    double expected[N * D];
    run_block(&block, expected);
    assert_same(values_of(&loaded, data, "Y")->value, expected, N * D);
    /* The projections are products: nothing but macs. */
    assert_int_equal(statement_of(&loaded, "AT_Q")->ops_per_point[EINSUM_MAC],
                     1);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- single macros ------------------------------------------------------- */

static void test_norms_and_heads(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "N: 3, D: 6, H: 2, E: 3", "X: \"[n,d]\", G: \"[d]\", B: \"[d]\"",
        "R[n,d] = rmsnorm(d, 1e-5, G[d]) X[n,d]\n"
        "L[n,d] = layernorm(d, 1e-5, G[d], B[d]) X[n,d]\n"
        "U[n,d] = l2norm(d, 1e-5) X[n,d]\n"
        "S[n] = logsumexp(d) X[n,d]\n"
        "XH[n,h,e] = heads(d, h, e) X[n,d]\n"
        "XE[n,h,e] = XH[n,h,e] * 2\n"
        "XD[n,d] = unheads(h, e, d) XE[n,h,e]",
        "R, L, U, S, XD");
    struct einsum_data *data = new_data(&loaded, false, 5);
    run_all(&loaded, data);
    const double *x = values_of(&loaded, data, "X")->value;
    const double *g = values_of(&loaded, data, "G")->value;
    const double *b = values_of(&loaded, data, "B")->value;
    double expected[4][18];
    double sums[3];
    for (int n = 0; n < 3; n++) {
        double squares = 0.0;
        double total = 0.0;
        double normal[D];
        normalise(x + n * D, normal);
        for (int d = 0; d < D; d++) {
            squares += x[n * D + d] * x[n * D + d];
            total += exp(x[n * D + d]);
        }
        sums[n] = log(total);
        for (int d = 0; d < D; d++) {
            int i = n * D + d;
            expected[0][i] = x[i] / sqrt(squares / D + 1e-5) * g[d];
            expected[1][i] = normal[d] * g[d] + b[d];
            expected[2][i] = x[i] / sqrt(squares);
            expected[3][i] = 2.0 * x[i];
        }
    }
    assert_same(values_of(&loaded, data, "R")->value, expected[0], 18);
    assert_same(values_of(&loaded, data, "L")->value, expected[1], 18);
    assert_same(values_of(&loaded, data, "U")->value, expected[2], 18);
    assert_same(values_of(&loaded, data, "XD")->value, expected[3], 18);
    assert_same(values_of(&loaded, data, "S")->value, sums, 3);
    assert_int_equal(statement_of(&loaded, "XH")->kind, EINSUM_VIEW);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* Ranks of a call swap places all at once; a macro may use its own kind. */
static void test_replacements_are_made_at_once(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    const struct source *source = diags_add_text(
        diags, "test",
        "schema: 1\ncascade: c\nshapes: {I: 3, J: 3, K: 2}\n"
        "inputs: {X: \"[i,j,k]\"}\n"
        "macros: |\n"
        "  Y[..] = flip(a, b) X {\n    Y[..] = X[a=b, b=a]\n  }\n"
        "  S[..] = symmetric(a, b, W) X where C {\n"
        "    T[..] = flip(a, b) X\n"
        "    S[..] = X * W + T[..] where a != b && C\n  }\n"
        "einsums: |\n"
        "  S[i,j,k] = symmetric(i, j, 3) X[i,j,k]\n"
        "  P[j,k,i] = symmetric(j, i, K) X[i,j,k] where k < 1\n"
        "outputs: [S, P]\n");
    assert_int_equal(cascade_load_source(diags, source, &cascade), OK);
    g_autofree char *text = cascade_print(cascade);
    assert_string_equal(
        text, "S_T[i,j,k] = X[j,i,k]\n"
              "S[i,j,k] = X[i,j,k] * 3 + S_T[i,j,k] where i != j\n"
              "P_T[j,k,i] = X[j,i,k]\n"
              "P[j,k,i] = X[i,j,k] * K + P_T[j,k,i] where j != i && k < 1\n");
}

/* ---- files --------------------------------------------------------------- */

static char *write_file(const char *folder, const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

#define CASCADE_THAT_INCLUDES                                                  \
    "schema: 1\ncascade: c\ninclude: [parts/a.yaml]\n"                         \
    "shapes: {M: 4}\ninputs: {X: \"[m]\"}\n"                                   \
    "einsums: |\n  Y[m] = twice(m) X[m]\noutputs: [Y]\n"
#define FILE_A                                                                 \
    "schema: 1\ninclude: [b.yaml]\n"                                           \
    "macros: |\n  Y[..] = twice(d) X {\n    Y[..] = scaled(d, 2) X\n  }\n"
#define FILE_B                                                                 \
    "schema: 1\ninclude: [a.yaml]\n"                                           \
    "macros: |\n  Y[..] = scaled(d, S) X {\n    Y[..] = X * S\n  }\n"

static void test_files_of_macros_include_each_other(void **state)
{
    (void)state;
    g_autofree char *folder = g_dir_make_tmp("weir-macros-XXXXXX", NULL);
    g_autofree char *parts = g_build_filename(folder, "parts", NULL);
    assert_int_equal(g_mkdir(parts, 0700), 0);
    g_autofree char *path = write_file(folder, "c.yaml", CASCADE_THAT_INCLUDES);
    g_autofree char *a = write_file(parts, "a.yaml", FILE_A);
    g_autofree char *b = write_file(parts, "b.yaml", FILE_B);
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    assert_int_equal(cascade_load_file(diags, path, &cascade), OK);
    g_autofree char *text = cascade_print(cascade);
    assert_string_equal(text, "Y[m] = X[m] * 2\n");
    assert_int_equal(cascade_check_macros(diags, a), OK);

    /* What is included belongs to the hash, and mistakes point into it. */
    g_autofree char *broken =
        write_file(parts, "b.yaml",
                   "schema: 1\nmacros: |\n  Y[..] = scaled(d, S) X {\n    "
                   "Y[..] = X * index(d*d)\n"
                   "  }\n");
    AUTO(cascade) changed = NULL;
    assert_int_equal(cascade_load_file(diags, path, &changed), ERR_INPUT);
    const struct diag *error = diags_get(diags, 0);
    assert_string_equal(error->code, "einsum-not-affine");
    assert_string_equal(diags_get(diags, 1)->code, "diag-called-here");
    assert_string_equal(diags_get(diags, 1)->span.source->path, a);
    assert_int_equal(diags_get(diags, 1)->span.line, 5);
    assert_string_equal(diags_get(diags, 2)->span.source->path, path);
    g_autofree char *other = write_file(
        parts, "b.yaml",
        "schema: 1\nmacros: |\n  Y[..] = scaled(d, S) X {\n    Y[..] = X*S\n"
        "  }\n");
    assert_int_equal(cascade_load_file(diags, path, &changed), OK);
    assert_string_not_equal(cascade_hash(cascade), cascade_hash(changed));
    assert_int_equal(g_unlink(path) + g_unlink(a) + g_unlink(b) +
                         g_rmdir(parts) + g_rmdir(folder),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_names_are_those_of_the_manual),
        cmocka_unit_test(test_a_transformer_block_of_standard_macros),
        cmocka_unit_test(test_norms_and_heads),
        cmocka_unit_test(test_replacements_are_made_at_once),
        cmocka_unit_test(test_files_of_macros_include_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
