/* Sparse operands against brute force: random matrices, written to files and read
 * as such, in every format, tiling and masking. Bytes of every memory, points and
 * busy cycles must be those that walking the loops over the matrix itself gives,
 * integer for integer, from the model and from the simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib/gstdio.h>

#include "sim/sim.h"
#include "tests/problem_fixture.h"

enum { M_MAX = 13, K_MAX = 17 };

struct trial {
    int m, n, k;
    int tile_m, tile_k;        /* of the buffer */
    int step_m, step_k;        /* of a step: inside the buffer's tile */
    const char *dram, *buffer; /* formats of W */
    const char *masking;
    bool kept[M_MAX][K_MAX];
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int below(uint32_t *state, int count)
{
    return (int)(next_random(state) % (uint32_t)count);
}

/* ---- sizes, by hand --------------------------------------------------------- */

static int bits_for(int count)
{
    int bits = 1;
    while ((1 << bits) < count) {
        bits++;
    }
    return bits;
}

struct box {
    int m0, m1, k0, k1;
};

static int count_kept(const struct trial *t, struct box b)
{
    int kept = 0;
    for (int m = b.m0; m < b.m1; m++) {
        for (int k = b.k0; k < b.k1; k++) {
            kept += t->kept[m][k];
        }
    }
    return kept;
}

/* Symbols of 2 bits of run: walked one element at a time. */
static int count_symbols(const struct trial *t, struct box b)
{
    int symbols = 0;
    int pending = 0; /* of symbols for zeros, until a nonzero is met */
    int run = 0;
    for (int m = b.m0; m < b.m1; m++) {
        for (int k = b.k0; k < b.k1; k++) {
            if (t->kept[m][k]) {
                symbols += pending + 1;
                pending = run = 0;
            } else if (run == 3) {
                pending++;
                run = 0;
            } else {
                run++;
            }
        }
    }
    return symbols;
}

static int count_blocks(const struct trial *t, struct box b)
{
    int all = 0;
    for (int m = b.m0; m < b.m1; m += 2) {
        int in_row = 0;
        for (int k = b.k0; k < b.k1; k += 3) {
            struct box block = {m, MIN(m + 2, b.m1), k, MIN(k + 3, b.k1)};
            in_row += count_kept(t, block) > 0;
        }
        all += (in_row + 1) / 2 * 2;
    }
    return all;
}

/* Values have 8 bits. */
static int64_t tile_bits(const struct trial *t, const char *format,
                         struct box b)
{
    int rows = b.m1 - b.m0;
    int columns = b.k1 - b.k0;
    int kept = count_kept(t, b);
    int pointer = bits_for(rows * columns + 1);
    if (strcmp(format, "bitmask") == 0) {
        return rows * columns + 8 * kept;
    }
    if (strcmp(format, "csr") == 0) {
        return (rows + 1) * pointer + kept * (8 + bits_for(columns));
    }
    if (strcmp(format, "csc") == 0) {
        return (columns + 1) * pointer + kept * (8 + bits_for(rows));
    }
    if (strcmp(format, "block, block: {m: 2, k: 3}, group: 2") == 0) {
        return ((rows + 1) / 2 + 1) * pointer +
               count_blocks(t, b) * (bits_for((columns + 2) / 3) + 48);
    }
    if (strcmp(format, "run_length, run: 2 bits") == 0) {
        return count_symbols(t, b) * (2 + 8);
    }
    return rows * columns * 8;
}

/* ---- walking the loops -------------------------------------------------------- */

struct expected {
    int64_t dram_w_bits, buffer_w_bits;
    int64_t points, busy;
    int64_t buffer_reads_b; /* bytes */
};

