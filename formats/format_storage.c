/* What a tensor becomes by being stored. */
#include "formats/formats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LENGTH 32 /* OCP Microscaling Formats 1.0 */

/* ---- text ----------------------------------------------------------------- */

static char *suggest_format(const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < format_count(); i++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)format_at(i)->name);
    }
    return suggest_text(name, (const char *const *)names->pdata, names->len);
}

static bool parse_group(const char *text, int64_t *group)
{
    char *end = NULL;
    *group = g_ascii_strtoll(text, &end, 10);
    return g_ascii_isdigit(*text) && *end == '\0' && *group >= 1 &&
           *group <= INT32_MAX;
}

static bool parse_sharing(const char *text, struct format_storage *storage)
{
    storage->group = 0;
    if (strcmp(text, "none") == 0) {
        storage->sharing = FORMAT_UNSCALED;
    } else if (strcmp(text, "tensor") == 0) {
        storage->sharing = FORMAT_SCALE_ALL;
    } else if (strcmp(text, "channel") == 0) {
        storage->sharing = FORMAT_SCALE_FIBER;
    } else if (strcmp(text, "mx") == 0) {
        storage->sharing = FORMAT_SCALE_BLOCK;
        storage->group = BLOCK_LENGTH;
    } else if (g_str_has_prefix(text, "mx")) {
        storage->sharing = FORMAT_SCALE_BLOCK;
        return parse_group(text + strlen("mx"), &storage->group);
    } else {
        storage->sharing = FORMAT_SCALE_GROUP;
        return parse_group(text, &storage->group);
    }
    return true;
}

bool format_storage_parse(const char *text, struct format_storage *storage,
                          char **problem, char **suggestion)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", 2);
    const char *name = parts[0] == NULL ? "" : parts[0];
    *suggestion = NULL;
    *storage = (struct format_storage){.format = format_find(name)};
    if (storage->format == NULL) {
        *suggestion = suggest_format(name);
        *problem = g_strdup_printf("unknown format '%s'", name);
        return false;
    }
    if (parts[1] == NULL) {
        storage->sharing = storage->format->kind == FORMAT_FLOAT
                               ? FORMAT_UNSCALED
                               : FORMAT_SCALE_ALL;
    } else if (!parse_sharing(parts[1], storage)) {
        *problem = g_strdup_printf(
            "unknown scale '%s' of '%s': none, tensor, channel, a group's "
            "length or mx",
            parts[1], name);
        return false;
    }
    return true;
}

char *format_storage_print(const struct format_storage *storage)
{
    const char *name = storage->format->name;
    bool is_float = storage->format->kind == FORMAT_FLOAT;
    switch (storage->sharing) {
    case FORMAT_UNSCALED:
        return g_strconcat(name, is_float ? "" : "@none", NULL);
    case FORMAT_SCALE_ALL:
        return g_strconcat(name, is_float ? "@tensor" : "", NULL);
    case FORMAT_SCALE_FIBER:
        return g_strconcat(name, "@channel", NULL);
    case FORMAT_SCALE_GROUP:
        return g_strdup_printf("%s@%" G_GINT64_FORMAT, name, storage->group);
    case FORMAT_SCALE_BLOCK:
        return storage->group == BLOCK_LENGTH
                   ? g_strconcat(name, "@mx", NULL)
                   : g_strdup_printf("%s@mx%" G_GINT64_FORMAT, name,
                                     storage->group);
    }
    BUG("sharing %d", (int)storage->sharing);
}

/* ---- values --------------------------------------------------------------- */

/* As doubles are a little off too. */
#define INFLATE (1.0 + 0x1p-46)

