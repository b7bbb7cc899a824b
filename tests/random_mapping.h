/* Random mappings: a cascade with small shapes, a small architecture, and a tree
 * of loops, holds, streams and branches over its Einsums. The generator knows
 * just enough of the rules to be legal often; now and then it forgets them, and
 * what it writes must then be refused. All choices come from one GRand. Include
 * after cmocka.h. */
#ifndef WEIR_TESTS_RANDOM_MAPPING_H
#define WEIR_TESTS_RANDOM_MAPPING_H

#include <stdlib.h>
#include <string.h>

#include "tests/random_inputs.h"

struct random_case {
    char *cascade; /* path */
    char *arch;    /* path */
    struct scope *chosen;
    char *text; /* of the mapping */
};

static inline void random_case_clear(struct random_case *c)
{
    g_free(c->cascade);
    g_free(c->arch);
    scope_free(c->chosen);
    g_free(c->text);
}

/* ---- the tree ----------------------------------------------------------- */

/* What is known on the way down. */
struct random_place {
    int64_t left[EINSUM_MAX_RANKS]; /* of each rank */
    bool is_looped[EINSUM_MAX_RANKS];
    int *memory; /* by tensor: of the innermost hold above; -1: none */
    bool is_in_branch;
    int64_t *taken; /* by axis id: lanes given to spatial nodes; 0: none */
};

struct random_tree {
    GRand *rand;
    const struct workload *workload;
    const struct arch *arch;
    int *unit; /* by statement */
    int *slot; /* by statement, of its pipeline child */
    int *delay;
    GString *out;
    bool is_irregular;
    bool is_repeating; /* Einsums may be computed repeatedly */
};

/* Statements that a subtree computes, text order. */
struct random_group {
    int count;
    int statement[32];
};

static inline const struct einsum_statement *
random_statement(const struct random_tree *tree, int id)
{
    return &tree->workload->statements[id];
}

static inline bool random_has_rank(const struct einsum_statement *s, int rank,
                                   bool must_reduce)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return !must_reduce || s->is_reduced[r];
        }
    }
    return false;
}

static inline bool random_reads(const struct einsum_statement *s, int tensor)
{
    for (int r = 0; r < s->read_count; r++) {
        if (s->resolved_reads[r].tensor == tensor) {
            return true;
        }
    }
    return false;
}

static inline bool random_uses(const struct random_tree *tree,
                               const struct random_group *group, int tensor)
{
    for (int i = 0; i < group->count; i++) {
        const struct einsum_statement *s =
            random_statement(tree, group->statement[i]);
        if (s->output.tensor == tensor || random_reads(s, tensor)) {
            return true;
        }
    }
    return false;
}

static inline bool random_can_do(const struct arch_unit *unit,
                                 const struct einsum_statement *s)
{
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (s->ops_per_point[op] > 0 &&
            arch_find_op(unit, einsum_op_name((enum einsum_op)op)) == NULL) {
            return false;
        }
    }
    return true;
}

static inline void random_units(struct random_tree *tree)
{
    for (int s = 0; s < tree->workload->statement_count; s++) {
        int unit = random_below(tree->rand, tree->arch->unit_count);
        for (int tries = 0; tries < tree->arch->unit_count &&
                            !random_can_do(&tree->arch->units[unit],
                                           random_statement(tree, s));
             tries++) {
            unit = (unit + 1) % tree->arch->unit_count;
        }
        tree->unit[s] = random_percent(tree->rand, 1)
                            ? random_below(tree->rand, tree->arch->unit_count)
                            : unit;
    }
}

/* ---- loops -------------------------------------------------------------- */

/* May a loop over the rank stand above the whole group? Every Einsum has it (or
 * only the last lacks it and can wait for its last iteration), and nobody reads
 * what is still being reduced over it. */
static inline bool random_can_loop(struct random_tree *tree,
                                   const struct random_group *group, int rank)
{
    if (random_percent(tree->rand, 1)) {
        return true;
    }
    int lacking = 0;
    for (int i = 0; i < group->count; i++) {
        const struct einsum_statement *s =
            random_statement(tree, group->statement[i]);
        lacking += !random_has_rank(s, rank, false);
        for (int k = 0; k < group->count; k++) {
            const struct einsum_statement *reader =
                random_statement(tree, group->statement[k]);
            if (random_has_rank(s, rank, true) && k != i &&
                random_reads(reader, s->output.tensor) &&
                random_has_rank(reader, rank, false)) {
                return false;
            }
        }
    }
    return lacking == 0 ||
           ((lacking < group->count || tree->is_repeating) &&
            random_percent(tree->rand, tree->is_repeating ? 60 : 30));
}

