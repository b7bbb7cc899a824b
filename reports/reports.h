/* Reports: what a run leaves behind. A run is one evaluation with everything
 * needed to repeat it: hashes of its inputs, shapes, version, command. Runs are
 * printed as tables and JSON, kept in SQLite, and drawn by gnuplot.
 *
 *   metric   one row of metrics.def for every number that is reported
 *   run      an evaluation that owns itself, and its provenance
 *   store    the SQLite file
 *   figure   gnuplot, one file a kind under reports/figures/
 *
 * Ownership: a run owns all its text; everything else is borrowed unless a
 * comment says who frees it. A store belongs to one process: use it before a
 * fork or after, never on both sides. Nothing here prints; tables and JSON are
 * appended to a GString or returned.
 */
#ifndef WEIR_REPORTS_H
#define WEIR_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/base.h"
#include "mapping/mapping.h"
#include "model/model.h"
#include "sim/sim.h"

/* ---- metrics ------------------------------------------------------------ */

enum metric {
#define METRIC(id, ...) METRIC_##id,
#include "reports/metrics.def"
#undef METRIC
    METRIC_COUNT
};

struct metric_info {
    const char *column;  /* SQLite column and CSV header: "busy_cycles" */
    const char *json;    /* path in the JSON object: "einsums.*.busy_cycles" */
    const char *unit;    /* "cycles"; "" for a ratio */
    const char *heading; /* table heading and axis label: "busy" */
    const char *meaning;
    const char *invariant; /* what always holds */
};
const struct metric_info *metric_get(enum metric metric);

/* ---- runs --------------------------------------------------------------- */

/* Where a run comes from; the caller's words. All may be NULL but `version`. */
struct run_origin {
    const char *version;
    const char *git_id;
    const char *command;    /* a command that repeats this one run */
    const char *experiment; /* name, of a sweep's point */
    const char *label;      /* "model=BERT length=1K", of a sweep's point */
    int64_t time_s;         /* since 1970 */
    int64_t seed;           /* 0 where nothing is drawn */
};

/* What any execution moves of a tensor through the outermost memory. */
struct run_tensor {
    const char *name;
    int64_t compulsory_bytes; /* 0 for intermediate tensors */
};

struct run {
    GStringChunk *strings; /* holds every text below */
    int64_t id;            /* in the store; 0 when not stored */
    const char *key;       /* run_key of its inputs */
    struct run_origin origin;
    const char *cascade; /* names */
    const char *arch;
    const char *mapping;
    const char *cascade_hash; /* SHA-256, hex */
    const char *arch_hash;
    const char *mapping_hash;
    int shape_count;
    const char **shape_name; /* every extent of the workload */
    int64_t *shape_value;
    double area_um2; /* of the chip; NaN where a part's is not known */
    int tensor_count;
    struct run_tensor *tensors;
    int assumption_count;
    const char **assumptions; /* what the mapping takes for granted */
    /* Owned, arrays and names; never pass it to evaluation_free. */
    struct evaluation evaluation;
};

/* Identifies a run by its inputs: fidelity, the hashes of the three files and
 * the names chosen with --set, in any order. Caller frees. */
char *run_key(enum fidelity fidelity, const char *cascade_hash,
              const char *arch_hash, const char *mapping_hash,
              const struct scope *chosen);

/* Copies everything; the problem and the evaluation may go away. */
struct run *run_new(const struct problem *problem,
                    const struct evaluation *evaluation, const char *key,
                    const struct run_origin *origin);
void run_free(struct run *run);
BASE_DEFINE_CLEANUP(run)

double run_seconds(const struct run *run);

/* The object of `weir model --json`, with all that the store keeps:
 * parse(print(run)) is the run. Caller frees. `indent` 0: one line. */
char *run_print_json(const struct run *run, size_t indent);
/* ERR_IO when the text is no run; `diags` says why. */
MUST_USE enum status run_parse_json(struct diags *diags, const char *text,
                                    struct run **run);
/* The tables of `weir model` and `weir sim`. */
void run_print_table(const struct run *run, GString *out);

/* ---- aligned text ------------------------------------------------------- */

struct table;

struct table *table_new(void);
void table_free(struct table *table);
BASE_DEFINE_CLEANUP(table)
/* Columns first, from left to right. A metric's column is headed by its heading
 * and unit and aligned right; a text column is aligned left. */
