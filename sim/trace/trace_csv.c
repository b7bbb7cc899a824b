/* Comma-separated values (RFC 4180, lines end in LF): of tasks a row for each
 * slice, of windows a row for each interval and series, of a summary a row for
 * each track and name. Times and durations are in cycles. */
#include <inttypes.h>

#include "sim/trace/trace_out.h"

static const char *kind_name(enum track_kind kind)
{
    switch (kind) {
    case TRACK_PHASES:
        return "phase";
    case TRACK_UNIT:
        return "compute";
    case TRACK_STALLS:
        return "stall";
    case TRACK_PORT:
        return "transfer";
    case TRACK_BUFFER:
        return "buffer";
    }
    BUG("track kind %d", (int)kind);
}

/* All 17 digits that may be needed, and no more than are. */
static void print_cycles(const struct trace *trace, struct trace_out *out,
                         int64_t ticks)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (ticks % trace->ticks_per_cycle == 0) {
        trace_out_print(out, "%" PRId64, ticks / trace->ticks_per_cycle);
    } else {
        trace_out_print(
            out, "%s",
            g_ascii_dtostr(text, sizeof(text),
                           (double)ticks / (double)trace->ticks_per_cycle));
    }
}

/* In quotes: names of causes have blanks, names of buffers colons. */
static void print_names(const struct trace *trace, struct trace_out *out,
                        int track, int name)
{
    trace_out_print(out, "%s,%s,\"%s\",", trace_track(trace, track)->name,
                    kind_name(trace_track(trace, track)->kind),
                    trace_name(trace, name)->text);
}

static void print_slices(const struct trace *trace, struct trace_out *out)
{
    trace_out_print(out, "track,kind,name,begin_cycle,end_cycle,bytes,"
                         "iteration,tile\n");
    for (guint i = 0; i < trace->slices->len && trace_out_goes_on(out); i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        g_autoptr(GString) tile = g_string_new(NULL);
        trace_print_tile(trace, s, tile);
        print_names(trace, out, s->track, s->name);
        print_cycles(trace, out, s->begin_ticks);
        trace_out_print(out, ",");
        print_cycles(trace, out, s->end_ticks);
        trace_out_print(out, ",%" PRId64 ",", s->bytes);
        if (s->iteration >= 0) {
            trace_out_print(out, "%" PRId64, s->iteration);
        }
        trace_out_print(out, ",%s\n", tile->str);
    }
}

static void print_intervals(const struct trace *trace, struct trace_out *out)
{
    trace_out_print(out, "begin_cycle,end_cycle,series,unit,value\n");
    for (guint i = 0; i < trace->series->len && trace_out_goes_on(out); i++) {
        const struct trace_series *s =
            &g_array_index(trace->series, struct trace_series, i);
        for (int64_t k = 0; k < trace->interval_count; k++) {
            print_cycles(trace, out, trace_interval_ticks(trace, k));
            trace_out_print(out, ",");
            print_cycles(trace, out, trace_interval_ticks(trace, k + 1));
            trace_out_print(out, ",%s,%s,", s->name,
                            s->is_bytes ? "bytes" : "cycles");
            if (s->is_bytes) {
                trace_out_print(out, "%" PRId64, s->values[k]);
            } else {
                print_cycles(trace, out, s->values[k]);
            }
            trace_out_print(out, "\n");
        }
    }
}

static void print_totals(const struct trace *trace, struct trace_out *out)
{
    trace_out_print(out, "track,kind,name,count,cycles,bytes\n");
    for (guint i = 0; i < trace->totals->len && trace_out_goes_on(out); i++) {
        const struct trace_total *t =
            &g_array_index(trace->totals, struct trace_total, i);
        print_names(trace, out, t->track, t->name);
        if (t->count >= 0) {
            trace_out_print(out, "%" PRId64, t->count);
        }
        trace_out_print(out, ",");
        print_cycles(trace, out, t->ticks);
        trace_out_print(out, ",%" PRId64 "\n", t->bytes);
    }
}

void trace_write_csv(const struct trace *trace, struct trace_out *out)
{
    switch (trace->options.level) {
    case TRACE_SUMMARY:
        print_totals(trace, out);
        return;
    case TRACE_WINDOWS:
        print_intervals(trace, out);
        return;
    case TRACE_TASKS:
        print_slices(trace, out);
        return;
    case TRACE_LEVEL_COUNT:
        break;
    }
    BUG("level %d", (int)trace->options.level);
}
