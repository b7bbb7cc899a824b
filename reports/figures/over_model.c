/* Simulated cycles over those of the model, as percent above them: what filling,
 * draining and contention cost. */
#include <math.h>

#include "reports/figures/grouped_bars.h"
#include "reports/figures/kind.h"

static enum status write_chart(struct diags *diags,
                               const struct figure_options *options,
                               const struct figure_grid *grid, GString *script)
{
    size_t count = grid->group_count * grid->tick_count * grid->bar_count;
    g_autofree double *values = g_new0(double, count);
    (void)diags;
    for (size_t i = 0; i < count; i++) {
        const struct run *run = grid->cells[i];
        /* NaN, which is no bar, where there is no run. */
        values[i] = run == NULL || run->evaluation.model_cycles == 0
                        ? (double)NAN
                        : 100.0 * ((double)run->evaluation.cycles /
                                       (double)run->evaluation.model_cycles -
                                   1.0);
    }
    struct grouped_bars chart = {
        .title = options->title,
        .x_label = options->x_label,
        .y_label = "cycles above model, %",
        .values = values,
    };
    grouped_bars_write(&chart, grid, script);
    return OK;
}

const struct figure_kind figure_kind_over_model = {
    .name = "over_model",
    .help = "simulated cycles above the model's, in percent",
    .write = write_chart,
};