void table_add_text_column(struct table *table, const char *heading);
void table_add_metric_column(struct table *table, enum metric metric);
/* A metric under another heading ("from DRAM"); the unit stays. */
void table_add_headed_column(struct table *table, enum metric metric,
                             const char *heading);
/* Cells fill rows from left to right. */
void table_add_text(struct table *table, const char *text);
void table_add_count(struct table *table, int64_t count); /* 1,892,352 */
void table_add_ratio(struct table *table, double ratio, int decimals);
void table_add_percent(struct table *table, double ratio); /* 98.3 % */
void table_add_energy(struct table *table, double energy_pj);
void table_print(const struct table *table, GString *out);

/* ---- the store ---------------------------------------------------------- */

/* The result of one numeric comparison of `weir verify`. */
struct check {
    const char *subject; /* "interpreter" or "mapped": compared with kernel */
    const char *kernel;
    const char *cascade;
    const char *cascade_hash;
    const char *arch; /* NULL without a mapping, as are the next three */
    const char *arch_hash;
    const char *mapping;
    const char *mapping_hash;
    const char *shapes; /* JSON object of all extents */
    const char *dtype;
    const char *inputs; /* NULL: as the cascade declares them */
    int64_t seed;
    bool is_ok;
    double max_abs_error; /* NaN is stored as NULL */
    double max_rel_error;
    double error_bound;
    int64_t point_count;
    double mean_abs_error;
    double mean_rel_error;
    double max_ulp_error;
    double mean_ulp_error;
    const char *details; /* JSON: worst element, histogram, tensors; or NULL */
};

/* What the store knows of a mapping's numbers. */
struct verified {
    char *shapes; /* owned, as is the next */
    char *dtype;
    char *inputs;
    bool is_ok;
};

/* How long something took on a real machine. */
struct measurement {
    const char *machine; /* its processor */
    const char *subject; /* "4x1", "onednn" */
    const char *dtype;   /* of the operands: "s8" */
    const char *output;  /* what it gives: "u8", "sum", "layer" */
    int64_t thread_count;
    const char *shapes;     /* JSON object of all extents */
    double sparsity_ratio;  /* of the weights; 0: dense */
    double p10_s, median_s; /* of the samples */
    int64_t sample_count;
};

enum store_mode {
    STORE_READ,  /* must exist */
    STORE_WRITE, /* created if missing */
};

struct store;

/* Opens, checks that it is Weir's and of a version this program knows, migrates
 * an older one. ERR_IO with the reason otherwise. */
MUST_USE enum status store_open(struct diags *diags, const char *path,
                                enum store_mode mode, struct store **store);
void store_free(struct store *store); /* closes; NULL is legal */
BASE_DEFINE_CLEANUP(store)

/* Sets ids aside for runs of this origin (version and git id), in the order of
 * the keys; a key that has an id keeps it. So ids do not depend on the order in
 * which results arrive. One transaction. */
MUST_USE enum status store_reserve(struct store *store, struct diags *diags,
                                   const struct run_origin *origin,
                                   const char *const *keys, size_t count);
/* All runs in one transaction, each with the id of its key. One that is stored
 * already, with the same key, version and git id, stays as it is. Sets
 * run->id. Nothing is stored on failure. */
MUST_USE enum status store_save_runs(struct store *store, struct diags *diags,
                                     struct run *const *runs, size_t count);
MUST_USE enum status store_save_checks(struct store *store, struct diags *diags,
                                       const struct run_origin *origin,
                                       const struct check *checks,
                                       size_t count);
/* Rows of one session of `benchmark`: taken together, so that their ratios hold.
 * Every call is a new session; one transaction. */
MUST_USE enum status
store_save_measurements(struct store *store, struct diags *diags,
                        const struct run_origin *origin, const char *benchmark,
                        const struct measurement *measurements, size_t count);
/* Checks of the mapped schedule of these three files, whatever the shapes, newest
 * first. *found is an array of struct verified; free it by g_array_unref. */
MUST_USE enum status
store_find_verified(struct store *store, struct diags *diags,
                    const char *cascade_hash, const char *arch_hash,
                    const char *mapping_hash, GArray **found);
/* Is there a run of this key, version and git id? */
MUST_USE enum status store_has_run(struct store *store, struct diags *diags,
                                   const struct run_origin *origin,
                                   const char *key, bool *has_run);
