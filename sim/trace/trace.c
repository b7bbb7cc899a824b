#include "sim/trace/trace.h"

static void clear_track(void *element)
{
    g_free(((struct trace_track *)element)->name);
}

static void clear_name(void *element)
{
    g_free(((struct trace_name *)element)->text);
}

static void clear_series(void *element)
{
    struct trace_series *series = element;
    g_free(series->name);
    g_free(series->values);
}

static const char *const level_names[TRACE_LEVEL_COUNT] = {
    [TRACE_SUMMARY] = "summary",
    [TRACE_WINDOWS] = "windows",
    [TRACE_TASKS] = "tasks",
};

const char *trace_level_name(enum trace_level level)
{
    return level_names[level];
}

enum trace_level trace_level_find(const char *name)
{
    int level = 0;
    while (level < TRACE_LEVEL_COUNT &&
           !g_str_equal(level_names[level], name)) {
        level++;
    }
    return (enum trace_level)level;
}

struct trace *trace_new(const struct trace_options *options)
{
    struct trace *trace = g_new0(struct trace, 1);
    trace->options = *options;
    trace->ticks_per_cycle = 1;
    trace->tracks = g_array_new(false, true, sizeof(struct trace_track));
    g_array_set_clear_func(trace->tracks, clear_track);
    trace->names = g_array_new(false, true, sizeof(struct trace_name));
    g_array_set_clear_func(trace->names, clear_name);
    trace->slices = g_array_new(false, false, sizeof(struct trace_slice));
    trace->samples = g_array_new(false, false, sizeof(struct trace_sample));
    trace->coordinates =
        g_array_new(false, false, sizeof(struct trace_coordinate));
    trace->totals = g_array_new(false, false, sizeof(struct trace_total));
    trace->series = g_array_new(false, false, sizeof(struct trace_series));
    g_array_set_clear_func(trace->series, clear_series);
    trace->ranks = g_ptr_array_new_with_free_func(g_free);
    trace->phases = g_ptr_array_new_with_free_func(g_free);
    return trace;
}

void trace_free(struct trace *trace)
{
    if (trace == NULL) {
        return;
    }
    g_free(trace->title);
    g_array_unref(trace->tracks);
    g_array_unref(trace->names);
    g_array_unref(trace->slices);
    g_array_unref(trace->samples);
    g_array_unref(trace->coordinates);
    g_array_unref(trace->totals);
    g_array_unref(trace->series);
    g_ptr_array_unref(trace->ranks);
    g_ptr_array_unref(trace->phases);
    g_free(trace);
}

void trace_print_tile(const struct trace *trace,
                      const struct trace_slice *slice, GString *out)
{
    for (int c = 0; c < slice->coordinate_count; c++) {
        const struct trace_coordinate *at =
            &g_array_index(trace->coordinates, struct trace_coordinate,
                           slice->first_coordinate + c);
        g_string_append_printf(
            out, "%s%s=%" G_GINT64_FORMAT, c > 0 ? " " : "",
            (const char *)g_ptr_array_index(trace->ranks, at->rank), at->lo);
        if (at->hi > at->lo + 1) {
            g_string_append_printf(out, ":%" G_GINT64_FORMAT, at->hi);
        }
    }
}

int64_t trace_millicycles(const struct trace *trace, int64_t ticks)
{
    int64_t millicycles = 0;
    return num_mul_div_floor(ticks, 1000, trace->ticks_per_cycle, &millicycles)
               ? millicycles
               : INT64_MAX;
}

int64_t trace_interval_ticks(const struct trace *trace, int64_t interval)
{
    return MIN(trace->window_to_ticks,
               trace->window_from_ticks + interval * trace->interval_ticks);
}

static double rate_of(const struct trace *trace,
                      const struct trace_series *series, int64_t interval)
{
    double ticks = (double)(trace_interval_ticks(trace, interval + 1) -
                            trace_interval_ticks(trace, interval));
    return (double)series->values[interval] / ticks *
           (series->is_bytes ? (double)trace->ticks_per_cycle : 100.0);
}

void trace_visit_series(const struct trace *trace,
                        const struct trace_series *series, trace_value_fn visit,
                        void *user)
{
    double last = -1.0;
    for (int64_t i = 0; i < trace->interval_count; i++) {
        double rate = rate_of(trace, series, i);
        if (rate < last || rate > last) {
            visit(user, trace_interval_ticks(trace, i), rate);
        }
        last = rate;
    }
    visit(user, trace->window_to_ticks, 0.0);
}

void trace_visit_bandwidth(const struct trace *trace, int track,
                           trace_value_fn visit, void *user)
{
    int64_t end_ticks = -1;
    for (guint i = 0; i < trace->slices->len; i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        int64_t ticks = s->end_ticks - s->begin_ticks;
        if (s->track != track || ticks == 0) {
            continue;
        }
        if (end_ticks >= 0 && end_ticks < s->begin_ticks) {
            visit(user, end_ticks, 0.0);
        }
        visit(user, s->begin_ticks,
              (double)s->bytes * (double)trace->ticks_per_cycle /
                  (double)ticks);
        end_ticks = s->end_ticks;
    }
    if (end_ticks >= 0) {
        visit(user, end_ticks, 0.0);
    }
}

/* The last tile step of each iteration, as its number + 1. */
static void follow(const struct trace *trace, GHashTable *last, GArray *arrows,
                   guint number)
{
    const struct trace_slice *slice = trace_slice(trace, number);
    g_autofree char *key =
        g_strdup_printf("%d %" G_GINT64_FORMAT, slice->phase, slice->iteration);
    guint before = GPOINTER_TO_UINT(g_hash_table_lookup(last, key));
    bool is_known = before > 0;
    if (is_known && trace_slice(trace, before - 1)->name == slice->name) {
        return;
    }
    if (is_known) {
        struct trace_arrow arrow = {.from = before - 1, .to = number};
        g_array_append_val(arrows, arrow);
    }
    g_hash_table_insert(last, g_steal_pointer(&key),
                        GUINT_TO_POINTER(number + 1));
}

GArray *trace_find_arrows(const struct trace *trace)
{
    GArray *arrows = g_array_new(false, false, sizeof(struct trace_arrow));
    g_autoptr(GHashTable) last =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < trace->slices->len; i++) {
        if (trace_track(trace, trace_slice(trace, i)->track)->kind ==
            TRACK_UNIT) {
            follow(trace, last, arrows, i);
        }
    }
    return arrows;
}
