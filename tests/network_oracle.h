/* What crosses networks, by brute force: every value that a lane receives or sends
 * follows its route link by link; links that lanes of one value share count once.
 * Routes go along the axes in turn from the first lane of each; further fan-outs
 * have instances of their own. Part of tests/nest_oracle.h. */
#ifndef WEIR_TESTS_NETWORK_ORACLE_H
#define WEIR_TESTS_NETWORK_ORACLE_H

#include "tests/traffic_oracle.h"

/* Lanes along every axis (by id); -1: not given. */
struct network_place {
    int64_t at[64];
    bool is_loose; /* an axis is divided between nodes: sharing may be missed */
};

static inline void network_place_add(struct network_place *place, int axis,
                                     int64_t at, int64_t size)
{
    place->is_loose |= place->at[axis] >= 0;
    place->at[axis] = MAX(place->at[axis], 0) * size + at;
}

struct network_moment {
    GHashTable *seen; /* links, and values that have arrived */
};

static inline bool network_is_new(struct network_moment *moment, char *key)
{
    return g_hash_table_add(moment->seen, key);
}

/* One link of a value. */
static inline int network_pass(struct network_moment *moment, const char *value,
                               int axis, const int64_t *at, int64_t from,
                               int64_t to)
{
    GString *key = g_string_new(value);
    g_string_append_printf(key, " axis %d:", axis);
    for (int a = 0; a < axis; a++) {
        g_string_append_printf(key, " %" G_GINT64_FORMAT, at[a]);
    }
    g_string_append_printf(key, " %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                           from, to);
    return network_is_new(moment, g_string_free(key, FALSE)) ? 1 : 0;
}

/* Along one axis from lane 0. */
static inline int network_walk(struct network_moment *moment, const char *value,
                               const struct arch_fanout *fanout, int axis,
                               const int64_t *at)
{
    int64_t size = fanout->axis[axis].size;
    int links = 0;
    bool is_back = fanout->network.topology != ARCH_MESH && at[axis] > size / 2;
    int64_t steps = is_back ? size - at[axis] : at[axis];
    for (int64_t i = 0; i < steps; i++) {
        links += network_pass(moment, value, axis, at, is_back ? size - i : i,
                              is_back ? size - i - 1 : i + 1);
    }
    return links;
}

static inline int network_follow(struct network_moment *moment,
                                 const char *value,
                                 const struct arch_fanout *fanout,
                                 const int64_t *at)
{
    int links = 0;
    switch (fanout->network.topology) {
    case ARCH_BUS:
    case ARCH_CROSSBAR:
        return network_pass(moment, value, 0, at, 0, 0);
    case ARCH_RING:
    case ARCH_MESH:
    case ARCH_TORUS:
        for (int a = 0; a < fanout->axis_count; a++) {
            links += network_walk(moment, value, fanout, a, at);
        }
        return links;
    case ARCH_TREE:
    case ARCH_ALL_TO_ALL:
        break;
    }
    fail_msg("no such network in these tests");
    return 0;
}

/* The value that goes to a place, as far as the fan-out tells it from others:
 * lanes of fan-outs further out, and of axes that do not share. */
static inline char *network_value(const struct arch *arch, int fanout,
                                  const struct network_place *place,
                                  bool is_write, int64_t element)
{
    GString *key = g_string_new(NULL);
    g_string_printf(key, "%d %" G_GINT64_FORMAT ":", fanout, element);
    for (int f = 0; f < arch->fanout_count; f++) {
        for (int a = 0; a < arch->fanouts[f].axis_count; a++) {
            const struct arch_axis *axis = &arch->fanouts[f].axis[a];
            bool is_shared = is_write
                                 ? axis->reduce == ARCH_REDUCE_CHAIN ||
                                       axis->reduce == ARCH_REDUCE_TREE
                                 : axis->is_multicast || axis->has_neighbours;
            if (f < fanout || !is_shared) {
                g_string_append_printf(key, " %d=%" G_GINT64_FORMAT, axis->id,
                                       MAX(place->at[axis->id], 0));
            }
        }
    }
    return g_string_free(key, FALSE);
}

/* Links that the element crosses on its way to (from) the place, beside those it
 * has crossed at this moment. */
static inline int network_cross(struct network_moment *moment,
                                const struct arch *arch, int fanout,
                                const struct network_place *place,
                                bool is_write, int64_t element)
{
    g_autofree char *value =
        network_value(arch, fanout, place, is_write, element);
    int64_t at[ARCH_MAX_AXES] = {0};
    for (int a = 0; a < arch->fanouts[fanout].axis_count; a++) {
        at[a] = MAX(place->at[arch->fanouts[fanout].axis[a].id], 0);
    }
    return network_follow(moment, value, &arch->fanouts[fanout], at);
}

static inline bool network_is_inside(const struct arch_axis *axes, int count,
                                     int fanout)
{
    for (int a = 0; a < count; a++) {
        if (axes[a].fanout == fanout) {
            return true;
        }
    }
    return false;
}

/* Does the way from memory `outer` to memory `inner` (-1: to the unit) lead
 * through the fan-out? */
static inline bool network_is_between(const struct arch *arch, int fanout,
                                      int outer, int inner, int unit)
{
    const struct arch_memory *o = &arch->memories[outer];
    const struct arch_axis *axes =
        inner < 0 ? arch->units[unit].axis : arch->memories[inner].axis;
    int count = inner < 0 ? arch->units[unit].axis_count
                          : arch->memories[inner].axis_count;
    return arch->fanouts[fanout].network.is_given &&
           network_is_inside(axes, count, fanout) &&
           !network_is_inside(o->axis, o->axis_count, fanout);
}

#endif
