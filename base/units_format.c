/* Quantities for people; never parsed again, so they may be rounded. */
#include "base/base.h"

#include <string.h>

/* Printed with one decimal it would read 1024.0 of the unit below. */
#define LEAST_ROUNDED_UP 1023.95

char *units_format_bytes(int64_t bytes)
{
    static const char *const names[] = {"B",   "KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    if (bytes == NUM_UNLIMITED) {
        return g_strdup("unlimited");
    }
    size_t i = 0;
    int64_t unit_bytes = 1;
    while (i + 1 < G_N_ELEMENTS(names) && bytes / unit_bytes >= 1024) {
        unit_bytes *= 1024;
        i++;
    }
    if (bytes % unit_bytes == 0) {
        return g_strdup_printf("%" G_GINT64_FORMAT " %s", bytes / unit_bytes,
                               names[i]);
    }
    double amount = (double)bytes / (double)unit_bytes;
    if (amount >= LEAST_ROUNDED_UP && i + 1 < G_N_ELEMENTS(names)) {
        amount /= 1024.0;
        i++;
    }
    return g_strdup_printf("%.1f %s", amount, names[i]);
}

char *units_format_count(int64_t count)
{
    g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, count);
    size_t length = strlen(digits);
    size_t sign = digits[0] == '-';
    GString *grouped = g_string_new(NULL);
    for (size_t i = 0; i < length; i++) {
        if (i > sign && (length - i) % 3 == 0) {
            g_string_append_c(grouped, ',');
        }
        g_string_append_c(grouped, digits[i]);
    }
    return g_string_free(grouped, FALSE);
}
