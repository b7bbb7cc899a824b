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

enum status spmm_call_check(const struct spmm_call *call,
                            struct spmm_kernels *kernels)
{
    if (call->token_count < 0 || !is_post_legal(&call->post)) {
        return ERR_INPUT;
    }
    if (!spmm_has_path(call->path)) {
        return ERR_IO;
    }
    *kernels = (struct spmm_kernels){spmm_tile_portable, spmm_finish_portable};
#if defined(__x86_64__)
    if (call->path != SPMM_PORTABLE && spmm_has_path(SPMM_AVX512_VNNI)) {
        *kernels = (struct spmm_kernels){spmm_tile_vnni, spmm_finish_avx512};
    }
#endif
    return OK;
}

/* Raw sums need no step after the sum: a tile in full is D itself. */
static bool is_stored_directly(const struct spmm_call *call, int64_t row)
{
    const struct spmm_weight *weight = call->weight;
    return call->post.output == SPMM_S32 && call->post.bias == NULL &&
           row + weight->tile_rows <= weight->row_count;
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
    for (int64_t i = range->tile_begin; i < range->tile_end; i++) {
        int64_t row = i * weight->tile_rows;
        if (is_stored_directly(call, row)) {
            int64_t at = (panel_index * weight->row_count + row) * SPMM_PANEL;
            kernels->tile(weight, row, panel, vectors,
                          (int32_t *)call->output + at);
            continue;
        }
        kernels->tile(weight, row, panel, vectors, tile);
        kernels->finish(call, row, weight->tile_rows, panel_index, vectors,
                        tile);
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