static inline int64_t random_tile(struct random_tree *tree, int64_t left)
{
    return tree->is_irregular && random_percent(tree->rand, 50)
               ? 1 + random_below(tree->rand, (int)left)
               : random_divisor(tree->rand, left);
}

static inline void random_loop(struct random_tree *tree,
                               const struct random_group *group,
                               struct random_place *place)
{
    int rank = random_below(tree->rand, tree->workload->rank_count);
    if (!random_can_loop(tree, group, rank)) {
        return;
    }
    int64_t tile = random_tile(tree, place->left[rank]);
    if (random_percent(tree->rand, 1)) {
        tile += random_below(tree->rand, 3);
    }
    g_string_append_printf(tree->out, "{for: {%s: %" G_GINT64_FORMAT "}},\n",
                           tree->workload->rank[rank].name, tile);
    place->left[rank] = tile;
    place->is_looped[rank] = true;
}

/* Lanes of an axis that is above all units of the group. */
static inline void random_spatial(struct random_tree *tree,
                                  const struct random_group *group,
                                  struct random_place *place)
{
    const struct arch_unit *unit =
        &tree->arch->units[tree->unit[group->statement[0]]];
    int rank = random_below(tree->rand, tree->workload->rank_count);
    if (unit->axis_count == 0 || place->left[rank] < 2 ||
        !random_can_loop(tree, group, rank)) {
        return;
    }
    const struct arch_axis *axis =
        &unit->axis[random_below(tree->rand, unit->axis_count)];
    bool is_wrong = false;
    for (int i = 0; i < group->count; i++) {
        const struct einsum_statement *s =
            random_statement(tree, group->statement[i]);
        const struct arch_unit *other =
            &tree->arch->units[tree->unit[group->statement[i]]];
        bool has_axis = false;
        for (int a = 0; a < other->axis_count; a++) {
            has_axis |= other->axis[a].id == axis->id;
        }
        is_wrong |= !has_axis || s->iterative_rank == rank ||
                    (!random_has_rank(s, rank, false) &&
                     random_percent(tree->rand, tree->is_repeating ? 40 : 95));
    }
    int64_t lanes = axis->size / MAX(place->taken[axis->id], 1);
    if ((is_wrong && !random_percent(tree->rand, 1)) || lanes < 1) {
        return;
    }
    int64_t least = num_ceil_div(place->left[rank], lanes);
    int64_t tile =
        least + random_below(tree->rand, (int)(place->left[rank] - least + 1));
    tile = random_percent(tree->rand, 50) ? least : tile;
    g_string_append_printf(tree->out, "{spatial: {%s: %s}",
                           tree->workload->rank[rank].name, axis->name);
    if (tile != least || random_percent(tree->rand, 50)) {
        g_string_append_printf(tree->out, ", tile: {%s: %" G_GINT64_FORMAT "}",
                               tree->workload->rank[rank].name, tile);
    }
    g_string_append(tree->out, "},\n");
    place->taken[axis->id] =
        MAX(place->taken[axis->id], 1) * num_ceil_div(place->left[rank], tile);
    place->left[rank] = tile;
}

/* Recurrences advance one index at a time above the branches. */
static inline void random_recurrence_loop(struct random_tree *tree,
                                          const struct random_group *group,
                                          struct random_place *place)
{
    for (int i = 0; i < group->count; i++) {
        int rank = random_statement(tree, group->statement[i])->iterative_rank;
        if (rank >= 0 && group->count > 1 && place->left[rank] > 1 &&
            random_percent(tree->rand, 97)) {
            g_string_append_printf(tree->out, "{for: {%s: 1}},\n",
                                   tree->workload->rank[rank].name);
            place->left[rank] = 1;
            place->is_looped[rank] = true;
        }
    }
}

/* ---- holds -------------------------------------------------------------- */

