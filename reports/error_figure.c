/* Figures of numeric checks: errors beside their bounds, and how they spread. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "reports/figure.h"
#include "reports/gnuplot.h"
#include "reports/sql.h"

/* Tol, "Colour schemes" (2021), "bright". */
static const char *const colors[] = {"#4477aa", "#ee6677", "#228833",
                                     "#ccbb44", "#66ccee", "#aa3377"};
#define MAX_SERIES ((int)G_N_ELEMENTS(colors))
#define MAX_PANELS 4

struct row {
    char *cascade;
    char *inputs;
    double extent;
    double max;
    double mean;
    double bound;
};

static void clear_row(gpointer data)
{
    struct row *row = data;
    g_free(row->cascade);
    g_free(row->inputs);
}

static double get_real(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? (double)NAN
               : sqlite3_column_double(statement, column);
}

static enum status load_rows(struct store *store, struct diags *diags,
                             const char *shape, GArray *rows)
{
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags,
                    "SELECT cascade, inputs, json_extract(shapes, '$.' || ?)"
                    " AS extent, max_abs_error, mean_abs_error, error_bound"
                    " FROM checks WHERE subject = 'interpreter' AND extent"
                    " IS NOT NULL ORDER BY cascade, inputs, extent",
                    &statement));
    TRY(sql_bind(store, diags, statement, "t", shape));
    TRY(sql_step(store, diags, statement, &has_row));
    while (has_row) {
        struct row row = {
            g_strdup((const char *)sqlite3_column_text(statement, 0)),
            g_strdup((const char *)sqlite3_column_text(statement, 1)),
            get_real(statement, 2),
            get_real(statement, 3),
            get_real(statement, 4),
            get_real(statement, 5),
        };
        g_array_append_val(rows, row);
        TRY(sql_step(store, diags, statement, &has_row));
    }
    return OK;
}

static int add_name(GPtrArray *names, const char *name)
{
    for (guint i = 0; i < names->len; i++) {
        if (strcmp(g_ptr_array_index(names, i), name) == 0) {
            return (int)i;
        }
    }
    g_ptr_array_add(names, (gpointer)(uintptr_t)name);
    return (int)names->len - 1;
}

/* Blocks $dPANEL_SERIES, in order of the rows. */
static void print_data(const GArray *rows, GPtrArray *panels, GPtrArray *series,
                       GString *out)
{
    for (guint p = 0; p < panels->len; p++) {
        for (guint s = 0; s < series->len; s++) {
            g_string_append_printf(out, "$d%u_%u << EOD\n", p, s);
            for (guint i = 0; i < rows->len; i++) {
                const struct row *row = &g_array_index(rows, struct row, i);
                if (strcmp(row->inputs, g_ptr_array_index(panels, p)) == 0 &&
                    strcmp(row->cascade, g_ptr_array_index(series, s)) == 0) {
                    g_string_append_printf(out, "%.17g %.17g %.17g %.17g\n",
                                           row->extent, row->max, row->mean,
                                           row->bound);
                }
            }
            g_string_append(out, "EOD\n");
        }
    }
}

/* One line above all panels: an empty plot of its own, as wide as they are. */
static void print_key(GPtrArray *series, GString *out)
{
    g_string_append(out,
                    "set lmargin at screen 0.02\nset rmargin at screen 0.98\n"
                    "set tmargin at screen 0.98\nset bmargin at screen 0.9\n"
                    "unset border\nunset tics\nset xrange [1:2]\n"
                    "set yrange [1:2]\nset key at screen 0.5,0.94 center "
                    "center horizontal maxrows 1 samplen 2 width -1 "
                    "noenhanced\nplot ");
    for (guint s = 0; s < series->len; s++) {
        g_autofree char *name = gnuplot_quote(g_ptr_array_index(series, s));
        g_string_append_printf(out,
                               "NaN with linespoints lw 1.5 pt %u ps 0.6 lc "
                               "rgb '%s' title %s, ",
                               5 + 2 * s, colors[s], name);
    }
    g_string_append(out, "NaN with lines lw 1.5 dt 2 lc rgb 'black' title "
                         "'bound', NaN with lines lw 1.5 lc rgb 'black' title "
                         "'largest', NaN with lines lw 1.5 dt 3 lc rgb 'black' "
                         "title 'mean'\nunset key\n");
}

