#include "sim/trace/trace.h"

static void clear_track(void *element)
{
    g_free(((struct trace_track *)element)->name);
}

static void clear_name(void *element)
{
    g_free(((struct trace_name *)element)->text);
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
    trace->ranks = g_ptr_array_new_with_free_func(g_free);
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
    g_ptr_array_unref(trace->ranks);
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
