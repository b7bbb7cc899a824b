/* Where the characters of a scalar's text stand in the file.
 *
 * Between text and source, YAML strips indentation, folds line breaks and
 * replaces escapes; everything else is copied byte by byte. So it is enough to
 * know one pair of offsets per source line, and one after each escape: the
 * anchor points. They are found by walking both texts together. Should they
 * ever disagree, the walk ends and the last point stands for the rest. */
#include "base/yaml_node.h"

#include <string.h>

struct walk {
    GArray *points;
    const char *text; /* the whole */
    const char *next_text;
    const char *source; /* the whole */
    const char *next_source;
    char quote; /* or '\0' */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static void add_point(struct walk *walk)
{
    struct yaml_anchor_point point = {
        .text_offset = (size_t)(walk->next_text - walk->text),
        .source_offset = (size_t)(walk->next_source - walk->source),
    };
    g_array_append_val(walk->points, point);
}

static void skip_blanks_and_breaks(const char **p)
{
    while (is_blank(**p) || is_break(**p)) {
        (*p)++;
    }
}

/* Copied bytes up to the end of the source line. False: the texts disagree or
 * have ended. */
static bool walk_line(struct walk *walk)
{
    while (*walk->next_text != '\0' && !is_break(*walk->next_source)) {
        if (*walk->next_text != *walk->next_source) {
            /* Blanks before a break are dropped when it is folded. */
            return is_blank(*walk->next_source);
        }
        walk->next_text++;
        walk->next_source++;
    }
    return *walk->next_text != '\0';
}

/* Plain and block scalars: the characters that are neither blank nor break are
 * the same in text and source, in the same order. */
static void walk_unquoted(struct walk *walk)
{
    do {
        skip_blanks_and_breaks(&walk->next_text);
        skip_blanks_and_breaks(&walk->next_source);
        bool has_ended = *walk->next_text == '\0';
        if (has_ended || *walk->next_text != *walk->next_source) {
            return;
        }
        add_point(walk);
    } while (walk_line(walk));
}

/* Bytes of the escape sequence at `source`, a backslash. */
static size_t escape_length(const char *source)
{
    switch (source[1]) {
    case '\0':
        return 1;
    case 'x':
        return 4;
    case 'u':
        return 6;
    case 'U':
        return 10;
    default:
        return (size_t)(source_next_letter(source + 1) - source);
    }
}

static bool walk_escape(struct walk *walk)
{
    bool is_double = walk->quote == '"' && *walk->next_source == '\\';
    bool is_single = walk->quote == '\'' && *walk->next_source == '\'';
    if (!is_double && !is_single) {
        return false;
    }
    size_t length = is_double ? escape_length(walk->next_source) : 2;
    if (strlen(walk->next_source) < length) {
        return false;
    }
    walk->next_source += length;
    walk->next_text = source_next_letter(walk->next_text);
    add_point(walk);
    return true;
}

/* A run of n breaks with blanks around it: one space if n is 1, else n - 1
 * breaks; one less if the first is escaped, which leaves its blanks. */
static void walk_fold(struct walk *walk, bool is_escaped)
{
    size_t breaks = 0;
    walk->next_source += is_escaped;
    while (is_blank(*walk->next_source) || is_break(*walk->next_source)) {
        bool is_pair = strncmp(walk->next_source, "\r\n", 2) == 0;
        breaks += is_break(*walk->next_source);
        walk->next_source += is_pair ? 2 : 1;
    }
    size_t length = breaks == 1 && !is_escaped ? 1 : breaks - 1;
    for (; length > 0 && *walk->next_text != '\0'; length--) {
        walk->next_text++;
    }
    add_point(walk);
}

static bool is_fold(const char *source)
{
    while (is_blank(*source)) {
        source++;
    }
    return is_break(*source);
}

static void walk_quoted(struct walk *walk)
{
    add_point(walk);
    while (*walk->next_text != '\0' && *walk->next_source != '\0') {
        const char *source = walk->next_source;
        bool is_escaped =
            walk->quote == '"' && source[0] == '\\' && is_break(source[1]);
        if (is_escaped || is_fold(source)) {
            walk_fold(walk, is_escaped);
        } else if (!walk_escape(walk)) {
            if (*walk->next_text != *walk->next_source) {
                return;
            }
            walk->next_text++;
            walk->next_source++;
        }
    }
}

/* Behind '|' or '>' and what else stands on that line. */
static const char *skip_block_header(const char *source)
{
    return source + strcspn(source, "\r\n");
}

void yaml_node_place_text(struct yaml_node *node)
{
    const struct source *source = node->document->source;
    const char *start = source->text + node->source_start;
    struct walk walk = {
        .points = g_array_new(FALSE, FALSE, sizeof(struct yaml_anchor_point)),
        .text = node->text,
        .next_text = node->text,
        .source = source->text,
        .next_source = start,
    };
    node->points = walk.points;
    switch (node->style) {
    case YAML_STYLE_PLAIN:
        walk_unquoted(&walk);
        break;
    case YAML_STYLE_BLOCK:
        walk.next_source = skip_block_header(start);
        walk_unquoted(&walk);
        break;
    case YAML_STYLE_SINGLE_QUOTED:
    case YAML_STYLE_DOUBLE_QUOTED:
        walk.quote = *start;
        walk.next_source++;
        walk_quoted(&walk);
        break;
    }
}

static const struct yaml_anchor_point *point_at(const struct yaml_node *node,
                                                guint i)
{
    return &g_array_index(node->points, struct yaml_anchor_point, i);
}

/* Index of the last point at or before `offset`, or of the first. */
static guint find_point(const struct yaml_node *node, size_t offset)
{
    guint low = 0;
    guint high = node->points->len;
    while (high - low > 1) {
        guint middle = low + (high - low) / 2;
        if (point_at(node, middle)->text_offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_break(const char *text, size_t start, size_t end)
{
    return end > start && memchr(text + start, '\n', end - start) != NULL;
}

static size_t find_source_offset(const struct yaml_node *node, size_t offset)
{
    if (node->points->len == 0) {
        return node->source_start;
    }
    guint i = find_point(node, offset);
    const struct yaml_anchor_point *point = point_at(node, i);
    if (point->text_offset <= offset &&
        !has_break(node->text, point->text_offset, offset)) {
        return point->source_offset + (offset - point->text_offset);
    }
    /* In the extra indentation of a line: back from its first character. */
    guint next_index = point->text_offset <= offset ? i + 1 : i;
    if (next_index < node->points->len) {
        const struct yaml_anchor_point *next = point_at(node, next_index);
        size_t back = next->text_offset - offset;
        if (!has_break(node->text, offset, next->text_offset) &&
            back <= next->source_offset) {
            return next->source_offset - back;
        }
    }
    return point->source_offset +
           strcspn(node->text + point->text_offset, "\n");
}

struct span yaml_text_span(const struct yaml_node *node, size_t offset,
                           int length)
{
    g_assert(node->kind == YAML_SCALAR);
    offset = MIN(offset, node->text_length_bytes);
    return source_map_span(node->document->map,
                           find_source_offset(node, offset), length);
}
