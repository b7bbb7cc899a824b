/* Times the block-sparse kernels beside dense ones and other libraries, all in
 * one process, taking turns, so that a change of the machine's speed meets all
 * alike. Every output element of every candidate is compared with sums made
 * here. A table of p10 and median goes to the file argv[1]; geometric means of
 * ratios of p10 to stdout. argv[2]: rounds (40). argv[3]: threads (1; with more,
 * our kernels only, beside 4x1 on one). */
#include "tests/bench/spmm_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/spmm/spmm.h"

#define CANDIDATES_MAX 64
#define TURN_US        150.0 /* a turn of a fast candidate lasts this long */
#define SLOW_EVERY     4

static const struct shape {
    int64_t row_count, k_count;
} shapes[] = {{256, 256},  {256, 1024},  {1024, 256},  {768, 768},  {768, 3072},
              {3072, 768}, {1024, 1024}, {1024, 4096}, {4096, 1024}};
static const int64_t token_counts[] = {128, 512};
static const char *const pattern_names[] = {"4x1", "16x1", "32x1", "4x4",
                                            "1x4"};
static const int sparsities[] = {50, 70, 80, 90};
enum { SHAPES = 9, TOKENS = 2, PATTERNS = 5, SPARSITIES = 4 };

/* One shape's memory, given back as a whole. */
static void *arena[1024];
static int arena_count;

void *bench_alloc(int64_t bytes)
{
    void *memory = aligned_alloc(64, (size_t)((bytes + 127) / 64 * 64));
    if (memory == NULL || arena_count == 1024) {
        fprintf(stderr, "no memory\n");
        exit(5);
    }
    return arena[arena_count++] = memory;
}

static void arena_clear(void)
{
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

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % bound);
}

/* ---- our kernels ------------------------------------------------------- */

struct ours {
    struct spmm_call call;
    struct spmm_threads *threads;
    int64_t row_count;
    struct spmm_weight *weight;
};

static void ours_run(void *state)
{
    struct ours *self = state;
    enum status status = self->threads != NULL
                             ? spmm_run_threads(&self->call, self->threads)
                             : spmm_run(&self->call);
    if (status != OK) {
        fprintf(stderr, "spmm_run: status %d\n", (int)status);
        exit(1);
    }
}

static double ours_fetch(const void *state, int64_t m, int64_t n)
{
    const struct ours *self = state;
    int64_t t = n % 64, rows = (self->row_count + 3) / 4 * 4;
    if (self->call.post.output == SPMM_S32) {
        return ((const int32_t *)
                    self->call.output)[(n / 64 * self->row_count + m) * 64 + t];
    }
    const uint8_t *bytes = self->call.output;
    if (self->call.post.layout == SPMM_QUADS) {
        return bytes[(n / 64 * rows + m / 4 * 4) * 64 + 4 * t + m % 4];
    }
    return bytes[(n / 64 * self->row_count + m) * 64 + t / 4 % 4 * 16 +
                 t / 16 * 4 + t % 4];
}

static void add_ours(const struct bench_problem *problem, const int8_t *values,
                     enum spmm_pattern pattern, bool is_fused,
                     struct spmm_threads *threads,
                     struct bench_candidate *candidate)
{
    enum spmm_layout layout = spmm_input_layout(pattern, SPMM_S8);
    struct ours *self = bench_alloc(sizeof *self);
    *self = (struct ours){.row_count = problem->row_count, .threads = threads};
    struct spmm_dense dense = {SPMM_S8, problem->row_count, problem->k_count,
                               problem->k_count, values};
    if (spmm_weight_new_dense(&dense, pattern, &self->weight) != OK) {
        exit(1);
    }
    uint8_t *panels = bench_alloc(
        spmm_panel_elements(problem->k_count, problem->token_count, layout));
    struct spmm_tokens tokens = {SPMM_U8, problem->k_count,
                                 problem->token_count, problem->k_count,
                                 (void *)(uintptr_t)problem->tokens};
    spmm_panels_from_tokens(&tokens, layout, panels);
    self->call = (struct spmm_call){
        .weight = self->weight,
        .activations = panels,
        .token_count = problem->token_count,
        .output = bench_alloc(4 * spmm_panel_elements(problem->row_count,
                                                      problem->token_count,
                                                      SPMM_QUADS)),
    };
    if (is_fused) {
        self->call.post = (struct spmm_post){.bias = problem->bias,
                                             .scale = problem->scale,
                                             .output = SPMM_U8,
                                             .layout = layout,
                                             .output_scale = 1};
    }
    candidate->name = pattern_names[pattern];
    candidate->state = self;
    candidate->run = ours_run;
    candidate->fetch = ours_fetch;
}

