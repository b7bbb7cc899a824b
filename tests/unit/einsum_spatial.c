/* Convolution, pooling, sampling, sorting and statistics as cascades, against
 * loops in plain C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "tests/unit/einsum_text.h"

enum { Y = 7, X = 9, C = 3, O = 2, I = 3, J = 3 };

struct picture {
    struct loaded loaded;
    struct einsum_data *data;
    const double *t; /* [y,x,c] */
};

static struct picture run(const char *shapes, const char *inputs,
                          const char *einsums, const char *outputs)
{
    struct picture picture = {
        .loaded = load_cascade(shapes, inputs, einsums, outputs)};
    assert_int_equal(diags_count(picture.loaded.diags), 0);
    picture.data = new_data(&picture.loaded, true, 3);
    run_all(&picture.loaded, picture.data);
    picture.t = values_of(&picture.loaded, picture.data, "T")->value;
    return picture;
}

static void clear(struct picture *picture)
{
    einsum_data_free(picture->data);
    loaded_clear(&picture->loaded);
}

static const double *value_of(const struct picture *picture, const char *name)
{
    return values_of(&picture->loaded, picture->data, name)->value;
}

/* Within the bound, and as much again for the loop here. */
static void assert_element(const struct picture *picture, const char *name,
                           int64_t i, double expected)
{
    const struct tensor_data *tensor =
        values_of(&picture->loaded, picture->data, name);
    if (!(fabs(tensor->value[i] - expected) <=
              2.0 * tensor->error[i] + 1e-300 &&
          tensor->error[i] < 1e-12)) {
        print_error("%s %d: %.17g, not %.17g\n", name, (int)i, tensor->value[i],
                    expected);
        fail();
    }
}

static double pixel(const struct picture *picture, int y, int x, int c)
{
    bool is_inside = y >= 0 && y < Y && x >= 0 && x < X;
    return is_inside ? picture->t[(y * X + x) * C + c] : 0.0;
}

/* ---- convolution ------------------------------------------------------------ */

/* Stride 2 and dilation 2 along y, padding 1; depthwise with a zero border. */
static void test_convolutions(void **state)
{
    (void)state;
    struct picture p =
        run("Y: 7, X: 9, C: 3, O: 2, I: 3, J: 3, U: 3, V: 9",
            "T: \"[y,x,c]\", W: \"[o,c,i,j]\", D: \"[c,i,j]\"",
            "S[u,v,o] = T[zero(2*u+2*i-1),zero(v+j-1),c] * W[o,c,i,j]\n"
            "R[y,x,c] = T[zero(y+i-1),zero(x+j-1),c] * D[c,i,j]\n",
            "S, R");
    const double *w = value_of(&p, "W");
    const double *d = value_of(&p, "D");
    for (int u = 0; u < 3; u++) {
        for (int v = 0; v < X; v++) {
            for (int o = 0; o < O; o++) {
                double sum = 0.0;
                for (int k = 0; k < C * I * J; k++) {
                    int i = k / J % I;
                    sum += w[o * C * I * J + k] * pixel(&p, 2 * u + 2 * i - 1,
                                                        v + k % J - 1,
                                                        k / (I * J));
                }
                assert_element(&p, "S", (u * X + v) * O + o, sum);
            }
        }
    }
    for (int at = 0; at < Y * X * C; at++) {
        double sum = 0.0;
        for (int k = 0; k < I * J; k++) {
            sum +=
                d[at % C * I * J + k] * pixel(&p, at / (X * C) + k / J - 1,
                                              at / C % X + k % J - 1, at % C);
        }
        assert_element(&p, "R", at, sum);
    }
    clear(&p);
}

/* ---- pooling ---------------------------------------------------------------- */

/* Maximum and mean over the valid part of a 3 x 3 window with stride 2; the mean
 * over the whole window; of what a condition leaves, which may be nothing. */