static inline bool random_is_above(const struct arch *arch, int memory,
                                   int inner)
{
    while (inner >= 0 && inner != memory) {
        inner = arch->memories[inner].parent;
    }
    return inner >= 0;
}

/* A memory that serves all units that use the tensor, not outside the one that
 * holds it already; -1 if the dice find none. */
static inline int random_memory(struct random_tree *tree,
                                const struct random_group *group,
                                const struct random_place *place, int tensor)
{
    int memory = random_below(tree->rand, tree->arch->memory_count);
    if (random_percent(tree->rand, 2)) {
        return memory;
    }
    if (place->memory[tensor] >= 0 &&
        !random_is_above(tree->arch, place->memory[tensor], memory)) {
        return -1;
    }
    for (int axis = 0; axis < tree->arch->axis_count; axis++) {
        const struct arch_memory *m = &tree->arch->memories[memory];
        bool is_inside = place->taken[axis] == 0;
        for (int a = 0; a < m->axis_count; a++) {
            is_inside |= m->axis[a].id == axis;
        }
        if (!is_inside) {
            return -1;
        }
    }
    for (int i = 0; i < group->count; i++) {
        const struct einsum_statement *s =
            random_statement(tree, group->statement[i]);
        if ((s->output.tensor == tensor || random_reads(s, tensor)) &&
            !random_is_above(
                tree->arch, memory,
                tree->arch->units[tree->unit[group->statement[i]]].memory)) {
            return -1;
        }
    }
    return memory;
}

static inline void random_hold_attributes(struct random_tree *tree,
                                          bool is_stream)
{
    if (random_percent(tree->rand, 20)) {
        g_string_append_printf(tree->out, ", copies: %d",
                               1 + random_below(tree->rand, 4));
    }
    if (!is_stream && random_percent(tree->rand, 8)) {
        g_string_append(tree->out, ", shared: true");
    }
    if (!is_stream && random_percent(tree->rand, 8)) {
        g_string_append(tree->out, ", spill: true");
    }
    if (random_percent(tree->rand, 8)) {
        g_string_append(tree->out, ", assume: \"a \\\"reason\\\"\"");
    }
}

/* One hold of one or more tensors; `wanted` >= 0 names the first of them. */
static inline void random_hold(struct random_tree *tree,
                               const struct random_group *group,
                               struct random_place *place, int wanted)
{
    int tensors = tree->workload->tensor_count;
    int tensor = wanted >= 0 ? wanted : random_below(tree->rand, tensors);
    if (!random_uses(tree, group, tensor)) {
        return;
    }
    int memory = -1;
    for (int tries = 0; tries < (wanted >= 0 ? 50 : 3) && memory < 0; tries++) {
        memory = random_memory(tree, group, place, tensor);
    }
    if (memory < 0) {
        return;
    }
    bool is_stream = wanted < 0 && random_percent(tree->rand, 15);
    g_string_append_printf(tree->out, "{%s: [%s", is_stream ? "stream" : "hold",
                           tree->workload->tensors[tensor].name);
    if (!is_stream) {
        place->memory[tensor] = memory;
    }
    for (int t = 0; t < tensors && random_percent(tree->rand, 40); t++) {
        bool is_free = place->memory[t] < 0 ||
                       random_is_above(tree->arch, place->memory[t], memory);
        if (t != tensor && is_free && random_uses(tree, group, t) &&
            random_memory(tree, group, place, t) == memory) {
            g_string_append_printf(tree->out, ", %s",
                                   tree->workload->tensors[t].name);
            place->memory[t] = is_stream ? place->memory[t] : memory;
        }
    }
    g_string_append_printf(tree->out, "], in: %s",
                           tree->arch->memories[memory].name);
    random_hold_attributes(tree, is_stream);
    g_string_append(tree->out, "},\n");
}

/* What is made and used below, by different branches or at different times,
 * needs a place. */
static inline void random_needed_holds(struct random_tree *tree,
                                       const struct random_group *group,
                                       struct random_place *place)
{
    for (int i = 0; i < group->count; i++) {
        int tensor = random_statement(tree, group->statement[i])->output.tensor;
        bool is_read = false;
        for (int k = 0; k < group->count; k++) {
            is_read |= random_reads(random_statement(tree, group->statement[k]),
                                    tensor);
        }
        if (is_read && place->memory[tensor] < 0 &&
            random_percent(tree->rand, 99)) {
            random_hold(tree, group, place, tensor);
        }
    }
}

