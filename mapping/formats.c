/* From formats to the bits that flows move. A memory keeps a tensor tile by tile,
 * as the hold there has it; the outermost one, or a leaf's operand that no hold
 * keeps, in the tiles in which it is fetched. In counts, elements come first:
 * those of visits in which anything is kept. Over one traversal of the tensor
 * these visits move E elements, which the format stores in S bits; so a flow of n
 * elements moves n S / E bits, which is exact where every tile is visited equally
 * often, and rounded up once where not. */
#include "mapping/formats.h"

#include <string.h>

#include "mapping/flows.h"
#include "mapping/storage.h"

/* ---- which format ----------------------------------------------------------- */

static const struct tree_format *find_format(const struct builder *b,
                                             int tensor, int memory)
{
    const struct tree_format *found = NULL;
    const char *name = b->workload->tensors[tensor].name;
    const char *place = b->arch->memories[memory].name;
    for (guint i = 0; i < b->mapping->formats->len; i++) {
        const struct tree_format *format = b->mapping->formats->pdata[i];
        bool is_here = format->places->len == 0;
        for (guint p = 0; p < format->places->len; p++) {
            is_here |= g_str_equal(
                g_array_index(format->places, struct tree_name, p).text, place);
        }
        if (is_here && g_str_equal(format->tensor.text, name)) {
            found = format;
        }
    }
    return found;
}

static int find_dim(const struct einsum_tensor *tensor, const char *rank)
{
    for (int d = 0; d < 2; d++) {
        if (g_strcmp0(tensor->dim_rank[d], rank) == 0) {
            return d;
        }
    }
    return -1;
}

static enum status bind_block(struct builder *b,
                              const struct tree_format *format,
                              const struct einsum_tensor *tensor,
                              struct storage *storage)
{
    for (guint i = 0; i < format->block->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(format->block, struct tree_pair, i);
        int dim = find_dim(tensor, pair->key.text);
        int64_t size = 0;
        TRY(expr_eval(pair->value, b->scope, b->diags, &size));
        if (dim < 0 || size < 1) {
            diag_error(b->diags, pair->key.span, "mapping-format-block", NULL,
                       "a block has elements along ranks of '%s', not '%s': "
                       "%" G_GINT64_FORMAT,
                       tensor->name, pair->key.text, size);
            return ERR_INPUT;
        }
        storage->block[dim] = size;
    }
    if (format->group != NULL) {
        TRY(expr_eval(format->group, b->scope, b->diags, &storage->group));
        if (storage->group < 1) {
            diag_error(b->diags, expr_span(format->group),
                       "mapping-format-block", NULL,
                       "blocks in groups of %" G_GINT64_FORMAT, storage->group);
            return ERR_INPUT;
        }
    }
    return OK;
}

#define RUN_BITS 5 /* Eyeriss (ISCA 2016) */

static enum status bind_storage(struct builder *b,
                                const struct tree_format *format, int tensor,
                                int memory, struct storage *storage)
{
    const struct arch_memory *m = &b->arch->memories[memory];
    *storage = (struct storage){
        .kind = format->kind,
        .value_bits =
            format->value_bits > 0 ? format->value_bits : m->word_bits,
        .index_bits = format->index_bits,
        .pointer_bits = format->pointer_bits,
        .run_bits = format->run_bits > 0 ? MIN(format->run_bits, 32) : RUN_BITS,
        .block = {1, 1},
        .group = 1,
    };
    return bind_block(b, format, &b->workload->tensors[tensor], storage);
}

/* ---- tiles ------------------------------------------------------------------ */

/* Where tiles of one dimension begin, and its end. */
static GArray *cuts_new(int64_t extent)
{
    GArray *cuts = g_array_new(FALSE, FALSE, sizeof(int64_t));
    int64_t begin = 0;
    g_array_append_val(cuts, begin);
    g_array_append_val(cuts, extent);
    return cuts;
}

/* Cuts every tile into smaller ones. */
static void cut(GArray **cuts, int64_t tile)
{
    GArray *finer = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (guint i = 0; i + 1 < (*cuts)->len; i++) {
        int64_t end = g_array_index(*cuts, int64_t, i + 1);
        for (int64_t at = g_array_index(*cuts, int64_t, i); at < end;
             at += tile) {
            g_array_append_val(finer, at);
        }
    }
    g_array_append_val(finer, g_array_index(*cuts, int64_t, (*cuts)->len - 1));
    g_array_unref(*cuts);
    *cuts = finer;
}

