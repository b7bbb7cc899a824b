/* Sources from the inside: reading with a limit, and finding the line and
 * column of a byte. Private to base/. */
#ifndef WEIR_BASE_SOURCE_H
#define WEIR_BASE_SOURCE_H

#include "base/base.h"

/* g_utf8_next_char for texts that stay const. */
static inline const char *source_next_letter(const char *text)
{
    return text + g_utf8_skip[(unsigned char)*text];
}

void source_free(struct source *source);
/* Takes a copy of `text`, which must be valid UTF-8. */
struct source *source_new(const char *path, const char *text,
                          size_t length_bytes);

/* diags_read_file with a code of the caller's for a file that is too large. */
MUST_USE enum status source_read(struct diags *diags, const char *path,
                                 size_t limit_bytes, const char *too_large_code,
                                 const struct source **source);
/* Hands the source over to `diags`. */
void diags_own_source(struct diags *diags, struct source *source);

/* An index over the text: line of a byte in O(log lines), column in O(1 KiB)
 * however long the line is. */
struct source_map;
struct source_map *source_map_new(const struct source *source);
void source_map_free(struct source_map *map);
/* Byte offset of code point `index`, at most the text's length. */
size_t source_map_byte(const struct source_map *map, size_t index);
/* `length` is at least 1 in the result. */
struct span source_map_span(const struct source_map *map, size_t byte,
                            int length);
/* From byte `start` to byte `end`, or to the end of start's line. */
struct span source_map_range(const struct source_map *map, size_t start,
                             size_t end);

#endif