/* ---- computes ----------------------------------------------------------- */

static inline int64_t random_lanes_left(const struct random_tree *tree,
                                        const struct random_place *place,
                                        int unit, int axis)
{
    const struct arch_axis *a = &tree->arch->units[unit].axis[axis];
    return MAX(a->size / MAX(place->taken[a->id], 1), 1);
}

static inline void random_compute_loops(struct random_tree *tree,
                                        const struct einsum_statement *s,
                                        const struct random_place *place,
                                        const int *axis, int unit,
                                        int64_t *left)
{
    const char *comma = ", for: [";
    for (int i = 0; i < s->rank_count; i++) {
        int r = random_percent(tree->rand, 50)
                    ? i
                    : random_below(tree->rand, s->rank_count);
        int64_t limit = axis[r] >= 0
                            ? random_lanes_left(tree, place, unit, axis[r])
                            : left[r];
        int64_t tile = num_largest_divisor(
            left[r], random_percent(tree->rand, 30)
                         ? 1 + random_below(tree->rand, (int)limit)
                         : limit);
        if (tree->is_irregular && random_percent(tree->rand, 40)) {
            tile = 1 + random_below(tree->rand, (int)MIN(left[r], limit));
        }
        if (tile < left[r] || random_percent(tree->rand, 10)) {
            g_string_append_printf(tree->out, "%s{%s: %" G_GINT64_FORMAT "}",
                                   comma, tree->workload->rank[s->rank[r]].name,
                                   tile);
            left[r] = tile;
            comma = ", ";
        }
    }
    /* Whatever is still too wide for its axis. */
    for (int r = 0; r < s->rank_count; r++) {
        int64_t limit = axis[r] >= 0
                            ? random_lanes_left(tree, place, unit, axis[r])
                            : left[r];
        if (left[r] > limit) {
            g_string_append_printf(tree->out, "%s{%s: %" G_GINT64_FORMAT "}",
                                   comma, tree->workload->rank[s->rank[r]].name,
                                   num_largest_divisor(left[r], limit));
            comma = ", ";
        }
    }
    if (comma[2] == '\0') {
        g_string_append_c(tree->out, ']');
    }
}

static inline void random_compute_axes(struct random_tree *tree,
                                       const struct einsum_statement *s,
                                       int unit, int *axis)
{
    const char *comma = ", spatial: {";
    for (int r = 0; r < s->rank_count; r++) {
        axis[r] = -1;
    }
    for (int a = 0; a < tree->arch->units[unit].axis_count; a++) {
        int r = random_below(tree->rand, s->rank_count);
        const struct arch_axis *it = &tree->arch->units[unit].axis[a];
        bool is_wrong = axis[r] >= 0 || s->rank[r] == s->iterative_rank ||
                        (s->is_reduced[r] && it->reduce == ARCH_REDUCE_NONE);
        if ((is_wrong && !random_percent(tree->rand, 1)) ||
            random_percent(tree->rand, 20)) {
            continue;
        }
        g_string_append_printf(tree->out, "%s%s: %s", comma,
                               tree->workload->rank[s->rank[r]].name, it->name);
        axis[r] = a;
        comma = ", ";
    }
    if (comma[2] == '\0') {
        g_string_append_c(tree->out, '}');
    }
}

static inline void random_compute_at(struct random_tree *tree,
                                     const struct einsum_statement *s,
                                     const struct random_place *place,
                                     bool is_repeated)
{
    const char *comma = ", at: {";
    for (int rank = 0; rank < tree->workload->rank_count; rank++) {
        if (place->is_looped[rank] && !random_has_rank(s, rank, false) &&
            random_percent(tree->rand, is_repeated ? 5 : 99)) {
            g_string_append_printf(tree->out, "%s%s: last", comma,
                                   tree->workload->rank[rank].name);
            comma = ", ";
        }
    }
    if (comma[2] == '\0') {
        g_string_append_c(tree->out, '}');
    }
}

