/* What a benchmark run leaves: a session of measurements in a store, and geometric
 * means of ratios of p10 within the run. */
#include "tests/bench/spmm_bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/reports.h"
#include "version.h"

/* log of time / time of a candidate, summed over problems. */
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

/* What our kernels of `element` are compared with. */
static const struct reference {
    const char *name;
    enum spmm_element element, own;
    bool is_sparse; /* of the same sparsity, not dense */
    bool is_fused;
} references[] = {{"onednn", SPMM_S8, SPMM_S8, false, true},
                  {"onednn", SPMM_S8, SPMM_S8, false, false},
                  {"libxsmm", SPMM_S8, SPMM_S8, false, false},
                  {"dense", SPMM_S8, SPMM_S8, false, true},
                  {"4x1-one-thread", SPMM_S8, SPMM_S8, true, true},
                  {"libxsmm-spmdm", SPMM_F32, SPMM_S8, true, false},
                  {"onednn", SPMM_BF16, SPMM_BF16, false, false},
                  {"onednn", SPMM_F32, SPMM_F32, false, false},
                  {"openblas", SPMM_F32, SPMM_F32, false, false},
                  {"libxsmm", SPMM_F32, SPMM_F32, false, false},
                  {"libxsmm-spmdm", SPMM_F32, SPMM_F32, true, false}};
enum { REFERENCES = 11, SUBJECTS = PATTERNS + 1 };

struct report {
    struct store *store;
    struct diags *diags;
    char *machine;
    GPtrArray *shapes; /* owned texts of `rows` */
    GArray *rows;      /* struct measurement */
    struct mean means[REFERENCES][SUBJECTS][SPARSITIES];
};

static const char *element_name(enum spmm_element element)
{
    return element == SPMM_S8 ? "s8" : element == SPMM_BF16 ? "bf16" : "f32";
}

static void fail(const struct report *report)
{
    g_autoptr(GString) text = g_string_new(NULL);
    diags_print(report->diags, false, text);
    fprintf(stderr, "%s", text->str);
    exit(4);
}

/* "AMD EPYC"; "unknown" where the system does not say. */
static char *machine_name(void)
{
    g_autofree char *text = NULL;
    if (g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        const char *line = strstr(text, "model name");
        const char *value = line != NULL ? strchr(line, ':') : NULL;
        if (value != NULL) {
            return g_strstrip(g_strndup(value + 1, strcspn(value + 1, "\n")));
        }
    }
    return g_strdup("unknown");
}

struct report *report_new(const char *path)
{
    struct report *report = g_new0(struct report, 1);
    report->diags = diags_new();
    report->machine = machine_name();
    report->shapes = g_ptr_array_new_with_free_func(g_free);
    report->rows = g_array_new(FALSE, FALSE, sizeof(struct measurement));
    if (store_open(report->diags, path, STORE_WRITE, &report->store) != OK) {
        fail(report);
    }
    return report;
}

void report_free(struct report *report)
{
    store_free(report->store);
    diags_free(report->diags);
    g_ptr_array_free(report->shapes, TRUE);
    g_array_free(report->rows, TRUE);
    g_free(report->machine);
    g_free(report);
}

void report_save(struct report *report)
{
    struct run_origin origin = {.version = WEIR_VERSION,
                                .git_id = WEIR_GIT_ID,
                                .time_s = g_get_real_time() / G_USEC_PER_SEC};
    if (store_save_measurements(
            report->store, report->diags, &origin, "spmm",
            (const struct measurement *)(const void *)report->rows->data,
            report->rows->len) != OK) {
        fail(report);
    }
}

static const struct bench_candidate *find(const struct bench *bench,
                                          const char *name,
                                          enum spmm_element element,
                                          int sparsity, bool is_fused)
{
    for (int i = 0; i < bench->count; i++) {
        const struct bench_candidate *candidate = &bench->candidates[i];
        bool is_layer = candidate->values == NULL;
        if (!is_layer && strcmp(candidate->name, name) == 0 &&
            candidate->element == element &&
            candidate->sparsity_percent == sparsity &&
            candidate->is_fused == is_fused) {
            return candidate;
        }
    }
    return NULL;
}

