/* A transformer layer's products, one after another, bytes in and out: Q, K, V from
 * the layer's input; the output projection, here of V, since attention itself is
 * no product with weights; the two of the feed-forward part, the first with GELU.
 * Each result is checked against sums over what really came in. */
#include "tests/bench/spmm_onednn.h"

#include <math.h>
#include <stdlib.h>

enum { PRODUCTS = 6, MATRICES = 7 };

/* Matrix 0 is the layer's input, matrix p + 1 the result of product p. */
static const struct {
    int rows, inputs; /* in widths of the layer */
    int from;
    bool has_gelu;
} products[PRODUCTS] = {{1, 1, 0, false}, {1, 1, 0, false}, {1, 1, 0, false},
                        {1, 1, 3, false}, {4, 1, 4, true},  {1, 4, 5, false}};

struct layer {
    int64_t width, token_count;
    struct spmm_threads *threads;
    const int8_t *values[PRODUCTS];
    const int32_t *bias[PRODUCTS];
    const float *scale[PRODUCTS];
    uint8_t *tokens[MATRICES]; /* token-major */
    struct spmm_call calls[PRODUCTS];
    struct onednn *primitives[PRODUCTS];
};

static int64_t rows_of(const struct layer *layer, int matrix)
{
    return layer->width * (matrix == 0 ? 1 : products[matrix - 1].rows);
}

static struct layer *layer_new(int64_t width, int64_t token_count,
                               enum spmm_pattern pattern, int sparsity_percent)
{
    struct layer *layer = bench_alloc(sizeof *layer);
    *layer = (struct layer){.width = width, .token_count = token_count};
    for (int p = 0; p < PRODUCTS; p++) {
        int64_t rows = products[p].rows * width;
        int64_t inputs = products[p].inputs * width;
        int32_t *bias = bench_alloc(4 * rows);
        float *scale = bench_alloc(4 * rows);
        for (int64_t m = 0; m < rows; m++) {
            bias[m] = (int32_t)bench_random_below(4001) - 2000;
            scale[m] = (float)(0.5 + bench_random_below(100) * 0.01) /
                       (4.0f * sqrtf((float)inputs));
        }
        layer->values[p] =
            bench_random_weight(rows, inputs, pattern, sparsity_percent);
        layer->bias[p] = bias;
        layer->scale[p] = scale;
    }
    for (int i = 0; i < MATRICES; i++) {
        layer->tokens[i] = bench_alloc(rows_of(layer, i) * token_count);
    }
    for (int64_t i = 0; i < width * token_count; i++) {
        layer->tokens[0][i] = (uint8_t)bench_random_below(256);
    }
    return layer;
}

/* ---- results ----------------------------------------------------------- */

static double gelu(double x)
{
    return 0.5 * x *
           (1 + tanh(sqrt(2 / 3.14159265358979323846) *
                     (x + 0.044715 * x * x * x)));
}

/* Exits when a byte is wrong; a byte may be off by one where GELU or a partner's
 * rounding comes in. */
static void check_product(const struct layer *layer, int p, bool is_exact)
{
    int64_t rows = rows_of(layer, p + 1);
    int64_t inputs = rows_of(layer, products[p].from);
    for (int64_t n = 0; n < layer->token_count; n++) {
        const uint8_t *in = layer->tokens[products[p].from] + n * inputs;
        for (int64_t m = 0; m < rows; m++) {
            int32_t sum = layer->bias[p][m];
            for (int64_t k = 0; k < inputs; k++) {
                sum += layer->values[p][m * inputs + k] * in[k];
            }
            double x = (double)((float)sum * layer->scale[p][m]);
            double y = nearbyint(products[p].has_gelu ? gelu(x) : x);
            double error = fabs(layer->tokens[p + 1][n * rows + m] -
                                fmin(fmax(y, 0), 255));
            if (error > (is_exact && !products[p].has_gelu ? 0 : 1)) {
                fprintf(stderr, "layer %d, product %d: D[%d][%d] is %d, %g\n",
                        (int)layer->width, p, (int)m, (int)n,
                        layer->tokens[p + 1][n * rows + m], y);
                exit(1);
            }
        }
    }
}

