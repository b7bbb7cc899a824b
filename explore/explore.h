/* Explore: experiments. An experiment file names axes; the cross product of
 * their entries, in file order, are the points. A point is one run: files,
 * names bound as by --set, a fidelity. Points are evaluated by forked workers
 * and kept in a store, from which figures and tables are made.
 *
 * The file:
 *   schema: 1
 *   experiment: fusemax            name
 *   about, source: text
 *   database: out/fusemax.db       default of --db; from the current directory
 *   fidelity: [model, sim]
 *   set: {B: 64}                   common to all points; --set wins
 *   let: {N: 2}                    names of the experiment alone: for its own
 *                                  expressions, passed to no file; a later
 *                                  'let' of a name ends its being passed
 *   cascade, arch, mapping: FILE   common to all points, from the folder of the
 *                                  experiment file, as are all files in it
 *   axes:
 *     - axis: model                entries bind names and choose files
 *       entries:
 *         BERT: {set: {H: 12}, cascade: FILE, arch: FILE, mapping: FILE}
 *     - axis: length               short for entries that bind one value each;
 *       set: [P, M]                'let' likewise
 *       values: [1K, 4K]
 *     - axis: part                 may bind and choose what earlier axes do
 *       wins: true
 *       entries: ...
 *   figures:
 *     - figure: fig6a              name of the file, fidelity is appended
 *       kind: utilization          see reports/figures/figures.def
 *       unit: array1d              where the kind asks for one
 *       baseline: FLAT             likewise: an entry of the bars' axis
 *       group: model               axis of the groups, may be absent
 *       x: length                  axis of the clusters
 *       bars: configuration        axis of the bars of a cluster
 *       show: {FLAT: F}            which of them, here under other names; a list
 *                                  where names stay; all if absent
 *       stack: {exp: [SLN, PRM]}   layers of stacked bars, from the lowest
 *       sum: part                  axis over which runs are added up
 *       at: {clock: fast}          entry of every further axis
 *       title, x_label: text
 *   tables:
 *     - table: speedup
 *       kind: mean_speedup         arithmetic and geometric mean over all
 *       of: configuration          other axes, of each entry of this axis
 *       over: [FLAT, Unfused]      over these entries
 *     - table: headline
 *       kind: means                arithmetic means, a column each
 *       of: configuration
 *       columns:
 *         energy: {metric: energy, over: FLAT, sum: part, at: {clock: fast}}
 *       note: text                 printed below the table
 *
 * Values are expressions over the names bound before: those of `set`, then
 * those of the axes in file order. Two axes may not bind the same name or
 * choose the same file, unless the later one `wins`; an axis wins over what is
 * common to all points. Names may be shapes of the cascade and params of the
 * architecture and of the mapping.
 *
 * Ownership: points and names live as long as their experiment; an experiment
 * borrows spans of the diags it was read with.
 */
#ifndef WEIR_EXPLORE_H
#define WEIR_EXPLORE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/base.h"
#include "model/model.h"
#include "reports/reports.h"
#include "sim/sim.h"

/* ---- points ---------------------------------------------------------------- */

struct point {
    enum fidelity fidelity;
    const char *cascade; /* paths */
    const char *arch;
    const char *mapping;
    const struct scope *chosen;
    const char *experiment; /* NULL when no experiment made the point */
    const char *label;      /* "model=BERT length=1K", or NULL */
    const char *key;        /* run_key */
    const int *entries;     /* by axis: index of the entry */
};

/* SHA-256 of the bytes of a file, as the loaders give it. Caller frees. */
MUST_USE enum status explore_hash_file(struct diags *diags, const char *path,
                                       char **hash);
/* The command that repeats a point alone. Caller frees. */
char *explore_print_command(const struct point *point);
/* Are all names of `chosen` names that the problem knows? Each unknown one is
 * 'set-unknown-name' with a suggestion. */
MUST_USE enum status explore_check_names(struct diags *diags,
                                         const struct problem *problem,
                                         const struct scope *chosen);
/* Files read once for many points. */
struct file_cache;
struct file_cache *file_cache_new(void);
void file_cache_free(struct file_cache *cache);
BASE_DEFINE_CLEANUP(file_cache)
/* Loads and evaluates one point; files come from the cache, or with NULL are
 * read now, warnings included. `origin` may leave out command, experiment and
 * label: the point's are used. `sim` is how to simulate; a trace in it is filled. */
MUST_USE enum status
explore_evaluate(struct diags *diags, struct file_cache *cache,
                 const struct point *point, const struct run_origin *origin,
                 const struct sim_options *sim, struct run **run);

/* ---- numerics -------------------------------------------------------------- */

/* Errors of one tensor. A unit in the last place (ulp) is that of its storage at
 * the reference's value. Bin i counts errors of 2^(i-1) .. 2^i times
 * 2^ERROR_FIRST_EXPONENT ulp, the first also smaller ones, the last larger ones. */
#define ERROR_BINS           48
#define ERROR_FIRST_EXPONENT (-15)

struct tensor_errors {
    const char *tensor;
    enum tensor_kind kind;
    int64_t point_count;
    double max_abs;
    double mean_abs;
    double max_rel;
    double mean_rel; /* where the reference is not 0 */
    int64_t rel_count;
    double max_ulp;
    double mean_ulp;
    double bound; /* the largest; NaN without one */
    bool is_ok;   /* every element is within its bound, if there is one */
    int64_t bins[ERROR_BINS];
    int worst_count; /* coordinates of the largest error */
    int64_t worst[EINSUM_MAX_DIMS];
    double worst_value;
    double worst_reference;
    double worst_bound;
};