/* Our own dense kernel stands in the last row, in the first column. */
static void add_ratio(struct report *report, const struct bench *bench, int r,
                      int p, int s)
{
    const struct reference *reference = &references[r];
    bool is_dense = p == PATTERNS;
    const struct bench_candidate *other = find(
        bench, reference->name, reference->element,
        reference->is_sparse ? bench_sparsities[s] : 0, reference->is_fused);
    const struct bench_candidate *own =
        find(bench, is_dense ? "dense" : bench_patterns[p], reference->own,
             is_dense ? 0 : bench_sparsities[s], reference->is_fused);
    if (other != NULL && own != NULL && other != own &&
        !(is_dense && reference->is_sparse)) {
        mean_add(&report->means[r][p][s], other->p10_us / own->p10_us);
    }
}

static void add_row(struct report *report, const struct bench *bench,
                    const struct bench_candidate *candidate, char *shapes)
{
    struct measurement row = {
        .machine = report->machine,
        .subject = candidate->name,
        .dtype = element_name(candidate->element),
        .output = candidate->values == NULL ? "layer"
                  : candidate->is_fused     ? "u8"
                                            : "sum",
        .thread_count = bench->thread_count,
        .shapes = shapes,
        .sparsity_ratio = candidate->sparsity_percent * 0.01,
        .p10_s = candidate->p10_us * 1e-6,
        .median_s = candidate->median_us * 1e-6,
        .sample_count = candidate->sample_count,
    };
    g_array_append_val(report->rows, row);
}

void report_add(struct report *report, const struct bench *bench)
{
    const struct bench_problem *problem = &bench->problem;
    for (int r = 0; r < REFERENCES; r++) {
        for (int p = 0; p < SUBJECTS; p++) {
            for (int s = 0; s < (p < PATTERNS ? SPARSITIES : 1); s++) {
                add_ratio(report, bench, r, p, s);
            }
        }
    }
    char *shapes =
        g_strdup_printf("{\"M\":%d,\"K\":%d,\"N\":%d}", (int)problem->row_count,
                        (int)problem->k_count, (int)problem->token_count);
    g_ptr_array_add(report->shapes, shapes);
    for (int i = 0; i < bench->count; i++) {
        add_row(report, bench, &bench->candidates[i], shapes);
    }
}

static int mean_count(const struct mean (*means)[SPARSITIES])
{
    int count = 0;
    for (int p = 0; p < SUBJECTS; p++) {
        for (int s = 0; s < SPARSITIES; s++) {
            count += means[p][s].count;
        }
    }
    return count;
}

static void print_row(const char *name, const struct mean *means)
{
    int count = 0;
    for (int s = 0; s < SPARSITIES; s++) {
        count += means[s].count;
    }
    if (count == 0) {
        return;
    }
    printf("\n%-6s", name);
    for (int s = 0; s < SPARSITIES; s++) {
        if (means[s].count == 0) {
            printf("%18s", "-");
            continue;
        }
        printf("%6.2f [%.2f-%.2f]", exp(means[s].log_sum / means[s].count),
               means[s].least, means[s].most);
    }
}

void report_print(const struct report *report)
{
    for (int r = 0; r < REFERENCES; r++) {
        const struct reference *reference = &references[r];
        if (mean_count(report->means[r]) == 0) {
            continue;
        }
        printf("\n%s: times faster than %s %s%s, %s: geometric mean "
               "[least-most]\n%-6s",
               element_name(reference->own), reference->name,
               element_name(reference->element),
               reference->is_sparse ? " of the same sparsity" : " dense",
               reference->is_fused ? "both with bias, scale, u8"
                                   : "both giving sums",
               "");
        for (int s = 0; s < SPARSITIES; s++) {
            printf("%16d %%", bench_sparsities[s]);
        }
        for (int p = 0; p < SUBJECTS; p++) {
            print_row(p < PATTERNS ? bench_patterns[p] : "dense",
                      report->means[r][p]);
        }
        printf("\n");
    }
}
