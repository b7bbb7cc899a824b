/* Time cut into equal intervals, and how much of each a unit works or stalls and a
 * port is busy. There are at most INTERVALS_MAX: when the run goes on beyond them,
 * each two become one of twice the length, so that any run is covered without
 * knowing how long it will be.
 *
 * What fast-forward skips is spread evenly over the time it takes: in there an
 * interval shows the mean of what repeats. Sums over all intervals are exact. A
 * port knows ahead of time what it will do, so what it does after a skip waits
 * until its time has come. */
#include "sim/trace/recorder_names.h"

#define INTERVALS_MAX 1024

/* By series: of a unit busy, then stalls by kind; of a port ticks, bytes. */
struct intervals {
    int series_count;
    int64_t ticks; /* of one */
    int64_t *sums; /* [interval][series] */
    GArray *ahead; /* struct transfer_ahead */
};

struct transfer_ahead {
    int port;
    int64_t from_ticks; /* run time */
    int64_t to_ticks;
    int64_t bytes;
};

enum { PER_UNIT = 1 + STALL_COUNT, PER_PORT = 2 };

static int series_of_unit(int unit)
{
    return unit * PER_UNIT;
}

static int series_of_stall(int unit, enum stall stall)
{
    return unit * PER_UNIT + 1 + (int)stall;
}

static int series_of_port(const struct machine *machine, int port)
{
    return machine->plan->arch->unit_count * PER_UNIT + port * PER_PORT;
}

struct intervals *intervals_new(const struct machine *machine)
{
    struct intervals *intervals = g_new0(struct intervals, 1);
    intervals->series_count = series_of_port(machine, machine->port_count);
    intervals->ticks = machine->ticks_per_cycle;
    intervals->sums = g_new0(
        int64_t, (gsize)INTERVALS_MAX * (gsize)intervals->series_count + 1);
    intervals->ahead = g_array_new(false, false, sizeof(struct transfer_ahead));
    return intervals;
}

void intervals_free(struct intervals *intervals)
{
    if (intervals != NULL) {
        g_free(intervals->sums);
        g_array_unref(intervals->ahead);
        g_free(intervals);
    }
}

static int64_t *sum_of(const struct intervals *v, int64_t interval, int series)
{
    return &v->sums[interval * v->series_count + series];
}

static void merge(struct intervals *v)
{
    v->ticks *= 2;
    for (int64_t i = 0; i < INTERVALS_MAX; i++) {
        for (int s = 0; s < v->series_count; s++) {
            int64_t *sum = sum_of(v, i, s);
            *sum = i < INTERVALS_MAX / 2
                       ? *sum_of(v, 2 * i, s) + *sum_of(v, 2 * i + 1, s)
                       : 0;
        }
    }
}

/* Rounded down, as what is added up, so that shares add up to the whole. */
static int64_t share(int64_t amount, int64_t part_ticks, int64_t whole_ticks)
{
    int64_t result = 0;
    if (!num_mul_div_floor(amount, part_ticks, whole_ticks, &result)) {
        BUG("a share is larger than the whole");
    }
    return result;
}

/* Spreads an amount evenly over the time. */
static void spread(struct recorder *r, int series, int64_t from_ticks,
                   int64_t to_ticks, int64_t amount)
{
    struct intervals *v = r->intervals;
    int64_t whole_ticks = to_ticks - from_ticks;
    int64_t at_ticks = MAX(from_ticks, r->from_ticks);
    int64_t end_ticks = MIN(to_ticks, r->to_ticks);
    if (amount == 0 || at_ticks >= end_ticks) {
        return;
    }
    while (end_ticks - r->from_ticks > INTERVALS_MAX * v->ticks) {

        merge(v);
    }
    int64_t first = (at_ticks - r->from_ticks) / v->ticks;
    if (at_ticks == from_ticks && end_ticks == to_ticks &&
        to_ticks <= r->from_ticks + (first + 1) * v->ticks) {
        *sum_of(v, first, series) += amount; /* as is mostly the case */
        return;
    }
    int64_t before = share(amount, at_ticks - from_ticks, whole_ticks);
    while (at_ticks < end_ticks) {
        int64_t interval = (at_ticks - r->from_ticks) / v->ticks;
        at_ticks = MIN(end_ticks, r->from_ticks + (interval + 1) * v->ticks);
        int64_t after = share(amount, at_ticks - from_ticks, whole_ticks);
        *sum_of(v, interval, series) += after - before;
        before = after;
    }
}

void intervals_work(struct recorder *r, int unit, int64_t from_ticks,
                    int64_t to_ticks)
{
    spread(r, series_of_unit(unit), from_ticks, to_ticks,
           to_ticks - from_ticks);
}

void intervals_stall(struct recorder *r, int unit, enum stall stall,
                     int64_t from_ticks, int64_t to_ticks)
{
    spread(r, series_of_stall(unit, stall), from_ticks, to_ticks,
           to_ticks - from_ticks);
}

