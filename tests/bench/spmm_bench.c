/* Times the block-sparse kernels beside dense ones and other libraries, all in
 * one process, taking turns, so that a change of the machine's speed meets all
 * alike. Every output element of every candidate is compared with sums made
 * here. p10 and median go to the store argv[1]; geometric means of ratios of p10
 * to stdout. argv[2]: rounds (25). argv[3]: threads (1; with more,
 * our kernels only, beside 4x1 on one). argv[4]: tokens, as 128,512. */
#include "tests/bench/spmm_bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN_US    150.0 /* a turn of a fast candidate lasts this long */
#define SLOW_EVERY 4

/* Of BERT-Mini, DistilBERT and BERT-Base, BERT-Large. */
static const int64_t widths[] = {256, 768, 1024};
static const struct shape {
    int64_t row_count, k_count;
} shapes[] = {{256, 256},  {256, 1024},  {1024, 256},  {768, 768},  {768, 3072},
              {3072, 768}, {1024, 1024}, {1024, 4096}, {4096, 1024}};
enum { SHAPES = 9, WIDTHS = 3 };

/* One problem's memory, given back as a whole. */
static void *arena[4096];
static int arena_count;

void *bench_alloc(int64_t bytes)
{
    void *memory = aligned_alloc(64, (size_t)((bytes + 127) / 64 * 64));
    if (memory == NULL || arena_count == 4096) {
        fprintf(stderr, "no memory\n");
        exit(5);
    }
    return arena[arena_count++] = memory;
}

static void problem_clear(void)
{
    bench_ours_clear();
    bench_onednn_clear();
    while (arena_count > 0) {
        free(arena[--arena_count]);
    }
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static uint64_t random_state = 42;

uint32_t bench_random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % bound);
}

/* ---- candidates -------------------------------------------------------- */

int8_t *bench_random_weight(int64_t row_count, int64_t k_count,
                            enum spmm_pattern pattern, int sparsity_percent)
{
    static const int64_t block_rows[] = {4, 16, 32, 4, 1};
    int64_t rows = block_rows[pattern];
    int64_t columns = pattern == SPMM_4X4 || pattern == SPMM_1X4 ? 4 : 1;
    int8_t *values = bench_alloc(row_count * k_count);
    memset(values, 0, (size_t)(row_count * k_count));
    for (int64_t m = 0; m < row_count; m += rows) {
        for (int64_t k = 0; k < k_count; k += columns) {
            if ((int)bench_random_below(100) < sparsity_percent) {
                continue;
            }
            for (int64_t i = 0; i < rows * columns; i++) {
                int value = (int)bench_random_below(31) - 15;
                values[(m + i / columns) * k_count + k + i % columns] =
                    (int8_t)(value != 0 ? value : 1);
            }
        }
    }
    return values;
}

struct bench_candidate *bench_next(struct bench *bench, const int8_t *values,
                                   int sparsity_percent, bool is_fused)
{
    if (bench->count == CANDIDATES_MAX) {
        exit(1);
    }
    struct bench_candidate *candidate = &bench->candidates[bench->count];
    *candidate = (struct bench_candidate){
        .sparsity_percent = sparsity_percent,
        .is_fused = is_fused,
        .values = values,
        .samples_us = bench_alloc(bench->round_count * 8),
    };
    return candidate;
}

static void add_dense(struct bench *bench)
{
    bool has_partners = bench->thread_count == 1;
    const int8_t *dense = bench_random_weight(
        bench->problem.row_count, bench->problem.k_count, SPMM_4X4, 0);
    for (int fused = 0; fused < 2; fused++) {
        bench_add_ours(bench, dense, SPMM_S8, SPMM_4X4, 0, fused);
        if (has_partners) {
            bench_add_onednn(bench, dense, SPMM_S8, fused);
        }
    }
    bench_add_ours(bench, dense, SPMM_BF16, SPMM_4X4, 0, false);
    bench_add_ours(bench, dense, SPMM_F32, SPMM_4X4, 0, false);
    if (has_partners) {
        bench_add_libxsmm_dense(bench, dense, SPMM_S8);
        bench_add_onednn(bench, dense, SPMM_BF16, false);
        bench_add_onednn(bench, dense, SPMM_F32, false);
        bench_add_openblas(bench, dense);
        bench_add_libxsmm_dense(bench, dense, SPMM_F32);
    }
}

