/* Writes a mapping as YAML that loads to the same tree. Scalars that YAML would
 * read otherwise are quoted; expressions are printed in canonical form. */
#include <string.h>

#include "mapping/formats.h"
#include "mapping/issue.h"
#include "mapping/tree.h"

static void print_items(GString *out, const GPtrArray *items, int indent);

/* May the character stand as it is between double quotes? Line breaks may not
 * (YAML folds them), nor what YAML does not count as text. */
static bool is_literal(gunichar c)
{
    bool is_break = c == 0x85 || c == 0x2028 || c == 0x2029 || c == 0xFEFF;
    return c != '"' && c != '\\' && !is_break &&
           ((c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c <= 0xFFFD) ||
            c >= 0x10000);
}

static void print_text(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    gunichar c = 0;
    for (const char *at = text; *at != '\0'; at += g_unichar_to_utf8(c, NULL)) {
        c = g_utf8_get_char(at);
        if (is_literal(c)) {
            g_string_append_unichar(out, c);
        } else if (c == '"' || c == '\\') {
            g_string_append_printf(out, "\\%c", (char)c);
        } else {
            g_string_append_printf(out, "\\u%04X", (unsigned)c);
        }
    }
    g_string_append_c(out, '"');
}

static bool is_plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && *c != '_' && *c != '.') {
            return false;
        }
    }
    return text[0] != '\0';
}

static void print_word(GString *out, const char *text)
{
    if (is_plain(text)) {
        g_string_append(out, text);
    } else {
        print_text(out, text);
    }
}

static void print_expr(GString *out, const struct expr *expr)
{
    g_autofree char *text = expr_print(expr);
    print_word(out, text);
}

static void print_pairs(GString *out, const GArray *pairs)
{
    g_string_append_c(out, '{');
    for (guint i = 0; i < pairs->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(pairs, struct tree_pair, i);
        g_string_append(out, i > 0 ? ", " : "");
        print_word(out, pair->key.text);
        g_string_append(out, ": ");
        if (pair->value != NULL) {
            print_expr(out, pair->value);
        } else {
            print_word(out, pair->word.text);
        }
    }
    g_string_append_c(out, '}');
}

static void print_names(GString *out, const GArray *names)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < names->len; i++) {
        g_string_append(out, i > 0 ? ", " : "");
        print_word(out, g_array_index(names, struct tree_name, i).text);
    }
    g_string_append_c(out, ']');
}

static void print_hold(GString *out, const struct tree_item *item)
{
    g_string_append(out, item->is_stream ? "{stream: " : "{hold: ");
    print_names(out, item->names);
    g_string_append(out, ", in: ");
    print_word(out, item->place.text);
    if (item->copies != NULL) {
        g_string_append(out, ", copies: ");
        print_expr(out, item->copies);
    }
    if (item->is_shared) {
        g_string_append(out, ", shared: true");
    }
    if (item->can_spill) {
        g_string_append(out, ", spill: true");
    }
    if (item->spills_through) {
        g_string_append(out, ", through: true");
    }
    if (item->refetches) {
        g_string_append(out, ", refetch: true");
    }
    if (item->first_reads->len > 0) {
        g_string_append(out, ", first_reads: ");
        print_pairs(out, item->first_reads);
    }
    if (item->is_resident) {
        g_string_append(out, ", resident: true");
    }
    if (item->is_copy) {
        g_string_append(out, ", repacked: true");
    }
    if (item->when != NULL) {
        g_string_append(out, ", when: ");
        print_expr(out, item->when);
    }
    if (item->assumption != NULL) {
        g_string_append(out, ", assume: ");
        print_text(out, item->assumption);
    }
    g_string_append(out, "}\n");
}

/* The inside of a compute node, without braces. */
static void print_compute(GString *out, const struct tree_item *item)
{
    g_string_append(out, "compute: ");
    print_names(out, item->names);
    g_string_append(out, ", on: ");
    print_word(out, item->place.text);
    if (item->loops->len > 0) {
        g_string_append(out, ", for: [");
        for (guint i = 0; i < item->loops->len; i++) {
            const struct tree_pair *loop =
                &g_array_index(item->loops, struct tree_pair, i);
            g_string_append(out, i > 0 ? ", {" : "{");
            print_word(out, loop->key.text);
            g_string_append(out, ": ");
            print_expr(out, loop->value);
            g_string_append_c(out, '}');
        }
        g_string_append_c(out, ']');
    }
    if (item->spatial->len > 0) {
        g_string_append(out, ", spatial: ");
        print_pairs(out, item->spatial);
    }
    if (item->at->len > 0) {
        g_string_append(out, ", at: ");
        print_pairs(out, item->at);
    }
    if (item->is_chained) {
        g_string_append(out, ", chained: true");
    }
    if (item->is_recomputed) {
        g_string_append(out, ", recompute: true");
    }
    if (item->masked.text != NULL) {
        g_string_append(out, ", masked: ");
        print_word(out, item->masked.text);
    }
    issue_print(out, item->issue);
}

