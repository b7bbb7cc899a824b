/* Choice of path, checks, and the loops over tiles. Panels are the outer loop:
 * one panel of activations (64 bytes an input) stays in the caches while all
 * rows of the weight pass by. */
#include "kernels/spmm/block.h"

#include <math.h>

bool spmm_has_path(enum spmm_path path)
{
    switch (path) {
    case SPMM_AUTO:
    case SPMM_PORTABLE:
        return true;
    case SPMM_AVX512_VNNI:
    case SPMM_AVX512_VNNI_KEEP:
        break;
    }
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

static bool is_post_legal(const struct spmm_post *post)
{
    switch (post->output) {
    case SPMM_S32:
        return post->scale == NULL && post->residual == NULL &&
               post->function == SPMM_LINEAR && post->layout == SPMM_LINES;
    case SPMM_F32:
        return post->layout == SPMM_LINES;
    case SPMM_U8:
        return isfinite(post->output_scale) && post->zero_point >= 0 &&
               post->zero_point <= 255;
    case SPMM_S8:
        return isfinite(post->output_scale) && post->zero_point >= -128 &&
               post->zero_point <= 127;
    }
    return false;
}

/* Zen 4 executes shuffles beside vpdpbusd, so that unpacking again costs
 * nothing; on Intel's cores both wait for port 5. */
static enum spmm_path best_path(void)
{
    if (!spmm_has_path(SPMM_AVX512_VNNI)) {
        return SPMM_PORTABLE;
    }
#if defined(__x86_64__)
    if (__builtin_cpu_is("amd")) {
        return SPMM_AVX512_VNNI;
    }
#endif
    return SPMM_AVX512_VNNI_KEEP;
}

static struct spmm_kernels kernels_of(enum spmm_path path)
{
    switch (path) {
    case SPMM_AUTO:
        return kernels_of(best_path());
#if defined(__x86_64__)
    case SPMM_AVX512_VNNI:
        return (struct spmm_kernels){true, spmm_tile_vnni, spmm_finish_avx512};
    case SPMM_AVX512_VNNI_KEEP:
        return (struct spmm_kernels){false, spmm_tile_vnni_keep,
                                     spmm_finish_avx512};
#else
    case SPMM_AVX512_VNNI:
    case SPMM_AVX512_VNNI_KEEP:
#endif
    case SPMM_PORTABLE:
        break;
    }
    return (struct spmm_kernels){false, spmm_tile_portable,
                                 spmm_finish_portable};
}

enum status spmm_call_check(const struct spmm_call *call,
                            struct spmm_kernels *kernels)
{
    if (call->token_count < 0 || !is_post_legal(&call->post)) {
        return ERR_INPUT;
    }
    if (!spmm_has_path(call->path)) {
        return ERR_IO;
    }
    *kernels = kernels_of(call->path);
    return OK;
}

/* Raw sums need no step after the sum: a tile in full is D itself. */
static bool is_stored_directly(const struct spmm_call *call, int64_t end_row)
{
    return call->post.output == SPMM_S32 && call->post.bias == NULL &&
           end_row <= call->weight->row_count;
}

static void run_panel(const struct spmm_call *call,
                      const struct spmm_kernels *kernels,
                      const struct spmm_range *range, int64_t panel_index)
{
    _Alignas(64) int32_t tile[TILE_ROWS_MAX * SPMM_PANEL];
    const struct spmm_weight *weight = call->weight;
    enum spmm_layout layout = spmm_input_layout(weight->pattern);
    int64_t panel_bytes =
        spmm_padded_rows(weight->k_count, layout) * SPMM_PANEL;
    const uint8_t *panel = call->activations + panel_index * panel_bytes;
    int64_t token_count =
        MIN(SPMM_PANEL, call->token_count - panel_index * SPMM_PANEL);
    int vectors = (int)num_ceil_div(token_count, 16);
    int64_t step = kernels->is_by_four ? 4 : weight->tile_rows;
    int64_t end = MIN(range->tile_end * weight->tile_rows, weight->row_count);
    for (int64_t row = range->tile_begin * weight->tile_rows; row < end;
         row += step) {
        if (is_stored_directly(call, row + step)) {
            int64_t at = (panel_index * weight->row_count + row) * SPMM_PANEL;
            kernels->tile(weight, row, panel, vectors,
                          (int32_t *)call->output + at);
            continue;
        }
        kernels->tile(weight, row, panel, vectors, tile);
        kernels->finish(call, row, step, panel_index, vectors, tile);
    }
}

void spmm_run_range(const struct spmm_call *call,
                    const struct spmm_kernels *kernels,
                    const struct spmm_range *range)
{
    for (int64_t p = range->panel_begin; p < range->panel_end; p++) {
        run_panel(call, kernels, range, p);
    }
}

enum status spmm_run(const struct spmm_call *call)
{
    struct spmm_kernels kernels;
    TRY(spmm_call_check(call, &kernels));
    struct spmm_range all = {
        .tile_end =
            num_ceil_div(call->weight->row_count, call->weight->tile_rows),
        .panel_end = num_ceil_div(call->token_count, SPMM_PANEL),
    };
    spmm_run_range(call, &kernels, &all);
    return OK;
}
