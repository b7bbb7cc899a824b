/* The --trace options: from words to what sim_run takes, and the file. */
#ifndef WEIR_CLI_TRACE_H
#define WEIR_CLI_TRACE_H

#include "cli/command.h"
#include "sim/sim.h"

struct trace_request {
    enum trace_format format;
    struct trace_options options;
    GPtrArray *names;    /* of components; owns what `only` borrows */
    GArray *only;        /* struct trace_component */
    struct trace *trace; /* NULL: none was asked for */
};

/* Clear it in any case. */
MUST_USE enum status trace_request_parse(struct cli *cli,
                                         struct trace_request *request);
void trace_request_clear(struct trace_request *request);
/* The window and the components alone; without --trace. */
MUST_USE enum status
trace_request_parse_selection(struct cli *cli, struct trace_request *request);
/* Writes the file. The first Ctrl-C leaves none, and exit code 130. */
MUST_USE enum status trace_request_save(struct cli *cli,
                                        const struct trace_request *request);

/* Rows of the options that say what is traced. */
#define OPTION_TRACE_SELECTION                                                 \
    {"trace-window",                                                           \
     0,                                                                        \
     OPTION_TEXT,                                                              \
     "FROM:TO",                                                                \
     offsetof(struct settings, trace_window),                                  \
     "only these cycles; '1K:' to the end, ':5K' from the beginning"},         \
    {                                                                          \
        "trace-only", 0, OPTION_LIST, "NAME",                                  \
            offsetof(struct settings, trace_only),                             \
            "only these units and memories: array2d,gbuf"                      \
    }

#endif