static void add_candidate(struct bench *bench, struct layer *layer,
                          const char *name, int sparsity_percent,
                          void (*run)(void *state), bool is_exact)
{
    struct bench_candidate *next =
        bench_next(bench, NULL, sparsity_percent, true);
    next->name = name;
    next->element = SPMM_S8;
    next->state = layer;
    next->run = run;
    next->run(layer);
    for (int i = 1; i < MATRICES && layer->calls[0].weight != NULL; i++) {
        struct spmm_tokens tokens = {SPMM_U8, rows_of(layer, i),
                                     layer->token_count, rows_of(layer, i),
                                     layer->tokens[i]};
        spmm_tokens_from_panels(layer->calls[i - 1].output,
                                layer->calls[0].post.layout, &tokens);
    }
    for (int p = 0; p < PRODUCTS; p++) {
        check_product(layer, p, is_exact);
    }
    bench->count++;
}

/* ---- ours -------------------------------------------------------------- */

static void ours_run(void *state)
{
    struct layer *layer = state;
    for (int p = 0; p < PRODUCTS; p++) {
        const struct spmm_call *call = &layer->calls[p];
        enum status status = layer->threads != NULL
                                 ? spmm_run_threads(call, layer->threads)
                                 : spmm_run(call);
        if (status != OK) {
            exit(1);
        }
    }
}

void bench_add_layer_ours(struct bench *bench, int64_t width,
                          int64_t token_count, enum spmm_pattern pattern,
                          int sparsity_percent)
{
    struct layer *layer =
        layer_new(width, token_count, pattern, sparsity_percent);
    enum spmm_layout layout = spmm_input_layout(pattern, SPMM_S8);
    void *panels[MATRICES];
    layer->threads = bench->threads;
    for (int i = 0; i < MATRICES; i++) {
        panels[i] = bench_alloc(
            spmm_panel_elements(rows_of(layer, i), token_count, layout));
    }
    struct spmm_tokens tokens = {SPMM_U8, width, token_count, width,
                                 layer->tokens[0]};
    spmm_panels_from_tokens(&tokens, layout, panels[0]);
    for (int p = 0; p < PRODUCTS; p++) {
        int64_t inputs = rows_of(layer, products[p].from);
        struct spmm_post post = {.bias = layer->bias[p],
                                 .scale = layer->scale[p],
                                 .function = products[p].has_gelu ? SPMM_GELU
                                                                  : SPMM_LINEAR,
                                 .output = SPMM_U8,
                                 .layout = layout,
                                 .output_scale = 1};
        layer->calls[p] = (struct spmm_call){
            .weight = bench_pack(layer->values[p], rows_of(layer, p + 1),
                                 inputs, pattern),
            .activations = panels[products[p].from],
            .token_count = token_count,
            .post = post,
            .output = panels[p + 1],
        };
    }
    add_candidate(bench, layer,
                  sparsity_percent == 0 ? "dense" : bench_patterns[pattern],
                  sparsity_percent, ours_run, true);
}

/* ---- oneDNN ------------------------------------------------------------ */

#ifdef HAS_ONEDNN
static void partner_run(void *state)
{
    struct layer *layer = state;
    for (int p = 0; p < PRODUCTS; p++) {
        onednn_run(layer->primitives[p]);
    }
}

void bench_add_layer_onednn(struct bench *bench, int64_t width,
                            int64_t token_count)
{
    struct layer *layer = layer_new(width, token_count, SPMM_4X4, 0);
    for (int p = 0; p < PRODUCTS; p++) {
        layer->primitives[p] = onednn_new(&(struct onednn_product){
            .row_count = rows_of(layer, p + 1),
            .k_count = rows_of(layer, products[p].from),
            .token_count = token_count,
            .element = SPMM_S8,
            .weights = layer->values[p],
            .tokens = layer->tokens[products[p].from],
            .output = layer->tokens[p + 1],
            .bias = layer->bias[p],
            .scale = layer->scale[p],
            .has_gelu = products[p].has_gelu,
        });
    }
    add_candidate(bench, layer, "onednn", 0, partner_run, false);
}
#else
void bench_add_layer_onednn(struct bench *bench, int64_t width,
                            int64_t token_count)
{
    (void)bench, (void)width, (void)token_count;
}
#endif
