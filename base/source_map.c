/* Lines end at '\n' alone, as editors and compilers count them; libyaml ends
 * them at other characters too, which is why its line numbers are not used. */
#include "base/source.h"

#include <string.h>

/* Distance of the checkpoints at which the code points so far are known. */
#define CHECKPOINT_BYTES 64

struct source_map {
    const struct source *source;
    GArray *line_starts; /* size_t, bytes */
    GArray *checkpoints; /* size_t, code points before i * CHECKPOINT_BYTES */
};

static bool starts_code_point(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

static size_t count_code_points(const char *text, size_t length_bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < length_bytes; i++) {
        count += starts_code_point(text[i]);
    }
    return count;
}

struct source_map *source_map_new(const struct source *source)
{
    struct source_map *map = g_new0(struct source_map, 1);
    map->source = source;
    map->line_starts = g_array_new(FALSE, FALSE, sizeof(size_t));
    map->checkpoints = g_array_new(FALSE, FALSE, sizeof(size_t));
    size_t code_points = 0;
    size_t line_start = 0;
    g_array_append_val(map->line_starts, line_start);
    for (size_t i = 0; i < source->length_bytes; i++) {
        if (i % CHECKPOINT_BYTES == 0) {
            g_array_append_val(map->checkpoints, code_points);
        }
        code_points += starts_code_point(source->text[i]);
        if (source->text[i] == '\n') {
            line_start = i + 1;
            g_array_append_val(map->line_starts, line_start);
        }
    }
    g_array_append_val(map->checkpoints, code_points);
    return map;
}

void source_map_free(struct source_map *map)
{
    if (map == NULL) {
        return;
    }
    g_array_unref(map->line_starts);
    g_array_unref(map->checkpoints);
    g_free(map);
}

/* Index of the last of ascending `values` that is <= value; values[0] is 0. */
static size_t find_last(const GArray *values, size_t value)
{
    size_t low = 0;
    size_t high = values->len;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (g_array_index(values, size_t, middle) <= value) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t source_map_byte(const struct source_map *map, size_t index)
{
    const struct source *source = map->source;
    size_t checkpoint = find_last(map->checkpoints, index);
    size_t left = index - g_array_index(map->checkpoints, size_t, checkpoint);
    size_t byte = checkpoint * CHECKPOINT_BYTES;
    while (byte < source->length_bytes) {
        if (starts_code_point(source->text[byte])) {
            if (left == 0) {
                return byte;
            }
            left--;
        }
        byte++;
    }
    return source->length_bytes;
}

static size_t code_points_before(const struct source_map *map, size_t byte)
{
    size_t checkpoint = byte / CHECKPOINT_BYTES;
    size_t start = checkpoint * CHECKPOINT_BYTES;
    return g_array_index(map->checkpoints, size_t, checkpoint) +
           count_code_points(map->source->text + start, byte - start);
}

struct span source_map_span(const struct source_map *map, size_t byte,
                            int length)
{
    byte = MIN(byte, map->source->length_bytes);
    size_t line = find_last(map->line_starts, byte);
    size_t line_start = g_array_index(map->line_starts, size_t, line);
    size_t column =
        code_points_before(map, byte) - code_points_before(map, line_start);
    return (struct span){
        .source = map->source,
        .line = (int)line + 1,
        .column = (int)column + 1,
        .length = MAX(length, 1),
    };
}

struct span source_map_range(const struct source_map *map, size_t start,
                             size_t end)
{
    const char *text = map->source->text;
    start = MIN(start, map->source->length_bytes);
    end = CLAMP(end, start, map->source->length_bytes);
    size_t line_bytes = strcspn(text + start, "\r\n");
    size_t bytes = MIN(end - start, line_bytes);
    return source_map_span(map, start,
                           (int)count_code_points(text + start, bytes));
}
