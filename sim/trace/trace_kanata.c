/* Kanata 0004, the text that Konata shows (docs/kanata-log-format.md of the
 * Konata project). An "instruction" is an iteration of the loops above a
 * pipeline: a tile on its way. Its stages are what is done to it: load, compute,
 * max, exp, rescale, divide, store; each unit and port is a lane of its own. Time
 * is whole cycles, rounded down. */
#include <inttypes.h>

#include "sim/trace/trace_out.h"

struct instruction {
    int phase;
    int64_t iteration;
    int64_t slices_left;
    int64_t number;     /* by the order of beginning; -1: not begun */
    int64_t first_step; /* slice; -1: none */
};

/* The beginning or the end of a stage. */
struct mark {
    int64_t cycle;
    int order; /* at one cycle: first the ends of what has begun before */
    bool is_end;
    guint slice;
    guint instruction;
};

struct kanata {
    const struct trace *trace;
    struct trace_out *out;
    GArray *instructions; /* struct instruction */
    GHashTable *by_name;  /* "phase iteration" -> index + 1 */
    GArray *marks;        /* struct mark */
    int64_t begun;
    int64_t retired;
};

/* ---- collecting ------------------------------------------------------------ */

/* What is read on the chip belongs to the tile step that reads it. */
static bool is_stage(const struct trace *trace, const struct trace_slice *slice)
{
    enum track_kind kind = trace_track(trace, slice->track)->kind;
    return slice->iteration >= 0 &&
           (kind == TRACK_UNIT ||
            (kind == TRACK_PORT &&
             trace_name(trace, slice->name)->is_transfer));
}

static guint get_instruction(struct kanata *k, const struct trace_slice *slice)
{
    g_autofree char *key =
        g_strdup_printf("%d %" PRId64, slice->phase, slice->iteration);
    guint known = GPOINTER_TO_UINT(g_hash_table_lookup(k->by_name, key));
    if (known == 0) {
        struct instruction instruction = {
            .phase = slice->phase,
            .iteration = slice->iteration,
            .number = -1,
            .first_step = -1,
        };
        g_array_append_val(k->instructions, instruction);
        known = k->instructions->len;
        g_hash_table_insert(k->by_name, g_steal_pointer(&key),
                            GUINT_TO_POINTER(known));
    }
    return known - 1;
}

static void add_stage(struct kanata *k, guint number)
{
    const struct trace_slice *slice = trace_slice(k->trace, number);
    int64_t begin = slice->begin_ticks / k->trace->ticks_per_cycle;
    int64_t end = slice->end_ticks / k->trace->ticks_per_cycle;
    guint index = get_instruction(k, slice);
    struct instruction *instruction =
        &g_array_index(k->instructions, struct instruction, index);
    struct mark marks[] = {{begin, 1, false, number, index},
                           {end, end == begin ? 1 : 0, true, number, index}};
    g_array_append_vals(k->marks, marks, G_N_ELEMENTS(marks));
    instruction->slices_left++;
    if (instruction->first_step < 0 &&
        trace_track(k->trace, slice->track)->kind == TRACK_UNIT) {
        instruction->first_step = number;
    }
}

static int compare_marks(const void *a, const void *b)
{
    const struct mark *x = a;
    const struct mark *y = b;
    if (x->cycle != y->cycle) {
        return x->cycle < y->cycle ? -1 : 1;
    }
    if (x->order != y->order) {
        return x->order < y->order ? -1 : 1;
    }
    if (x->slice != y->slice) {
        return x->slice < y->slice ? -1 : 1;
    }
    return x->is_end - y->is_end;
}

/* ---- printing -------------------------------------------------------------- */

/* Units and ports have the first lanes, without gaps. */
static int lane_of(const struct trace *trace, int track)
{
    int lane = 0;
    for (int t = 0; t < track; t++) {
        enum track_kind kind = trace_track(trace, t)->kind;
        lane += kind == TRACK_UNIT || kind == TRACK_PORT;
    }
    return lane;
}

static void begin_instruction(struct kanata *k, struct instruction *i)
{
    g_autoptr(GString) tile = g_string_new(NULL);
    i->number = k->begun++;
    if (i->first_step >= 0) {
        trace_print_tile(k->trace, trace_slice(k->trace, (guint)i->first_step),
                         tile);
    }
    trace_out_print(k->out, "I\t%" PRId64 "\t%" PRId64 "\t%d\n", i->number,
                    i->iteration, i->phase);
    trace_out_print(k->out, "L\t%" PRId64 "\t0\t%s %" PRId64 ": %s\n",
                    i->number,
                    (const char *)g_ptr_array_index(k->trace->phases, i->phase),
                    i->iteration, tile->str);
}

static void begin_stage(struct kanata *k, const struct trace_slice *slice,
                        int64_t number)
{
    const struct trace_name *name = trace_name(k->trace, slice->name);
    g_autoptr(GString) tile = g_string_new(NULL);
    trace_print_tile(k->trace, slice, tile);
    trace_out_print(k->out, "S\t%" PRId64 "\t%d\t%s\n", number,
                    lane_of(k->trace, slice->track), name->stage);
    trace_out_print(k->out, "L\t%" PRId64 "\t1\t%s: %s on %s, %s\\n\n", number,
                    name->stage, name->text,
                    trace_track(k->trace, slice->track)->name, tile->str);
}

static void print_mark(struct kanata *k, const struct mark *mark)
{
    const struct trace_slice *slice = trace_slice(k->trace, mark->slice);
    struct instruction *i =
        &g_array_index(k->instructions, struct instruction, mark->instruction);
    if (!mark->is_end) {
        if (i->number < 0) {
            begin_instruction(k, i);
        }
        begin_stage(k, slice, i->number);
        return;
    }
    trace_out_print(k->out, "E\t%" PRId64 "\t%d\t%s\n", i->number,
                    lane_of(k->trace, slice->track),
                    trace_name(k->trace, slice->name)->stage);
    if (--i->slices_left == 0) {
        trace_out_print(k->out, "R\t%" PRId64 "\t%" PRId64 "\t0\n", i->number,
                        k->retired++);
    }
}

static void print_marks(struct kanata *k)
{
    int64_t cycle = -1;
    for (guint i = 0; i < k->marks->len && trace_out_goes_on(k->out); i++) {
        const struct mark *mark = &g_array_index(k->marks, struct mark, i);
        if (cycle < 0) {
            trace_out_print(k->out, "C=\t%" PRId64 "\n", mark->cycle);
        } else if (mark->cycle > cycle) {
            trace_out_print(k->out, "C\t%" PRId64 "\n", mark->cycle - cycle);
        }
        cycle = mark->cycle;
        print_mark(k, mark);
    }
}

void trace_write_kanata(const struct trace *trace, struct trace_out *out)
{
    struct kanata k = {
        .trace = trace,
        .out = out,
        .instructions = g_array_new(false, false, sizeof(struct instruction)),
        .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .marks = g_array_new(false, false, sizeof(struct mark)),
    };
    trace_out_print(out, "Kanata\t0004\n");
    for (guint i = 0; i < trace->slices->len; i++) {
        if (is_stage(trace, trace_slice(trace, i))) {
            add_stage(&k, i);
        }
    }
    g_array_sort(k.marks, compare_marks);
    print_marks(&k);
    g_array_unref(k.instructions);
    g_array_unref(k.marks);
    g_hash_table_destroy(k.by_name);
}
