/* Tensors defined in parts, and what they are for: concatenated ranks, joint
 * softmax, layer loops that start from a tensor, fixed iterations. Against plain
 * C. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_text.h"

static void assert_near(const double *a, const double *b, int count)
{
    for (int i = 0; i < count; i++) {
        assert_true(fabs(a[i] - b[i]) <= 1e-12 * (1.0 + fabs(b[i])));
    }
}

/* ---- concatenation ------------------------------------------------------- */

static void test_parts_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("C: 2, N: 3, G: 4, D: 2, T: C+N+G+2",
                     "A: \"[c,d]\", X: \"[n,d]\", B: \"[g,d]\", CLS: \"[d]\"",
                     "Z[c,d] = A[c,d]\n"
                     "Z[C+n,d] = X[n,d] * 2\n"
                     "Z[N+C+g,d] = B[g,d]\n"
                     "Z[C+N+G,d] = CLS[d]\n"
                     "Z[C+N+G+1,d] = 7\n"
                     "Y[t,d] = Z[t,d] * 1\n"
                     "YA[c,d] = Z[c,d] * 1\n"
                     "YB[g,d] = Z[C+N+g,d] * 1",
                     "Y, YA, YB");
    struct einsum_data *data = new_data(&loaded, true, 1);
    run_all(&loaded, data);
    const double *a = values_of(&loaded, data, "A")->value;
    const double *x = values_of(&loaded, data, "X")->value;
    const double *b = values_of(&loaded, data, "B")->value;
    const double *cls = values_of(&loaded, data, "CLS")->value;
    double expected[11][2];
    for (int d = 0; d < 2; d++) {
        for (int i = 0; i < 11; i++) {
            expected[i][d] = i < 2    ? a[i * 2 + d]
                             : i < 5  ? 2.0 * x[(i - 2) * 2 + d]
                             : i < 9  ? b[(i - 5) * 2 + d]
                             : i == 9 ? cls[d]
                                      : 7.0;
        }
    }
    assert_near(values_of(&loaded, data, "Y")->value, expected[0], 22);
    assert_near(values_of(&loaded, data, "YA")->value, expected[0], 4);
    assert_near(values_of(&loaded, data, "YB")->value, expected[5], 8);
    /* Putting together computes nothing. */
    const struct einsum_statement *first = statement_of(&loaded, "Z");
    assert_int_equal(first->features, EINSUM_PART);
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        assert_int_equal(first->ops_per_point[op], 0);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* One softmax over a window of W tokens and G global ones. */
static void test_joint_softmax_over_window_and_global_tokens(void **state)
{
    (void)state;
    enum { P = 5, W = 3, G = 2 };
    struct loaded loaded = load_cascade(
        "P: 5, W: 3, G: 2, J: W+G, E: 2",
        "Q: \"[p,e]\", K: \"[p,e]\", KG: \"[g,e]\", V: \"[p]\", VG: \"[g]\"",
        "S[p,w] = Q[p,e] * K[skip(p+w-1),e]\n"
        "S[p,W+g] = Q[p,e] * KG[g,e]\n"
        "A[p,j] = softmax(j) S[p,j] where j >= W || p+j-1 >= 0 && p+j-1 < P\n"
        "AL[p] = A[p,w+0] * V[skip(p+w-1)]\n"
        "AG[p] = A[p,W+g] * VG[g]\n"
        "AV[p] = AL[p] + AG[p]",
        "AV");
    struct einsum_data *data = new_data(&loaded, false, 2);
    run_all(&loaded, data);
    const double *q = values_of(&loaded, data, "Q")->value;
    const double *k = values_of(&loaded, data, "K")->value;
    const double *kg = values_of(&loaded, data, "KG")->value;
    const double *v = values_of(&loaded, data, "V")->value;
    const double *vg = values_of(&loaded, data, "VG")->value;
    double expected[P];
    for (int p = 0; p < P; p++) {
        double total = 0.0;
        double sum = 0.0;
        for (int w = 0; w < W; w++) {
            int m = p + w - 1;
            if (m >= 0 && m < P) {
                double weight =
                    exp(q[p * 2] * k[m * 2] + q[p * 2 + 1] * k[m * 2 + 1]);
                total += weight;
                sum += weight * v[m];
            }
        }
        for (int g = 0; g < G; g++) {
            double weight =
                exp(q[p * 2] * kg[g * 2] + q[p * 2 + 1] * kg[g * 2 + 1]);
            total += weight;
            sum += weight * vg[g];
        }
        expected[p] = sum / total;
    }
    assert_near(values_of(&loaded, data, "AV")->value, expected, P);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- loops --------------------------------------------------------------- */

enum { L = 3, N = 4, D = 3 };

/* x + softmax(x x^T) x W[l] + x U, L times. */
static void run_layers(const double *x0, const double *w, const double *u,
                       double *x)
{
    memcpy(x, x0, N * D * sizeof *x);
    for (int l = 0; l < L; l++) {
        double next[N * D];
        for (int n = 0; n < N; n++) {
            double mixed[D] = {0.0};
            double total = 0.0;
            for (int m = 0; m < N; m++) {
                double score = 0.0;
                for (int d = 0; d < D; d++) {
                    score += x[n * D + d] * x[m * D + d];
                }
                total += exp(score);
                for (int d = 0; d < D; d++) {
                    mixed[d] += exp(score) * x[m * D + d];
                }
            }
            for (int o = 0; o < D; o++) {
                double sum = x[n * D + o];
                for (int d = 0; d < D; d++) {
                    sum += mixed[d] / total * w[(l * D + d) * D + o] +
                           x[n * D + d] * u[d * D + o];
                }
                next[n * D + o] = sum;
            }
        }
        memcpy(x, next, sizeof next);
    }
}

static void test_a_loop_over_layers_starts_from_a_tensor(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("L: 3, N: 4, M: N, D: 3, O: D",
                     "X0: \"[n,d]\", WV: \"[l,d,o]\", U: \"[d,o]\"",
                     "X[0,n,d]   = X0[n,d] * 0.25\n"
                     "S[l,n,m]   = X[l,n,d] * X[l,m,d]\n"
                     "A[l,n,m]   = softmax(m) S[l,n,m]\n"
                     "AV[l,n,d]  = A[l,n,m] * X[l,m,d]\n"
                     "PV[l,n,o]  = linear(d, WV[l,d,o]) AV[l,n,d]\n"
                     "PU[l,n,o]  = linear(d, U[d,o]) X[l,n,d]\n"
                     "X[l+1,n,d] = X[l,n,d] + PV[l,n,d] + PU[l,n,d]\n"
                     "Y[n,d]     = X[L,n,d] * 1",
                     "Y");
    struct einsum_data *data = new_data(&loaded, true, 4);
    run_all(&loaded, data);
    double start[N * D];
    double expected[N * D];
    for (int i = 0; i < N * D; i++) {
        start[i] = values_of(&loaded, data, "X0")->value[i] * 0.25;
    }
    run_layers(start, values_of(&loaded, data, "WV")->value,
               values_of(&loaded, data, "U")->value, expected);
    const struct tensor_data *y = values_of(&loaded, data, "Y");
    for (int i = 0; i < N * D; i++) {
        double error = fabs(y->value[i] - expected[i]);
        assert_true(error <= 1e-11 * (1.0 + fabs(expected[i])));
        assert_true(isfinite(y->error[i]) && y->error[i] > 0.0);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* Z[i+1] = Z[i] (2 I - A Z[i]): the inverse, from A^T / (norms). */
static void test_a_fixed_number_of_newton_steps(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("I: 40, A: 3, B: A, C: A", "X: \"[a,b]\"",
                     "G[a,b]     = select(index(a-b), 0, 2) + 0.1 * X[a,b]\n"
                     "R[a]       = sum(b) abs(G[a,b])\n"
                     "RM[]       = max(a) R[a]\n"
                     "CS[b]      = sum(a) abs(G[a,b])\n"
                     "CM[]       = max(b) CS[b]\n"
                     "Z[0,a,b]   = G[b,a] / (RM[] * CM[])\n"
                     "GZ[i,a,c]  = G[a,b] * Z[i,b,c]\n"
                     "F[i,a,c]   = select(index(a-c), 0, 2) - GZ[i,a,c]\n"
                     "Z[i+1,a,c] = Z[i,a,b] * F[i,b,c]\n"
                     "P[a,c]     = G[a,b] * Z[I,b,c]",
                     "P");
    struct einsum_data *data = new_data(&loaded, false, 6);
    run_all(&loaded, data);
    const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    assert_near(values_of(&loaded, data, "P")->value, identity, 9);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* Two statements of Sinkhorn's iteration advance together. */
static void test_sinkhorn_makes_rows_and_columns_sum_to_one(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade("I: 60, A: 4, B: 4", "X: \"[a,b]\"",
                                        "S[0,a,b]   = X[a,b] * 0.5\n"
                                        "RL[i,a]    = logsumexp(b) S[i,a,b]\n"
                                        "T[i,a,b]   = S[i,a,b] - RL[i,a]\n"
                                        "CL[i,b]    = logsumexp(a) T[i,a,b]\n"
                                        "S[i+1,a,b] = T[i,a,b] - CL[i,b]\n"
                                        "P[a,b]     = exp(S[I,a,b])\n"
                                        "R[a]       = sum(b) P[a,b]\n"
                                        "C[b]       = sum(a) P[a,b]",
                                        "R, C");
    struct einsum_data *data = new_data(&loaded, false, 8);
    run_all(&loaded, data);
    const double ones[4] = {1, 1, 1, 1};
    assert_near(values_of(&loaded, data, "R")->value, ones, 4);
    assert_near(values_of(&loaded, data, "C")->value, ones, 4);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* The scan of attention's triple is associative: two halves merge to the
 * whole. */
static void test_scans_of_several_tensors_merge(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "M: 8, H: 2, T: 4", "S: \"[m]\", V: \"[m]\"",
        "RM[0]      = -inf\nRD[0] = 0\nRN[0] = 0\n"
        "RM[m+1]    = max(RM[m], S[m])\n"
        "RD[m+1]    = RD[m] * exp(RM[m] - RM[m+1]) + exp(S[m] - RM[m+1])\n"
        "RN[m+1]    = RN[m] * exp(RM[m] - RM[m+1]) + "
        "exp(S[m] - RM[m+1]) * V[m]\n"
        "HM[h,0]    = -inf\nHD[h,0] = 0\nHN[h,0] = 0\n"
        "HM[h,t+1]  = max(HM[h,t], S[h*T+t])\n"
        "HD[h,t+1]  = HD[h,t] * exp(HM[h,t] - HM[h,t+1]) + "
        "exp(S[h*T+t] - HM[h,t+1])\n"
        "HN[h,t+1]  = HN[h,t] * exp(HM[h,t] - HM[h,t+1]) + "
        "exp(S[h*T+t] - HM[h,t+1]) * V[h*T+t]\n"
        "GM[]       = max(h) HM[h,T]\n"
        "GD[]       = sum(h) HD[h,T] * exp(HM[h,T] - GM[])\n"
        "GN[]       = sum(h) HN[h,T] * exp(HM[h,T] - GM[])\n"
        "Y[]        = RN[M] / RD[M]\n"
        "Z[]        = GN[] / GD[]",
        "Y, Z");
    struct einsum_data *data = new_data(&loaded, false, 9);
    run_all(&loaded, data);
    assert_near(values_of(&loaded, data, "Y")->value,
                values_of(&loaded, data, "Z")->value, 1);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* ---- who does not follow them -------------------------------------------- */

static void test_passes_follow_parts_and_rewrites_refuse_them(void **state)
{
    (void)state;
    AUTO(pass_analysis) analysis = NULL;
    AUTO(cascade) rewritten = NULL;
    struct loaded loaded = load_cascade(
        "N: 3, D: 2", "X: \"[n,d]\", CLS: \"[d]\"",
        "Z[0,d] = CLS[d]\nZ[n+1,d] = X[n,d]\nY[d] = Z[N,d] * 2", "Y");
    assert_int_equal(
        pass_analysis_new(loaded.workload, 2, loaded.diags, &analysis), OK);
    assert_int_equal(analysis->pass_count, 1);
    assert_int_equal(cascade_rewrite(loaded.cascade, "defer-division",
                                     loaded.diags, &rewritten),
                     OK);
    assert_null(rewritten);
    assert_string_equal(diags_get(loaded.diags, 0)->code,
                        "rewrite-unsupported");
    g_clear_pointer(&analysis, pass_analysis_free);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_stand_one_behind_the_other),
        cmocka_unit_test(test_joint_softmax_over_window_and_global_tokens),
        cmocka_unit_test(test_a_loop_over_layers_starts_from_a_tensor),
        cmocka_unit_test(test_a_fixed_number_of_newton_steps),
        cmocka_unit_test(test_sinkhorn_makes_rows_and_columns_sum_to_one),
        cmocka_unit_test(test_scans_of_several_tensors_merge),
        cmocka_unit_test(test_passes_follow_parts_and_rewrites_refuse_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