/* The newest run of the key by any version; *run NULL if there is none. */
MUST_USE enum status store_find_run(struct store *store, struct diags *diags,
                                    const char *key, struct run **run);
/* *run NULL if there is no run of that id. */
MUST_USE enum status store_load_run(struct store *store, struct diags *diags,
                                    int64_t id, struct run **run);
/* Ids of all runs, ascending. Caller frees the array. */
MUST_USE enum status store_list_runs(struct store *store, struct diags *diags,
                                     GArray **ids);
/* One table of all runs: comma-separated values with a header line, RFC 4180.
 * `table` is one of store_table_names. */
MUST_USE enum status store_export_csv(struct store *store, struct diags *diags,
                                      const char *table, GString *out);
/* NULL-terminated names of the tables one may export. */
const char *const *store_table_names(void);

/* ---- figures ------------------------------------------------------------ */

/* Runs arranged for a grouped bar chart: cell [group][tick][bar]. NULL where
 * there is no run. All is borrowed. */
struct figure_grid {
    size_t group_count;
    const char *const *groups; /* written under the ticks */
    size_t tick_count;
    const char *const *ticks;
    size_t bar_count;
    const char *const *bars; /* the legend */
    size_t part_count;       /* runs of a cell that are added up, at least 1 */
    const struct run *const *cells; /* cell by cell, its parts together */
};
/* Seconds and energy of a cell, all its parts; NaN when one is missing. */
double figure_cell_seconds(const struct figure_grid *grid, size_t cell);
double figure_cell_energy_pj(const struct figure_grid *grid, size_t cell);

/* Part of a stacked bar: the Einsums that are added up in it. */
struct figure_layer {
    const char *label;
    const char **einsums; /* NULL-terminated */
};

struct figure_options {
    const char *name;     /* of the file, without extension */
    const char *kind;     /* a row of figures/figures.def */
    const char *title;    /* or NULL */
    const char *unit;     /* compute unit, of kinds that ask for one */
    const char *baseline; /* bar that others are compared with, likewise */
    const char *x_label;  /* or NULL */
    size_t layer_count;   /* of stacked bars */
    const struct figure_layer *layers;
};

/* The formats of all figures. */
enum figure_format { FIGURE_PDF, FIGURE_SVG, FIGURE_PNG, FIGURE_FORMAT_COUNT };
const char *figure_format_name(enum figure_format format); /* "pdf" */
/* FIGURE_FORMAT_COUNT if there is none. */
enum figure_format figure_format_find(const char *name);

/* NULL-terminated names of the kinds. */
const char *const *figure_kind_names(void);
/* Does the kind need `unit:`, or `baseline:`? The kind must exist. */
bool figure_needs_unit(const char *kind);
bool figure_needs_baseline(const char *kind);
bool figure_needs_stack(const char *kind);
/* Does the kind add up the parts of a cell? */
bool figure_can_sum(const char *kind);

/* Draws into DIRECTORY/NAME.FORMAT, written beside it and renamed. ERR_IO when
 * gnuplot is missing or fails; ERR_INPUT when a run has no such unit or the
 * grid no such bar. */
MUST_USE enum status figure_draw(struct diags *diags,
                                 const struct figure_options *options,
                                 const struct figure_grid *grid,
                                 enum figure_format format,
                                 const char *directory);

/* A window of a simulated run as a waterfall: a row for each unit, with its tile
 * steps and its stalls, and one for each port that is used. Boxes have the colour
 * of their Einsum or tensor and, where there is room, its name and tile. Draws
 * into DIRECTORY/NAME.FORMAT as figure_draw does. ERR_LIMIT when there are more
 * boxes than anyone could see. `title` may be NULL. */
MUST_USE enum status figure_draw_timeline(struct diags *diags,
                                          const struct trace *trace,
                                          const char *title, const char *name,
                                          enum figure_format format,
                                          const char *directory);

/* ---- figures of checks ---------------------------------------------------- */

/* From the interpreter's checks in the store: largest and mean error and bound of
 * each cascade over the shape named (M), a panel for each kind of inputs. */
MUST_USE enum status figure_draw_errors(struct store *store,
                                        struct diags *diags, const char *shape,
                                        enum figure_format format,
                                        const char *path);
/* How many elements of the newest check's result are off by how many units in the
 * last place, and of its other tensors. */
MUST_USE enum status figure_draw_histogram(struct store *store,
                                           struct diags *diags,
                                           enum figure_format format,
                                           const char *path);

#endif