static void print_panel(GPtrArray *panels, GPtrArray *series, guint p,
                        GString *out)
{
    g_autofree char *title = gnuplot_quote(g_ptr_array_index(panels, p));
    double left = 0.075 + 0.915 * (double)p / (double)panels->len;
    double right = 0.075 + 0.915 * ((double)p + 1.0) / (double)panels->len;
    g_string_append_printf(
        out,
        "set lmargin at screen %g\nset rmargin at screen %g\nset title %s\n",
        left, right - 0.035, title);
    g_string_append(out, p == 0 ? "set ylabel 'absolute error' offset 1\n"
                                  "set format y '10^{%L}'\n"
                                : "unset ylabel\nset format y ''\n");
    for (guint s = 0; s < series->len; s++) {
        const char *color = colors[s];
        g_string_append_printf(
            out,
            "%s $d%u_%u using 1:4 with lines lw 1.5 dt 2 lc rgb '%s', "
            "$d%u_%u using 1:2 with linespoints lw 1.5 pt %u ps 0.6 lc rgb "
            "'%s', $d%u_%u using 1:3 with lines lw 1.5 dt 3 lc rgb '%s'",
            s == 0 ? "plot" : ",", p, s, color, p, s, 5 + 2 * s, color, p, s,
            color);
    }
    g_string_append(out, "\n");
}

static void find_range(const GArray *rows, double *low, double *high)
{
    *low = (double)INFINITY;
    *high = 0.0;
    for (guint i = 0; i < rows->len; i++) {
        const struct row *row = &g_array_index(rows, struct row, i);
        *low = row->mean > 0.0 ? fmin(*low, row->mean) : *low;
        *high = isfinite(row->bound) ? fmax(*high, row->bound) : *high;
    }
    *low = isfinite(*low) ? pow(10.0, floor(log10(*low))) : 1e-20;
    *high = *high > 0.0 ? pow(10.0, ceil(log10(*high))) : 1.0;
}

static char *write_errors(const GArray *rows, const char *shape,
                          GPtrArray *panels, GPtrArray *series)
{
    GString *out = g_string_new(NULL);
    g_autofree char *axis = gnuplot_quote(shape);
    double low = 0.0;
    double high = 0.0;
    find_range(rows, &low, &high);
    print_data(rows, panels, series, out);
    g_string_append(out, "set termoption enhanced\nset multiplot\n");
    print_key(series, out);
    g_string_append_printf(
        out,
        "set logscale x 2\nset logscale y\nset xrange [*:*]\n"
        "set yrange [%g:%g]\nset xtics 1,4\nset ytics auto\n"
        "set format x '2^{%%L}'\nset grid lw 0.4\n"
        "set tmargin at screen 0.79\nset bmargin at screen 0.17\n"
        "set border 31 lw 0.7\nset tics nomirror scale 0.6\nset mytics 1\n"
        "set mxtics 1\nset title offset 0,-0.6 noenhanced\n"
        "set xlabel %s offset 0,0.6\n",
        low, high, axis);
    for (guint p = 0; p < panels->len; p++) {
        print_panel(panels, series, p, out);
    }
    g_string_append(out, "unset multiplot\n");
    return g_string_free(out, FALSE);
}

