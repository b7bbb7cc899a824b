/* The mapping as written: names and expressions, nothing resolved. Private to
 * mapping/. The loader builds it, the printer prints it, the binder turns it
 * into a plan. Everything is owned by the mapping. */
#ifndef WEIR_MAPPING_TREE_H
#define WEIR_MAPPING_TREE_H

#include "mapping/mapping.h"

/* A name with its place. */
struct tree_name {
    char *text;
    struct span span;
};

/* rank -> expression (tile), or rank -> word (axis, "last"). */
struct tree_pair {
    struct tree_name key;
    struct expr *value;    /* tiles */
    struct tree_name word; /* axes, "last"; text NULL for tiles */
};

struct tree_item {
    enum plan_kind kind;
    struct span span;
    struct expr *when;      /* HOLD: present only if not 0; NULL: always */
    struct tree_pair loop;  /* LOOP */
    GArray *names;          /* struct tree_name: held tensors, or Einsums */
    struct tree_name place; /* memory of a HOLD, unit of a COMPUTE */
    struct expr *copies;    /* HOLD; NULL: as many as are needed */
    char *assumption;
    bool is_stream;
    bool is_shared;
    bool can_spill;
    bool spills_through;
    bool refetches;
    GArray *first_reads; /* HOLD: struct tree_pair tensor -> elements */
    bool is_chained;
    bool is_recomputed;
    struct tree_name masked; /* COMPUTE; text NULL: what the unit can */
    GArray *spatial;     /* COMPUTE, SPATIAL: struct tree_pair rank -> axis */
    GArray *tiles;       /* SPATIAL: struct tree_pair rank -> tile */
    GArray *loops;       /* COMPUTE: struct tree_pair rank -> tile */
    GArray *at;          /* COMPUTE: struct tree_pair rank -> "last" */
    GPtrArray *issue;    /* COMPUTE: struct tree_issue (issue.h) */
    bool is_copy;        /* HOLD */
    bool is_resident;    /* HOLD */
    GPtrArray *branches; /* PHASES, SEQUENCE, PIPELINE: struct tree_branch */
};

struct tree_branch {
    struct span span;
    char *name;         /* of a phase, or NULL */
    struct expr *slot;  /* PIPELINE; NULL: 0 */
    struct expr *delay; /* PIPELINE; NULL: 0 */
    GPtrArray *items;   /* struct tree_item, outermost first */
};

struct tree_variant {
    struct expr *when; /* NULL: always */
    char *about;
    GArray *params; /* struct tree_pair name -> expression */
    GPtrArray *items;
};

struct mapping {
    char *name;
    char *cascade;
    char *about;
    char *source_note;
    char *path;
    char *hash;
    struct span span;
    GArray *shapes; /* struct tree_pair name -> expression */
    GArray *params;
    GPtrArray *formats;  /* struct tree_format (formats.h) */
    GPtrArray *variants; /* struct tree_variant; one without `when` if the file
                            has `tree` at the top */
    GPtrArray *param_names; /* borrowed, file order */
    struct yaml_document *document;
};

#endif