/* The cascade, and with a mapping the mapped schedule, against the cascade's
 * reference kernel on the same inputs. An element is right when it differs from
 * the kernel's by at most its running error bound plus the kernel's own bound. The
 * schedule's elements carry bounds of their own, of the order in which it computes
 * them. */
struct verification {
    size_t count;           /* 1, or 2 with a mapping */
    struct check checks[2]; /* "interpreter", "mapped"; texts are borrowed */
    char *shapes;           /* owned, as is all below and the verification */
    char *dtype;            /* einsum_arithmetic_print */
    char *inputs;           /* einsum_inputs_print */
    /* The kernel's tensor, of each check. */
    struct tensor_errors result[2];
    /* The interpreter's others: inputs as stored beside what was given, what is
     * computed beside the same in double on stored inputs. Only with an
     * arithmetic. */
    size_t tensor_count;
    struct tensor_errors *tensors;
    struct einsum_data *data; /* the interpreter's values */
};

/* In the formats that the problem's architecture names, its rounding not yet set;
 * fp64 where it names none. */
MUST_USE enum status
explore_make_arithmetic(struct diags *diags, const struct problem *problem,
                        struct einsum_arithmetic **arithmetic);
/* Each statement computes as the unit does that the mapping puts it on: after all
 * formats are set. */
void explore_approximate(const struct problem *problem,
                         struct einsum_arithmetic *arithmetic);

struct verify_options {
    uint64_t seed;
    /* NULL: fp64. The reference is computed in double, on inputs as stored. */
    const struct einsum_arithmetic *arithmetic;
    /* NULL: those that the cascade declares. */
    const struct einsum_inputs *inputs;
    /* The schedule is executed by its arrays, PE by PE (sim_run_pe). */
    bool is_pe;
};

/* The problem's cascade must name a kernel. Functional execution that breaks
 * down (an element read before it is finished) is ERR_INPUT. */
MUST_USE enum status explore_verify(struct diags *diags,
                                    const struct problem *problem,
                                    const struct verify_options *options,
                                    struct verification **verification);
void verification_free(struct verification *verification);
BASE_DEFINE_CLEANUP(verification)

/* ---- experiments ----------------------------------------------------------- */

struct experiment;

struct experiment_options {
    const struct scope *chosen; /* --set; NULL: none */
    /* Which fidelities; none: those of the file. */
    bool wants_model;
    bool wants_sim;
};

MUST_USE enum status
experiment_load_file(struct diags *diags, const char *path,
                     const struct experiment_options *options,
                     struct experiment **experiment);
void experiment_free(struct experiment *experiment);
BASE_DEFINE_CLEANUP(experiment)

const char *experiment_name(const struct experiment *experiment);
/* NULL if the file names none. */
const char *experiment_database(const struct experiment *experiment);
size_t experiment_point_count(const struct experiment *experiment);
const struct point *experiment_point(const struct experiment *experiment,
                                     size_t i);
/* Names of the figures, NULL-terminated, file order. */
const char *const *experiment_figures(const struct experiment *experiment);

/* ---- sweeping -------------------------------------------------------------- */

struct sweep_options {
    const struct run_origin *origin; /* version, git id, time */
    int jobs;                        /* worker processes, at least 1 */
    bool use_fast_forward;
    /* Counts Ctrl-C; may be NULL. 1: start no further point, finish and store
     * those that run. 2: stop now. */
    const volatile sig_atomic_t *interrupts;
    /* Called in the parent, at least every 100 ms; may be NULL. */
    void (*progress)(void *data, size_t done, size_t total);
    void *progress_data;
};

struct sweep_outcome {
    size_t total;     /* distinct points of the experiment */
    size_t found;     /* in the store before */
    size_t evaluated; /* and stored now */
    size_t failed;    /* each has its diagnostic */
    bool is_interrupted;
};

/* Evaluates the points that are not in the store and stores them: at any moment
 * the store holds whole points only, and their ids are those of their order in
 * the experiment. A point that fails, or whose worker dies, does not stop the
 * others. `outcome` is filled in whatever is returned. */
MUST_USE enum status sweep_run(const struct experiment *experiment,
                               struct store *store,
                               const struct sweep_options *options,
                               struct diags *diags,
                               struct sweep_outcome *outcome);

/* ---- what is made of the results ------------------------------------------- */

struct draw_options {
    const char *const *figures; /* names, NULL-terminated; none: all */
    bool formats[FIGURE_FORMAT_COUNT];
    const char *directory; /* made if missing */
};

/* Draws figures of the experiment, once per fidelity and format; appends the
 * paths written to `paths` (g_free each). Points that the store lacks leave gaps
 * and give a warning; ERR_IO when it has none of them. */
MUST_USE enum status explore_draw(const struct experiment *experiment,
                                  struct store *store, struct diags *diags,
                                  const struct draw_options *options,
                                  GPtrArray *paths);
/* All tables of the experiment as text, or as one JSON object. */
MUST_USE enum status explore_print_tables(const struct experiment *experiment,
                                          struct store *store,
                                          struct diags *diags, bool as_json,
                                          GString *out);

#endif
