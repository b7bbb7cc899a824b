/* From a figure's kind and data to a file. */
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "reports/figure.h"
#include "reports/figures/kind.h"
#include "reports/gnuplot.h"

static const struct figure_kind *const kinds[] = {
#define FIGURE(name) &figure_kind_##name,
#include "reports/figures/figures.def"
#undef FIGURE
};

static const char *const kind_names[] = {
#define FIGURE(name) #name,
#include "reports/figures/figures.def"
#undef FIGURE
    NULL};

/* Two columns of a conference paper wide, or one. `noenhanced`: an underscore in
 * a name is an underscore. */
static const struct {
    const char *name;
    const char *terminal;
    const char *wide;
    const char *narrow;
} formats[FIGURE_FORMAT_COUNT] = {
    [FIGURE_PDF] = {"pdf",
                    "pdfcairo noenhanced font 'Sans,10' fontscale 0.72 size ",
                    "9in,2.8in", "4.5in,3.2in"},
    [FIGURE_SVG] = {"svg",
                    "svg noenhanced dynamic font 'Sans,10' fontscale 1.25 "
                    "background 'white' size ",
                    "1050,325", "525,375"},
    [FIGURE_PNG] = {"png",
                    "pngcairo noenhanced font 'Sans,10' fontscale 2.5 "
                    "linewidth 2 size ",
                    "2100,650", "1050,750"},
};

const char *figure_format_name(enum figure_format format)
{
    return formats[format].name;
}

enum figure_format figure_format_find(const char *name)
{
    int format = 0;
    while (format < FIGURE_FORMAT_COUNT &&
           strcmp(formats[format].name, name) != 0) {
        format++;
    }
    return (enum figure_format)format;
}

const char *const *figure_kind_names(void)
{
    return kind_names;
}

static const struct figure_kind *get_kind(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    BUG("no figure kind '%s'", name);
}

bool figure_needs_unit(const char *kind)
{
    return get_kind(kind)->needs_unit;
}

bool figure_needs_baseline(const char *kind)
{
    return get_kind(kind)->needs_baseline;
}

bool figure_needs_stack(const char *kind)
{
    return get_kind(kind)->needs_stack;
}

bool figure_can_sum(const char *kind)
{
    return get_kind(kind)->can_sum;
}

double figure_cell_seconds(const struct figure_grid *grid, size_t cell)
{
    double sum = 0.0;
    for (size_t part = 0; part < grid->part_count; part++) {
        const struct run *run = grid->cells[cell * grid->part_count + part];
        sum += run == NULL ? (double)NAN : run_seconds(run);
    }
    return sum;
}

double figure_cell_energy_pj(const struct figure_grid *grid, size_t cell)
{
    double sum = 0.0;
    for (size_t part = 0; part < grid->part_count; part++) {
        const struct run *run = grid->cells[cell * grid->part_count + part];
        sum += run == NULL ? (double)NAN : run->evaluation.energy_pj;
    }
    return sum;
}

enum status figure_draw(struct diags *diags,
                        const struct figure_options *options,
                        const struct figure_grid *grid,
                        enum figure_format format, const char *directory)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autofree char *path = figure_path(options->name, format, directory);
    TRY(get_kind(options->kind)->write(diags, options, grid, body));
    return figure_save(diags, body->str, format,
                       get_kind(options->kind)->is_narrow, path);
}

char *figure_path(const char *name, enum figure_format format,
                  const char *directory)
{
    return g_strdup_printf("%s/%s.%s", directory, name, formats[format].name);
}

enum status figure_save(struct diags *diags, const char *body,
                        enum figure_format format, bool is_narrow,
                        const char *path)
{
    g_autofree char *unfinished =
        g_strdup_printf("%s.%ld.tmp", path, (long)getpid());
    g_autofree char *quoted = gnuplot_quote(unfinished);
    g_autoptr(GString) script = g_string_new(NULL);
    g_string_append_printf(
        script, "set terminal %s%s\nset output %s\n%sunset output\n",
        formats[format].terminal,
        is_narrow ? formats[format].narrow : formats[format].wide, quoted,
        body);
    enum status status = gnuplot_run(diags, script->str);
    if (status == OK && g_rename(unfinished, path) != 0) {
        status = diag_fail(diags, ERR_IO, "figure-write",
                           "cannot write '%s': %s", path, g_strerror(errno));
    }
    if (status != OK) {
        g_unlink(unfinished);
    }
    return status;
}