static void add_sparse(struct bench *bench, enum spmm_pattern pattern,
                       int sparsity_percent)
{
    int8_t *values =
        bench_random_weight(bench->problem.row_count, bench->problem.k_count,
                            pattern, sparsity_percent);
    bench_add_ours(bench, values, SPMM_S8, pattern, sparsity_percent, false);
    bench_add_ours(bench, values, SPMM_S8, pattern, sparsity_percent, true);
    if (sparsity_percent % 10 == 0 && pattern <= SPMM_16X1) {
        bench_add_ours(bench, values, SPMM_BF16, pattern, sparsity_percent,
                       false);
        bench_add_ours(bench, values, SPMM_F32, pattern, sparsity_percent,
                       false);
    }
    if (pattern == SPMM_4X1 && bench->thread_count == 1) {
        bench_add_libxsmm_sparse(bench, values, sparsity_percent);
    }
}

static void add_candidates(struct bench *bench)
{
    add_dense(bench);
    for (int s = 0; s < SPARSITIES; s++) {
        for (int p = 0; p < (bench_sparsities[s] == 50 ? 1 : PATTERNS); p++) {
            add_sparse(bench, (enum spmm_pattern)p, bench_sparsities[s]);
        }
    }
}

static void add_layers(struct bench *bench, int64_t width, int64_t token_count)
{
    bench_add_layer_ours(bench, width, token_count, SPMM_4X4, 0);
    if (bench->thread_count == 1) {
        bench_add_layer_onednn(bench, width, token_count);
    }
    for (int s = 1; s < SPARSITIES; s++) {
        bench_add_layer_ours(bench, width, token_count, SPMM_4X1,
                             bench_sparsities[s]);
        bench_add_layer_ours(bench, width, token_count, SPMM_16X1,
                             bench_sparsities[s]);
    }
}

/* ---- correctness ------------------------------------------------------- */

/* Exact sums, M x N. */
static int32_t *textbook(const struct bench_problem *problem,
                         const int8_t *values)
{
    int64_t n = problem->token_count, k_count = problem->k_count;
    int32_t *sums = bench_alloc(4 * problem->row_count * n);
    int32_t *activations = bench_alloc(4 * k_count * n);
    for (int64_t i = 0; i < k_count * n; i++) {
        activations[i] = problem->tokens[i % n * k_count + i / n];
    }
    memset(sums, 0, (size_t)(4 * problem->row_count * n));
    for (int64_t m = 0; m < problem->row_count; m++) {
        for (int64_t k = 0; k < k_count; k++) {
            int32_t value = values[m * k_count + k];
            for (int64_t t = 0; value != 0 && t < n; t++) {
                sums[m * n + t] += value * activations[k * n + t];
            }
        }
    }
    return sums;
}

static void check_candidate(struct bench *bench,
                            const struct bench_candidate *candidate,
                            const int32_t *sums)
{
    const struct bench_problem *problem = &bench->problem;
    for (int64_t m = 0; m < problem->row_count; m++) {
        for (int64_t n = 0; n < problem->token_count; n++) {
            int32_t sum = sums[m * problem->token_count + n];
            double expected = sum;
            if (candidate->is_fused) {
                float x = (float)(sum + problem->bias[m]) * problem->scale[m];
                expected = fmin(fmax(nearbyint((double)x), 0), 255);
            }
            double got = candidate->fetch(candidate->state, m, n);
            if (got != expected &&
                (candidate->is_exact || fabs(got - expected) > 1)) {
                fprintf(stderr, "%s at %d %%: D[%d][%d] is %g, not %g\n",
                        candidate->name, candidate->sparsity_percent, (int)m,
                        (int)n, got, expected);
                exit(1);
            }
            bench->off_by_one_count += got != expected;
        }
    }
}

static void check_all(struct bench *bench)
{
    const int8_t *values = NULL;
    int32_t *sums = NULL;
    for (int i = 0; i < bench->count; i++) { /* a weight's stand together */
        if (bench->candidates[i].values != values) {
            values = bench->candidates[i].values;
            sums = textbook(&bench->problem, values);
        }
        bench->candidates[i].run(bench->candidates[i].state);
        check_candidate(bench, &bench->candidates[i], sums);
    }
}

/* ---- time -------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void take_sample(struct bench_candidate *candidate)
{
    candidate->run(candidate->state); /* brings its data near */
    double start_us = now_us();
    for (int i = 0; i < candidate->repeat_count; i++) {
        candidate->run(candidate->state);
    }
    candidate->samples_us[candidate->sample_count++] =
        (now_us() - start_us) / candidate->repeat_count;
}

