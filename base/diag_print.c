/* The rendering of messages as compilers do it. A source line is laid out in
 * terminal cells: a tab reaches to the next multiple of 8, a wide character
 * takes two cells, a combining mark none, and a control character is shown as
 * a space, so that a file cannot send escape sequences to the terminal. A long
 * line is cut to a window around the caret. */
#include "base/diag.h"
#include "base/source.h"

#include <string.h>

#define TAB_CELLS 8
/* Room for the line beside the gutter of an 80 to 132 column terminal; only
 * lines of generated files are longer. */
#define WINDOW_CELLS       120
#define CELLS_BEFORE_CARET 40
#define ELLIPSIS           "..."

struct palette {
    const char *place;
    const char *severity[3]; /* by enum diag_severity */
    const char *caret;
    const char *reset;
};

static const struct palette *find_palette(bool color)
{
    static const struct palette plain = {"", {"", "", ""}, "", ""};
    static const struct palette ansi = {
        "\033[1m",
        {"\033[1;31m", "\033[1;35m", "\033[1;36m"},
        "\033[1;32m",
        "\033[0m",
    };
    return color ? &ansi : &plain;
}

static const char *severity_name(enum diag_severity severity)
{
    switch (severity) {
    case DIAG_ERROR:
        return "error";
    case DIAG_WARNING:
        return "warning";
    case DIAG_NOTE:
        return "note";
    }
    BUG("severity %d", (int)severity);
}

/* Cells of `letter` when it starts at cell `cell` of its line. */
static int count_cells(gunichar letter, int cell)
{
    if (letter == '\t') {
        return TAB_CELLS - cell % TAB_CELLS;
    }
    if (g_unichar_iszerowidth(letter)) {
        return 0;
    }
    return g_unichar_iswide(letter) ? 2 : 1;
}

/* A line laid out: its cells as text, and the caret's place among them. */
struct layout {
    GString *text;
    int caret_start; /* cell */
    int caret_end;   /* cell after the last */
};

static const char *find_line(const struct source *source, int line)
{
    const char *start = source->text;
    for (int i = 1; i < line; i++) {
        const char *end = strchr(start, '\n');
        if (end == NULL) {
            return source->text + source->length_bytes;
        }
        start = end + 1;
    }
    return start;
}

static bool is_line_end(const char *text)
{
    return *text == '\0' || *text == '\n' || (*text == '\r' && text[1] == '\n');
}

static void append_letter(GString *text, gunichar letter, int cells)
{
    if (letter == '\t') {
        for (int i = 0; i < cells; i++) {
            g_string_append_c(text, ' ');
        }
    } else if (g_unichar_iscntrl(letter)) {
        g_string_append_c(text, ' ');
    } else {
        g_string_append_unichar(text, letter);
    }
}

/* Where the cells of code points [column, column + length) begin and end. A
 * column past the end of the line stands right behind its last cell. */
static void find_caret(const char *line, const struct span *span,
                       struct layout *layout)
{
    int cell = 0;
    int column = 1;
    layout->caret_start = -1;
    layout->caret_end = -1;
    for (; !is_line_end(line); line = source_next_letter(line), column++) {
        if (column == span->column) {
            layout->caret_start = cell;
        }
        if (column - span->column >= span->length) {
            layout->caret_end = cell;
            return;
        }
        cell += count_cells(g_utf8_get_char(line), cell);
    }
    if (layout->caret_start < 0) {
        layout->caret_start = cell;
    }
    layout->caret_end = MAX(cell, layout->caret_start + 1);
}

static void append_window(const char *line, struct layout *layout)
{
    int first = 0;
    int end = WINDOW_CELLS;
    if (layout->caret_start >= WINDOW_CELLS - CELLS_BEFORE_CARET) {
        first = layout->caret_start - CELLS_BEFORE_CARET;
        end = first + WINDOW_CELLS;
        g_string_append(layout->text, ELLIPSIS);
    }
    int shown_from = -1;
    int cell = 0;
    for (; !is_line_end(line); line = source_next_letter(line)) {
        gunichar letter = g_utf8_get_char(line);
        int cells = count_cells(letter, cell);
        if (cell >= end) {
            g_string_append(layout->text, ELLIPSIS);
            break;
        }
        if (cell >= first) {
            shown_from = shown_from < 0 ? cell : shown_from;
            append_letter(layout->text, letter, cells);
        }
        cell += cells;
    }
    if (first > 0) {
        int shift =
            (int)strlen(ELLIPSIS) - (shown_from < 0 ? cell : shown_from);
        layout->caret_start += shift;
        layout->caret_end = MIN(layout->caret_end, end) + shift;
    } else {
        layout->caret_end = MIN(layout->caret_end, end);
    }
}

static void print_line(const struct span *span, const char *suggestion,
                       const struct palette *palette, GString *out)
{
    const char *line = find_line(span->source, span->line);
    struct layout layout = {.text = g_string_new(NULL)};
    find_caret(line, span, &layout);
    append_window(line, &layout);
    g_string_append_printf(out, "%5d | %s\n", span->line, layout.text->str);
    g_string_append(out, "      | ");
    for (int i = 0; i < layout.caret_start; i++) {
        g_string_append_c(out, ' ');
    }
    g_string_append(out, palette->caret);
    g_string_append_c(out, '^');
    for (int i = layout.caret_start + 1; i < layout.caret_end; i++) {
        g_string_append_c(out, '~');
    }
    if (suggestion != NULL) {
        g_string_append_printf(out, " %s", suggestion);
    }
    g_string_append(out, palette->reset);
    g_string_append_c(out, '\n');
    g_string_free(layout.text, TRUE);
}

/* The user's words are quoted in messages; they too may hold anything. */
static void append_clean(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *p = valid; *p != '\0'; p = source_next_letter(p)) {
        append_letter(out, g_utf8_get_char(p), 1);
    }
}

static void print_diag(const struct diag *diag, const struct palette *palette,
                       GString *out)
{
    const struct span *span = &diag->span;
    bool has_line = span->source != NULL && span->line > 0;
    if (span->source != NULL) {
        g_string_append(out, palette->place);
        append_clean(out, span->source->path);
        if (has_line) {
            g_string_append_printf(out, ":%d:%d", span->line, span->column);
        }
        g_string_append_printf(out, ":%s ", palette->reset);
    }
    g_string_append_printf(out, "%s%s:%s ", palette->severity[diag->severity],
                           severity_name(diag->severity), palette->reset);
    append_clean(out, diag->message);
    g_string_append_printf(out, " [%s]\n", diag->code);
    if (has_line) {
        print_line(span, diag->suggestion, palette, out);
    } else if (diag->suggestion != NULL) {
        g_string_append_printf(out, "    %s\n", diag->suggestion);
    }
}

void diags_print(const struct diags *diags, bool color, GString *out)
{
    const struct palette *palette = find_palette(color);
    for (size_t i = 0; i < diags_count(diags); i++) {
        print_diag(diags_get(diags, i), palette, out);
    }
    size_t dropped = diags_dropped_count(diags);
    if (dropped > 0) {
        g_string_append_printf(out,
                               "%snote:%s too many errors, %zu more not shown "
                               "[diag-too-many]\n",
                               palette->severity[DIAG_NOTE], palette->reset,
                               dropped);
    }
}