/* The tensor's tiles at `node` (-1: all of it); with a step, those of the
 * iterations of its loops. */
struct tiles {
    GArray *cuts[2];
};

static void tiles_clear(struct tiles *tiles)
{
    g_array_unref(tiles->cuts[0]);
    g_array_unref(tiles->cuts[1]);
}

static int dim_rank(const struct builder *b, int tensor, int dim)
{
    return workload_find_rank(b->workload,
                              b->workload->tensors[tensor].dim_rank[dim]);
}

static void tiles_init(struct tiles *tiles, const struct builder *b, int tensor,
                       int node, const struct step *step)
{
    int splits[MAX_LOOPS];
    int count = node < 0 ? 0 : node_splits(b->plan, node, splits);
    for (int d = 0; d < 2; d++) {
        int rank = dim_rank(b, tensor, d);
        tiles->cuts[d] = cuts_new(b->workload->tensors[tensor].extent[d]);
        for (int i = 0; i < count; i++) {
            if (b->plan->nodes[splits[i]].rank == rank) {
                cut(&tiles->cuts[d], b->plan->nodes[splits[i]].tile);
            }
        }
        for (int i = 0; step != NULL && i < step->loop_count; i++) {
            if (step->loop[i].rank == rank) {
                cut(&tiles->cuts[d], step->loop[i].tile);
            }
        }
    }
}

/* Elements and bits of the tiles with anything kept, and bits of the largest.
 * `storage` NULL: elements only. */
struct tiles_sum {
    int64_t elements;
    int64_t bits;
    int64_t most_bits;
};

static struct tiles_sum tiles_add_up(const struct tiles *tiles,
                                     const struct einsum_pattern *pattern,
                                     const struct storage *storage)
{
    struct tiles_sum sum = {0, 0, 0};
    for (guint i = 0; i + 1 < tiles->cuts[0]->len; i++) {
        for (guint j = 0; j + 1 < tiles->cuts[1]->len; j++) {
            const int64_t low[2] = {g_array_index(tiles->cuts[0], int64_t, i),
                                    g_array_index(tiles->cuts[1], int64_t, j)};
            const int64_t high[2] = {
                g_array_index(tiles->cuts[0], int64_t, i + 1),
                g_array_index(tiles->cuts[1], int64_t, j + 1)};
            if (pattern_count(pattern, true, low, high) == 0) {
                continue;
            }
            sum.elements += (high[0] - low[0]) * (high[1] - low[1]);
            int64_t bits = storage == NULL
                               ? 0
                               : storage_count(storage, pattern, low, high);
            sum.bits += bits;
            sum.most_bits = MAX(sum.most_bits, bits);
        }
    }
    return sum;
}

/* ---- flows ------------------------------------------------------------------ */

static enum status refuse_dense(struct builder *b,
                                const struct tree_format *format)
{
    diag_error(b->diags, format->span, "mapping-format-dense",
               "the cascade's 'sparse:' says where a tensor is not zero",
               "'%s' is not sparse: it can only be stored dense",
               format->tensor.text);
    return ERR_INPUT;
}