static void time_all(struct bench *bench)
{
    for (int i = 0; i < bench->count; i++) {
        struct bench_candidate *candidate = &bench->candidates[i];
        candidate->repeat_count = 1;
        take_sample(candidate);
        candidate->repeat_count =
            (int)fmax(1, TURN_US / candidate->samples_us[0]);
        candidate->sample_count = 0;
    }
    for (int round = 0; round < bench->round_count; round++) {
        for (int i = 0; i < bench->count; i++) {
            if (!bench->candidates[i].is_slow || round % SLOW_EVERY == 0) {
                take_sample(&bench->candidates[i]);
            }
        }
    }
    for (int i = 0; i < bench->count; i++) {
        struct bench_candidate *candidate = &bench->candidates[i];
        qsort(candidate->samples_us, (size_t)candidate->sample_count,
              sizeof(double), compare_doubles);
        candidate->p10_us =
            candidate->samples_us[(candidate->sample_count - 1) / 10];
        candidate->median_us =
            candidate->samples_us[(candidate->sample_count - 1) / 2];
    }
}

/* ---- the program ------------------------------------------------------- */

static void problem_init(struct bench *bench, const struct shape *shape,
                         int64_t token_count)
{
    uint8_t *tokens = bench_alloc(shape->k_count * token_count);
    int32_t *bias = bench_alloc(4 * shape->row_count);
    float *scale = bench_alloc(4 * shape->row_count);
    for (int64_t i = 0; i < shape->k_count * token_count; i++) {
        tokens[i] = (uint8_t)bench_random_below(256);
    }
    for (int64_t m = 0; m < shape->row_count; m++) {
        bias[m] = (int32_t)bench_random_below(4001) - 2000;
        scale[m] = (float)(0.5 + bench_random_below(100) * 0.01) /
                   (16.0f * sqrtf((float)shape->k_count));
    }
    bench->count = 0;
    bench->problem = (struct bench_problem){.row_count = shape->row_count,
                                            .k_count = shape->k_count,
                                            .token_count = token_count,
                                            .tokens = tokens,
                                            .bias = bias,
                                            .scale = scale};
}

static void run_shape(struct bench *bench, const struct shape *shape,
                      int64_t token_count, struct report *report)
{
    problem_init(bench, shape, token_count);
    add_candidates(bench);
    check_all(bench);
    time_all(bench);
    report_add(report, bench);
    problem_clear();
}

/* Its row in the table has 12 width^2 multiplications a token: one matrix of 12
 * widths by one. */
static void run_layer(struct bench *bench, int64_t width, int64_t token_count,
                      struct report *report)
{
    bench->count = 0;
    bench->problem = (struct bench_problem){
        .row_count = 12 * width, .k_count = width, .token_count = token_count};
    add_layers(bench, width, token_count);
    time_all(bench);
    report_add(report, bench);
    problem_clear();
}

int main(int argc, char **argv)
{
    static struct bench bench;
    if (argc < 2) {
        fprintf(stderr,
                "usage: spmm_bench STORE [ROUNDS [THREADS [TOKENS]]]\n");
        return 2;
    }
    bench.round_count = argc > 2 ? atoi(argv[2]) : 25;
    bench.thread_count = argc > 3 ? atoi(argv[3]) : 1;
    if (bench.thread_count != 1 &&
        spmm_threads_new(bench.thread_count, &bench.threads) != OK) {
        return 2;
    }
    struct report *report = report_new(argv[1]);
    const char *tokens = argc > 4 ? argv[4] : "128,512";
    for (char *end = NULL; *tokens != '\0'; tokens = end + (*end == ',')) {
        int64_t token_count = strtol(tokens, &end, 10);
        if (end == tokens || token_count < 1) {
            fprintf(stderr, "tokens '%s' are no list of numbers\n", tokens);
            return 2;
        }
        for (int s = 0; s < SHAPES; s++) {
            run_shape(&bench, &shapes[s], token_count, report);
        }
        for (int w = 0; w < WIDTHS; w++) {
            run_layer(&bench, widths[w], token_count, report);
        }
    }
    report_print(report);
    printf("\nevery output is right; %lld bytes of oneDNN round otherwise\n",
           (long long)bench.off_by_one_count);
    spmm_threads_free(bench.threads);
    report_save(report);
    report_free(report);
    return 0;
}