enum status figure_draw_errors(struct store *store, struct diags *diags,
                               const char *shape, enum figure_format format,
                               const char *path)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(struct row));
    g_autoptr(GPtrArray) panels = g_ptr_array_new();
    g_autoptr(GPtrArray) series = g_ptr_array_new();
    g_array_set_clear_func(rows, clear_row);
    TRY(load_rows(store, diags, shape, rows));
    for (guint i = 0; i < rows->len; i++) {
        const struct row *row = &g_array_index(rows, struct row, i);
        (void)add_name(panels, row->inputs);
        (void)add_name(series, row->cascade);
    }
    if (rows->len == 0 || panels->len > MAX_PANELS ||
        series->len > (guint)MAX_SERIES) {
        diag_error(diags, SPAN_NONE, "plot-checks", NULL,
                   "%u kinds of inputs and %u cascades with a shape '%s' in "
                   "the store: a figure takes 1 to %d and 1 to %d",
                   panels->len, series->len, shape, MAX_PANELS, MAX_SERIES);
        return ERR_INPUT;
    }
    g_autofree char *body = write_errors(rows, shape, panels, series);
    return figure_save(diags, body, format, false, path);
}

/* ---- histogram ---------------------------------------------------------------- */

/* Lines "exponent share" of one tensor. */
static void print_bins(const json_t *errors, guint block, GString *out)
{
    json_int_t first = 0;
    const json_t *counts = NULL;
    double all = 0.0;
    const json_t *histogram = json_object_get(errors, "ulp_histogram");
    first = json_integer_value(json_object_get(histogram, "first_exponent"));
    counts = json_object_get(histogram, "counts");
    for (size_t i = 0; i < json_array_size(counts); i++) {
        all += (double)json_integer_value(json_array_get(counts, i));
    }
    g_string_append_printf(out, "$h%u << EOD\n", block);
    for (size_t i = 0; i < json_array_size(counts); i++) {
        g_string_append_printf(
            out, "%" PRId64 " %.17g\n", (int64_t)first + (int64_t)i,
            (double)json_integer_value(json_array_get(counts, i)) /
                fmax(all, 1.0));
    }
    g_string_append(out, "EOD\n");
}

static char *write_histogram(const json_t *details, const char *title)
{
    GString *out = g_string_new(NULL);
    g_autofree char *quoted = gnuplot_quote(title);
    g_autoptr(GString) plots = g_string_new(NULL);
    const char *name = NULL;
    json_t *errors = NULL;
    guint block = 0;
    json_object_foreach((json_t *)(uintptr_t)details, name, errors)
    {
        g_autofree char *label = gnuplot_quote(name);
        print_bins(errors, block, out);
        g_string_append_printf(
            plots,
            "%s $h%u using 1:2 with fsteps lw 1.5 dt %u lc rgb '%s' title %s",
            block == 0 ? "plot" : ",", block, 1 + block / (guint)MAX_SERIES,
            colors[block % (guint)MAX_SERIES], label);
        block++;
    }
    g_string_append_printf(
        out,
        "set title %s\nset border lw 0.7\nset tics nomirror scale 0.6\n"
        "set key outside right samplen 2\nset grid lw 0.4\nset yrange [0:*]\n"
        "set xlabel 'log2 of the error in units in the last place'\n"
        "set ylabel 'share of elements'\n%s\n",
        quoted, plots->str);
    return g_string_free(out, FALSE);
}

enum status figure_draw_histogram(struct store *store, struct diags *diags,
                                  enum figure_format format, const char *path)
{
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags,
                    "SELECT cascade, dtype, details FROM checks WHERE details"
                    " IS NOT NULL AND subject = 'interpreter'"
                    " ORDER BY id DESC LIMIT 1",
                    &statement));
    TRY(sql_step(store, diags, statement, &has_row));
    json_t *details =
        has_row ? json_loads((const char *)sqlite3_column_text(statement, 2), 0,
                             NULL)
                : NULL;
    if (details == NULL) {
        diag_error(diags, SPAN_NONE, "plot-checks", NULL,
                   "no check with details in the store");
        return ERR_INPUT;
    }
    g_autofree char *title =
        g_strdup_printf("%s, %s", sqlite3_column_text(statement, 0),
                        sqlite3_column_text(statement, 1));
    g_autofree char *body = write_histogram(details, title);
    json_decref(details);
    return figure_save(diags, body, format, false, path);
}
