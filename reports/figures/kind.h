/* A kind of figure: what it needs and how its gnuplot script is written. */
#ifndef WEIR_REPORTS_FIGURES_KIND_H
#define WEIR_REPORTS_FIGURES_KIND_H

#include "reports/reports.h"

struct figure_kind {
    const char *name;
    const char *help;
    bool needs_unit;
    bool needs_baseline;
    bool needs_stack;
    bool can_sum;
    bool is_narrow; /* one column of a paper wide instead of two */
    /* Appends everything but terminal and output. Data stand in the script. */
    enum status (*write)(struct diags *diags,
                         const struct figure_options *options,
                         const struct figure_grid *grid, GString *script);
};

#define FIGURE(name) extern const struct figure_kind figure_kind_##name;
#include "reports/figures/figures.def"
#undef FIGURE

#endif
