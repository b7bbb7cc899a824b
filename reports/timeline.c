/* The waterfall of a pipeline (as Figure 5 of FuseMax, MICRO 2024), from a trace.
 *
 * Time runs to the right, every unit and port has a row. Tiles are numbered: what
 * is the same in the whole figure (b=3, h=5) stands below it once, the other ranks
 * stand in the boxes, in the order that is said there, too. */
#include <inttypes.h>
#include <string.h>

#include "reports/figure.h"
#include "reports/gnuplot.h"

#define MAX_BOXES 4000

/* Tol, "Colour schemes" (2021), "light": told apart with every common colour
 * blindness, and black text is read on all; continued in the same manner. */
static const char *const colors[] = {
    "#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#44bb99", "#bbcc33",
    "#99ddff", "#aaaa00", "#c4a7e7", "#d8b48a", "#9fd6b0", "#e78ac3",
    "#b0b7d8", "#f2c14e", "#86c5b8", "#d59a8b"};
#define STALL_STYLE                                                            \
    "fs solid 1.0 border lc rgb '#d8d8d8' lw 0.4 fc rgb '#eeeeee'"

/* Of the area that boxes are in, in widths of a letter of their labels. */
#define WIDTH_LETTERS 128.0

struct rank_use {
    bool is_used;
    bool varies;
    int64_t lo; /* the only one, unless it varies */
    int64_t hi;
    int64_t tile; /* the common size of tiles; 0: they differ */
};

struct timeline {
    const struct trace *trace;
    double from_cycle;
    double to_cycle;
    int row_count;
    int *row_of_track; /* -1: none */
    struct rank_use *ranks;
    GArray *color_ids; /* int: those that occur; the place says the colour */
    GArray *legend;    /* int: name of each */
    GPtrArray *boxes;  /* GString *, by colour */
    GString *stalls;
    GString *labels;
    GString *tall_labels; /* of two lines */
    GString *stall_labels;
};

/* ---- rows and ranks -------------------------------------------------------- */

static bool is_seen(const struct timeline *t, const struct trace_slice *slice)
{
    return slice->end_ticks > t->trace->window_from_ticks &&
           slice->begin_ticks < t->trace->window_to_ticks;
}

static enum track_kind kind_of(const struct timeline *t,
                               const struct trace_slice *slice)
{
    return trace_track(t->trace, slice->track)->kind;
}

/* A unit's stalls are in its row. */
static void choose_rows(struct timeline *t)
{
    const struct trace *trace = t->trace;
    g_autofree bool *is_used = g_new0(bool, trace->tracks->len + 1);
    for (guint i = 0; i < trace->slices->len; i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        is_used[s->track] |= is_seen(t, s);
    }
    t->row_of_track = g_new0(int, trace->tracks->len + 1);
    for (int i = 0; i < (int)trace->tracks->len; i++) {
        enum track_kind kind = trace_track(trace, i)->kind;
        bool is_row = kind == TRACK_UNIT || (kind == TRACK_PORT && is_used[i]);
        t->row_of_track[i] = is_row                 ? t->row_count++
                             : kind == TRACK_STALLS ? t->row_count - 1
                                                    : -1;
    }
}

static void note_rank(struct rank_use *use, const struct trace_coordinate *at)
{
    if (!use->is_used) {
        *use = (struct rank_use){.is_used = true,
                                 .lo = at->lo,
                                 .hi = at->hi,
                                 .tile = at->hi - at->lo};
        return;
    }
    use->varies |= use->lo != at->lo;
    if (use->tile != at->hi - at->lo) {
        use->tile = 0;
    }
}

/* Of tile steps: what a port moves is labelled in the same way. */
static void note_ranks(struct timeline *t)
{
    const struct trace *trace = t->trace;
    t->ranks = g_new0(struct rank_use, trace->ranks->len + 1);
    for (guint i = 0; i < trace->slices->len; i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        for (int c = 0; kind_of(t, s) == TRACK_UNIT && is_seen(t, s) &&
                        c < s->coordinate_count;
             c++) {
            const struct trace_coordinate *at =
                &g_array_index(trace->coordinates, struct trace_coordinate,
                               s->first_coordinate + c);
            note_rank(&t->ranks[at->rank], at);
        }
    }
}

/* ---- colours --------------------------------------------------------------- */

static int find_color(struct timeline *t, const struct trace_slice *slice)
{
    int id = trace_name(t->trace, slice->name)->color;
    for (guint i = 0; i < t->color_ids->len; i++) {
        if (g_array_index(t->color_ids, int, i) == id) {
            return (int)i;
        }
    }
    g_array_append_val(t->color_ids, id);
    g_array_append_val(t->legend, slice->name);
    g_ptr_array_add(t->boxes, g_string_new(NULL));
    return (int)t->color_ids->len - 1;
}

