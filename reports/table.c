/* Aligned text. Widths are counted in characters, not bytes. */
#include "reports/reports.h"

struct column {
    char *heading;
    char *unit; /* NULL for text */
    bool is_right;
};

struct table {
    GArray *columns;  /* struct column */
    GPtrArray *cells; /* char *, row by row */
};

static void clear_column(gpointer data)
{
    struct column *column = data;
    g_free(column->heading);
    g_free(column->unit);
}

struct table *table_new(void)
{
    struct table *table = g_new0(struct table, 1);
    table->columns = g_array_new(FALSE, TRUE, sizeof(struct column));
    g_array_set_clear_func(table->columns, clear_column);
    table->cells = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL) {
        return;
    }
    g_array_free(table->columns, TRUE);
    g_ptr_array_free(table->cells, TRUE);
    g_free(table);
}

static void add_column(struct table *table, const char *heading,
                       const char *unit)
{
    struct column column = {
        .heading = g_strdup(heading),
        .unit = unit == NULL || unit[0] == '\0' ? NULL : g_strdup(unit),
        .is_right = unit != NULL,
    };
    g_array_append_val(table->columns, column);
}

void table_add_text_column(struct table *table, const char *heading)
{
    add_column(table, heading, NULL);
}

void table_add_metric_column(struct table *table, enum metric metric)
{
    add_column(table, metric_get(metric)->heading, metric_get(metric)->unit);
}

void table_add_headed_column(struct table *table, enum metric metric,
                             const char *heading)
{
    add_column(table, heading, metric_get(metric)->unit);
}

void table_add_text(struct table *table, const char *text)
{
    g_ptr_array_add(table->cells, g_strdup(text == NULL ? "-" : text));
}

void table_add_count(struct table *table, int64_t count)
{
    g_ptr_array_add(table->cells, units_format_count(count));
}

void table_add_ratio(struct table *table, double ratio, int decimals)
{
    g_ptr_array_add(table->cells, g_strdup_printf("%.*f", decimals, ratio));
}

void table_add_percent(struct table *table, double ratio)
{
    g_ptr_array_add(table->cells, g_strdup_printf("%.1f %%", 100.0 * ratio));
}

void table_add_energy(struct table *table, double energy_pj)
{
    g_ptr_array_add(table->cells, g_strdup_printf("%.4g", energy_pj));
}

/* No line ends in blanks. */
static void print_cell(const char *text, size_t width, bool is_right,
                       bool is_last, GString *out)
{
    size_t length = (size_t)g_utf8_strlen(text, -1);
    size_t blanks = width > length ? width - length : 0;
    if (is_right) {
        g_string_append_printf(out, "%*s%s", (int)blanks, "", text);
    } else {
        g_string_append_printf(out, "%s%*s", text, (int)blanks, "");
    }
    if (!is_last) {
        g_string_append(out, "  ");
        return;
    }
    while (out->len > 0 && out->str[out->len - 1] == ' ') {
        g_string_truncate(out, out->len - 1);
    }
    g_string_append_c(out, '\n');
}

static size_t count_width(const struct table *table, guint column)
{
    const struct column *head =
        &g_array_index(table->columns, struct column, column);
    size_t width = (size_t)g_utf8_strlen(head->heading, -1);
    if (head->unit != NULL) {
        width = MAX(width, (size_t)g_utf8_strlen(head->unit, -1));
    }
    for (guint i = column; i < table->cells->len; i += table->columns->len) {
        const char *cell = g_ptr_array_index(table->cells, i);
        width = MAX(width, (size_t)g_utf8_strlen(cell, -1));
    }
    return width;
}

void table_print(const struct table *table, GString *out)
{
    guint count = table->columns->len;
    if (count == 0) {
        return;
    }
    g_autofree size_t *widths = g_new0(size_t, count + 1);
    bool has_units = false;
    for (guint i = 0; i < count; i++) {
        widths[i] = count_width(table, i);
        has_units |=
            g_array_index(table->columns, struct column, i).unit != NULL;
    }
    for (guint i = 0; i < count; i++) {
        const struct column *head =
            &g_array_index(table->columns, struct column, i);
        print_cell(head->heading, widths[i], head->is_right, i + 1 == count,
                   out);
    }
    for (guint i = 0; i < count && has_units; i++) {
        const struct column *head =
            &g_array_index(table->columns, struct column, i);
        print_cell(head->unit == NULL ? "" : head->unit, widths[i],
                   head->is_right, i + 1 == count, out);
    }
    for (guint i = 0; i < table->cells->len; i++) {
        guint c = i % count;
        print_cell(g_ptr_array_index(table->cells, i), widths[c],
                   g_array_index(table->columns, struct column, c).is_right,
                   c + 1 == count, out);
    }
}
