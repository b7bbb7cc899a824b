/* Sums over the whole run, by track and name. Those of units are the machine's own
 * counters; those of ports stand behind them, so that fast-forward multiplies them
 * like the others. */
#include "sim/trace/recorder_names.h"

int recorder_transfer_names(const struct plan *plan)
{
    return plan->leaf_count + plan->flow_count;
}

int recorder_counter_count(const struct plan *plan)
{
    return port_count(plan->arch) * recorder_transfer_names(plan) * TOTALS;
}

static void add_total(struct recorder *r, int track, int name, int64_t count,
                      int64_t ticks, int64_t bytes)
{
    struct trace_total total = {.track = track,
                                .name = name,
                                .count = count,
                                .ticks = ticks,
                                .bytes = bytes};
    if (count > 0 || ticks > 0) {

        g_array_append_val(r->trace->totals, total);
    }
}

/* How long the tile steps of a leaf took, whether they are alike or not. */
static int64_t busy_ticks_of(struct machine *m, int leaf)
{
    int64_t cycles = m->plan->is_regular
                         ? *counter_executed(m, leaf) *
                               m->plan->leaves[leaf].busy_cycles_per_step
                         : *counter_busy_cycles(m, leaf);
    return cycles * m->ticks_per_cycle;
}

static void add_unit_totals(struct recorder *r, int unit)
{
    struct machine *m = r->machine;
    for (int l = 0; l < m->plan->leaf_count; l++) {
        if (m->plan->leaves[l].unit == unit) {
            add_total(r, r->unit_track[unit], name_of_leaf(m->plan, l),
                      *counter_executed(m, l), busy_ticks_of(m, l), 0);
        }
    }
    for (int c = 0; c < m->cause_count; c++) {
        add_total(r, r->stall_track[unit], name_of_cause(m->plan, c), -1,
                  *counter_idle(m, unit, c), 0);
    }
}

void recorder_add_totals(struct recorder *r)
{
    struct machine *m = r->machine;
    for (int u = 0; u < m->plan->arch->unit_count; u++) {
        if (r->unit_track[u] >= 0) {
            add_unit_totals(r, u);
        }
    }
    for (int p = 0; p < m->port_count; p++) {
        for (int n = 0;
             r->port_track[p] >= 0 && n < recorder_transfer_names(m->plan);
             n++) {
            const int64_t *total = recorder_total(r, p, n);
            add_total(r, r->port_track[p], n, total[TOTAL_COUNT],
                      total[TOTAL_TICKS], total[TOTAL_BYTES]);
        }
    }
}