static void store_unscaled(const struct format_storage *storage,
                           const struct format_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        size_t at = i * values->stride;
        if (values->error != NULL) {
            double error = values->error[at];
            error += format_rounding_error(storage->format, &storage->policy,
                                           values->value[at], 2.0 * error);
            values->error[at] = error * INFLATE;
        }
        if (values->stride != 1) {
            values->value[at] = format_round(storage->format, &storage->policy,
                                             values->value[at]);
        }
    }
    if (values->stride == 1) {
        format_round_row(storage->format, &storage->policy, values->value,
                         values->count);
    }
}

static double choose_scale(const struct format_storage *storage,
                           const double *values, size_t count)
{
    return storage->sharing == FORMAT_SCALE_BLOCK
               ? format_choose_block_scale(storage->format, values, count)
               : format_choose_scale(storage->format, values, count);
}

/* Other values within twice the errors of these may get another scale: largest
 * and smallest are in proportion, a power of two by one step more. Below its
 * largest magnitude a scale that is no power of two leaves nothing out of range. */
struct scale_range {
    double low;
    double high;
};

static struct scale_range find_scale_range(const struct format_storage *storage,
                                           const struct format_values *values,
                                           double scale)
{
    bool is_power = storage->sharing == FORMAT_SCALE_BLOCK;
    double most = 0.0;
    double least_most = 0.0;
    double reach = 0.0;
    for (size_t i = 0; i < values->count; i++) {
        size_t at = i * values->stride;
        double size = fabs(values->value[at]);
        most = fmax(most, size);
        least_most = fmax(least_most, size - 2.0 * values->error[at]);
        reach = fmax(reach, size + 2.0 * values->error[at]);
    }
    struct scale_range range = {scale, scale};
    if (reach > most) {
        range.high = most > 0.0 ? scale * (is_power ? 2.0 : 1.0) * reach / most
                                : fmax(scale, reach);
        range.low = most > 0.0
                        ? scale * (is_power ? 0.5 : 1.0) * least_most / most
                        : 0.0;
    }
    return range;
}

static void raise_errors(const struct format_storage *storage,
                         const struct format_values *values, double scale)
{
    const struct format_policy policy = {.rounding = storage->policy.rounding,
                                         .saturates = true};
    struct scale_range range = find_scale_range(storage, values, scale);
    double largest = format_max(storage->format);
    for (size_t i = 0; i < values->count; i++) {
        size_t at = i * values->stride;
        double error = values->error[at];
        double reach = fabs(values->value[at]) + 2.0 * error;
        double inside = fmin(reach / range.high, largest);
        double moved = range.high * format_rounding_error(storage->format,
                                                          &policy, inside, 0.0);
        double beyond = storage->sharing == FORMAT_SCALE_BLOCK
                            ? fmax(reach - range.low * largest, 0.0)
                            : 0.0;
        values->error[at] = (error + moved + beyond) * INFLATE;
    }
}

static void store_group(const struct format_storage *storage,
                        const struct format_values *group, double *scratch)
{
    for (size_t i = 0; i < group->count; i++) {
        scratch[i] = group->value[i * group->stride];
    }
    double scale = choose_scale(storage, scratch, group->count);
    if (group->error != NULL) {
        raise_errors(storage, group, scale);
    }
    format_round_scaled(storage->format, storage->policy.rounding, scale,
                        scratch, group->count);
    for (size_t i = 0; i < group->count; i++) {
        group->value[i * group->stride] = scratch[i];
    }
}

void format_store(const struct format_storage *storage,
                  const struct format_values *values)
{
    if (storage->sharing == FORMAT_UNSCALED) {
        store_unscaled(storage, values);
        return;
    }
    size_t length = storage->group > 0 ? (size_t)storage->group : values->count;
    g_autofree double *scratch = g_new(double, MAX(length, 1));
    for (size_t first = 0; first < values->count; first += length) {
        size_t at = first * values->stride;
        struct format_values group = {
            values->value + at,
            values->error == NULL ? NULL : values->error + at,
            MIN(length, values->count - first),
            values->stride,
        };
        store_group(storage, &group, scratch);
    }
}
