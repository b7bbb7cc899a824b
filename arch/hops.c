/* How many links values cross. The memory above a fan-out is attached at the
 * first lane of every axis. A route follows the axes in turn; what goes to
 * several lanes takes the union of their routes. A lane's share of it is what it
 * adds to the union of the lanes before it, which is a sum over axes:
 *
 *   along axis a, for every lane of the axes before it, and on the axes after it
 *   for every lane (own values) or for the first (shared) */
#include "arch/arch.h"

/* Links from lane 0 to each of the first n lanes, summed: of a line, or of a
 * ring of `size` lanes taken the shorter way round. */
static bool sum_distances(int64_t n, int64_t size, bool is_ring, int64_t *sum)
{
    int64_t twice = 0;
    if (!is_ring) {
        if (!num_mul(n, n - 1, &twice)) {
            return false;
        }
        *sum = twice / 2;
        return true;
    }
    /* Lanes up to size / 2 one way, the rest, size - i away, the other. */
    int64_t near = MIN(n, size / 2 + 1);
    int64_t far = n - near;
    int64_t near_sum = 0;
    int64_t far_sum = 0;
    if (!sum_distances(near, size, false, &near_sum) ||
        !num_mul(far, 2 * (size - near) - far + 1, &far_sum)) {
        return false;
    }
    *sum = near_sum + far_sum / 2;
    return true;
}

/* Links that reach the first n lanes of a ring, together. */
static int64_t count_arcs(int64_t n, int64_t size)
{
    int64_t most_near = size / 2 + 1;
    return n <= most_near ? MAX(n - 1, 0) : most_near - 1 + size - most_near;
}

static int64_t log2_ceil(int64_t n)
{
    int64_t log2 = 0;
    while (log2 < 62 && (INT64_C(1) << log2) < n) {
        log2++;
    }
    return log2;
}

/* Edges of a binary tree above its first n leaves, up to the root. */
static int64_t count_edges(int64_t n, int64_t size)
{
    int64_t edges = 0;
    for (int64_t level = 0; level < log2_ceil(size); level++) {
        edges += num_ceil_div(n, INT64_C(1) << level);
    }
    return edges;
}

/* Of the first n lanes of one axis. */
static bool sum_axis(enum arch_topology topology, int64_t size, int64_t n,
                     bool is_shared, int64_t *sum)
{
    bool is_ring = topology != ARCH_MESH;
    if (topology == ARCH_TREE) {
        *sum = is_shared ? count_edges(n, size) : 0;
        return is_shared || num_mul(n, log2_ceil(size), sum);
    }
    if (is_shared) {
        *sum = is_ring ? count_arcs(n, size) : MAX(n - 1, 0);
        return true;
    }
    return sum_distances(n, size, is_ring, sum);
}

/* Lanes of an axis that get a value of their own. */
static int64_t count_targets(const struct arch_lanes *lanes)
{
    int64_t targets =
        lanes->is_shared ? lanes->first == 0 : lanes->end - lanes->first;
    return lanes->inner == NULL ? targets
                                : targets * count_targets(lanes->inner);
}

static int64_t count_lanes(const struct arch_lanes *lanes)
{
    int64_t count = lanes->end - lanes->first;
    return lanes->inner == NULL ? count : count * count_lanes(lanes->inner);
}

/* ---- axes that are divided ------------------------------------------------- */

/* Links to lane `to` that are not on the route to `last`, the furthest lane before
 * it that takes the same value; -1: there is none. */
static int64_t count_further(enum arch_topology topology, int64_t size,
                             int64_t to, int64_t last)
{
    if (topology == ARCH_TREE) {
        int64_t edges = 0;
        for (int64_t level = 0; level < log2_ceil(size); level++) {
            edges += last < 0 || to >> level != last >> level;
        }
        return edges;
    }
    if (topology == ARCH_MESH || to <= size / 2) {
        return to - MAX(last, 0);
    }
    return last > size / 2 ? 0 : size - to;
}

struct division {
    enum arch_topology topology;
    int64_t size; /* of the axis */
    int64_t sum;
};

/* Of the lanes of row `row`; `last` is the row in which the furthest lane before
 * them is, or -1. */
static void sum_row(struct division *d, const struct arch_lanes *lanes,
                    int64_t row, int64_t last)
{
    for (int64_t i = lanes->first; i < lanes->end; i++) {
        int64_t to = row * lanes->row_size + i;
        int64_t before = -1;
        if (lanes->is_shared && i > 0) {
            before = to - 1;
        } else if (last >= 0) {
            before = last * lanes->row_size +
                     (lanes->is_shared ? lanes->row_size - 1 : i);
        }
        if (lanes->inner != NULL) {
            sum_row(d, lanes->inner, to, before);
        } else {
            d->sum += count_further(d->topology, d->size, to, before);
        }
    }
}

/* What the lanes of an axis add to the routes of those before them. */
static bool sum_lanes(enum arch_topology topology, int64_t size,
                      const struct arch_lanes *lanes, int64_t *sum)
{
    int64_t before = 0;
    if (lanes->inner != NULL) {
        struct division d = {topology, size, 0};
        sum_row(&d, lanes, 0, -1);
        *sum = d.sum;
        return true;
    }
    if (!sum_axis(topology, size, lanes->first, lanes->is_shared, &before) ||
        !sum_axis(topology, size, lanes->end, lanes->is_shared, sum)) {
        return false;
    }
    *sum -= before;
    return true;
}

static bool sum_along_axes(const struct arch_fanout *fanout,
                           const struct arch_lanes *lanes, int64_t *hops)
{
    *hops = 0;
    for (int a = 0; a < fanout->axis_count; a++) {
        enum arch_topology topology = fanout->network.topology;
        int64_t size = fanout->axis[a].size;
        int64_t sum = 0;
        if (!sum_lanes(topology, size, &lanes[a], &sum)) {
            return false;
        }
        for (int b = 0; b < fanout->axis_count; b++) {
            int64_t times = b < a    ? count_lanes(&lanes[b])
                            : b == a ? 1
                                     : count_targets(&lanes[b]);
            if (!num_mul(sum, times, &sum)) {
                return false;
            }
        }
        if (!num_add(*hops, sum, hops)) {
            return false;
        }
    }
    return true;
}

/* One link for each lane, or for each value. */
static bool count_single_links(const struct arch_fanout *fanout,
                               const struct arch_lanes *lanes, bool is_of_lanes,
                               int64_t *hops)
{
    *hops = 1;
    for (int a = 0; a < fanout->axis_count; a++) {
        int64_t times =
            is_of_lanes ? count_lanes(&lanes[a]) : count_targets(&lanes[a]);
        if (!num_mul(*hops, times, hops)) {
            return false;
        }
    }
    return true;
}

static bool count(const struct arch_fanout *fanout,
                  const struct arch_lanes *lanes, int64_t *hops)
{
    switch (fanout->network.topology) {
    case ARCH_BUS:
    case ARCH_CROSSBAR:
        return count_single_links(fanout, lanes, false, hops);
    case ARCH_ALL_TO_ALL:
        return count_single_links(fanout, lanes, true, hops);
    case ARCH_TREE:
    case ARCH_RING:
    case ARCH_MESH:
    case ARCH_TORUS:
        return sum_along_axes(fanout, lanes, hops);
    }
    BUG("topology %d", (int)fanout->network.topology);
}

enum status arch_count_hops(const struct arch_fanout *fanout,
                            const struct arch_lanes *lanes, int64_t *hops)
{
    return count(fanout, lanes, hops) ? OK : ERR_LIMIT;
}
