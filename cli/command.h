/* What a subcommand is and what it gets to work with. */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/base.h"
#include "reports/reports.h"

/* Values of all options of all subcommands; each takes those in its table. */
struct settings {
    bool wants_short_help;
    bool wants_full_help;
    bool as_json;
    bool as_csv;
    bool must_resume;
    bool wants_errors;
    bool is_unabridged; /* --no-fast-forward */
    bool wants_timeline;
    bool is_portable;
    int64_t seconds; /* 0: not said */
    int quiet;
    int verbose;
    int64_t seed;
    int64_t jobs; /* 0: not said */
    int64_t word_bytes;
    const char *color;
    const char *db;
    const char *cascade;
    const char *arch;
    const char *mapping;
    const char *iso_area;   /* an area, or an architecture's file */
    const char *free_param; /* --free */
    const char *rounding;
    bool must_saturate;
    bool must_flush;
    const char *all; /* a folder */
    const char *directory;
    const char *output; /* a file */
    const char *trace;  /* a file */
    const char *trace_format;
    const char *trace_level;
    const char *trace_window;
    GPtrArray *trace_only; /* const char * */
    GPtrArray *set;        /* const char *, as written */
    GPtrArray *fidelity;   /* likewise */
    GPtrArray *format;
    GPtrArray *rewrite;
    GPtrArray *dtype;
    GPtrArray *op;
    GPtrArray *inputs;
    GPtrArray *input;
    GPtrArray *outputs;
    GPtrArray *operands; /* const char * */
};

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* int: how often it is there */
    OPTION_TEXT,   /* const char *: the last wins */
    OPTION_NUMBER, /* int64_t >= 0 */
    OPTION_LIST,   /* GPtrArray of const char *, also 'a,b' */
};

struct option {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* or 0 */
    enum option_kind kind;
    const char *value; /* what stands for the value in help, or NULL */
    size_t offset;     /* in struct settings */
    const char *help;
};

/* Everything a subcommand may use and change. */
struct cli {
    struct settings settings;
    struct diags *diags;
    GString *out;  /* data, written to stdout at the end */
    int exit_code; /* when the status is OK: 0, 1 or 130 */
    struct run_origin origin;
    bool has_terminal; /* stderr is one */
};

struct command {
    const struct option *options;
    int min_operands;
    int max_operands;  /* -1: any number */
    const char *about; /* for --help */
    const char *examples;
    enum status (*run)(struct cli *cli);
};

/* Everybody's options: -h, --json, -q ... */
extern const struct option common_options[];

#define OPTION_CASCADE_FILE                                                    \
    {                                                                          \
        "cascade", 'c', OPTION_TEXT, "FILE",                                   \
            offsetof(struct settings, cascade), "the cascade"                  \
    }
#define OPTION_ARCH_FILE                                                       \
    {                                                                          \
        "arch", 'a', OPTION_TEXT, "FILE", offsetof(struct settings, arch),     \
            "the architecture"                                                 \
    }
#define OPTION_MAPPING_FILE                                                    \
    {                                                                          \
        "mapping", 'm', OPTION_TEXT, "FILE",                                   \
            offsetof(struct settings, mapping), "the mapping"                  \
    }
#define OPTION_SET                                                             \
    {                                                                          \
        "set", 's', OPTION_LIST, "NAME=VALUE", offsetof(struct settings, set), \
            "bind a shape or parameter: P=64K,M=P"                             \
    }
#define OPTION_DB(help)                                                        \
    {                                                                          \
        "db", 'd', OPTION_TEXT, "FILE", offsetof(struct settings, db), help    \
    }
#define OPTION_JSON(help)                                                      \
    {                                                                          \
        "json", 'j', OPTION_FLAG, NULL, offsetof(struct settings, as_json),    \
            help                                                               \
    }
#define OPTION_FIDELITY                                                        \
    {                                                                          \
        "fidelity", 'f', OPTION_LIST, "NAME",                                  \
            offsetof(struct settings, fidelity),                               \
            "model, sim or both (model,sim)"                                   \
    }
/* Rows of the options that cli_parse_arithmetic reads. */
#define OPTION_ARITHMETIC                                                      \
    {"dtype",                                                                  \
     0,                                                                        \
     OPTION_LIST,                                                              \
     "[TENSOR=]FORMAT",                                                        \
     offsetof(struct settings, dtype),                                         \
     "number formats, STORAGE[:MULTIPLICAND[:ACCUMULATOR]]: bf16"},            \
        {"op",                                                                 \
         0,                                                                    \
         OPTION_LIST,                                                          \
         "OP=FORMAT",                                                          \
         offsetof(struct settings, op),                                        \
         "format of an operation's results: exp=bf16"},                        \
        {"rounding",                                                           \
         0,                                                                    \
         OPTION_TEXT,                                                          \
         "MODE",                                                               \
         offsetof(struct settings, rounding),                                  \
         "nearest-even, nearest-away, toward-zero, up or down"},               \
        {"saturate",                                                           \
         0,                                                                    \
         OPTION_FLAG,                                                          \
         NULL,                                                                 \
         offsetof(struct settings, must_saturate),                             \
         "the largest value in place of infinity"},                            \
    {                                                                          \
        "flush-subnormals", 0, OPTION_FLAG, NULL,                              \
            offsetof(struct settings, must_flush),                             \
            "zero in place of subnormal results"                               \
    }
#define OPTION_ONE_FIDELITY(help)                                              \
    {                                                                          \
        "fidelity", 'f', OPTION_LIST, "NAME",                                  \
            offsetof(struct settings, fidelity), help                          \
    }
#define OPTION_END                                                             \
    {                                                                          \
        NULL, 0, OPTION_FLAG, NULL, 0, NULL                                    \
    }

/* A mistake in the command line: exit code 2, with a message. */
enum status cli_fail_usage(struct cli *cli, const char *suggestion,
                           const char *format, ...) PRINTF_LIKE(3, 4);
/* A text option that the subcommand cannot do without. */
MUST_USE enum status cli_need(struct cli *cli, const char *value,
                              const char *option);
/* Files that are read more than once cannot be standard input. */
MUST_USE enum status cli_need_file(struct cli *cli, const char *path);
/* The --set options as a scope. Caller frees. */
MUST_USE enum status cli_parse_set(struct cli *cli, struct scope **chosen);
/* The architecture's formats, then --dtype, --op, --rounding ..; NULL if all of it
 * is plain fp64. The problem must outlive it. */
struct problem;
struct einsum_arithmetic;
MUST_USE enum status
cli_parse_arithmetic(struct cli *cli, const struct problem *problem,
                     struct einsum_arithmetic **arithmetic);
/* Appends the options that give the same. */
void cli_print_arithmetic(const struct settings *settings, GString *command);
/* The --fidelity options. */
MUST_USE enum status cli_parse_fidelity(struct cli *cli, bool *wants_model,
                                        bool *wants_sim);
/* The one --fidelity option of commands that run at `usual` or at pe. */
MUST_USE enum status cli_choose_fidelity(struct cli *cli, const char *usual,
                                         enum fidelity *fidelity);
/* A remark on stderr, at once, unless -q. */
void cli_note(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* Likewise, only with -v. */
void cli_detail(const struct cli *cli, const char *format, ...)
    PRINTF_LIKE(2, 3);

#endif