static struct expected walk_loops(const struct trial *t)
{
    struct expected e = {0};
    for (int m = 0; m < t->m; m += t->tile_m) {
        for (int k = 0; k < t->k; k += t->tile_k) {
            struct box tile = {m, MIN(m + t->tile_m, t->m), k,
                               MIN(k + t->tile_k, t->k)};
            if (count_kept(t, tile) == 0) {
                continue;
            }
            e.dram_w_bits += tile_bits(t, t->dram, tile);
            e.buffer_w_bits += tile_bits(t, t->buffer, tile);
            for (int i = tile.m0; i < tile.m1; i += t->step_m) {
                for (int j = tile.k0; j < tile.k1; j += t->step_k) {
                    struct box step = {i, MIN(i + t->step_m, tile.m1), j,
                                       MIN(j + t->step_k, tile.k1)};
                    int kept = count_kept(t, step);
                    int all = (step.m1 - step.m0) * (step.k1 - step.k0);
                    bool skips = strcmp(t->masking, "skip") == 0;
                    bool computes = strcmp(t->masking, "none") == 0;
                    if (kept > 0) {
                        e.points += (computes ? all : kept) * t->n;
                        e.busy += (skips ? kept : all) * t->n;
                    }
                }
            }
        }
    }
    return e;
}

/* ---- the same by the program ------------------------------------------------- */

static char *write_matrix(const struct trial *t, const char *folder)
{
    struct box all = {0, t->m, 0, t->k};
    g_autoptr(GString) text = g_string_new(
        "%%MatrixMarket matrix coordinate integer general\n% a comment\n");
    g_string_append_printf(text, "%d %d %d\n", t->m, t->k, count_kept(t, all));
    for (int k = 0; k < t->k; k++) {
        for (int m = 0; m < t->m; m++) {
            if (t->kept[m][k]) {
                g_string_append_printf(text, "%d %d -7\n", m + 1, k + 1);
            }
        }
    }
    char *path = g_build_filename(folder, "w.mtx", NULL);
    assert_true(g_file_set_contents(path, text->str, -1, NULL));
    return path;
}

static char *arch_text(const struct trial *t)
{
    return g_strdup_printf(
        "schema: 1\narch: tiny\nclock: 1 GHz\nword: 8 bits\ntree:\n"
        "  memory: DRAM\n  size: unlimited\n  bandwidth: 8 GB/s\n"
        "  access: 8 bits\n  read: 100 pJ\n  write: 100 pJ\n  children:\n"
        "  - memory: buf\n    size: 64 KiB\n    bandwidth: 64 GB/s\n"
        "    access: 8 bits\n    read: 1 pJ\n    write: 1 pJ\n    children:\n"
        "    - unit: alu\n      masking: %s\n      ops:\n"
        "        mac: {cycles: 1, energy: 4 pJ}\n",
        t->masking);
}

static char *mapping_text(const struct trial *t)
{
    return g_strdup_printf(
        "schema: 1\nmapping: sparse\ncascade: product\nformats:\n"
        "- {tensor: W, in: [DRAM], kind: %s}\n"
        "- {tensor: W, in: [buf], kind: %s}\n"
        "tree:\n"
        "- for: {m: %d}\n- for: {k: %d}\n"
        "- {hold: [W, B, Z], in: buf}\n"
        "- for: {m: %d}\n- for: {k: %d}\n"
        "- {compute: Z, on: alu}\n",
        t->dram, t->buffer, t->tile_m, t->tile_k, t->step_m, t->step_k);
}

static char *product_text(const struct trial *t, const char *matrix)
{
    return g_strdup_printf("schema: 1\ncascade: product\n"
                           "shapes: {M: %d, N: %d, K: %d}\n"
                           "inputs: {W: \"[m,k]\", B: \"[k,n]\"}\n"
                           "sparse:\n  W: {matrix: %s}\n"
                           "einsums: |\n  Z[m,n] = W[m,k] * B[k,n]\n"
                           "outputs: [Z]\n",
                           t->m, t->n, t->k, matrix);
}

