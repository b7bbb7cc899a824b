#include "reports/figures/grouped_bars.h"

#include <math.h>
#include <string.h>

#include "reports/gnuplot.h"

/* Horizontal distances in widths of a bar. */
#define CLUSTER_GAP 1.1
#define GROUP_GAP   1.7

/* Okabe and Ito, "Color Universal Design" (2008): told apart with every common
 * colour blindness, and by lightness in print. */
static const char *const colors[] = {"#b0b0b0", "#e69f00", "#56b4e9",
                                     "#009e73", "#0b559f", "#d55e00",
                                     "#cc79a7", "#f0e442"};

/* For layers, which are other things than the bars of other figures: from light
 * to dark and back, Tol's "muted" scheme (2021). */
static const char *const layer_colors[] = {"#88ccee", "#332288", "#44aa99",
                                           "#aa4499", "#ddcc77", "#cc6677",
                                           "#117733", "#882255"};

enum status grouped_bars_find(struct diags *diags,
                              const struct figure_grid *grid, const char *name,
                              size_t *bar)
{
    for (size_t i = 0; i < grid->bar_count; i++) {
        if (strcmp(grid->bars[i], name) == 0) {
            *bar = i;
            return OK;
        }
    }
    g_autofree char *suggestion =
        suggest_text(name, grid->bars, grid->bar_count);
    diag_error(diags, SPAN_NONE, "figure-unknown-baseline", suggestion,
               "there is no bar '%s' to be the baseline", name);
    return ERR_INPUT;
}

size_t grouped_bars_index(const struct figure_grid *grid, size_t group,
                          size_t tick, size_t bar)
{
    return (group * grid->tick_count + tick) * grid->bar_count + bar;
}

static double cluster_width(const struct figure_grid *grid)
{
    return (double)grid->bar_count + CLUSTER_GAP;
}

static double group_width(const struct figure_grid *grid)
{
    return (double)grid->tick_count * cluster_width(grid) + GROUP_GAP;
}

/* Left edge of a cluster's first bar. */
static double cluster_left(const struct figure_grid *grid, size_t group,
                           size_t tick)
{
    return (double)group * group_width(grid) + GROUP_GAP / 2.0 +
           CLUSTER_GAP / 2.0 + (double)tick * cluster_width(grid);
}

static size_t layer_count(const struct grouped_bars *chart)
{
    return MAX(chart->layer_count, 1);
}

/* Where a cell's layer begins, which is the top of those below it. */
static double layer_base(const struct grouped_bars *chart, size_t cell,
                         size_t layer)
{
    double base = 0.0;
    for (size_t i = 0; i < layer; i++) {
        base += chart->values[cell * layer_count(chart) + i];
    }
    return base;
}

/* "x bottom top" for the bar of every cluster. */
static void write_bar(const struct grouped_bars *chart,
                      const struct figure_grid *grid, size_t bar, size_t layer,
                      GString *script)
{
    for (size_t group = 0; group < grid->group_count; group++) {
        for (size_t tick = 0; tick < grid->tick_count; tick++) {
            size_t cell = grouped_bars_index(grid, group, tick, bar);
            double base = layer_base(chart, cell, layer);
            double top = layer_base(chart, cell, layer + 1);
            if (isfinite(top) && (top > base || chart->layer_count == 0)) {
                g_string_append_printf(script, "%g %.9g %.9g\n",
                                       cluster_left(grid, group, tick) +
                                           (double)bar + 0.5,
                                       base, top);
            }
        }
    }
}

/* One series: a bar of every cluster, or a layer of every bar. */
static void write_data(const struct grouped_bars *chart,
                       const struct figure_grid *grid, size_t series,
                       GString *script)
{
    g_string_append_printf(script, "$bar%zu << END\n", series);
    if (chart->layer_count == 0) {
        write_bar(chart, grid, series, 0, script);
    }
    for (size_t bar = 0; bar < grid->bar_count && chart->layer_count > 0;
         bar++) {
        write_bar(chart, grid, bar, series, script);
    }
    /* gnuplot refuses an empty block; this point lies outside the axes. */
    g_string_append(script, "-100 0 0\nEND\n");
}

