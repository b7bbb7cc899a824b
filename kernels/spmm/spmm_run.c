/* Choice of path, checks, and the loops over tiles. Panels are the outer loop:
 * one panel of activations (64 bytes an input) stays in the caches while all
 * rows of the weight pass by. */
#include "kernels/spmm/block.h"

#include <math.h>

#if defined(__x86_64__)
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

bool spmm_has_path(enum spmm_path path)
{
    switch (path) {
    case SPMM_AUTO:
    case SPMM_PORTABLE:
        return true;
#if defined(__x86_64__)
    case SPMM_AVX512_VNNI:
    case SPMM_AVX512_VNNI_KEEP:
        return has_avx512() && __builtin_cpu_supports("avx512vnni");
    case SPMM_AVX512:
        return has_avx512();
    case SPMM_AVX512_BF16:
        return has_avx512() && __builtin_cpu_supports("avx512bf16");
#else
    case SPMM_AVX512_VNNI:
    case SPMM_AVX512_VNNI_KEEP:
    case SPMM_AVX512:
    case SPMM_AVX512_BF16:
        break;
#endif
    }
    return false;
}

static bool is_path_of(enum spmm_path path, enum spmm_element weight)
{
    switch (path) {
    case SPMM_AUTO:
    case SPMM_PORTABLE:
        return true;
    case SPMM_AVX512_VNNI:
    case SPMM_AVX512_VNNI_KEEP:
        return weight == SPMM_S8;
    case SPMM_AVX512:
        return weight != SPMM_S8;
    case SPMM_AVX512_BF16:
        return weight == SPMM_BF16;
    }
    return false;
}

static bool is_post_legal(const struct spmm_post *post,
                          enum spmm_element weight)
{
    if (weight == SPMM_S8 ? post->real_bias != NULL : post->bias != NULL) {
        return false;
    }
    switch (post->output) {
    case SPMM_S32:
        return weight == SPMM_S8 && post->scale == NULL &&
               post->residual == NULL && post->function == SPMM_LINEAR &&
               post->layout == SPMM_LINES;
    case SPMM_F32:
    case SPMM_BF16:
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
static enum spmm_path best_path(enum spmm_element weight)
{
    if (weight == SPMM_S8 && spmm_has_path(SPMM_AVX512_VNNI)) {
#if defined(__x86_64__)
        if (__builtin_cpu_is("amd")) {
            return SPMM_AVX512_VNNI;
        }
#endif
        return SPMM_AVX512_VNNI_KEEP;
    }
    if (weight == SPMM_BF16 && spmm_has_path(SPMM_AVX512_BF16)) {
        return SPMM_AVX512_BF16;
    }
    if (weight != SPMM_S8 && spmm_has_path(SPMM_AVX512)) {
        return SPMM_AVX512;
    }
    return SPMM_PORTABLE;
}

static struct spmm_kernels kernels_of(enum spmm_path path,
                                      enum spmm_element weight)
{
    switch (path) {
    case SPMM_AUTO:
        return kernels_of(best_path(weight), weight);
#if defined(__x86_64__)
    case SPMM_AVX512_VNNI:
        return (struct spmm_kernels){true, spmm_tile_vnni, spmm_finish_avx512};
    case SPMM_AVX512_VNNI_KEEP:
        return (struct spmm_kernels){false, spmm_tile_vnni_keep,
                                     spmm_finish_avx512};
    case SPMM_AVX512:
        return (struct spmm_kernels){
            true, weight == SPMM_F32 ? spmm_tile_fma : spmm_tile_bf16_emulated,
            spmm_finish_avx512};
    case SPMM_AVX512_BF16:
        return (struct spmm_kernels){true, spmm_tile_bf16, spmm_finish_avx512};
#else
    case SPMM_AVX512_VNNI:
    case SPMM_AVX512_VNNI_KEEP:
    case SPMM_AVX512:
    case SPMM_AVX512_BF16:
#endif
    case SPMM_PORTABLE:
        break;
    }
    return (struct spmm_kernels){
        false, weight == SPMM_S8 ? spmm_tile_portable : spmm_tile_real_portable,
        spmm_finish_portable};
}

enum status spmm_call_check(const struct spmm_call *call,
                            struct spmm_kernels *kernels)
{
    enum spmm_element weight = call->weight->element;
    if (call->token_count < 0 || !is_path_of(call->path, weight) ||
        !is_post_legal(&call->post, weight)) {
        return ERR_INPUT;
    }
    if (!spmm_has_path(call->path)) {
        return ERR_IO;
    }
    *kernels = kernels_of(call->path, weight);
    return OK;
}

/* Raw sums need no step after the sum: a tile in full is D itself. */
static bool is_stored_directly(const struct spmm_call *call, int64_t end_row)
{
    const struct spmm_post *post = &call->post;
    bool is_raw =
        post->output == SPMM_S32
            ? post->bias == NULL
            : post->output == SPMM_F32 && call->weight->element != SPMM_S8 &&
                  post->real_bias == NULL && post->scale == NULL &&
                  post->residual == NULL && post->function == SPMM_LINEAR;
    return is_raw && end_row <= call->weight->row_count;
}

static void run_panel(const struct spmm_call *call,
                      const struct spmm_kernels *kernels,
                      const struct spmm_range *range, int64_t panel_index)
{
    union spmm_tile tile;
    const struct spmm_weight *weight = call->weight;
    enum spmm_layout layout =
        spmm_input_layout(weight->pattern, weight->element);
    int64_t panel_bytes = spmm_padded_rows(weight->k_count, layout) *
                          SPMM_PANEL * spmm_element_bytes(weight->element);
    const void *panel =
        (const char *)call->activations + panel_index * panel_bytes;
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
                          (char *)call->output + 4 * at);
            continue;
        }
        kernels->tile(weight, row, panel, vectors, &tile);
        kernels->finish(call, row, step, panel_index, vectors, &tile);
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
