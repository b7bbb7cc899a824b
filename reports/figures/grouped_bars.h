/* Grouped bars as papers draw them: a cluster of bars per tick, the ticks of a
 * group side by side, the group's name below them, the legend above. */
#ifndef WEIR_REPORTS_FIGURES_GROUPED_BARS_H
#define WEIR_REPORTS_FIGURES_GROUPED_BARS_H

#include "reports/reports.h"

struct grouped_bars {
    const char *title;   /* or NULL */
    const char *x_label; /* or NULL */
    const char *y_label;
    double y_max; /* 0: what the values ask for */
    /* A line across, drawn where it is > 0: a baseline. */
    double y_line;
    /* Cells of the grid; NaN is no bar. With layers, those of a cell together. */
    const double *values;
    size_t layer_count; /* 0: plain bars; else stacked, the first lowest */
    const struct figure_layer *layers;
};

/* Index of the bar of that name, or ERR_INPUT with a message. */
MUST_USE enum status grouped_bars_find(struct diags *diags,
                                       const struct figure_grid *grid,
                                       const char *name, size_t *bar);

/* Index of a cell in grid->cells and values. */
size_t grouped_bars_index(const struct figure_grid *grid, size_t group,
                          size_t tick, size_t bar);

void grouped_bars_write(const struct grouped_bars *chart,
                        const struct figure_grid *grid, GString *script);

#endif