static void test_pooling_counts_valid_points(void **state)
{
    (void)state;
    struct picture p =
        run("Y: 7, X: 9, C: 3, I: 3, J: 3, U: 4, V: 5", "T: \"[y,x,c]\"",
            "M[u,v,c] = max(i,j) T[skip(2*u+i-1),skip(2*v+j-1),c]\n"
            "A[u,v,c] = mean(i,j) T[skip(2*u+i-1),skip(2*v+j-1),c]\n"
            "Z[u,v,c] = mean(i,j) T[zero(2*u+i-1),zero(2*v+j-1),c]\n"
            "L[y,c] = mean(x) T[y,x,c] where x < 2*y && T[y,x,c] > 0\n",
            "M, A, Z, L");
    for (int at = 0; at < 4 * 5 * C; at++) {
        double most = -HUGE_VAL;
        double sum = 0.0;
        int count = 0;
        for (int k = 0; k < I * J; k++) {
            int y = 2 * (at / (5 * C)) + k / J - 1;
            int x = 2 * (at / C % 5) + k % J - 1;
            if (y >= 0 && y < Y && x >= 0 && x < X) {
                most = fmax(most, pixel(&p, y, x, at % C));
                sum += pixel(&p, y, x, at % C);
                count++;
            }
        }
        assert_in_range(count, 4, 9);
        assert_element(&p, "M", at, most);
        assert_element(&p, "A", at, sum / count);
        assert_element(&p, "Z", at, sum / (I * J));
    }
    for (int at = 0; at < Y * C; at++) {
        double sum = 0.0;
        int count = 0;
        for (int x = 0; x < X && x < 2 * (at / C); x++) {
            double value = pixel(&p, at / C, x, at % C);
            sum += value > 0.0 ? value : 0.0;
            count += value > 0.0 ? 1 : 0;
        }
        assert_element(&p, "L", at, count == 0 ? 0.0 : sum / count);
    }
    clear(&p);
}

/* ---- sampling ---------------------------------------------------------------- */

static double clamped(const struct picture *p, int y, int x, int c)
{
    return pixel(p, CLAMP(y, 0, Y - 1), CLAMP(x, 0, X - 1), c);
}

static double sample(const struct picture *p, double y, double x, int c,
                     bool is_clamped)
{
    double sum = 0.0;
    for (int corner = 0; corner < 4; corner++) {
        int j = (int)floor(y) + corner / 2;
        int i = (int)floor(x) + corner % 2;
        double weight = (1.0 - fabs(y - j)) * (1.0 - fabs(x - i));
        sum += weight * (is_clamped ? clamped(p, j, i, c) : pixel(p, j, i, c));
    }
    return sum;
}

static void test_sampling_at_real_coordinates(void **state)
{
    (void)state;
    struct picture p =
        run("Y: 7, X: 9, C: 3, Q: 60",
            "T: \"[y,x,c]\", PY: \"[q] in (-3,9)\", PX: \"[q] in (-3,11)\"",
            "B[q,c] = bilinear(y,x,c,PY[q],PX[q]) T[y,x,c]\n"
            "K[q,c] = bilinear_clamp(y,x,c,PY[q],PX[q]) T[y,x,c]\n"
            "N[q,c] = interpolate(x,c,PX[q]) T[2,x,c]\n"
            "G[q,c] = interpolate_clamp(x,c,PX[q]) T[2,x,c]\n",
            "B, K, N, G");
    const double *py = value_of(&p, "PY");
    const double *px = value_of(&p, "PX");
    for (int at = 0; at < 60 * C; at++) {
        int q = at / C;
        assert_element(&p, "B", at, sample(&p, py[q], px[q], at % C, false));
        assert_element(&p, "K", at, sample(&p, py[q], px[q], at % C, true));
        assert_element(&p, "N", at, sample(&p, 2.0, px[q], at % C, false));
        assert_element(&p, "G", at, sample(&p, 2.0, px[q], at % C, true));
    }
    /* Coordinates do not depend on channels: floored once for all. */
    assert_int_equal(statement_of(&p.loaded, "B_TOP")->point_count, 60);
    clear(&p);
}