/* `compute: ...` without braces; `second` >= 0 is computed together with it. */
static inline void random_compute(struct random_tree *tree, int id, int second,
                                  const struct random_place *place)
{
    const struct einsum_statement *s = random_statement(tree, id);
    int unit = tree->unit[id];
    g_string_append_printf(tree->out, "compute: [%s", s->name);
    if (second >= 0) {
        g_string_append_printf(tree->out, ", %s",
                               random_statement(tree, second)->name);
    }
    g_string_append_printf(tree->out, "], on: %s",
                           tree->arch->units[unit].name);
    int axis[EINSUM_MAX_RANKS];
    random_compute_axes(tree, s, unit, axis);
    int64_t left[EINSUM_MAX_RANKS];
    for (int r = 0; r < s->rank_count; r++) {
        left[r] = place->left[s->rank[r]];
    }
    random_compute_loops(tree, s, place, axis, unit, left);
    bool is_repeated = tree->is_repeating && random_percent(tree->rand, 97);
    random_compute_at(tree, s, place, is_repeated);
    if (is_repeated) {
        g_string_append(tree->out, ", recompute: true");
    }
    if (random_percent(tree->rand, 10)) {
        static const char *const words[] = {"compute", "gate", "skip"};
        int most = (int)tree->arch->units[unit].masking;
        int word = random_below(tree->rand, 1 + most);
        g_string_append_printf(tree->out, ", masked: %s", words[word]);
    }
    if (random_percent(tree->rand, 20) &&
        tree->arch->units[unit].is_chainable) {
        g_string_append(tree->out, ", chained: true");
    }
}

/* ---- branches ----------------------------------------------------------- */

static inline void random_subtree(struct random_tree *tree,
                                  const struct random_group *group,
                                  const struct random_place *above);

/* Slot and delay of one more child, after those whose results it reads. */
static inline void random_position(struct random_tree *tree,
                                   const struct random_group *group, int style)
{
    int slot = style == 1 ? 0 : random_below(tree->rand, 3);
    int delay = 0;
    for (int i = 0; i < group->count; i++) {
        const struct einsum_statement *s =
            random_statement(tree, group->statement[i]);
        for (int r = 0; r < s->read_count; r++) {
            int producer =
                tree->workload->tensors[s->resolved_reads[r].tensor].producer;
            if (producer < 0 || producer >= group->statement[0] ||
                tree->delay[producer] < 0 || random_percent(tree->rand, 1)) {
                continue;
            }
            int later = random_percent(tree->rand, style == 0 ? 70 : 40);
            int step = style == 1 ? tree->delay[producer] + 1
                                  : tree->delay[producer] + later;
            delay = MAX(delay, step);
        }
    }
    for (int i = 0; i < group->count; i++) {
        const struct einsum_statement *s =
            random_statement(tree, group->statement[i]);
        for (int r = 0; r < s->read_count; r++) {
            int producer =
                tree->workload->tensors[s->resolved_reads[r].tensor].producer;
            if (producer >= 0 && producer < group->statement[0] &&
                tree->delay[producer] == delay && style != 1) {
                slot = MAX(slot, tree->slot[producer] + 1);
            }
        }
    }
    for (int i = 0; i < group->count; i++) {
        tree->slot[group->statement[i]] = slot;
        tree->delay[group->statement[i]] = delay;
    }
    if (slot > 0 || random_percent(tree->rand, 50)) {
        g_string_append_printf(tree->out, "slot: %d, ", slot);
    }
    if (delay > 0 || random_percent(tree->rand, 50)) {
        g_string_append_printf(tree->out, "delay: %d, ", delay);
    }
}

/* Do the two Einsums fit into one compute node? */
static inline bool random_can_join(struct random_tree *tree, int first,
                                   int second)
{
    const struct einsum_statement *a = random_statement(tree, first);
    const struct einsum_statement *b = random_statement(tree, second);
    bool is_same =
        a->rank_count == b->rank_count && a->reduce == EINSUM_NO_REDUCE;
    for (int r = 0; is_same && r < a->rank_count; r++) {
        is_same = random_has_rank(b, a->rank[r], false);
    }
    return is_same && random_reads(b, a->output.tensor) &&
           random_can_do(&tree->arch->units[tree->unit[first]], b) &&
           random_percent(tree->rand, 40);
}