static int compare_ints(const void *a, const void *b)
{
    const int *x = a;
    const int *y = b;
    return (*x > *y) - (*x < *y);
}

/* The same for all windows of one cascade, as far as there are enough. */
static const char *color_of(const struct timeline *t, guint color)
{
    g_autoptr(GArray) sorted = g_array_copy(t->color_ids);
    int id = g_array_index(t->color_ids, int, color);
    g_array_sort(sorted, compare_ints);
    guint rank = 0;
    while (g_array_index(sorted, int, rank) != id) {
        rank++;
    }
    return colors[rank % G_N_ELEMENTS(colors)];
}

/* ---- boxes ----------------------------------------------------------------- */

static double cycle_of(const struct timeline *t, int64_t ticks)
{
    return (double)ticks / (double)t->trace->ticks_per_cycle;
}

static void append_number(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.15g", value));
    g_string_append_c(out, ' ');
}

static bool fits(const struct timeline *t, const char *text, double cycles)
{
    double room = cycles / (t->to_cycle - t->from_cycle) * WIDTH_LETTERS;
    return (double)g_utf8_strlen(text, -1) + 1.3 <= room;
}

static const struct trace_coordinate *
find_coordinate(const struct timeline *t, const struct trace_slice *slice,
                int rank)
{
    for (int c = 0; c < slice->coordinate_count; c++) {
        const struct trace_coordinate *at =
            &g_array_index(t->trace->coordinates, struct trace_coordinate,
                           slice->first_coordinate + c);
        if (at->rank == rank) {
            return at;
        }
    }
    return NULL;
}

static void append_bare(GString *out, const struct trace_coordinate *at,
                        int64_t number)
{
    if (at == NULL) {
        g_string_append_c(out, '-');
    } else {
        g_string_append_printf(out, "%" PRId64, number);
    }
}

/* "m1=2 p=1", or if that does not fit "2,1", with "-" for ranks that the slice has
 * none of: the numbers of its tile. What is fetched for later is of another tile
 * than the figure's, which is said. */
static void append_tile(const struct timeline *t,
                        const struct trace_slice *slice, double width,
                        GString *out)
{
    g_autoptr(GString) named = g_string_new(NULL);
    g_autoptr(GString) bare = g_string_new(NULL);
    bool is_elsewhere = false;
    for (int k = 0; k < (int)t->trace->ranks->len; k++) {
        const struct rank_use *use = &t->ranks[k];
        const struct trace_coordinate *at = find_coordinate(t, slice, k);
        bool differs =
            at != NULL && use->is_used && !use->varies && at->lo != use->lo;
        int64_t number = at == NULL      ? 0
                         : use->tile > 0 ? at->lo / use->tile
                                         : at->lo;
        if (use->varies) {
            g_string_append(bare, bare->len > 0 ? "," : "");
            append_bare(bare, at, number);
        }
        if (at != NULL && (use->varies || differs)) {
            g_string_append_printf(
                named, "%s%s=%" PRId64, named->len > 0 ? " " : "",
                (const char *)g_ptr_array_index(t->trace->ranks, k), number);
        }
        is_elsewhere |= differs;
    }
    if (fits(t, named->str, width)) {
        g_string_append(out, named->str);
    } else if (named->len > 0 && !is_elsewhere && fits(t, bare->str, width)) {
        g_string_append(out, bare->str);
    }
}

/* The name, and the tile below it, as far as there is room. */
static void add_label(struct timeline *t, const struct trace_slice *slice,
                      double middle, double width, int row)
{
    const struct trace_name *name = trace_name(t->trace, slice->name);
    g_autofree char *text =
        g_strndup(name->text, name->is_transfer ? strcspn(name->text, " ")
                                                : strlen(name->text));
    g_autoptr(GString) tile = g_string_new(NULL);
    append_tile(t, slice, width, tile);
    if (!fits(t, text, width)) {
        return;
    }
    GString *labels = tile->len > 0 ? t->tall_labels : t->labels;
    append_number(labels, middle);
    append_number(labels, -row);
    g_string_append_printf(labels, "\"%s%s%s\"\n", text,
                           tile->len > 0 ? "\\n" : "", tile->str);
}

static void add_stall_label(struct timeline *t, const struct trace_slice *slice,
                            double middle, double width, int row)
{
    const char *name = trace_name(t->trace, slice->name)->text;
    const char *kind = trace_name(t->trace, slice->name)->stage;
    const char *text = fits(t, name, width)   ? name
                       : fits(t, kind, width) ? kind
                                              : NULL;
    if (text != NULL) {
        append_number(t->stall_labels, middle);
        append_number(t->stall_labels, -row);
        g_string_append_printf(t->stall_labels, "\"%s\"\n", text);
    }
}

