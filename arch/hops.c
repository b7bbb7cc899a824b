/* How many links values cross. The memory above a fan-out is attached at the
 * first lane of every axis; a lane is reached along the axes in turn. */
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

static int64_t log2_ceil(int64_t n)
{
    int64_t log2 = 0;
    while (log2 < 62 && (INT64_C(1) << log2) < n) {
        log2++;
    }
    return log2;
}

/* Of all lanes used, the sum over the axes of their distances along it. */
static bool sum_along_axes(const struct arch_fanout *fanout,
                           const int64_t *lanes, int64_t used, bool is_ring,
                           int64_t *hops)
{
    *hops = 0;
    for (int i = 0; i < fanout->axis_count; i++) {
        int64_t sum = 0;
        int64_t others = used / lanes[i];
        if (!sum_distances(lanes[i], fanout->axis[i].size, is_ring, &sum) ||
            !num_mul(sum, others, &sum) || !num_add(*hops, sum, hops)) {
            return false;
        }
    }
    return true;
}

static bool count(const struct arch_fanout *fanout, const int64_t *lanes,
                  int64_t used, int64_t *hops)
{
    int64_t size = 1;
    for (int i = 0; i < fanout->axis_count; i++) {
        size *= fanout->axis[i].size;
    }
    switch (fanout->network.topology) {
    case ARCH_BUS:
    case ARCH_CROSSBAR:
    case ARCH_ALL_TO_ALL:
        *hops = used;
        return true;
    case ARCH_TREE:
        return num_mul(used, log2_ceil(size), hops);
    case ARCH_RING:
        return sum_distances(used, size, true, hops);
    case ARCH_MESH:
        return sum_along_axes(fanout, lanes, used, false, hops);
    case ARCH_TORUS:
        return sum_along_axes(fanout, lanes, used, true, hops);
    }
    BUG("topology %d", (int)fanout->network.topology);
}

/* A tree that reaches `used` lanes: as many links as lanes but the first where
 * lanes pass on to lanes; on a bus or crossbar one transfer; in a tree, its
 * edges. */
static int64_t count_multicast(const struct arch_fanout *fanout, int64_t used)
{
    switch (fanout->network.topology) {
    case ARCH_BUS:
    case ARCH_CROSSBAR:
        return 1;
    case ARCH_ALL_TO_ALL:
        return used;
    case ARCH_TREE:
        return 2 * used - 2;
    case ARCH_RING:
    case ARCH_MESH:
    case ARCH_TORUS:
        return used - 1;
    }
    BUG("topology %d", (int)fanout->network.topology);
}

enum status arch_count_hops(const struct arch_fanout *fanout,
                            const int64_t *lanes, bool is_multicast,
                            int64_t *hops)
{
    int64_t used = 1;
    for (int i = 0; i < fanout->axis_count; i++) {
        if (!num_mul(used, lanes[i], &used)) {
            return ERR_LIMIT;
        }
    }
    if (is_multicast) {
        *hops = count_multicast(fanout, used);
        return OK;
    }
    return count(fanout, lanes, used, hops) ? OK : ERR_LIMIT;
}
