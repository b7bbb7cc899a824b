/* Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open:
 * "Trace Event Format", Google, 2016. A microsecond of the file is a cycle.
 *
 * Units, ports, buffers are "threads" of three "processes". Tile steps that work
 * on the same iteration are joined by flow arrows. */
#include <inttypes.h>

#include "sim/trace/trace_out.h"

struct chrome {
    const struct trace *trace;
    struct trace_out *out;
    bool has_events;
};

/* ---- pieces ---------------------------------------------------------------- */

/* Names are identifiers, but titles come from files. */
static void print_text(struct chrome *c, const char *text)
{
    g_autoptr(GString) escaped = g_string_new("\"");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            g_string_append_c(escaped, '\\');
        }
        g_string_append_c(escaped, g_ascii_iscntrl(*at) ? ' ' : *at);
    }
    g_string_append_c(escaped, '"');
    trace_out_bytes(c->out, escaped->str, escaped->len);
}

static void begin_event(struct chrome *c, const char *kind, int process,
                        int track)
{
    trace_out_print(c->out, "%s\n{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d",
                    c->has_events ? "," : "", kind, process, track);
    c->has_events = true;
}

static void print_time(struct chrome *c, const char *key, int64_t millicycles)
{
    trace_out_print(c->out, ",\"%s\":", key);
    trace_out_decimal(c->out, millicycles);
}

static void print_name(struct chrome *c, const char *key, const char *name)
{
    trace_out_print(c->out, ",\"%s\":", key);
    print_text(c, name);
}

static int process_of(enum track_kind kind)
{
    switch (kind) {
    case TRACK_PHASES:
        return 1;
    case TRACK_UNIT:
    case TRACK_STALLS:
        return 2;
    case TRACK_PORT:
        return 3;
    case TRACK_BUFFER:
        return 4;
    }
    BUG("track kind %d", (int)kind);
}

static const char *category_of(enum track_kind kind)
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

/* ---- tracks ---------------------------------------------------------------- */

static void print_process(struct chrome *c, int process, const char *name)
{
    begin_event(c, "M", process, 0);
    print_name(c, "name", "process_name");
    print_name(c, "args\":{\"name", name);
    trace_out_print(c->out, "}}");
    begin_event(c, "M", process, 0);
    trace_out_print(c->out,
                    ",\"name\":\"process_sort_index\",\"args\":"
                    "{\"sort_index\":%d}}",
                    process);
}

static void print_tracks(struct chrome *c)
{
    print_process(c, 1, c->trace->title);
    print_process(c, 2, "units");
    print_process(c, 3, "memory ports");
    print_process(c, 4, "buffers");
    for (int t = 0; t < (int)c->trace->tracks->len; t++) {
        const struct trace_track *track = trace_track(c->trace, t);
        if (track->kind == TRACK_BUFFER) {
            continue; /* counters name themselves */
        }
        begin_event(c, "M", process_of(track->kind), t + 1);
        print_name(c, "name", "thread_name");
        print_name(c, "args\":{\"name", track->name);
        trace_out_print(c->out, "}}");
        begin_event(c, "M", process_of(track->kind), t + 1);
        trace_out_print(c->out,
                        ",\"name\":\"thread_sort_index\",\"args\":"
                        "{\"sort_index\":%d}}",
                        t);
    }
}

/* ---- slices ---------------------------------------------------------------- */

static void print_arguments(struct chrome *c, const struct trace_slice *slice,
                            enum track_kind kind)
{
    const struct trace *trace = c->trace;
    const char *comma = "";
    trace_out_print(c->out, ",\"args\":{");
    if (kind == TRACK_STALLS) {
        trace_out_print(c->out, "\"cause\":\"%s\"",
                        trace_name(trace, slice->name)->stage);
    }
    if (kind == TRACK_PORT) {
        trace_out_print(c->out, "\"bytes\":%" PRId64, slice->bytes);
        comma = ",";
    }
    if (slice->iteration >= 0) {
        trace_out_print(c->out, "%s\"iteration\":%" PRId64, comma,
                        slice->iteration);
        comma = ",";
    }
    for (int k = 0; k < slice->coordinate_count; k++) {
        const struct trace_coordinate *at =
            &g_array_index(trace->coordinates, struct trace_coordinate,
                           slice->first_coordinate + k);
        trace_out_print(c->out, "%s\"%s\":\"%" PRId64 ":%" PRId64 "\"", comma,
                        (const char *)g_ptr_array_index(trace->ranks, at->rank),
                        at->lo, at->hi);
        comma = ",";
    }
    trace_out_print(c->out, "}}");
}