/* Under stacked bars stand their names, and one line lower the cluster's. */
static void write_bar_names(const struct figure_grid *grid, GString *script)
{
    g_string_append(script, "set xtics scale 0 offset 0,0.5 font ',7' (");
    for (size_t i = 0; i < grid->group_count * grid->tick_count; i++) {
        double left =
            cluster_left(grid, i / grid->tick_count, i % grid->tick_count);
        for (size_t bar = 0; bar < grid->bar_count; bar++) {
            g_autofree char *name = gnuplot_quote(grid->bars[bar]);
            g_string_append_printf(script, "%s%s %g", i + bar == 0 ? "" : ", ",
                                   name, left + (double)bar + 0.5);
        }
    }
    g_string_append(script, ")\n");
    for (size_t i = 0; i < grid->group_count * grid->tick_count; i++) {
        g_autofree char *name =
            gnuplot_quote(grid->ticks[i % grid->tick_count]);
        g_string_append_printf(
            script,
            "set label %s at first %g, graph 0 offset 0,-1.6 center"
            " font ',8.5'\n",
            name,
            cluster_left(grid, i / grid->tick_count, i % grid->tick_count) +
                (double)grid->bar_count / 2.0);
    }
}

static void write_ticks(const struct figure_grid *grid, GString *script)
{
    g_string_append(script, "set xtics scale 0 offset 0,0.4 (");
    for (size_t group = 0; group < grid->group_count; group++) {
        for (size_t tick = 0; tick < grid->tick_count; tick++) {
            g_autofree char *name = gnuplot_quote(grid->ticks[tick]);
            g_string_append_printf(script, "%s%s %g",
                                   group + tick == 0 ? "" : ", ", name,
                                   cluster_left(grid, group, tick) +
                                       (double)grid->bar_count / 2.0);
        }
    }
    g_string_append(script, ")\n");
}

/* Names below the ticks, hairlines between the groups. */
static void write_groups(const struct grouped_bars *chart,
                         const struct figure_grid *grid, GString *script)
{
    for (size_t group = 0; group < grid->group_count; group++) {
        g_autofree char *name = gnuplot_quote(grid->groups[group]);
        g_string_append_printf(
            script,
            "set label %s at first %g, graph 0 offset 0,%g center"
            " font ',9.5'\n",
            name, ((double)group + 0.5) * group_width(grid),
            chart->layer_count > 0 ? -2.9 : -2.1);
        if (group > 0) {
            g_string_append_printf(
                script,
                "set arrow from first %g, graph -0.17 to first %g, graph 1"
                " nohead lw 0.7 lc rgb '#999999' back\n",
                (double)group * group_width(grid),
                (double)group * group_width(grid));
        }
    }
}

static double top_value(const struct grouped_bars *chart,
                        const struct figure_grid *grid)
{
    double top = 0.0;
    size_t count = grid->group_count * grid->tick_count * grid->bar_count;
    for (size_t i = 0; i < count; i++) {
        double value = layer_base(chart, i, layer_count(chart));
        top = isfinite(value) ? fmax(top, value) : top;
    }
    return top;
}

/* The step of 1, 2 or 5 times a power of ten that gives four to eight steps. */
static double choose_step(double top)
{
    double power = pow(10.0, floor(log10(top / 4.0)));
    double steps = top / 4.0 / power;
    return power * (steps >= 5.0 ? 5.0 : steps >= 2.0 ? 2.0 : 1.0);
}

/* Labels of axes begin like sentences; headings of tables do not. */
static char *quote_capitalized(const char *label)
{
    g_autofree char *capitalized = g_strdup(label);
    capitalized[0] = g_ascii_toupper(capitalized[0]);
    return gnuplot_quote(capitalized);
}

