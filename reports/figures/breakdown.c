/* Which Einsums a unit works on: the share of its lane-cycles that each layer of
 * Einsums takes, stacked to the unit's utilization. */
#include <math.h>
#include <string.h>

#include "reports/figures/grouped_bars.h"
#include "reports/figures/kind.h"

static bool is_in_layer(const struct figure_layer *layer, const char *einsum)
{
    return g_strv_contains((const char *const *)layer->einsums, einsum);
}

static double layer_share(const struct run *run, const char *unit,
                          const struct figure_layer *layer)
{
    double share = 0.0;
    for (int i = 0; i < run->evaluation.einsum_count; i++) {
        const struct evaluation_einsum *einsum = &run->evaluation.einsums[i];
        if (strcmp(einsum->unit, unit) == 0 &&
            is_in_layer(layer, einsum->name)) {
            share += einsum->utilization_ratio;
        }
    }
    return share;
}

static enum status write_chart(struct diags *diags,
                               const struct figure_options *options,
                               const struct figure_grid *grid, GString *script)
{
    (void)diags;
    size_t count = grid->group_count * grid->tick_count * grid->bar_count;
    size_t layers = options->layer_count;
    /* Without layers there are empty bars: one value each. */
    g_autofree double *values = g_new0(double, count *MAX(layers, 1) + 1);
    for (size_t i = 0; i < count * layers; i++) {
        const struct run *run = grid->cells[i / layers];
        values[i] = run == NULL ? (double)NAN
                                : layer_share(run, options->unit,
                                              &options->layers[i % layers]);
    }
    g_autofree char *label = g_strdup_printf(
        "%s of %s", metric_get(METRIC_UTILIZATION)->heading, options->unit);
    struct grouped_bars chart = {
        .title = options->title,
        .x_label = options->x_label,
        .y_label = label,
        .y_max = 1.0,
        .values = values,
        .layer_count = layers,
        .layers = options->layers,
    };
    grouped_bars_write(&chart, grid, script);
    return OK;
}

const struct figure_kind figure_kind_breakdown = {
    .name = "breakdown",
    .help = "a unit's utilization by Einsum, stacked",
    .needs_unit = true,
    .needs_stack = true,
    .write = write_chart,
};
