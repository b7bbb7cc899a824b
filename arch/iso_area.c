/* Iso-area: the largest value of one param whose chip is not larger than a
 * target. The file is loaded anew for every value that is tried, so whatever
 * expressions and classes make of the param is what counts. Values that give no
 * legal chip bound the search; legal ones are taken to be an interval. */
#include "arch/arch.h"

#include <string.h>

/* One chip that was tried. */
struct probe {
    int64_t value;
    bool is_legal;
    double area_um2;
};

struct search {
    struct diags *diags;
    const struct source *source;
    const struct scope *chosen;
    struct arch_iso_area *iso;
    GArray *probes; /* struct probe, legal ones */
};

static enum status report_unknown(struct search *search,
                                  const struct arch *arch,
                                  const struct arch_area *area)
{
    int i = 0;
    while (arch_is_known(area->parts[i].area_um2)) {
        i++;
    }
    const struct arch_area_part *part = &area->parts[i];
    int memory = arch_find_memory(arch, part->name);
    int unit = arch_find_unit(arch, part->name);
    struct span span = memory >= 0 ? arch->memories[memory].span
                       : unit >= 0 ? arch->units[unit].span
                                   : SPAN_NONE;
    diag_error(search->diags, span, "arch-iso-unknown",
               "give it an 'area' or a 'class'",
               "the area of '%s' is not known", part->name);
    return ERR_INPUT;
}

/* Loads the chip with the param at `value`. With `diags` NULL an illegal chip is
 * an answer, otherwise its errors are the user's. */
static enum status try_value(struct search *search, int64_t value,
                             struct diags *diags, struct probe *probe)
{
    AUTO(diags) own = diags_new();
    AUTO(scope) scope = scope_new(search->chosen);
    AUTO(arch) arch = NULL;
    AUTO(arch_area) area = NULL;
    scope_set(scope, search->iso->param, value);
    search->iso->evaluations++;
    *probe = (struct probe){.value = value};
    enum status status = arch_load_source(diags != NULL ? diags : own,
                                          search->source, scope, &arch);
    if (status != OK) {
        return diags != NULL ? status : OK;
    }
    area = arch_sum_area(arch);
    if (area->unknown_count > 0) {
        return report_unknown(search, arch, area);
    }
    probe->is_legal = true;
    probe->area_um2 = area->total_um2;
    g_array_append_vals(search->probes, probe, 1);
    return OK;
}

static bool fits(const struct search *search, const struct probe *probe)
{
    return probe->area_um2 <= search->iso->target_um2;
}