/* ---- one shape --------------------------------------------------------- */

struct bench {
    struct bench_problem problem;
    struct bench_candidate candidates[CANDIDATES_MAX];
    int count;
    int thread_count, round_count;
    struct spmm_threads *threads;
    int64_t wrong_count; /* outputs off by one after rounding, oneDNN only */
};

static int8_t *random_weight(const struct bench_problem *problem,
                             enum spmm_pattern pattern, int sparsity_percent)
{
    static const int64_t block_rows[] = {4, 16, 32, 4, 1};
    int64_t rows = block_rows[pattern];
    int64_t columns = pattern == SPMM_4X4 || pattern == SPMM_1X4 ? 4 : 1;
    int8_t *values = bench_alloc(problem->row_count * problem->k_count);
    memset(values, 0, (size_t)(problem->row_count * problem->k_count));
    for (int64_t m = 0; m < problem->row_count; m += rows) {
        for (int64_t k = 0; k < problem->k_count; k += columns) {
            if ((int)random_below(100) < sparsity_percent) {
                continue;
            }
            for (int64_t i = 0; i < rows * columns; i++) {
                int value = (int)random_below(31) - 15;
                values[(m + i / columns) * problem->k_count + k + i % columns] =
                    (int8_t)(value != 0 ? value : 1);
            }
        }
    }
    return values;
}

static struct bench_candidate *next_candidate(struct bench *bench,
                                              const int8_t *values,
                                              int sparsity_percent,
                                              bool is_fused)
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

static void add_candidates(struct bench *bench)
{
    const struct bench_problem *problem = &bench->problem;
    int8_t *dense = random_weight(problem, SPMM_4X4, 0);
    for (int fused = 0; fused < 2; fused++) {
        struct bench_candidate *next = next_candidate(bench, dense, 0, fused);
        add_ours(problem, dense, SPMM_4X4, fused, bench->threads, next);
        next->name = "dense";
        bench->count++;
        next = next_candidate(bench, dense, 0, fused);
        bench->count += bench->thread_count == 1 &&
                        bench_add_onednn(problem, dense, fused, next);
    }
    struct bench_candidate *next = next_candidate(bench, dense, 0, false);
    bench->count +=
        bench->thread_count == 1 && bench_add_openblas(problem, dense, next);
    for (int s = 0; s < SPARSITIES; s++) {
        for (int p = 0; p < (sparsities[s] == 50 ? 1 : PATTERNS); p++) {
            int8_t *values =
                random_weight(problem, (enum spmm_pattern)p, sparsities[s]);
            for (int fused = 0; fused < 2; fused++) {
                next = next_candidate(bench, values, sparsities[s], fused);
                add_ours(problem, values, (enum spmm_pattern)p, fused,
                         bench->threads, next);
                bench->count++;
            }
            if (p == 0 && bench->threads != NULL) {
                next = next_candidate(bench, values, sparsities[s], true);
                add_ours(problem, values, SPMM_4X1, true, NULL, next);
                next->name = "4x1-one-thread";
                bench->count++;
            }
            next = next_candidate(bench, values, sparsities[s], false);
            bench->count += p == 0 && bench->thread_count == 1 &&
                            bench_add_libxsmm_sparse(problem, values, next);
        }
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
            bool is_ours = candidate->run == ours_run;
            if (got != expected &&
                (is_ours || !candidate->is_fused || fabs(got - expected) > 1)) {
                fprintf(stderr, "%s at %d %%: D[%d][%d] is %g, not %g\n",
                        candidate->name, candidate->sparsity_percent, (int)m,
                        (int)n, got, expected);
                exit(1);
            }
            bench->wrong_count += got != expected;
        }
    }
}