static void print_slice(struct chrome *c, const struct trace_slice *slice)
{
    enum track_kind kind = trace_track(c->trace, slice->track)->kind;
    int64_t begin = trace_millicycles(c->trace, slice->begin_ticks);
    int64_t end = trace_millicycles(c->trace, slice->end_ticks);
    begin_event(c, "X", process_of(kind), slice->track + 1);
    print_time(c, "ts", begin);
    print_time(c, "dur", end - begin);
    print_name(c, "name", trace_name(c->trace, slice->name)->text);
    print_name(c, "cat", category_of(kind));
    print_arguments(c, slice, kind);
}

static void print_arrow_end(struct chrome *c, guint number, const char *kind,
                            guint slice_number)
{
    const struct trace_slice *slice = trace_slice(c->trace, slice_number);
    begin_event(c, kind, process_of(TRACK_UNIT), slice->track + 1);
    print_time(c, "ts", trace_millicycles(c->trace, slice->begin_ticks));
    trace_out_print(c->out, ",\"id\":%u,\"name\":\"tile\",\"cat\":\"tile\"%s}",
                    number, kind[0] == 'f' ? ",\"bp\":\"e\"" : "");
}

static void print_arrows(struct chrome *c)
{
    g_autoptr(GArray) arrows = trace_find_arrows(c->trace);
    for (guint i = 0; i < arrows->len && trace_out_goes_on(c->out); i++) {
        const struct trace_arrow *arrow =
            &g_array_index(arrows, struct trace_arrow, i);
        print_arrow_end(c, i, "s", arrow->from);
        print_arrow_end(c, i, "f", arrow->to);
    }
}

/* ---- counters -------------------------------------------------------------- */

static void print_counter(struct chrome *c, int process, const char *name,
                          int64_t millicycles, const char *unit)
{
    begin_event(c, "C", process, 0);
    print_name(c, "name", name);
    print_time(c, "ts", millicycles);
    trace_out_print(c->out, ",\"args\":{\"%s\":", unit);
}

static void print_samples(struct chrome *c)
{
    for (guint i = 0; i < c->trace->samples->len && trace_out_goes_on(c->out);
         i++) {
        const struct trace_sample *s =
            &g_array_index(c->trace->samples, struct trace_sample, i);
        print_counter(c, process_of(TRACK_BUFFER),
                      trace_track(c->trace, s->track)->name,
                      trace_millicycles(c->trace, s->at_ticks), "bytes");
        trace_out_print(c->out, "%" PRId64 "}}", s->value);
    }
}

struct counter {
    struct chrome *chrome;
    const char *name;
    const char *unit;
};

static void print_value(void *user, int64_t at_ticks, double value)
{
    const struct counter *counter = user;
    struct chrome *c = counter->chrome;
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(text, sizeof(text), "%.6g", value);
    print_counter(c, process_of(TRACK_PORT), counter->name,
                  trace_millicycles(c->trace, at_ticks), counter->unit);
    trace_out_print(c->out, "%s}}", text);
}

static void print_bandwidths(struct chrome *c)
{
    for (int t = 0; t < (int)c->trace->tracks->len; t++) {
        const struct trace_track *track = trace_track(c->trace, t);
        g_autofree char *name = g_strdup_printf("%s bandwidth", track->name);
        struct counter counter = {c, name, "B/cycle"};
        if (track->kind == TRACK_PORT && trace_out_goes_on(c->out)) {
            trace_visit_bandwidth(c->trace, t, print_value, &counter);
        }
    }
}

static void print_series(struct chrome *c)
{
    for (guint i = 0; i < c->trace->series->len && trace_out_goes_on(c->out);
         i++) {
        const struct trace_series *s =
            &g_array_index(c->trace->series, struct trace_series, i);
        struct counter counter = {c, s->name, s->is_bytes ? "B/cycle" : "%"};
        trace_visit_series(c->trace, s, print_value, &counter);
    }
}

/* ---- the file -------------------------------------------------------------- */

void trace_write_chrome(const struct trace *trace, struct trace_out *out)
{
    struct chrome c = {
        .trace = trace,
        .out = out,
    };
    trace_out_print(out,
                    "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"title\":");
    print_text(&c, trace->title);
    trace_out_print(
        out,
        ",\"unit of time\":\"1 us is 1 cycle\",\"clock_hz\":%" PRId64
        ",\"cycles\":%" PRId64 "},\"traceEvents\":[",
        trace->clock_hz, trace->end_ticks / trace->ticks_per_cycle);
    print_tracks(&c);
    for (guint i = 0; i < trace->slices->len && trace_out_goes_on(out); i++) {
        print_slice(&c, trace_slice(trace, i));
    }
    print_arrows(&c);
    print_samples(&c);
    print_bandwidths(&c);
    print_series(&c);
    trace_out_print(out, "\n]}\n");
}
