/* How much each memory holds. A hold above a pipeline keeps a tile from the
 * first use of an iteration to its last, which may lie several steps later; the
 * tile is needed in as many copies as iterations are in flight, unless loops
 * inside the hold move through it slowly enough that each part is done with
 * before it is written again. */
#include "mapping/builder.h"
#include "mapping/formats.h"
#include "mapping/turns.h"

int capacity_find_pipeline(const struct plan *plan, int node)
{
    for (int n = node; n >= 0; n = plan->nodes[n].first_child) {
        if (plan->nodes[n].kind == PLAN_PIPELINE) {
            return n;
        }
        if (!node_is_split(&plan->nodes[n]) &&
            plan->nodes[n].kind != PLAN_HOLD) {
            return -1;
        }
    }
    return -1;
}

struct lifetime {
    int first;
    int last;
    bool is_any;
};

static void lifetime_add(struct lifetime *lifetime, int delay)
{
    lifetime->first =
        lifetime->is_any && lifetime->first < delay ? lifetime->first : delay;
    lifetime->last =
        lifetime->is_any && lifetime->last > delay ? lifetime->last : delay;
    lifetime->is_any = true;
}

/* Iterations of the pipeline between two visits to the same part of the tile.
 */
static int64_t revisit_distance(struct builder *b, int hold, int pipeline,
                                int tensor, const GArray *uses)
{
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, hold, pipeline, loops);
    int iterative = b->workload->tensors[tensor].iterative_rank;
    int64_t distance = 1;
    for (int i = 0; i < count; i++) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        for (guint u = 0; u < uses->len; u++) {
            if (loop->rank != iterative &&
                access_uses_rank(
                    g_array_index(uses, struct tensor_use, u).access,
                    loop->rank)) {
                distance *= loop->least_trips;
                break;
            }
        }
    }
    return distance;
}

int64_t capacity_count_in_flight(struct builder *b, const GArray *uses)
{
    struct lifetime now = {0};
    struct lifetime previous = {0};
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        int delay = leaf_delay(b->plan, &b->plan->leaves[use->leaf]);
        bool is_previous =
            !use->is_write && plan_reads_previous(b->plan, use->access);
        lifetime_add(is_previous ? &previous : &now, delay);
    }
    return 1 + MAX(now.last - now.first, previous.last - previous.first);
}

static int64_t count_needed_copies(struct builder *b, int hold, int tensor,
                                   const GArray *uses)
{
    int pipeline = capacity_find_pipeline(b->plan, hold);
    if (pipeline < 0) {
        return 1;
    }
    int64_t in_flight = capacity_count_in_flight(b, uses);
    int64_t distance = revisit_distance(b, hold, pipeline, tensor, uses);
    return distance >= in_flight ? 1 : num_ceil_div(in_flight, distance);
}

/* Elements of the tile at the hold; of a tensor that advances along a rank inside
 * the hold, the slices that are alive at once. */
static enum status count_tile(struct builder *b, int hold, int tensor,
                              const GArray *uses, int64_t *elements)
{
    const struct einsum_tensor *t = &b->workload->tensors[tensor];
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, hold, extent);
    int64_t slices = hold_count_slices(b, hold, tensor, uses);
    if (!uses_count_elements(uses, NULL, extent,
                             slices > 0 ? t->iterative_dim : -1, elements) ||
        !num_mul(*elements, MAX(slices, 1), elements)) {
        return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                         "tile of '%s' exceeds 64 bits", t->name);
    }
    return OK;
}

/* Lanes below the hold, up to the leaf, that have a memory each. */
static int64_t count_lanes_below(struct builder *b, int hold,
                                 const struct plan_leaf *leaf)
{
    const struct arch_memory *memory =
        &b->arch->memories[b->plan->nodes[hold].memory];
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int64_t lanes = leaf->lanes_used;
    for (int n = b->plan->nodes[leaf->node].parent; n >= 0;
         n = b->plan->nodes[n].parent) {
        const struct plan_node *node = &b->plan->nodes[n];
        if (node->kind == PLAN_SPATIAL &&
            (plan_is_above(b->plan, n, hold) ||
             memory_find_axis(memory, node->axis) == NULL)) {
            lanes /= node->trips;
        }
    }
    for (int r = 0; r < s->rank_count; r++) {
        int axis = leaf->axis_of[r];
        if (axis >= 0 &&
            memory_find_axis(memory, unit->axis[axis].id) == NULL) {
            lanes /= MAX(leaf->lane_extent[r], 1);
        }
    }
    return lanes;
}