static inline void random_branches(struct random_tree *tree,
                                   const struct random_group *group,
                                   struct random_place *place, const char *key)
{
    bool is_pipeline = strcmp(key, "pipeline") == 0;
    int style = random_below(tree->rand, 3);
    g_string_append_printf(tree->out, "{%s: [\n", key);
    place->is_in_branch |= strcmp(key, "phases") != 0;
    for (int from = 0; from < group->count;) {
        struct random_group child = {0};
        int count = random_percent(tree->rand, 75)
                        ? 1
                        : 1 + random_below(tree->rand, 3);
        while (child.count < count && from < group->count) {
            child.statement[child.count++] = group->statement[from++];
        }
        g_string_append(tree->out, "{");
        if (is_pipeline) {
            random_position(tree, &child, style);
        }
        if (child.count == 1 && random_percent(tree->rand, 60)) {
            random_compute(tree, child.statement[0], -1, place);
        } else {
            g_string_append(tree->out, "tree: [\n");
            random_subtree(tree, &child, place);
            g_string_append(tree->out, "]");
        }
        g_string_append(tree->out, "},\n");
    }
    g_string_append(tree->out, "]},\n");
}

/* Some loops and holds, then what branches or computes. */
static inline void random_subtree(struct random_tree *tree,
                                  const struct random_group *group,
                                  const struct random_place *above)
{
    struct random_place place = *above;
    int tensors = tree->workload->tensor_count;
    place.memory = g_new(int, (gsize)tensors);
    memcpy(place.memory, above->memory, sizeof(int) * (size_t)tensors);
    gsize axes = (gsize)tree->arch->axis_count;
    place.taken = g_new0(int64_t, axes + 1);
    memcpy(place.taken, above->taken, sizeof(int64_t) * axes);
    int nodes = random_below(tree->rand, 6);
    for (int i = 0; i < nodes; i++) {
        if (tree->is_irregular && random_percent(tree->rand, 30)) {
            random_spatial(tree, group, &place);
        } else if (random_percent(tree->rand, 60)) {
            random_loop(tree, group, &place);
        } else {
            random_hold(tree, group, &place, -1);
        }
    }
    random_recurrence_loop(tree, group, &place);
    for (int i = random_below(tree->rand, 3); i > 0; i--) {
        random_loop(tree, group, &place);
    }
    random_needed_holds(tree, group, &place);
    if (group->count == 1 ||
        (group->count == 2 &&
         random_can_join(tree, group->statement[0], group->statement[1]))) {
        g_string_append(tree->out, "{");
        random_compute(tree, group->statement[0],
                       group->count == 1 ? -1 : group->statement[1], &place);
        g_string_append(tree->out, "},\n");
    } else {
        bool is_pipeline = random_percent(tree->rand, 60);
        random_branches(tree, group, &place,
                        is_pipeline && !place.is_in_branch ? "pipeline"
                                                           : "sequence");
    }
    g_free(place.memory);
    g_free(place.taken);
}

static inline void random_root(struct random_tree *tree)
{
    struct random_place place = {0};
    struct random_group all = {0};
    for (int r = 0; r < tree->workload->rank_count; r++) {
        place.left[r] = tree->workload->rank[r].extent;
    }
    for (int s = 0; s < tree->workload->statement_count; s++) {
        tree->delay[s] = -1;
        if (random_statement(tree, s)->kind == EINSUM_COMPUTE) {
            all.statement[all.count++] = s;
        }
    }
    place.memory = g_new(int, (gsize)tree->workload->tensor_count);
    place.taken = g_new0(int64_t, (gsize)tree->arch->axis_count + 1);
    for (int t = 0; t < tree->workload->tensor_count; t++) {
        place.memory[t] = -1;
    }
    if (random_percent(tree->rand, 20)) {
        random_needed_holds(tree, &all, &place);
        random_branches(tree, &all, &place, "phases");
    } else {
        random_subtree(tree, &all, &place);
    }
    g_free(place.memory);
    g_free(place.taken);
}

