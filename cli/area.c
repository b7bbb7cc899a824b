/* Area as a table and as JSON, and the options of the iso-area solver. */
#include "cli/area.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* ---- tables ---------------------------------------------------------------- */

#define UM2_PER_MM2 1e6

static void add_area(struct table *table, double area_um2)
{
    if (arch_is_known(area_um2)) {
        table_add_ratio(table, area_um2, 1);
    } else {
        table_add_text(table, "unknown");
    }
}

static void print_total(const struct arch_area *area, GString *out)
{
    g_string_append_printf(out, "\narea %s%.6g mm2",
                           area->unknown_count > 0 ? "at least " : "",
                           area->known_um2 / UM2_PER_MM2);
    if (area->unknown_count > 0) {
        g_string_append_printf(out, ", %d of %d parts unknown",
                               area->unknown_count, area->part_count);
    }
    g_string_append_c(out, '\n');
}

static void print_iso(const struct arch_iso_area *iso, GString *out)
{
    g_string_append_printf(out,
                           "\n%s = %" PRId64 " is %.4g um2 below the target of "
                           "%.6g mm2;\n",
                           iso->param, iso->value,
                           iso->target_um2 - iso->area_um2,
                           iso->target_um2 / UM2_PER_MM2);
    if (arch_is_known(iso->next_um2)) {
        g_string_append_printf(out, "the next value is %.4g um2 above it\n",
                               iso->next_um2 - iso->target_um2);
    } else {
        g_string_append(out, "the next value gives no legal chip\n");
    }
}

void area_print_table(const struct arch *arch, const struct arch_iso_area *iso,
                      GString *out)
{
    AUTO(arch_area) area = arch_sum_area(arch);
    AUTO(table) table = table_new();
    if (area->unknown_count == area->part_count) {
        return;
    }
    table_add_text_column(table, "part");
    table_add_metric_column(table, METRIC_PART_AREA);
    table_add_metric_column(table, METRIC_PART_COUNT);
    table_add_metric_column(table, METRIC_PART_TOTAL_AREA);
    for (int i = 0; i < area->part_count; i++) {
        const struct arch_area_part *part = &area->parts[i];
        table_add_text(table, part->name);
        add_area(table, part->area_um2);
        table_add_count(table, part->instances);
        add_area(table, arch_is_known(part->area_um2)
                            ? part->area_um2 * (double)part->instances
                            : ARCH_UNKNOWN);
    }
    g_string_append_c(out, '\n');
    table_print(table, out);
    print_total(area, out);
    if (iso != NULL) {
        print_iso(iso, out);
    }
}

/* ---- JSON ------------------------------------------------------------------ */

static json_t *known(double cost)
{
    return arch_is_known(cost) && isfinite(cost) ? json_real(cost)
                                                 : json_null();
}

static json_t *print_area(const struct arch *arch)
{
    AUTO(arch_area) area = arch_sum_area(arch);
    json_t *parts = json_object();
    for (int i = 0; i < area->part_count; i++) {
        const struct arch_area_part *part = &area->parts[i];
        double total_um2 = arch_is_known(part->area_um2)
                               ? part->area_um2 * (double)part->instances
                               : ARCH_UNKNOWN;
        json_object_set_new(
            parts, part->name,
            json_pack("{so sI so so}", "each", known(part->area_um2),
                      "instances", (json_int_t)part->instances, "total",
                      known(total_um2), "leakage_mw", known(part->leakage_mw)));
    }
    return json_pack("{so so}", "total", known(area->total_um2), "parts",
                     parts);
}

static json_t *print_iso_json(const struct arch_iso_area *iso)
{
    return json_pack("{ss sI so so so so sI}", "param", iso->param, "value",
                     (json_int_t)iso->value, "target_um2",
                     known(iso->target_um2), "area_um2", known(iso->area_um2),
                     "residual_um2", known(iso->target_um2 - iso->area_um2),
                     "next_um2", known(iso->next_um2), "evaluations",
                     (json_int_t)iso->evaluations);
}

char *area_extend_json(const struct arch *arch, const struct arch_iso_area *iso,
                       const char *json)
{
    json_t *run = json_loads(json, 0, NULL);
    if (run == NULL) {
        BUG("a run printed as what is no JSON");
    }
    json_object_set_new(run, "area_um2", print_area(arch));
    if (iso != NULL) {
        json_object_set_new(run, "iso_area", print_iso_json(iso));
    }
    char *dumped = json_dumps(run, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    char *extended = g_strdup(dumped);
    free(dumped);
    json_decref(run);
    return extended;
}

/* ---- the solver's options -------------------------------------------------- */

/* What --set chose, but for the free param: the target is not searched. */
static struct scope *copy_choice(const struct scope *chosen, const char *free)
{
    struct scope *copy = scope_new(NULL);
    g_autoptr(GPtrArray) names = scope_names(chosen);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        int64_t value = 0;
        if (strcmp(name, free) != 0 && scope_get(chosen, name, &value)) {
            scope_set(copy, name, value);
        }
    }
    return copy;
}

/* An area, or the file of an architecture whose area it is. */
static enum status parse_target(struct cli *cli, const struct scope *chosen,
                                const char *text, double *target_um2)
{
    AUTO(arch) arch = NULL;
    AUTO(arch_area) area = NULL;
    int64_t unused = 0;
    if (!g_str_has_suffix(text, ".yaml") && !g_str_has_suffix(text, ".yml")) {
        const struct source *source =
            diags_add_text(cli->diags, "--iso-area", text);
        struct span at = {.source = source,
                          .line = 1,
                          .column = 1,
                          .length = (int)g_utf8_strlen(text, -1)};
        return units_parse(cli->diags, at, text, UNIT_UM2, NULL, &unused,
                           target_um2);
    }
    AUTO(scope) choice = copy_choice(chosen, cli->settings.free_param);
    TRY(arch_load_file(cli->diags, text, choice, &arch));
    area = arch_sum_area(arch);
    if (area->unknown_count > 0) {
        diag_error(
            cli->diags, SPAN_NONE, "arch-iso-unknown",
            "give it an 'area' or a 'class'",
            "the area of '%s' is not known: %d of its %d parts have none",
            arch->name, area->unknown_count, area->part_count);
        return ERR_INPUT;
    }
    *target_um2 = area->total_um2;
    return OK;
}

enum status area_solve(struct cli *cli, struct scope *chosen,
                       struct arch_iso_area *iso, bool *is_asked)
{
    const struct settings *settings = &cli->settings;
    *is_asked = settings->iso_area != NULL;
    if ((settings->iso_area == NULL) != (settings->free_param == NULL)) {
        return cli_fail_usage(cli, NULL,
                              "'--iso-area' and '--free' go together");
    }
    if (!*is_asked) {
        return OK;
    }
    iso->param = settings->free_param;
    TRY(parse_target(cli, chosen, settings->iso_area, &iso->target_um2));
    if (iso->target_um2 <= 0) {
        return cli_fail_usage(cli, NULL, "'--iso-area' must be more than 0");
    }
    TRY(arch_solve_area(cli->diags, settings->arch, chosen, iso));
    scope_set(chosen, iso->param, iso->value);
    return OK;
}