/* Bytes of W that the memory's actions have. */
static int64_t w_bytes(const struct evaluation *e, const char *memory,
                       const char *action)
{
    int64_t bytes = 0;
    for (int i = 0; i < e->action_count; i++) {
        const struct evaluation_action *a = &e->actions[i];
        if (strcmp(a->component, memory) == 0 && a->tensor != NULL &&
            strcmp(a->tensor, "W") == 0 && strcmp(a->action, action) == 0) {
            bytes += a->bytes;
        }
    }
    return bytes;
}

static void check(const struct evaluation *e, const struct expected *x)
{
    assert_int_equal(w_bytes(e, "DRAM", "read"), (x->dram_w_bits + 7) / 8);
    assert_int_equal(w_bytes(e, "buf", "write"), (x->buffer_w_bits + 7) / 8);
    assert_int_equal(e->einsums[0].ops[EINSUM_MAC], x->points);
    assert_int_equal(e->einsums[0].busy_cycles, x->busy);
    assert_true(e->bound_cycles <= e->cycles);
    assert_true(e->bound_traffic_bytes <=
                e->memories[0].read_bytes + e->memories[0].write_bytes);
}

static void run_trial(const struct trial *t, const char *folder)
{
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(arch) arch = NULL;
    AUTO(mapping) mapping = NULL;
    AUTO(problem) problem = NULL;
    AUTO(evaluation) model = NULL;
    AUTO(evaluation) simulated = NULL;
    g_autofree char *matrix = write_matrix(t, folder);
    g_autofree char *product = product_text(t, matrix);
    g_autofree char *tiny = arch_text(t);
    g_autofree char *tiles = mapping_text(t);
    struct expected x = walk_loops(t);
    enum status status = cascade_load_source(
        diags, diags_add_text(diags, "c", product), &cascade);
    assert_int_equal(status, OK);
    status =
        arch_load_source(diags, diags_add_text(diags, "a", tiny), NULL, &arch);
    assert_int_equal(status, OK);
    status =
        mapping_load_source(diags, diags_add_text(diags, "m", tiles), &mapping);
    assert_int_equal(status, OK);
    status = problem_bind(diags, cascade, arch, mapping, NULL, &problem);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    assert_int_equal(model_evaluate(problem->plan, diags, &model), OK);
    check(model, &x);
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    assert_int_equal(sim_run(problem->plan, &options, diags, &simulated, NULL),
                     OK);
    check(simulated, &x);
    assert_true(simulated->cycles >= model->cycles);
}

static void test_bytes_points_and_cycles_are_those_of_the_matrix(void **state)
{
    (void)state;
    static const char *const formats[] = {
        "dense",
        "bitmask",
        "csr",
        "csc",
        "block, block: {m: 2, k: 3}, group: 2",
        "run_length, run: 2 bits",
    };
    static const char *const maskings[] = {"none", "gate", "skip"};
    g_autofree char *folder = g_dir_make_tmp("weir-sparse-XXXXXX", NULL);
    assert_non_null(folder);
    uint32_t seed = 1;
    for (int i = 0; i < 400; i++) {
        struct trial t = {
            .m = 1 + below(&seed, M_MAX),
            .n = 1 + below(&seed, 3),
            .k = 1 + below(&seed, K_MAX),
            .dram = formats[below(&seed, G_N_ELEMENTS(formats))],
            .buffer = formats[below(&seed, G_N_ELEMENTS(formats))],
            .masking = maskings[below(&seed, 3)],
        };
        t.tile_m = 1 + below(&seed, t.m);
        t.tile_k = 1 + below(&seed, t.k);
        t.step_m = 1 + below(&seed, t.tile_m);
        t.step_k = 1 + below(&seed, t.tile_k);
        int percent = below(&seed, 101);
        for (int e = 0; e < t.m * t.k; e++) {
            t.kept[e / t.k][e % t.k] = below(&seed, 100) < percent;
        }
        struct box all = {0, t.m, 0, t.k};
        t.kept[0][0] |= count_kept(&t, all) == 0;
        run_trial(&t, folder);
    }
    g_autofree char *path = g_build_filename(folder, "w.mtx", NULL);
    g_remove(path);
    g_rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_points_and_cycles_are_those_of_the_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
