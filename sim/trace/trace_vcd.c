/* Value change dump, IEEE 1364-2005 chapter 18, with the strings of GTKWave
 * ($var string). A microsecond is a cycle, the unit of time a thousandth of it.
 *
 * A scope for each track: of a unit `busy`, `einsum`, `iteration` and `stall`; of
 * a port `busy`, `transfer`, `bytes`; of a buffer `bytes`. Intervals are reals, in
 * percent or bytes a cycle. */
#include <inttypes.h>

#include "sim/trace/trace_out.h"

/* A change of one variable. All are collected, put in order and printed. */
struct change {
    int64_t at_millicycles;
    int variable;
    int order; /* of a track's ends and beginnings at one time: as they came */
    int64_t value;
    double real; /* of a series */
};

enum variable {
    VAR_BUSY,      /* wire */
    VAR_WHAT,      /* string: a name's number, -1: nothing */
    VAR_ITERATION, /* integer */
    VAR_BYTES,     /* integer */
    VARIABLES,
};

struct vcd {
    const struct trace *trace;
    struct trace_out *out;
    GArray *changes;
};

static int variable_of(int track, enum variable variable)
{
    return track * VARIABLES + (int)variable;
}

static int variable_of_series(const struct vcd *v, guint series)
{
    return (int)v->trace->tracks->len * VARIABLES + (int)series;
}

/* ---- what a track has ------------------------------------------------------ */

static bool has_variable(enum track_kind kind, enum variable variable)
{
    switch (variable) {
    case VAR_BUSY:
        return kind == TRACK_UNIT || kind == TRACK_PORT;
    case VAR_WHAT:
        return kind != TRACK_BUFFER;
    case VAR_ITERATION:
        return kind == TRACK_UNIT;
    case VAR_BYTES:
        return kind == TRACK_PORT || kind == TRACK_BUFFER;
    case VARIABLES:
        break;
    }
    BUG("variable %d", (int)variable);
}

static const char *variable_name(enum track_kind kind, enum variable variable)
{
    switch (variable) {
    case VAR_BUSY:
        return "busy";
    case VAR_WHAT:
        return kind == TRACK_UNIT     ? "einsum"
               : kind == TRACK_STALLS ? "stall"
               : kind == TRACK_PORT   ? "transfer"
                                      : "phase";
    case VAR_ITERATION:
        return "iteration";
    case VAR_BYTES:
        return "bytes";
    case VARIABLES:
        break;
    }
    BUG("variable %d", (int)variable);
}

/* Printable characters, shortest first. */
static void print_code(struct vcd *v, int variable)
{
    do {
        trace_out_print(v->out, "%c", '!' + variable % 94);
        variable = variable / 94 - 1;
    } while (variable >= 0);
}

/* ---- changes --------------------------------------------------------------- */

static void add_change(struct vcd *v, int64_t at_ticks, int variable,
                       int64_t value)
{
    struct change change = {
        .at_millicycles = trace_millicycles(v->trace, at_ticks),
        .variable = variable,
        .order = (int)v->changes->len,
        .value = value,
    };
    g_array_append_val(v->changes, change);
}