/* `keeper`: whose tiles the memory has; -1: all of the tensor is one. */
static enum status find_ratio(struct builder *b, const struct plan_flow *flow,
                              int memory, int keeper, struct plan_ratio *ratio)
{
    const struct tree_format *format = find_format(b, flow->tensor, memory);
    const struct einsum_pattern *pattern =
        b->workload->tensors[flow->tensor].pattern;
    struct storage storage;
    *ratio = (struct plan_ratio){0};
    if (format == NULL) {
        return OK;
    }
    TRY(bind_storage(b, format, flow->tensor, memory, &storage));
    if (format->kind == STORAGE_DENSE) {
        *ratio = (struct plan_ratio){storage.value_bits, 1, storage.value_bits};
        return OK;
    }
    if (pattern == NULL) {
        return refuse_dense(b, format);
    }
    struct step step;
    bool is_leaf = flow->node < 0;
    const struct plan_leaf *leaf =
        is_leaf ? &b->plan->leaves[flow->leaf] : NULL;
    bool has_steps = is_leaf && leaf->masking == ARCH_MASKING_SKIP;
    if (has_steps) {
        TRY(step_of_leaf(b, flow->leaf, &step));
    }
    struct tiles moved;
    struct tiles stored;
    tiles_init(&moved, b, flow->tensor, is_leaf ? leaf->node : flow->node,
               has_steps ? &step : NULL);
    tiles_init(&stored, b, flow->tensor, keeper, NULL);
    *ratio = (struct plan_ratio){
        tiles_add_up(&stored, pattern, &storage).bits,
        MAX(tiles_add_up(&moved, pattern, NULL).elements, 1),
        storage.value_bits};
    tiles_clear(&moved);
    tiles_clear(&stored);
    return OK;
}

static enum status check_names(struct builder *b)
{
    for (guint i = 0; i < b->mapping->formats->len; i++) {
        const struct tree_format *format = b->mapping->formats->pdata[i];
        if (workload_find_tensor(b->workload, format->tensor.text) < 0) {
            diag_error(b->diags, format->tensor.span, "mapping-unknown-tensor",
                       NULL, "unknown tensor '%s'", format->tensor.text);
        }
        for (guint p = 0; p < format->places->len; p++) {
            const struct tree_name *place =
                &g_array_index(format->places, struct tree_name, p);
            if (arch_find_memory(b->arch, place->text) < 0) {
                diag_error(b->diags, place->span, "mapping-unknown-memory",
                           NULL, "unknown memory '%s'", place->text);
            }
        }
    }
    return diags_status(b->diags);
}

enum status build_formats(struct builder *b)
{
    TRY(check_names(b));
    for (guint f = 0; f < b->flows->len && b->mapping->formats->len > 0; f++) {
        struct plan_flow *flow = &g_array_index(b->flows, struct plan_flow, f);
        bool is_leaf = flow->node < 0;
        int from = is_leaf ? b->plan->leaves[flow->leaf].node : flow->node;
        int keeper = flows_find_keeper(b->plan, from, flow->tensor);
        TRY(find_ratio(b, flow, flow->memory, is_leaf ? keeper : flow->node,
                       &flow->inner_ratio));
        if (!is_leaf) {
            TRY(find_ratio(b, flow, flow->outer,
                           keeper < 0 ? flow->node : keeper,
                           &flow->outer_ratio));
        }
    }
    return OK;
}

bool formats_count_tile(struct builder *b, int hold, int tensor,
                        int64_t elements, int64_t *bytes)
{
    int memory = b->plan->nodes[hold].memory;
    const struct tree_format *format = find_format(b, tensor, memory);
    const struct einsum_pattern *pattern = b->workload->tensors[tensor].pattern;
    struct storage storage;
    if (format == NULL) {
        return num_mul(elements, arch_word_bytes(&b->arch->memories[memory]),
                       bytes);
    }
    if (bind_storage(b, format, tensor, memory, &storage) != OK) {
        return false; /* build_formats reported it */
    }
    if (format->kind == STORAGE_DENSE || pattern == NULL) {
        bool fits = num_mul(elements, storage.value_bits, bytes);
        *bytes = num_ceil_div(*bytes, 8);
        return fits;
    }
    struct tiles tiles;
    tiles_init(&tiles, b, tensor, hold, NULL);
    *bytes = num_ceil_div(tiles_add_up(&tiles, pattern, &storage).most_bits, 8);
    tiles_clear(&tiles);
    return true;
}

/* ---- for those who count bytes ---------------------------------------------- */

bool plan_count_bits(const struct plan *plan, int flow_id, int memory,
                     int64_t elements, int64_t *bits)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    bool is_inside = flow->node < 0 || flow->memory == memory;
    struct plan_ratio ratio = is_inside ? flow->inner_ratio : flow->outer_ratio;
    if (ratio.elements == 0) {
        return num_mul(elements, plan->arch->memories[memory].word_bits, bits);
    }
    return num_mul_div_ceil(elements, ratio.bits, ratio.elements, bits);
}