static void print_branch(GString *out, const struct tree_branch *branch,
                         int indent)
{
    g_string_append_printf(out, "%*s- {", indent, "");
    const char *comma = "";
    if (branch->name != NULL) {
        g_string_append(out, "name: ");
        print_text(out, branch->name);
        comma = ", ";
    }
    if (branch->slot != NULL) {
        g_string_append_printf(out, "%sslot: ", comma);
        print_expr(out, branch->slot);
        comma = ", ";
    }
    if (branch->delay != NULL) {
        g_string_append_printf(out, "%sdelay: ", comma);
        print_expr(out, branch->delay);
        comma = ", ";
    }
    g_string_append(out, comma);
    const struct tree_item *first = branch->items->pdata[0];
    if (branch->items->len == 1 && first->kind == PLAN_COMPUTE) {
        print_compute(out, first);
        g_string_append(out, "}\n");
        return;
    }
    g_string_append(out, "tree: [\n");
    print_items(out, branch->items, indent + 4);
    g_string_append_printf(out, "%*s]}\n", indent + 2, "");
}

/* Inside flow style, list items are separated by commas instead of dashes, so
 * a tree below a branch is printed in flow style throughout. */
static void print_flow_item(GString *out, const struct tree_item *item,
                            int indent);

static void print_flow_branch(GString *out, const struct tree_branch *branch,
                              int indent)
{
    g_autoptr(GString) text = g_string_new(NULL);
    print_branch(text, branch, 0);
    /* "- {...}\n" -> "{...}" */
    g_string_truncate(text, text->len - 1);
    g_string_append_printf(out, "%*s%s", indent, "", text->str + 2);
}

static void print_flow_item(GString *out, const struct tree_item *item,
                            int indent)
{
    g_string_append_printf(out, "%*s", indent, "");
    switch (item->kind) {
    case PLAN_LOOP:
        g_string_append(out, "{for: {");
        print_word(out, item->loop.key.text);
        g_string_append(out, ": ");
        print_expr(out, item->loop.value);
        g_string_append(out, "}}");
        return;
    case PLAN_SPATIAL:
        g_string_append(out, "{spatial: ");
        print_pairs(out, item->spatial);
        if (item->tiles->len > 0) {
            g_string_append(out, ", tile: ");
            print_pairs(out, item->tiles);
        }
        g_string_append_c(out, '}');
        return;
    case PLAN_HOLD:
        print_hold(out, item);
        g_string_truncate(out, out->len - 1);
        return;
    case PLAN_COMPUTE:
        g_string_append_c(out, '{');
        print_compute(out, item);
        g_string_append_c(out, '}');
        return;
    case PLAN_PHASES:
    case PLAN_SEQUENCE:
    case PLAN_PIPELINE:
        break;
    }
    static const char *const key[] = {[PLAN_PHASES] = "phases",
                                      [PLAN_SEQUENCE] = "sequence",
                                      [PLAN_PIPELINE] = "pipeline"};
    g_string_append_printf(out, "{%s: [\n", key[item->kind]);
    for (guint i = 0; i < item->branches->len; i++) {
        print_flow_branch(out, item->branches->pdata[i], indent + 2);
        g_string_append(out, ",\n");
    }
    g_string_append_printf(out, "%*s]}", indent, "");
}

static void print_items(GString *out, const GPtrArray *items, int indent)
{
    for (guint i = 0; i < items->len; i++) {
        print_flow_item(out, items->pdata[i], indent);
        g_string_append(out, ",\n");
    }
}

static void print_variant(GString *out, const struct tree_variant *variant,
                          bool is_listed)
{
    const char *lead = is_listed ? "- " : "";
    if (variant->when != NULL) {
        g_string_append_printf(out, "%swhen: ", lead);
        print_expr(out, variant->when);
        g_string_append_c(out, '\n');
        lead = "  ";
    }
    if (variant->about != NULL) {
        g_string_append_printf(out, "%sabout: ", lead);
        print_text(out, variant->about);
        g_string_append_c(out, '\n');
        lead = "  ";
    }
    if (variant->params->len > 0) {
        g_string_append_printf(out, "%sparams: ", lead);
        print_pairs(out, variant->params);
        g_string_append_c(out, '\n');
        lead = "  ";
    }
    g_string_append_printf(out, "%stree: [\n", lead);
    print_items(out, variant->items, 4);
    g_string_append(out, "  ]\n");
}

char *mapping_print(const struct mapping *mapping)
{
    GString *out = g_string_new("schema: 1\nmapping: ");
    print_text(out, mapping->name);
    g_string_append(out, "\ncascade: ");
    print_text(out, mapping->cascade);
    if (mapping->about != NULL) {
        g_string_append(out, "\nabout: ");
        print_text(out, mapping->about);
    }
    if (mapping->source_note != NULL) {
        g_string_append(out, "\nsource: ");
        print_text(out, mapping->source_note);
    }
    g_string_append_c(out, '\n');
    if (mapping->shapes->len > 0) {
        g_string_append(out, "shapes: ");
        print_pairs(out, mapping->shapes);
        g_string_append_c(out, '\n');
    }
    if (mapping->params->len > 0) {
        g_string_append(out, "params: ");
        print_pairs(out, mapping->params);
        g_string_append_c(out, '\n');
    }
    formats_print(out, mapping->formats);
    const struct tree_variant *first = mapping->variants->pdata[0];
    bool is_listed = mapping->variants->len > 1 || first->when != NULL ||
                     first->params->len > 0 || first->about != NULL;
    if (is_listed) {
        g_string_append(out, "variants:\n");
    }
    for (guint v = 0; v < mapping->variants->len; v++) {
        print_variant(out, mapping->variants->pdata[v], is_listed);
    }
    return g_string_free(out, FALSE);
}