/* Over how many instances of the memory the tile is spread. */
static int64_t count_instances(struct builder *b, int hold, const GArray *uses)
{
    int memory = b->plan->nodes[hold].memory;
    int64_t lanes = 1;
    for (guint u = 0; u < uses->len; u++) {
        const struct plan_leaf *leaf =
            &b->plan->leaves[g_array_index(uses, struct tensor_use, u).leaf];
        if (arch_is_above(b->arch, memory, leaf->unit)) {
            lanes = MAX(lanes, count_lanes_below(b, hold, leaf));
        }
    }
    return MIN(lanes, b->arch->memories[memory].instances);
}

static enum status check_copies(struct builder *b, int hold, int tensor,
                                int64_t needed)
{
    struct plan_node *node = &b->plan->nodes[hold];
    if (node->copies >= needed || node->assumption != NULL ||
        node->copies == 0) {
        return OK;
    }
    diag_error(b->diags, node->span, "mapping-too-few-copies", NULL,
               "%" G_GINT64_FORMAT " copies of '%s': it would be overwritten "
               "while still needed; the pipeline keeps %" G_GINT64_FORMAT
               " in flight",
               node->copies, b->workload->tensors[tensor].name, needed);
    return ERR_INPUT;
}

static enum status build_hold_footprint(struct builder *b, int hold)
{
    struct plan_node *node = &b->plan->nodes[hold];
    int64_t most = 0;
    int64_t sum = 0;
    int64_t most_copies = 1;
    for (int i = 0; i < node->held_count; i++) {
        g_autoptr(GArray) uses = plan_uses(b->plan, node->held[i]);
        for (guint u = uses->len; u-- > 0;) {
            int leaf = g_array_index(uses, struct tensor_use, u).leaf;
            if (!plan_is_above(b->plan, hold, b->plan->leaves[leaf].node)) {
                g_array_remove_index(uses, u);
            }
        }
        if (uses->len == 0) {
            continue;
        }
        int64_t needed = count_needed_copies(b, hold, node->held[i], uses);
        TRY(check_copies(b, hold, node->held[i], needed));
        int64_t copies = node->copies > 0 ? node->copies : needed;
        node->held_copies[i] = copies;
        node->held_slices[i] = hold_count_slices(b, hold, node->held[i], uses);
        most_copies = MAX(most_copies, copies);
        int64_t bytes = 0;
        TRY(count_tile(b, hold, node->held[i], uses, &bytes));
        bytes = num_ceil_div(bytes, count_instances(b, hold, uses));
        if (!formats_count_tile(b, hold, node->held[i], bytes, &bytes) ||
            !num_mul(bytes, copies, &bytes) || !num_add(sum, bytes, &sum)) {
            return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                             "footprint exceeds 64 bits");
        }
        node->held_bytes[i] = bytes;
        most = MAX(most, bytes);
    }
    node->footprint_bytes = node->is_shared ? most : sum;
    node->copies = most_copies;
    return OK;
}

/* Bytes of `memory` held at once by the subtree of `node`: what the branches of
 * a pipeline hold adds up, those of phases and sequences take turns, beside what
 * stays of the others. False on overflow. */
static bool subtree_footprint(struct builder *b, int node, int memory,
                              const struct turns_bytes *staying, int64_t *bytes)
{
    const struct plan_node *n = &b->plan->nodes[node];
    int64_t branches = 0;
    for (int c = n->first_child; c >= 0; c = b->plan->nodes[c].next_sibling) {
        int64_t branch = 0;
        if (!subtree_footprint(b, c, memory, staying, &branch)) {
            return false;
        }
        if (n->kind != PLAN_PIPELINE) {
            branches = MAX(branches, branch - staying[c].own);
        } else if (!num_add(branches, branch, &branches)) {
            return false;
        }
    }
    bool is_here = n->kind == PLAN_HOLD && n->memory == memory;
    return num_add(branches, staying[node].children, &branches) &&
           num_add(branches, is_here ? n->footprint_bytes : 0, bytes);
}

static void report_capacity(struct builder *b, int memory, int64_t footprint)
{
    int largest = -1;
    GString *list = g_string_new(NULL);
    for (int n = 0; n < b->plan->node_count; n++) {
        const struct plan_node *node = &b->plan->nodes[n];
        if (node->kind != PLAN_HOLD || node->memory != memory) {
            continue;
        }
        g_autofree char *bytes = units_format_bytes(node->footprint_bytes);
        g_string_append_printf(list, "%sline %d %s", list->len > 0 ? ", " : "",
                               node->span.line, bytes);
        if (largest < 0 ||
            node->footprint_bytes > b->plan->nodes[largest].footprint_bytes) {
            largest = n;
        }
    }
    const struct arch_memory *m = &b->arch->memories[memory];
    g_autofree char *size = units_format_bytes(m->size_bytes);
    g_autofree char *needed = units_format_bytes(footprint);
    diag_error(b->diags, b->plan->nodes[largest].span, "mapping-capacity", NULL,
               "memory '%s' has %s%s, the mapping keeps %s in it (%s)", m->name,
               size, m->instances > 1 ? " each" : "", needed, list->str);
    g_string_free(list, TRUE);
}