/* Transfers that are over by now. The order of the others does not matter. */
static void settle(struct recorder *r, int64_t now_ticks)
{
    GArray *ahead = r->intervals->ahead;
    for (guint i = ahead->len; i-- > 0;) {
        struct transfer_ahead t =
            g_array_index(ahead, struct transfer_ahead, i);
        if (t.to_ticks <= now_ticks) {
            int series = series_of_port(r->machine, t.port);
            spread(r, series, t.from_ticks, t.to_ticks,
                   t.to_ticks - t.from_ticks);
            spread(r, series + 1, t.from_ticks, t.to_ticks, t.bytes);
            g_array_remove_index_fast(ahead, i);
        }
    }
}

static void move_ahead(struct recorder *r, int64_t by_ticks)
{
    GArray *ahead = r->intervals->ahead;
    settle(r, machine_run_ticks(r->machine));
    for (guint i = 0; i < ahead->len; i++) {
        struct transfer_ahead *t =
            &g_array_index(ahead, struct transfer_ahead, i);
        t->from_ticks += by_ticks;
        t->to_ticks += by_ticks;
    }
}

void intervals_serve(struct recorder *r, int port, int64_t from_ticks,
                     int64_t to_ticks, int64_t bytes)
{
    struct transfer_ahead transfer = {port, from_ticks, to_ticks, bytes};
    settle(r, machine_run_ticks(r->machine));
    g_array_append_val(r->intervals->ahead, transfer);
}

/* ---- what is skipped ------------------------------------------------------- */

struct skip {
    struct recorder *recorder;
    const int64_t *anchor; /* counters at the beginning of the period */
    int64_t from_ticks;
    int64_t to_ticks;
    int64_t repetitions;
};

static int64_t repeated(const struct skip *skip, const int64_t *counter)
{
    const struct machine *machine = skip->recorder->machine;
    int64_t before = skip->anchor[counter - machine->counters];
    int64_t more = 0;
    return num_mul(*counter - before, skip->repetitions, &more) ? more : 0;
}

static void spread_skip(const struct skip *skip, int series, int64_t amount)
{
    spread(skip->recorder, series, skip->from_ticks, skip->to_ticks, amount);
}

void intervals_skip(struct recorder *r, const int64_t *anchor,
                    int64_t period_ticks, int64_t repetitions)
{
    struct machine *m = r->machine;
    struct skip skip = {r, anchor, machine_run_ticks(m), 0, repetitions};
    /* Beyond 64 bits the run fails by itself. */
    if (!num_mul(period_ticks, repetitions, &skip.to_ticks) ||
        !num_add(skip.from_ticks, skip.to_ticks, &skip.to_ticks)) {
        return;
    }
    move_ahead(r, skip.to_ticks - skip.from_ticks);
    for (int u = 0; u < m->plan->arch->unit_count; u++) {
        spread_skip(&skip, series_of_unit(u),
                    repeated(&skip, counter_busy(m, u)));
        for (int c = 0; c < m->cause_count; c++) {
            spread_skip(&skip, series_of_stall(u, r->stall_of_cause[c]),
                        repeated(&skip, counter_idle(m, u, c)));
        }
    }
    for (int p = 0; p < m->port_count; p++) {
        for (int n = 0; n < recorder_transfer_names(m->plan); n++) {
            const int64_t *total = recorder_total(r, p, n);
            spread_skip(&skip, series_of_port(m, p),
                        repeated(&skip, total + TOTAL_TICKS));
            spread_skip(&skip, series_of_port(m, p) + 1,
                        repeated(&skip, total + TOTAL_BYTES));
        }
    }
}

/* ---- the result ------------------------------------------------------------ */

static void add_series(struct recorder *r, int track, const char *what,
                       bool is_bytes, int series)
{
    struct trace *trace = r->trace;
    struct trace_series result = {
        .track = track,
        .name = g_strdup_printf("%s %s", trace_track(trace, track)->name, what),
        .is_bytes = is_bytes,
        .values = g_new0(int64_t, (gsize)trace->interval_count + 1),
    };
    bool is_any = false;
    for (int64_t i = 0; i < trace->interval_count; i++) {
        result.values[i] = *sum_of(r->intervals, i, series);
        is_any |= result.values[i] != 0;
    }
    if (is_any) {
        g_array_append_val(trace->series, result);
    } else {
        g_free(result.name);
        g_free(result.values);
    }
}

void intervals_finish(struct recorder *r)
{
    struct trace *trace = r->trace;
    const struct machine *m = r->machine;
    settle(r, INT64_MAX);
    trace->interval_ticks = r->intervals->ticks;
    trace->interval_count =
        MIN(INTERVALS_MAX,
            num_ceil_div(trace->window_to_ticks - trace->window_from_ticks,
                         trace->interval_ticks));
    for (int u = 0; u < m->plan->arch->unit_count; u++) {
        if (r->unit_track[u] >= 0) {
            add_series(r, r->unit_track[u], "busy", false, series_of_unit(u));
        }
        for (int s = 0; s < STALL_COUNT && r->unit_track[u] >= 0; s++) {
            add_series(r, r->stall_track[u], stall_name((enum stall)s), false,
                       series_of_stall(u, (enum stall)s));
        }
    }
    for (int p = 0; p < m->port_count; p++) {
        if (r->port_track[p] >= 0) {
            add_series(r, r->port_track[p], "busy", false,
                       series_of_port(m, p));
            add_series(r, r->port_track[p], "bytes", true,
                       series_of_port(m, p) + 1);
        }
    }
}