static GString *get_boxes(struct timeline *t, const struct trace_slice *slice)
{
    int color = find_color(t, slice); /* may be a new one */
    return g_ptr_array_index(t->boxes, color);
}

static void add_box(struct timeline *t, const struct trace_slice *slice)
{
    int row = t->row_of_track[slice->track];
    double from = MAX(cycle_of(t, slice->begin_ticks), t->from_cycle);
    double to = MIN(cycle_of(t, slice->end_ticks), t->to_cycle);
    bool is_stall = kind_of(t, slice) == TRACK_STALLS;
    GString *boxes = is_stall ? t->stalls : get_boxes(t, slice);
    double half = is_stall ? 0.30 : 0.40;
    const double numbers[] = {(from + to) / 2.0, -row,       from, to,
                              -row - half,       -row + half};
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        append_number(boxes, numbers[i]);
    }
    g_string_append_c(boxes, '\n');
    if (is_stall) {
        add_stall_label(t, slice, numbers[0], to - from, row);
    } else {
        add_label(t, slice, numbers[0], to - from, row);
    }
}

static enum status add_boxes(struct timeline *t, struct diags *diags)
{
    const struct trace *trace = t->trace;
    int64_t count = 0;
    for (guint i = 0; i < trace->slices->len; i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        if (t->row_of_track[s->track] >= 0 && is_seen(t, s) &&
            s->end_ticks > s->begin_ticks) {
            add_box(t, s);
            count++;
        }
    }
    return count <= MAX_BOXES
               ? OK
               : diag_fail(diags, ERR_LIMIT, "timeline-too-many",
                           "%" PRId64 " boxes are more than anyone could see "
                           "(%d): choose a shorter window",
                           count, MAX_BOXES);
}

/* ---- the script ------------------------------------------------------------ */

static void write_data(GString *script, const char *name, const GString *data)
{
    g_string_append_printf(script, "$%s << EOD\n%sEOD\n", name, data->str);
}

static void write_rows(const struct timeline *t, GString *script)
{
    const char *comma = "";
    g_string_append(script, "set ytics (");
    for (int i = 0; i < (int)t->trace->tracks->len; i++) {
        const struct trace_track *track = trace_track(t->trace, i);
        if (t->row_of_track[i] >= 0 && track->kind != TRACK_STALLS) {
            g_autofree char *name = gnuplot_quote(track->name);
            g_string_append_printf(script, "%s%s %d", comma, name,
                                   -t->row_of_track[i]);
            comma = ", ";
        }
    }
    g_string_append_printf(script, ")\nset yrange [%g:0.62]\n",
                           0.38 - (double)t->row_count);
}

/* "cycle     tiles: m1, p/256     b = 3, h = 5" */
static char *describe(const struct timeline *t)
{
    g_autoptr(GString) varying = g_string_new(NULL);
    g_autoptr(GString) fixed = g_string_new(NULL);
    for (guint k = 0; k < t->trace->ranks->len; k++) {
        const struct rank_use *use = &t->ranks[k];
        const char *rank = g_ptr_array_index(t->trace->ranks, k);
        if (use->is_used && use->varies) {
            g_string_append_printf(varying, "%s%s",
                                   varying->len > 0 ? ", " : "", rank);
            if (use->tile > 1) {
                g_string_append_printf(varying, "/%" PRId64, use->tile);
            }
        } else if (use->is_used) {
            g_string_append_printf(fixed, "%s%s = %" PRId64,
                                   fixed->len > 0 ? ", " : "", rank, use->lo);
            if (use->hi > use->lo + 1) {
                g_string_append_printf(fixed, ":%" PRId64, use->hi);
            }
        }
    }
    return g_strdup_printf(
        "cycle%s%s%s%s", varying->len > 0 ? "          tiles: " : "",
        varying->str, fixed->len > 0 ? "          " : "", fixed->str);
}

static void write_axes(const struct timeline *t, const char *title,
                       GString *script)
{
    g_autofree char *label = describe(t);
    g_autofree char *quoted = gnuplot_quote(label);
    g_string_append(script,
                    "set style fill solid 1.0 border lc rgb '#505050'\n"
                    "set border 1 lc rgb '#505050'\n"
                    "set tics nomirror scale 0.5 textcolor rgb '#202020'\n"
                    "unset ytics\n"
                    "set key outside top center horizontal reverse Left "
                    "samplen 1.2 height -0.3 maxrows 2\n"
                    "set decimal locale 'C'\n"
                    "set format x '%.0f'\n"
                    "set lmargin 9\nset rmargin 4\n");
    if (title != NULL) {
        g_autofree char *text = gnuplot_quote(title);
        g_string_append_printf(script, "set title %s\n", text);
    }
    g_string_append_printf(script, "set xlabel %s offset 0,0.3\n", quoted);
    g_string_append(script, "set xrange [");
    append_number(script, t->from_cycle);
    g_string_append(script, ":");
    append_number(script, t->to_cycle);
    g_string_append(script, "]\n");
    write_rows(t, script);
    g_string_append(script, "set ytics scale 0\n");
}

