/* An experiment as read, shared by the files that read, expand and report. */
#ifndef WEIR_EXPLORE_EXPERIMENT_H
#define WEIR_EXPLORE_EXPERIMENT_H

#include "explore/explore.h"

enum input_file { INPUT_CASCADE, INPUT_ARCH, INPUT_MAPPING, INPUT_COUNT };
const char *input_key(enum input_file input); /* "cascade", ... */

struct binding {
    const char *name;
    struct expr *expr; /* owned */
    struct span span;
    bool is_local; /* of `let`: the experiment's own, passed to no file */
};

/* What an entry of an axis, or the experiment itself, says of its points. */
struct entry {
    char *label;
    GArray *bindings;         /* struct binding */
    char *files[INPUT_COUNT]; /* paths from the current directory, or NULL */
};

struct axis {
    const char *name;
    struct span span;
    bool wins;          /* over what earlier axes bind and choose */
    GPtrArray *entries; /* struct entry * */
};

struct shown_bar {
    int entry; /* of the bars' axis */
    const char *name;
};

/* A figure of the file; axes are indices, -1 for none. */
struct figure_plan {
    struct figure_options options;
    int group;
    int x;
    int bars;
    int sum;        /* axis whose runs are added up */
    GArray *shown;  /* struct shown_bar */
    GArray *layers; /* struct figure_layer: of stacked bars */
    int *at; /* by axis: entry of the axes that are none of these, else -1 */
};

/* Means, over all other axes, of what an entry is to the baseline. */
struct table_column {
    const char *heading;
    enum metric metric; /* METRIC_SPEEDUP, METRIC_ENERGY_RATIO */
    int baseline;       /* entry of the table's axis */
    int sum;            /* axis whose runs are added up, or -1 */
    int *at;            /* by axis: the entry where it stands still, or -1 */
};

struct table_plan {
    const char *name;
    int of;           /* axis */
    bool is_wide;     /* many columns, arithmetic means only */
    GArray *columns;  /* struct table_column */
    const char *note; /* printed below, or NULL */
};

struct experiment {
    struct yaml_document *document;
    const char *name;
    const char *database;
    bool fidelities[2]; /* by enum fidelity */
    struct entry *common;
    GPtrArray *axes;    /* struct axis * */
    GPtrArray *figures; /* struct figure_plan * */
    const char **figure_names;
    GPtrArray *tables;  /* struct table_plan * */
    GPtrArray *points;  /* struct point * */
    GHashTable *hashes; /* path -> SHA-256 of each input file */
};

/* Index of the axis, or -1. */
int experiment_find_axis(const struct experiment *experiment, const char *name);
/* Index of the entry, or -1. */
int axis_find_entry(const struct axis *axis, const char *label);
/* Does any entry bind the name, or choose the file? */
bool axis_binds(const struct axis *axis, const char *name);
bool axis_chooses(const struct axis *axis, enum input_file input);
static inline struct axis *experiment_axis(const struct experiment *experiment,
                                           int i)
{
    return g_ptr_array_index(experiment->axes, (guint)i);
}
static inline struct entry *axis_entry(const struct axis *axis, int i)
{
    return g_ptr_array_index(axis->entries, (guint)i);
}

void entry_free(struct entry *entry);
/* `set`, `cascade`, `arch`, `mapping` of a mapping node; other keys are the
 * caller's. `folder` is that of the experiment file. */
MUST_USE enum status entry_load(struct diags *diags,
                                const struct yaml_node *node,
                                const char *folder, const char *label,
                                struct entry **entry);

void axis_free(struct axis *axis);
MUST_USE enum status axis_load(struct diags *diags,
                               const struct yaml_node *node, const char *folder,
                               struct axis **axis);

/* Figures and tables; axes must be loaded. */
MUST_USE enum status outputs_load(struct diags *diags,
                                  const struct yaml_node *root,
                                  struct experiment *experiment);
MUST_USE enum status table_plan_load(struct diags *diags,
                                     const struct yaml_node *node,
                                     struct experiment *experiment);
void figure_plan_free(struct figure_plan *plan);
void table_plan_free(struct table_plan *plan);

/* What they share. An axis by name: -1 when the key is absent. */
MUST_USE enum status outputs_find_axis(struct diags *diags,
                                       const struct yaml_node *node,
                                       const char *key,
                                       const struct experiment *experiment,
                                       int *axis);
MUST_USE enum status outputs_get_axis(struct diags *diags,
                                      const struct yaml_node *node,
                                      const char *key,
                                      const struct experiment *experiment,
                                      int *axis);
MUST_USE enum status outputs_find_entry(struct diags *diags,
                                        const struct axis *axis,
                                        const char *label, struct span span,
                                        int *entry);
/* An entry for every axis, none so far; caller frees. */
int *outputs_new_at(const struct experiment *experiment);
/* `at: {axis: entry}` of a figure or a column. */
MUST_USE enum status outputs_load_at(struct diags *diags,
                                     const struct yaml_node *node,
                                     const struct experiment *experiment,
                                     int *at);

/* The cross product; everything else must be loaded. */
MUST_USE enum status points_expand(struct diags *diags,
                                   struct experiment *experiment,
                                   const struct scope *chosen);
void point_free(struct point *point);
/* Sets its key, if it has none yet: a hash of all that it depends on. */
void point_find_key(struct point *point);

#endif