/* Between `good`, which fits, and `bad`, which is too large or no legal chip. */
static enum status bisect(struct search *search, struct probe good,
                          struct probe bad)
{
    while (good.value + 1 < bad.value) {
        struct probe middle;
        TRY(try_value(search, good.value + (bad.value - good.value) / 2, NULL,
                      &middle));
        if (middle.is_legal && fits(search, &middle)) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    search->iso->value = good.value;
    search->iso->area_um2 = good.area_um2;
    search->iso->next_um2 = bad.is_legal ? bad.area_um2 : ARCH_UNKNOWN;
    return OK;
}

/* From a chip that fits: doubles until one does not. */
static enum status search_up(struct search *search, struct probe good)
{
    struct probe bad = good;
    while (bad.is_legal && fits(search, &bad)) {
        good = bad;
        if (good.value > INT64_MAX / 2) {
            bad.is_legal = false;
            bad.value = INT64_MAX;
            break;
        }
        TRY(try_value(search, good.value < 1 ? good.value + 1 : 2 * good.value,
                      NULL, &bad));
    }
    return bisect(search, good, bad);
}

static gint by_value(gconstpointer a, gconstpointer b)
{
    const struct probe *left = a;
    const struct probe *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

/* The answer stands on the area growing with the param: so must every chip that
 * was tried. */
static enum status check_growth(struct search *search)
{
    g_array_sort(search->probes, by_value);
    bool grows = false;
    for (guint i = 1; i < search->probes->len; i++) {
        const struct probe *a =
            &g_array_index(search->probes, struct probe, i - 1);
        const struct probe *b = &g_array_index(search->probes, struct probe, i);
        grows |= b->area_um2 > a->area_um2;
        if (b->area_um2 < a->area_um2) {
            diag_error(search->diags, SPAN_NONE, "arch-iso-decreasing", NULL,
                       "the area falls from %.6g to %.6g um2 as '%s' grows "
                       "from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                       a->area_um2, b->area_um2, search->iso->param, a->value,
                       b->value);
            return ERR_INPUT;
        }
    }
    if (!grows) {
        diag_error(search->diags, SPAN_NONE, "arch-iso-constant", NULL,
                   "the area does not depend on '%s'", search->iso->param);
        return ERR_INPUT;
    }
    return OK;
}

/* Unless the area does not grow, which explains it better. */
static enum status report_too_small(struct search *search, struct probe least)
{
    TRY(check_growth(search));
    diag_error(search->diags, SPAN_NONE, "arch-iso-too-small", NULL,
               "at '%s' = %" G_GINT64_FORMAT
               ", the smallest legal value, the area is %.6g um2, above the "
               "target of %.6g um2",
               search->iso->param, least.value, least.area_um2,
               search->iso->target_um2);
    return ERR_INPUT;
}

/* From a chip that is too large: halves until one fits or is no legal chip, and
 * then looks between that and the smallest legal one. */
static enum status search_down(struct search *search, struct probe bad)
{
    struct probe low = bad;
    while (low.value > 0) {
        TRY(try_value(search, low.value / 2, NULL, &low));
        if (!low.is_legal) {
            break;
        }
        if (fits(search, &low)) {
            return bisect(search, low, bad);
        }
        bad = low;
    }
    while (!low.is_legal && low.value + 1 < bad.value) {
        struct probe middle;
        TRY(try_value(search, low.value + (bad.value - low.value) / 2, NULL,
                      &middle));
        if (!middle.is_legal) {
            low = middle;
        } else if (fits(search, &middle)) {
            return bisect(search, middle, bad);
        } else {
            bad = middle;
        }
    }
    return report_too_small(search, bad);
}

/* The param's value in the file, or --set's. */
static enum status find_start(struct search *search, int64_t *value)
{
    AUTO(arch) arch = NULL;
    TRY(arch_load_source(search->diags, search->source, search->chosen, &arch));
    for (int i = 0; i < arch->param_count; i++) {
        if (strcmp(arch->param_name[i], search->iso->param) == 0) {
            *value = arch->param_value[i];
            return OK;
        }
    }
    g_autofree char *suggestion = suggest_text(
        search->iso->param, arch->param_name, (size_t)arch->param_count);
    diag_error(search->diags, SPAN_NONE, "arch-iso-param", suggestion,
               "'%s' has no param '%s'%s%s", arch->name, search->iso->param,
               suggestion != NULL ? ", " : "",
               suggestion != NULL ? suggestion : "");
    return ERR_INPUT;
}

enum status arch_solve_area(struct diags *diags, const char *path,
                            const struct scope *chosen,
                            struct arch_iso_area *iso)
{
    const size_t limit_bytes = (size_t)4 << 20;
    struct search search = {.diags = diags, .chosen = chosen, .iso = iso};
    int64_t start = 0;
    struct probe first;
    iso->evaluations = 0;
    TRY(diags_read_file(diags, path, limit_bytes, &search.source));
    TRY(find_start(&search, &start));
    g_autoptr(GArray) probes = g_array_new(FALSE, FALSE, sizeof(struct probe));
    search.probes = probes;
    TRY(try_value(&search, start, diags, &first));
    TRY(fits(&search, &first) ? search_up(&search, first)
                              : search_down(&search, first));
    return check_growth(&search);
}