/* In the order of the cascade; a transfer alone: by its tensor's name. */
static void write_boxes(const struct timeline *t, GString *script)
{
    g_autoptr(GArray) order = g_array_copy(t->color_ids);
    g_array_sort(order, compare_ints);
    for (guint o = 0; o < order->len; o++) {
        guint i = 0;
        while (g_array_index(t->color_ids, int, i) !=
               g_array_index(order, int, o)) {
            i++;
        }
        const char *text =
            trace_name(t->trace, g_array_index(t->legend, int, i))->text;
        g_autofree char *word = g_strndup(text, strcspn(text, " "));
        g_autofree char *name = gnuplot_quote(word);
        g_string_append_printf(script,
                               ", $boxes%u with boxxyerror lw 0.4 fc rgb '%s' "
                               "title %s",
                               i, color_of(t, i), name);
    }
}

static void write_labels(GString *script, const char *name,
                         const GString *labels, const char *style)
{
    if (labels->len > 0) {
        g_string_append_printf(script, ", $%s with labels %s notitle", name,
                               style);
    }
}

static char *write_script(const struct timeline *t, const char *title)
{
    GString *script = g_string_new(NULL);
    for (guint i = 0; i < t->color_ids->len; i++) {
        g_autofree char *name = g_strdup_printf("boxes%u", i);
        write_data(script, name, g_ptr_array_index(t->boxes, i));
    }
    write_data(script, "stalls", t->stalls);
    write_data(script, "labels", t->labels);
    write_data(script, "tall", t->tall_labels);
    write_data(script, "reasons", t->stall_labels);
    write_axes(t, title, script);
    /* Boxes lie over the edges of stalls. */
    g_string_append(script, t->stalls->len > 0
                                ? "plot $stalls with boxxyerror " STALL_STYLE
                                  " notitle"
                                : "plot NaN notitle");
    write_boxes(t, script);
    if (t->stalls->len > 0) {
        g_string_append(script,
                        ", keyentry with boxes " STALL_STYLE " title 'stall'");
    }
    write_labels(script, "reasons", t->stall_labels,
                 "font ',7' textcolor rgb '#606060'");
    write_labels(script, "labels", t->labels, "font ',8'");
    write_labels(script, "tall", t->tall_labels, "font ',8' offset 0,0.45");
    g_string_append_c(script, '\n');
    return g_string_free(script, FALSE);
}

/* ---- the figure ------------------------------------------------------------ */

static void init(struct timeline *t, const struct trace *trace)
{
    *t = (struct timeline){
        .trace = trace,
        .color_ids = g_array_new(false, false, sizeof(int)),
        .legend = g_array_new(false, false, sizeof(int)),
        .boxes = g_ptr_array_new(),
        .stalls = g_string_new(NULL),
        .labels = g_string_new(NULL),
        .tall_labels = g_string_new(NULL),
        .stall_labels = g_string_new(NULL),
    };
    t->from_cycle = cycle_of(t, trace->window_from_ticks);
    t->to_cycle = cycle_of(t, trace->window_to_ticks);
}

static void clear(struct timeline *t)
{
    for (guint i = 0; i < t->boxes->len; i++) {
        g_string_free(g_ptr_array_index(t->boxes, i), TRUE);
    }
    g_ptr_array_unref(t->boxes);
    g_array_unref(t->color_ids);
    g_array_unref(t->legend);
    g_string_free(t->stalls, TRUE);
    g_string_free(t->labels, TRUE);
    g_string_free(t->tall_labels, TRUE);
    g_string_free(t->stall_labels, TRUE);
    g_free(t->row_of_track);
    g_free(t->ranks);
}

enum status figure_draw_timeline(struct diags *diags, const struct trace *trace,
                                 const char *title, const char *name,
                                 enum figure_format format,
                                 const char *directory)
{
    struct timeline t;
    g_autofree char *path = figure_path(name, format, directory);
    init(&t, trace);
    choose_rows(&t);
    note_ranks(&t);
    enum status status = add_boxes(&t, diags);
    if (status == OK) {
        g_autofree char *script = write_script(&t, title);
        status = figure_save(diags, script, format, false, path);
    }
    clear(&t);
    return status;
}
