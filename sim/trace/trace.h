/* Trace: what a simulated run did when, track by track, as data. sim_run fills
 * one (sim_options.trace); files and figures are written from it alone, as it
 * owns all its names.
 *
 * Times are ticks, `ticks_per_cycle` to a cycle, from the beginning of the run.
 * A trace may be of a window of the run: whatever overlaps the window is there,
 * whole. Recording changes no result.
 *
 * The two tracks of a unit follow one another and tile the time of the run: at every instant it either works
 * (TRACK_UNIT) or stalls for one cause (TRACK_STALLS). Slices of one track never
 * overlap. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <signal.h>
#include <stdint.h>

#include <glib.h>

#include "base/base.h"

/* A unit or memory to record, and where the user wrote so. */
struct trace_component {
    const char *name;
    struct span span;
};

/* How much is recorded. */
enum trace_level {
    TRACE_SUMMARY, /* totals of the whole run, by track and name */
    TRACE_WINDOWS, /* and what share of each of up to 1024 equal intervals units
                      and ports are busy or stalled */
    TRACE_TASKS, /* and each tile step, stall and transfer of the window, which
                      is walked step by step; no intervals */
    TRACE_LEVEL_COUNT,
};
const char *trace_level_name(enum trace_level level); /* "summary" */
/* TRACE_LEVEL_COUNT if there is none of that name. */
enum trace_level trace_level_find(const char *name);

struct trace_options {
    enum trace_level level;
    /* The window in cycles: [from, to). */
    int64_t from_cycle;
    int64_t to_cycle;
    /* Which units and memories; NULL: all. An unknown one is an error of the
     * run, 'trace-unknown-component'. */
    const struct trace_component *only;
    size_t only_count;
    /* The window is over once so many slices were recorded, too; 0: it is not. */
    int64_t slice_goal;
    int64_t record_limit; /* ERR_LIMIT when there is more to record */
};
#define TRACE_OPTIONS_DEFAULT                                                  \
    {                                                                          \
        .level = TRACE_TASKS, .from_cycle = 0, .to_cycle = INT64_MAX,          \
        .only = NULL, .only_count = 0, .slice_goal = 0,                        \
        .record_limit = 4000000                                                \
    }

enum track_kind {
    TRACK_PHASES, /* phases of the plan */
    TRACK_UNIT,   /* tile steps, by Einsum */
    TRACK_STALLS, /* why the unit was idle, or a tile step took longer */
    TRACK_PORT,   /* transfers, as they occupy a memory's bandwidth */
    TRACK_BUFFER, /* bytes held, or asked for already: samples */
};

struct trace_track {
    enum track_kind kind;
    char *name;    /* "array2d", "gbuf.read", "gbuf: K" */
    int component; /* of a unit: its id; of a memory likewise; else -1 */
};

/* What a slice is: an Einsum, a cause of stalls, a transfer. */
struct trace_name {
    char *text;        /* "QK", "bandwidth", "K fill" */
    bool is_transfer;  /* of data between memories or to a unit */
    const char *stage; /* of a tile step or transfer: what is done: "load",
                          "compute", "max", "exp", "rescale", "store", ...;
                          of a stall its kind; else NULL */
    int color; /* alike for what belongs together: an Einsum and its output */
};

struct trace_slice {
    int64_t begin_ticks;
    int64_t end_ticks;
    int64_t bytes;     /* of a transfer, one instance of the memory */
    int64_t iteration; /* of the phase's loops; -1: none */
    int64_t ordinal;   /* of the tile step in its child's program; -1: none */
    int track;
    int name;
    int phase;
    int child;            /* of the phase; -1: none */
    int first_coordinate; /* in `coordinates` */
    int coordinate_count;
};

/* The tile that a slice works on: lo <= rank < hi. */
struct trace_coordinate {
    int rank;
    int64_t lo;
    int64_t hi;
};

struct trace_sample {
    int64_t at_ticks;
    int64_t value;
    int track;
};

/* Of the whole run, whatever the window. */
struct trace_total {
    int track;
    int name;
    int64_t count; /* of tile steps or transfers; -1: stalls are not counted */
    int64_t ticks;
    int64_t bytes; /* of transfers */
};