static int64_t spillable_bytes(struct builder *b, int memory)
{
    int64_t bytes = 0;
    for (int n = 0; n < b->plan->node_count; n++) {
        const struct plan_node *node = &b->plan->nodes[n];
        if (node->kind == PLAN_HOLD && node->memory == memory &&
            node->can_spill && !num_add(bytes, node->footprint_bytes, &bytes)) {
            return INT64_MAX;
        }
    }
    return bytes;
}

/* Does anything below the hold run on more than one lane of the axis? */
static bool is_axis_used_below(const struct plan *plan, int hold, int axis)
{
    for (int n = hold; n < plan->node_count; n++) {
        if (plan->nodes[n].kind == PLAN_SPATIAL &&
            plan->nodes[n].axis == axis && plan_is_above(plan, hold, n)) {
            return true;
        }
    }
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        const struct arch_unit *unit = &plan->arch->units[leaf->unit];
        int ranks = plan->workload->statements[leaf->statement].rank_count;
        for (int r = 0; r < ranks; r++) {
            if (leaf->axis_of[r] >= 0 &&
                unit->axis[leaf->axis_of[r]].id == axis &&
                plan_is_above(plan, hold, leaf->node)) {
                return true;
            }
        }
    }
    return false;
}

/* Instances that a hold uses: the lanes of `spatial` nodes above it; along an
 * axis that is taken below it only, over all lanes of which its tile is spread,
 * every one; along an axis that nothing takes, the first. */
static int64_t count_hold_instances(const struct plan *plan, int hold)
{
    const struct arch_memory *memory =
        &plan->arch->memories[plan->nodes[hold].memory];
    int64_t instances = 1;
    for (int a = 0; a < memory->axis_count; a++) {
        const struct arch_axis *axis = &memory->axis[a];
        int64_t lanes = spatial_lanes_above(plan, hold, axis->id);
        if (lanes == 1 && is_axis_used_below(plan, hold, axis->id)) {
            lanes = axis->size;
        }
        instances *= lanes;
    }
    return instances;
}

/* Instances that hold anything. */
static int64_t count_instances_used(struct builder *b, int memory)
{
    int64_t used = 0;
    for (int n = 0; n < b->plan->node_count; n++) {
        if (b->plan->nodes[n].kind == PLAN_HOLD &&
            b->plan->nodes[n].memory == memory) {
            used = MAX(used, count_hold_instances(b->plan, n));
        }
    }
    return used > 0 ? MIN(used, b->arch->memories[memory].instances)
                    : b->arch->memories[memory].instances;
}

static enum status build_memory(struct builder *b, const GArray *turns,
                                int memory)
{
    g_autofree struct turns_bytes *staying =
        g_new(struct turns_bytes, (gsize)b->plan->node_count);
    struct plan_memory *m = &b->plan->memories[memory];
    int64_t size = b->arch->memories[memory].size_bytes;
    m->instances_used = count_instances_used(b, memory);
    if (!turns_count(b->plan, turns, memory, staying) ||
        !subtree_footprint(b, 0, memory, staying, &m->footprint_bytes)) {
        return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                         "what is held in '%s' exceeds 64 bits",
                         b->arch->memories[memory].name);
    }
    if (size == NUM_UNLIMITED || m->footprint_bytes <= size) {
        return OK;
    }
    m->spilled_bytes = m->footprint_bytes - size;
    for (int n = 0; n < b->plan->node_count; n++) {
        const struct plan_node *node = &b->plan->nodes[n];
        m->spills_through |= node->kind == PLAN_HOLD &&
                             node->memory == memory && node->spills_through;
    }
    if (m->spilled_bytes > spillable_bytes(b, memory)) {
        report_capacity(b, memory, m->footprint_bytes);
    }
    return OK;
}

enum status build_capacity(struct builder *b)
{
    for (int n = 0; n < b->plan->node_count; n++) {
        if (b->plan->nodes[n].kind == PLAN_HOLD) {
            TRY(build_hold_footprint(b, n));
        }
    }
    g_autoptr(GArray) turns = turns_list(b);
    b->plan->memories =
        g_new0(struct plan_memory, (gsize)b->arch->memory_count);
    for (int m = 0; m < b->arch->memory_count; m++) {
        TRY(build_memory(b, turns, m));
    }
    return diags_status(b->diags);
}