static inline char *random_mapping_text(GRand *rand,
                                        const struct workload *workload,
                                        const struct arch *arch,
                                        bool is_irregular)
{
    gsize statements = (gsize)workload->statement_count;
    g_autofree int *numbers = g_new0(int, 3 * statements);
    struct random_tree tree = {
        .rand = rand,
        .workload = workload,
        .arch = arch,
        .unit = numbers,
        .slot = numbers + statements,
        .delay = numbers + 2 * statements,
        .out = g_string_new(NULL),
        .is_irregular = is_irregular,
        .is_repeating = is_irregular && random_percent(rand, 35),
    };
    g_string_append_printf(tree.out,
                           "schema: 1\nmapping: random\ncascade: %s\ntree: [\n",
                           workload->name);
    random_units(&tree);
    random_root(&tree);
    g_string_append(tree.out, "]\n");
    return g_string_free(tree.out, FALSE);
}

/* A typing mistake: one character becomes another one of the text. */
static inline void random_mistake(GRand *rand, char *text)
{
    int length = (int)strlen(text);
    text[random_below(rand, length)] = text[random_below(rand, length)];
}

/* `is_irregular`: tiles need not divide, lanes may be given by spatial nodes. */
static inline struct random_case random_case_of(guint32 seed, bool is_irregular)
{
    static const char *const cascades[] = {
        "workloads/gemm.yaml",
        "workloads/attention/one-pass.yaml",
        "workloads/attention/one-pass.yaml",
        "workloads/attention/two-pass.yaml",
        "workloads/attention/three-pass.yaml",
        "workloads/attention/three-pass.yaml",
        "workloads/attention/three-pass-deferred.yaml",
        "tests/data/cascade/convolution.yaml",
        "tests/data/cascade/reversal.yaml",
    };
    GRand *rand = g_rand_new_with_seed(seed);
    struct random_case c = {.chosen = scope_new(NULL)};
    static const char *const masked[] = {
        "workloads/attention/causal.yaml",
        "workloads/attention/sliding-window.yaml",
        "workloads/attention/symmetric-window.yaml",
        "tests/data/cascade/masked-products.yaml",
    };
    c.cascade = g_strdup(cascades[random_below(rand, G_N_ELEMENTS(cascades))]);
    if (g_str_has_suffix(c.cascade, "convolution.yaml") &&
        random_percent(rand, 50)) {
        g_free(c.cascade);
        c.cascade = g_strdup("tests/data/timeloop/conv-2d.yaml");
    }
    if (is_irregular && random_percent(rand, 40)) {
        g_free(c.cascade);
        c.cascade = g_strdup(masked[random_below(rand, G_N_ELEMENTS(masked))]);
    }
    c.arch = g_strdup(random_arch(rand, c.chosen, is_irregular));
    AUTO(diags) diags = diags_new();
    AUTO(cascade) cascade = NULL;
    AUTO(workload) workload = NULL;
    AUTO(arch) arch = NULL;
    assert_int_equal(cascade_load_file(diags, c.cascade, &cascade), OK);
    random_shapes(rand, cascade, c.chosen);
    assert_int_equal(arch_load_file(diags, c.arch, c.chosen, &arch), OK);
    assert_int_equal(workload_bind(cascade, c.chosen, NULL, diags, &workload),
                     OK);
    c.text = random_mapping_text(rand, workload, arch, is_irregular);
    if (random_percent(rand, 5)) {
        random_mistake(rand, c.text);
    }
    g_rand_free(rand);
    return c;
}

static inline struct random_case random_case_new(guint32 seed)
{
    return random_case_of(seed, false);
}

/* The case with `text` as its mapping. What was loaded is in *problem, whatever
 * the status; it borrows from `diags`. */
static inline enum status random_case_load(struct diags *diags,
                                           const struct random_case *c,
                                           const char *text,
                                           struct problem **result)
{
    struct problem *problem = g_new0(struct problem, 1);
    *result = problem;
    assert_int_equal(cascade_load_file(diags, c->cascade, &problem->cascade),
                     OK);
    assert_int_equal(arch_load_file(diags, c->arch, c->chosen, &problem->arch),
                     OK);
    assert_int_equal(workload_bind(problem->cascade, c->chosen, NULL, diags,
                                   &problem->workload),
                     OK);
    TRY(mapping_load_source(diags, diags_add_text(diags, "random.yaml", text),
                            &problem->mapping));
    return plan_bind(problem->mapping, problem->workload, problem->arch,
                     c->chosen, diags, &problem->plan);
}

/* A number of the environment, WEIR_RANDOM_... */
static inline int64_t random_environment(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

#endif
