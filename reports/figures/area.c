/* Time against area, both logarithmic: a line a bar of the plan, a point a tick. */
#include <math.h>

#include "reports/figures/grouped_bars.h"
#include "reports/figures/kind.h"
#include "reports/gnuplot.h"

#define UM2_PER_CM2 1e8

/* Okabe and Ito's colours again, and marks that differ in print. */
static const struct {
    const char *color;
    int mark;
} styles[] = {{"#0b559f", 7},  {"#e69f00", 5},  {"#009e73", 9}, {"#d55e00", 13},
              {"#56b4e9", 11}, {"#cc79a7", 15}, {"#b0b0b0", 3}, {"#f0e442", 1}};

static double area_cm2(const struct run *run)
{
    return run == NULL ? (double)NAN : run->area_um2 / UM2_PER_CM2;
}

static void write_line(const struct figure_grid *grid, size_t bar,
                       GString *script)
{
    /* gnuplot refuses an empty block; this point lies outside the axes, and the
     * empty line keeps it out of the line drawn. */
    g_string_append_printf(script, "$line%zu << END\n1e-30 1 -\n\n", bar);
    for (size_t tick = 0; tick < grid->tick_count; tick++) {
        size_t cell = grouped_bars_index(grid, 0, tick, bar);
        if (isfinite(area_cm2(grid->cells[cell]))) {
            g_string_append_printf(
                script, "%.9g %.9g %s\n", area_cm2(grid->cells[cell]),
                figure_cell_seconds(grid, cell), grid->ticks[tick]);
        }
    }
    g_string_append(script, "END\n");
}

struct range {
    double low;
    double high;
};

static void extend(struct range *range, double value)
{
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

/* Whole decades; 1 to 10 where nothing is to be drawn. */
static struct range round_out(struct range range)
{
    return range.low > range.high
               ? (struct range){1.0, 10.0}
               : (struct range){pow(10.0, floor(log10(range.low))),
                                pow(10.0, ceil(log10(range.high)))};
}

static void write_ranges(const struct figure_grid *grid, GString *script)
{
    struct range area = {HUGE_VAL, 0.0};
    struct range time = {HUGE_VAL, 0.0};
    for (size_t i = 0; i < grid->tick_count * grid->bar_count; i++) {
        if (isfinite(area_cm2(grid->cells[i]))) {
            extend(&area, area_cm2(grid->cells[i]) * 0.45);
            extend(&area, area_cm2(grid->cells[i]));
            extend(&time, figure_cell_seconds(grid, i));
        }
    }
    struct range x = round_out(area);
    struct range y = round_out(time);
    g_string_append_printf(script, "set xrange [%g:%g]\nset yrange [%g:%g]\n",
                           area.low > area.high ? x.low : area.low, x.high,
                           y.low, y.high);
}

/* The line below all others, where the ticks' names have room. */
static size_t find_lowest(const struct figure_grid *grid)
{
    size_t lowest = 0;
    for (size_t bar = 1; bar < grid->bar_count; bar++) {
        lowest =
            figure_cell_seconds(grid, bar) < figure_cell_seconds(grid, lowest)
                ? bar
                : lowest;
    }
    return lowest;
}

static enum status write_chart(struct diags *diags,
                               const struct figure_options *options,
                               const struct figure_grid *grid, GString *script)
{
    (void)diags;
    for (size_t bar = 0; bar < grid->bar_count; bar++) {
        write_line(grid, bar, script);
    }
    if (options->title != NULL) {
        g_autofree char *title = gnuplot_quote(options->title);
        g_string_append_printf(script, "set title %s\n", title);
    }
    write_ranges(grid, script);
    g_string_append(
        script,
        "set logscale xy\n"
        "set encoding utf8\n"
        "set format x '%g'\nset format y '%.0s%c'\n"
        "set xlabel 'Area (cm\302\262)'\n"
        "set ylabel 'Time (s)' offset 1,0\n"
        "set grid xtics ytics lt 1 lw 0.7 lc rgb '#d8d8d8' back\n"
        "set border 3 lw 0.8 lc rgb '#333333'\n"
        "set tics nomirror scale 0.5 font ',8.5'\n"
        "set key top right Left reverse samplen 1.5 font ',9.5'\nplot ");
    for (size_t bar = 0; bar < grid->bar_count; bar++) {
        size_t style = bar % G_N_ELEMENTS(styles);
        g_autofree char *name = gnuplot_quote(grid->bars[bar]);
        g_string_append_printf(
            script,
            "%s$line%zu using 1:2 with linespoints lw 1.5 ps 1 pt %d"
            " lc rgb '%s' title %s",
            bar == 0 ? "" : ", ", bar, styles[style].mark, styles[style].color,
            name);
    }
    g_string_append_printf(script,
                           ", $line%zu using 1:2:3 with labels right"
                           " offset -0.7,-0.5 font ',8' notitle\n",
                           find_lowest(grid));
    return OK;
}

const struct figure_kind figure_kind_area = {
    .name = "area",
    .help = "time against area, a line a bar and a point a tick",
    .is_narrow = true,
    .write = write_chart,
};