/* ---- sorting and statistics -------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void test_sort_and_statistics(void **state)
{
    (void)state;
    struct picture p = run("Y: 7, X: 9, C: 3, S: X", "T: \"[y,x,c]\"",
                           "A[y,s,c] = sort(x) T[y,x,c]\n"
                           "V[y,s,c], R[y,s,c] = argsort(x) T[y,x,c]\n"
                           "D[y,c] = std(x) T[y,x,c]\n"
                           "E[y,c] = sample_std(x) T[y,x,c]\n"
                           "N[y,c] = norm(x) T[y,x,c]\n",
                           "A, V, R, D, E, N");
    const double *order = value_of(&p, "R");
    for (int fiber = 0; fiber < Y * C; fiber++) {
        double row[X];
        double sum = 0.0;
        double squares = 0.0;
        double distances = 0.0;
        for (int x = 0; x < X; x++) {
            row[x] = pixel(&p, fiber / C, x, fiber % C);
            sum += row[x];
            squares += row[x] * row[x];
        }
        for (int x = 0; x < X; x++) {
            distances += (row[x] - sum / X) * (row[x] - sum / X);
        }
        assert_element(&p, "D", fiber, sqrt(distances / X));
        assert_element(&p, "E", fiber, sqrt(distances / (X - 1)));
        assert_element(&p, "N", fiber, sqrt(squares));
        qsort(row, X, sizeof *row, compare);
        for (int s = 0; s < X; s++) {
            int at = (fiber / C * X + s) * C + fiber % C;
            assert_element(&p, "A", at, row[s]);
            assert_element(&p, "V", at, row[s]);
            assert_element(&p, "A", at,
                           pixel(&p, fiber / C, (int)order[at], fiber % C));
        }
    }
    clear(&p);
}

/* Codes of b bits, packed, look up a row; Hamming distance of signs. */
static void test_binary_codes(void **state)
{
    (void)state;
    struct picture p =
        run("N: 20, M: 6, D: 7, B: 3, R: 8, O: 2",
            "T: \"[n,d] in {-1,1}\", K: \"[m,d] in {-1,1}\", X: \"[n,b]\", "
            "W: \"[r,o]\"",
            "S[n,m] = T[n,d] * K[m,d]\n"
            "H[n,m] = (D - S[n,m]) / 2\n"
            "G[n,b] = sign(X[n,b])\n"
            "I[n]   = sum(b) (X[n,b] >= 0) * pow(2, B-1-index(b))\n"
            "L[n,o] = W[clamp(I[n]),o] * 1\n",
            "H, G, L");
    const double *k = value_of(&p, "K");
    const double *x = value_of(&p, "X");
    const double *w = value_of(&p, "W");
    for (int n = 0; n < 20; n++) {
        int code = 0;
        for (int b = 0; b < 3; b++) {
            code = 2 * code + (x[n * 3 + b] >= 0.0 ? 1 : 0);
            assert_element(&p, "G", n * 3 + b, x[n * 3 + b] < 0.0 ? -1.0 : 1.0);
        }
        assert_element(&p, "I", n, code);
        assert_element(&p, "L", n * 2 + 1, w[code * 2 + 1]);
        /* Nothing was rounded, so that the gather is decided. */
        assert_true(values_of(&p.loaded, p.data, "I")->error[n] <= 0.0);
        assert_true(values_of(&p.loaded, p.data, "S")->error[n] <= 0.0);
        for (int m = 0; m < 6; m++) {
            int different = 0;
            for (int d = 0; d < 7; d++) {
                different += p.t[n * 7 + d] * k[m * 7 + d] < 0.0 ? 1 : 0;
            }
            assert_element(&p, "H", n * 6 + m, different);
        }
    }
    clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_pooling_counts_valid_points),
        cmocka_unit_test(test_sampling_at_real_coordinates),
        cmocka_unit_test(test_sort_and_statistics),
        cmocka_unit_test(test_binary_codes),
    };
    return cmocka_run_group_tests_name("einsum_spatial", tests, NULL, NULL);
}