static void check_all(struct bench *bench)
{
    const int8_t *values = NULL;
    int32_t *sums = NULL;
    for (int i = 0; i < bench->count;
         i++) { /* those of a weight stand together */
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

/* ---- report ------------------------------------------------------------ */

/* log of time / time of a candidate, summed over shapes. */
struct mean {
    double log_sum, least, most;
    int count;
};

static void mean_add(struct mean *mean, double ratio)
{
    mean->least = mean->count == 0 ? ratio : fmin(mean->least, ratio);
    mean->most = mean->count == 0 ? ratio : fmax(mean->most, ratio);
    mean->log_sum += log(ratio);
    mean->count++;
}

static const struct bench_candidate *
find(const struct bench *bench, const char *name, int sparsity, bool is_fused)
{
    for (int i = 0; i < bench->count; i++) {
        const struct bench_candidate *candidate = &bench->candidates[i];
        if (strcmp(candidate->name, name) == 0 &&
            candidate->sparsity_percent == sparsity &&
            candidate->is_fused == is_fused) {
            return candidate;
        }
    }
    return NULL;
}

static const struct reference {
    const char *name;
    bool is_sparse; /* of the same sparsity, not dense */
    bool is_fused;
} references[] = {{"onednn", false, true},
                  {"onednn", false, false},
                  {"dense", false, true},
                  {"openblas-f32", false, false},
                  {"libxsmm-spmdm-f32", true, false},
                  {"4x1-one-thread", true, true}};
enum { REFERENCES = 6, SUBJECTS = PATTERNS + 1 };

struct report {
    FILE *table;
    struct mean means[REFERENCES][SUBJECTS][SPARSITIES];
};

/* Our own dense kernel stands in the last row, in the first column. */
static void add_ratios(struct report *report, const struct bench *bench)
{
    for (int r = 0; r < REFERENCES; r++) {
        for (int p = 0; p < SUBJECTS; p++) {
            for (int s = 0; s < (p < PATTERNS ? SPARSITIES : 1); s++) {
                bool is_dense = p == PATTERNS;
                const struct bench_candidate *other =
                    find(bench, references[r].name,
                         references[r].is_sparse ? sparsities[s] : 0,
                         references[r].is_fused);
                const struct bench_candidate *own =
                    find(bench, is_dense ? "dense" : pattern_names[p],
                         is_dense ? 0 : sparsities[s], references[r].is_fused);
                if (other != NULL && own != NULL && other != own &&
                    !(is_dense && references[r].is_sparse)) {
                    mean_add(&report->means[r][p][s],
                             other->p10_us / own->p10_us);
                }
            }
        }
    }
}

static void print_shape(struct report *report, const struct bench *bench)
{
    const struct bench_problem *problem = &bench->problem;
    double operations = 2.0 * (double)problem->row_count *
                        (double)problem->k_count * (double)problem->token_count;
    for (int i = 0; i < bench->count; i++) {
        const struct bench_candidate *candidate = &bench->candidates[i];
        fprintf(report->table, "%d,%d,%d,%d,%s,%d,%s,%.2f,%.2f,%.1f,%d\n",
                bench->thread_count, (int)problem->row_count,
                (int)problem->k_count, (int)problem->token_count,
                candidate->name, candidate->sparsity_percent,
                candidate->is_fused ? "u8" : "sum", candidate->p10_us,
                candidate->median_us, operations / candidate->p10_us * 1e-3,
                candidate->sample_count);
    }
    fflush(report->table);
}

static void print_means(const struct report *report)
{
    for (int r = 0; r < REFERENCES; r++) {
        if (report->means[r][0][1].count == 0) {
            continue;
        }
        printf("\ntimes faster than %s%s, %s: geometric mean [least-most] of "
               "%d shapes\n%-6s",
               references[r].name,
               references[r].is_sparse ? " of the same sparsity" : "",
               references[r].is_fused ? "both with bias, scale, u8"
                                      : "both giving sums",
               report->means[r][0][1].count, "");
        for (int s = 0; s < SPARSITIES; s++) {
            printf("%16d %%", sparsities[s]);
        }
        for (int p = 0; p < SUBJECTS; p++) {
            if (report->means[r][p][0].count +
                    report->means[r][p][SPARSITIES - 1].count ==
                0) {
                continue;
            }
            printf("\n%-6s", p < PATTERNS ? pattern_names[p] : "dense");
            for (int s = 0; s < SPARSITIES; s++) {
                const struct mean *mean = &report->means[r][p][s];
                if (mean->count == 0) {
                    printf("%18s", "-");
                    continue;
                }
                printf("%6.2f [%.2f-%.2f]", exp(mean->log_sum / mean->count),
                       mean->least, mean->most);
            }
        }
        printf("\n");
    }
}

static void run_shape(struct bench *bench, const struct shape *shape,
                      int64_t token_count, struct report *report)
{
    bench->problem = (struct bench_problem){.row_count = shape->row_count,
                                            .k_count = shape->k_count,
                                            .token_count = token_count};
    bench->count = 0;
    uint8_t *tokens = bench_alloc(shape->k_count * token_count);
    int32_t *bias = bench_alloc(4 * shape->row_count);
    float *scale = bench_alloc(4 * shape->row_count);
    for (int64_t i = 0; i < shape->k_count * token_count; i++) {
        tokens[i] = (uint8_t)random_below(256);
    }
    for (int64_t m = 0; m < shape->row_count; m++) {
        bias[m] = (int32_t)random_below(4001) - 2000;
        scale[m] = (float)(0.5 + random_below(100) * 0.01) /
                   (16.0f * sqrtf((float)shape->k_count));
    }
    bench->problem.tokens = tokens;
    bench->problem.bias = bias;
    bench->problem.scale = scale;
    add_candidates(bench);
    check_all(bench);
    time_all(bench);
    add_ratios(report, bench);
    print_shape(report, bench);
    for (int i = 0; i < bench->count; i++) {
        if (bench->candidates[i].run == ours_run) {
            spmm_weight_free(
                ((struct ours *)bench->candidates[i].state)->weight);
        }
    }
    bench_partners_clear();
    arena_clear();
}

int main(int argc, char **argv)
{
    static struct bench bench;
    static struct report report;
    if (argc < 2 || (report.table = fopen(argv[1], "w")) == NULL) {
        fprintf(stderr, "usage: spmm_bench TABLE.csv [ROUNDS [THREADS]]\n");
        return 2;
    }
    bench.round_count = argc > 2 ? atoi(argv[2]) : 40;
    bench.thread_count = argc > 3 ? atoi(argv[3]) : 1;
    if (bench.thread_count != 1 &&
        spmm_threads_new(bench.thread_count, &bench.threads) != OK) {
        return 2;
    }
    fprintf(report.table,
            "threads,rows,k,tokens,kernel,sparsity_percent,output,"
            "p10_us,median_us,dense_gops,samples\n");
    for (int s = 0; s < SHAPES; s++) {
        for (int t = 0; t < TOKENS; t++) {
            run_shape(&bench, &shapes[s], token_counts[t], &report);
        }
    }
    print_means(&report);
    printf("\nevery output is right; %lld bytes of oneDNN round otherwise\n",
           (long long)bench.wrong_count);
    spmm_threads_free(bench.threads);
    return fclose(report.table) == 0 ? 0 : 4;
}