static void add_slice(struct vcd *v, const struct trace_slice *slice)
{
    enum track_kind kind = trace_track(v->trace, slice->track)->kind;
    const struct {
        enum variable variable;
        int64_t value;
        int64_t after;
    } values[] = {{VAR_BUSY, 1, 0},
                  {VAR_WHAT, slice->name, -1},
                  {VAR_ITERATION, slice->iteration, -1},
                  {VAR_BYTES, slice->bytes, 0}};
    if (slice->begin_ticks == slice->end_ticks) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        int variable = variable_of(slice->track, values[i].variable);
        if (has_variable(kind, values[i].variable)) {
            add_change(v, slice->begin_ticks, variable, values[i].value);
            add_change(v, slice->end_ticks, variable, values[i].after);
        }
    }
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    if (x->at_millicycles != y->at_millicycles) {
        return x->at_millicycles < y->at_millicycles ? -1 : 1;
    }
    if (x->variable != y->variable) {
        return x->variable < y->variable ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

struct series {
    struct vcd *vcd;
    int variable;
};

static void add_real(void *user, int64_t at_ticks, double value)
{
    const struct series *series = user;
    GArray *changes = series->vcd->changes;
    add_change(series->vcd, at_ticks, series->variable, 0);
    g_array_index(changes, struct change, changes->len - 1).real = value;
}

static void collect(struct vcd *v)
{
    for (guint i = 0; i < v->trace->series->len; i++) {
        struct series series = {v, variable_of_series(v, i)};
        trace_visit_series(
            v->trace, &g_array_index(v->trace->series, struct trace_series, i),
            add_real, &series);
    }
    for (guint i = 0; i < v->trace->slices->len; i++) {
        add_slice(v, trace_slice(v->trace, i));
    }
    for (guint i = 0; i < v->trace->samples->len; i++) {
        const struct trace_sample *s =
            &g_array_index(v->trace->samples, struct trace_sample, i);
        add_change(v, s->at_ticks, variable_of(s->track, VAR_BYTES), s->value);
    }
    g_array_sort(v->changes, compare_changes);
}

/* ---- printing -------------------------------------------------------------- */

/* A scope, a variable and a string's value are one word each: "gbuf_Q" for
 * "gbuf: Q". */
static void print_word(struct vcd *v, const char *text)
{
    g_autoptr(GString) word = g_string_new(text);
    g_string_replace(word, ": ", "_", 0);
    g_strdelimit(word->str, " :.", '_');
    trace_out_print(v->out, "%s", word->str);
}

static void print_value(struct vcd *v, int variable, int64_t value)
{
    enum variable which = (enum variable)(variable % VARIABLES);
    switch (which) {
    case VAR_BUSY:
        trace_out_print(v->out, "%" PRId64, value);
        break;
    case VAR_WHAT:
        trace_out_print(v->out, "s");
        print_word(v, value < 0 ? "-" : trace_name(v->trace, (int)value)->text);
        trace_out_print(v->out, " ");
        break;
    case VAR_ITERATION:
    case VAR_BYTES:
        trace_out_print(v->out, "b");
        for (int bit = 63; bit >= 0; bit--) {
            if (value < 0 || bit == 0 || (uint64_t)value >> bit != 0) {
                trace_out_print(v->out, "%c",
                                value < 0 ? 'x'
                                          : '0' + (int)(value >> bit & 1));
            }
            if (value < 0) {
                break;
            }
        }
        trace_out_print(v->out, " ");
        break;
    case VARIABLES:
        BUG("variable %d", variable);
    }
    print_code(v, variable);
    trace_out_print(v->out, "\n");
}

static void print_real(struct vcd *v, int variable, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    trace_out_print(v->out, "r%s ",
                    g_ascii_formatd(text, sizeof(text), "%.16g", value));
    print_code(v, variable);
    trace_out_print(v->out, "\n");
}

static void print_series(struct vcd *v)
{
    for (guint i = 0; i < v->trace->series->len; i++) {
        trace_out_print(v->out, "$var real 64 ");
        print_code(v, variable_of_series(v, i));
        trace_out_print(v->out, " ");
        print_word(
            v, g_array_index(v->trace->series, struct trace_series, i).name);
        trace_out_print(v->out, " $end\n");
    }
}

/* A unit's stalls, which are the next track, are in the unit's scope. */
static void print_track(struct vcd *v, int track_id)
{
    static const char *const types[VARIABLES] = {"wire 1", "string 1",
                                                 "integer 64", "integer 64"};
    const struct trace_track *track = trace_track(v->trace, track_id);
    if (track->kind != TRACK_STALLS) {
        trace_out_print(v->out, "$scope module ");
        print_word(v, track->name);
        trace_out_print(v->out, " $end\n");
    }
    for (int i = 0; i < VARIABLES; i++) {
        if (has_variable(track->kind, (enum variable)i)) {
            trace_out_print(v->out, "$var %s ", types[i]);
            print_code(v, variable_of(track_id, (enum variable)i));
            trace_out_print(v->out, " %s $end\n",
                            variable_name(track->kind, (enum variable)i));
        }
    }
    if (track->kind != TRACK_UNIT) {
        trace_out_print(v->out, "$upscope $end\n");
    }
}

static void print_first_values(struct vcd *v)
{
    trace_out_print(v->out, "#0\n$dumpvars\n");
    for (int t = 0; t < (int)v->trace->tracks->len; t++) {
        for (int i = 0; i < VARIABLES; i++) {
            if (has_variable(trace_track(v->trace, t)->kind,
                             (enum variable)i)) {
                print_value(v, variable_of(t, (enum variable)i),
                            i == VAR_WHAT || i == VAR_ITERATION ? -1 : 0);
            }
        }
    }
    for (guint i = 0; i < v->trace->series->len; i++) {
        print_real(v, variable_of_series(v, i), 0.0);
    }
    trace_out_print(v->out, "$end\n");
}

/* Of several changes of a variable at one time the last counts. */
static void print_changes(struct vcd *v)
{
    const struct change *changes =
        (const struct change *)(const void *)v->changes->data;
    int64_t now_millicycles = 0;
    for (guint i = 0; i < v->changes->len && trace_out_goes_on(v->out); i++) {
        const struct change *c = &changes[i];
        bool is_last = i + 1 == v->changes->len ||
                       changes[i + 1].variable != c->variable ||
                       changes[i + 1].at_millicycles != c->at_millicycles;
        if (is_last && c->at_millicycles != now_millicycles) {
            now_millicycles = c->at_millicycles;
            trace_out_print(v->out, "#%" PRId64 "\n", now_millicycles);
        }
        if (is_last && c->variable < variable_of_series(v, 0)) {
            print_value(v, c->variable, c->value);
        } else if (is_last) {
            print_real(v, c->variable, c->real);
        }
    }
    int64_t end = trace_millicycles(v->trace, v->trace->end_ticks);
    if (end > now_millicycles) {
        trace_out_print(v->out, "#%" PRId64 "\n", end);
    }
}

void trace_write_vcd(const struct trace *trace, struct trace_out *out)
{
    struct vcd v = {
        .trace = trace,
        .out = out,
        .changes = g_array_new(false, false, sizeof(struct change)),
    };
    collect(&v);
    trace_out_print(out, "$comment ");
    trace_out_print(out, "%s; 1 us is 1 cycle", trace->title);
    trace_out_print(out, " $end\n$timescale 1 ns $end\n"
                         "$scope module weir $end\n");
    for (int t = 0; t < (int)trace->tracks->len; t++) {
        print_track(&v, t);
    }
    print_series(&v);
    trace_out_print(out, "$upscope $end\n$enddefinitions $end\n");
    print_first_values(&v);
    print_changes(&v);
    g_array_unref(v.changes);
}