static void write_axes(const struct grouped_bars *chart,
                       const struct figure_grid *grid, GString *script)
{
    double top = chart->y_max > 0.0 ? chart->y_max : top_value(chart, grid);
    top = top > 0.0 ? top : 1.0;
    double step = chart->y_max > 0.0 ? chart->y_max / 5.0 : choose_step(top);
    g_autofree char *y_label = quote_capitalized(chart->y_label);
    g_string_append_printf(script,
                           "set xrange [0:%g]\n"
                           "set yrange [0:%g]\n"
                           "set ytics %g nomirror scale 0.5\n"
                           "set ylabel %s offset 1.2,0\n",
                           (double)grid->group_count * group_width(grid),
                           step * ceil(top / step - 1e-9), step, y_label);
    g_string_append(
        script, "set grid ytics lt 1 lw 0.7 lc rgb '#d8d8d8' back\n"
                "set border 3 lw 0.8 lc rgb '#333333'\n"
                "set key outside top center horizontal Left reverse samplen 1.2"
                " width 0.6 height 0.2 font ',9.5' noautotitle\n"
                "set tics font ',8.5'\n"
                "set lmargin 7\nset rmargin 1\nset bmargin 4\n");
    if (chart->x_label != NULL) {
        /* Lines of names above it: of groups, of ticks under those of bars. */
        double lines = (grid->groups[0][0] != '\0' ? 1.0 : 0.0) +
                       (chart->layer_count > 0 ? 0.8 : 0.0);
        g_autofree char *x_label = quote_capitalized(chart->x_label);
        g_string_append_printf(script,
                               "set bmargin %g\nset xlabel %s offset 0,%g\n",
                               4.0 + lines, x_label, 0.1 - 1.2 * lines);
    }
    if (chart->title != NULL) {
        g_autofree char *title = gnuplot_quote(chart->title);
        g_string_append_printf(script, "set title %s offset 0,-0.6\n", title);
    }
    if (chart->y_line > 0.0) {
        g_string_append_printf(script,
                               "set arrow from graph 0, first %g to graph 1,"
                               " first %g nohead lw 0.8 dt 2"
                               " lc rgb '#333333' front\n",
                               chart->y_line, chart->y_line);
    }
}

static void write_plot(const struct grouped_bars *chart,
                       const struct figure_grid *grid, GString *script)
{
    size_t count =
        chart->layer_count > 0 ? chart->layer_count : grid->bar_count;
    g_string_append(script, "set style fill solid 1.0 noborder\nplot ");
    for (size_t i = 0; i < count; i++) {
        bool is_layer = chart->layer_count > 0;
        g_autofree char *name =
            gnuplot_quote(is_layer ? chart->layers[i].label : grid->bars[i]);
        const char *color = is_layer
                                ? layer_colors[i % G_N_ELEMENTS(layer_colors)]
                                : colors[i % G_N_ELEMENTS(colors)];
        g_string_append_printf(
            script,
            "%s$bar%zu using 1:(($2+$3)/2):(0.46):(($3-$2)/2)"
            " with boxxyerror lc rgb '%s' title %s",
            i == 0 ? "" : ", ", i, color, name);
    }
    g_string_append_c(script, '\n');
}

void grouped_bars_write(const struct grouped_bars *chart,
                        const struct figure_grid *grid, GString *script)
{
    size_t count =
        chart->layer_count > 0 ? chart->layer_count : grid->bar_count;
    for (size_t series = 0; series < count; series++) {
        write_data(chart, grid, series, script);
    }
    write_axes(chart, grid, script);
    if (chart->layer_count > 0) {
        write_bar_names(grid, script);
    } else {
        write_ticks(grid, script);
    }
    write_groups(chart, grid, script);
    write_plot(chart, grid, script);
}