/* What a track does in each interval of the window. */
struct trace_series {
    int track;
    char *name;      /* "array2d busy", "array2d stalls fill", "DRAM bytes" */
    bool is_bytes;   /* else ticks */
    int64_t *values; /* by interval */
};

struct trace {
    struct trace_options options; /* borrows `only` */
    char *title;                  /* "attention-1pass on ..., mapped by ..." */
    int64_t clock_hz;
    int64_t ticks_per_cycle;
    int64_t end_ticks;         /* of the run */
    int64_t window_from_ticks; /* what was recorded, within the run */
    int64_t window_to_ticks;
    GArray *tracks;      /* struct trace_track */
    GArray *names;       /* struct trace_name */
    GArray *slices;      /* struct trace_slice, by beginning, then track */
    GArray *samples;     /* struct trace_sample, in the order of time */
    GArray *coordinates; /* struct trace_coordinate */
    GArray *totals;      /* struct trace_total */
    int64_t interval_ticks;
    int64_t interval_count;
    GArray *series;    /* struct trace_series */
    GPtrArray *ranks;  /* char *: names of ranks by id */
    GPtrArray *phases; /* char *: names of phases */
};

/* `options` must outlive the trace. */
struct trace *trace_new(const struct trace_options *options);
void trace_free(struct trace *trace);
BASE_DEFINE_CLEANUP(trace)

static inline const struct trace_track *trace_track(const struct trace *trace,
                                                    int id)
{
    return &g_array_index(trace->tracks, struct trace_track, id);
}

static inline const struct trace_name *trace_name(const struct trace *trace,
                                                  int id)
{
    return &g_array_index(trace->names, struct trace_name, id);
}

static inline const struct trace_slice *trace_slice(const struct trace *trace,
                                                    guint i)
{
    return &g_array_index(trace->slices, struct trace_slice, i);
}

/* "m1=3 p=256:512": appends the slice's tile; ranks that it has all of are left
 * out. */
void trace_print_tile(const struct trace *trace,
                      const struct trace_slice *slice, GString *out);
/* Thousandths of a cycle, rounded down, so that what takes whole cycles takes as
 * many wherever it begins. Files count a cycle as a microsecond. */
int64_t trace_millicycles(const struct trace *trace, int64_t ticks);

/* Bytes a cycle of a TRACK_PORT: constant through a transfer, 0 between two. */
typedef void (*trace_value_fn)(void *user, int64_t at_ticks, double value);
void trace_visit_bandwidth(const struct trace *trace, int track,
                           trace_value_fn visit, void *user);

/* From tile step to tile step of one iteration, the first of each Einsum. */
struct trace_arrow {
    guint from; /* slices */
    guint to;
};
/* struct trace_arrow; the caller frees. */
GArray *trace_find_arrows(const struct trace *trace);

/* Percent of each interval, or bytes a cycle (the last one may be shorter), where
 * it changes; 0 at the end. */
void trace_visit_series(const struct trace *trace,
                        const struct trace_series *series, trace_value_fn visit,
                        void *user);
/* Where an interval begins; of number `interval_count`: where the last ends. */
int64_t trace_interval_ticks(const struct trace *trace, int64_t interval);

/* ---- files ----------------------------------------------------------------- */

enum trace_format {
#define TRACE_FORMAT(id, name, endings, level, help) TRACE_##id,

#include "sim/trace/formats.def"
#undef TRACE_FORMAT
    TRACE_FORMAT_COUNT
};

const char *trace_format_name(enum trace_format format);
/* TRACE_FORMAT_COUNT if there is none of that name. */
enum trace_format trace_format_find(const char *name);
/* By the ending of a file's name; likewise. */
enum trace_format trace_format_of_path(const char *path);
/* NULL-terminated. */
const char *const *trace_format_names(void);
/* The format can show this level and those above. */
enum trace_level trace_format_level(enum trace_format format);

/* Writes the file under another name and renames it, unless it is there and not
 * a plain file (a device, a pipe, a link): that is written to as it is. Once *interrupts (may be NULL) is not 0,
 * nothing is left and *is_interrupted is set. */
MUST_USE enum status trace_save(const struct trace *trace,
                                enum trace_format format, const char *path,
                                const volatile sig_atomic_t *interrupts,
                                struct diags *diags, bool *is_interrupted);

#endif
