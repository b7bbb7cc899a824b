/* Did you mean: the nearest name by Damerau-Levenshtein distance in its
 * optimal string alignment form (an adjacent swap counts one, and no part is
 * edited twice). Two words that differ in case alone count as one edit: 'kib'
 * is near to 'KiB' whatever its length. */
#include "base/base.h"

#include <string.h>

/* Nobody mistypes a longer word by a few letters, and the table is quadratic.
 */
#define MAX_WORD_LENGTH ((size_t)64)
#define MAX_WORD_BYTES  (MAX_WORD_LENGTH * 4)

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t edit_distance(const gunichar *a, size_t a_length,
                            const gunichar *b, size_t b_length)
{
    size_t cost[MAX_WORD_LENGTH + 1][MAX_WORD_LENGTH + 1];
    for (size_t i = 0; i <= a_length; i++) {
        for (size_t j = 0; j <= b_length; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            bool is_same = a[i - 1] == b[j - 1];
            cost[i][j] = min3(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                              cost[i - 1][j - 1] + (is_same ? 0 : 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1]) {
                cost[i][j] = MIN(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a_length][b_length];
}

/* The distance if it is near enough for a suggestion, else SIZE_MAX. */
static size_t near_distance(const gunichar *word, size_t length,
                            const char *word_text, const char *name_text)
{
    if (strlen(name_text) > MAX_WORD_BYTES) {
        return SIZE_MAX;
    }
    if (g_ascii_strcasecmp(word_text, name_text) == 0) {
        return strcmp(word_text, name_text) == 0 ? 0 : 1;
    }
    glong name_length;
    g_autofree gunichar *name =
        g_utf8_to_ucs4(name_text, -1, NULL, &name_length, NULL);
    if (name == NULL || (size_t)name_length > MAX_WORD_LENGTH) {
        return SIZE_MAX;
    }
    size_t distance = edit_distance(word, length, name, (size_t)name_length);
    size_t longer = MAX(length, (size_t)name_length);
    return distance * 3 <= longer ? distance : SIZE_MAX;
}

const char *suggest_nearest(const char *word, const char *const *names,
                            size_t count)
{
    if (strlen(word) > MAX_WORD_BYTES) {
        return NULL;
    }
    glong length;
    g_autofree gunichar *letters =
        g_utf8_to_ucs4(word, -1, NULL, &length, NULL);
    if (letters == NULL || (size_t)length > MAX_WORD_LENGTH) {
        return NULL;
    }
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t distance =
            near_distance(letters, (size_t)length, word, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

char *suggest_text(const char *word, const char *const *names, size_t count)
{
    const char *nearest = suggest_nearest(word, names, count);
    return nearest ? g_strdup_printf("did you mean '%s'?", nearest) : NULL;
}
