/* Random cascades: legal by construction, written with random spaces, brackets
 * and line ends. Every tensor is over a subset of four ranks. */
#ifndef TESTS_UNIT_EINSUM_RANDOM_H
#define TESTS_UNIT_EINSUM_RANDOM_H

#include <stdbool.h>

#include <glib.h>

#define RANDOM_SHAPES "I: 3, J: 4, K: 2, L: 5"
#define RANDOM_INPUTS "X: \"[i,j,k]\", W: \"[k,l]\", V: \"[j]\", Z: \"[l,i]\""

struct random_tensor {
    char name[8];
    char ranks[5]; /* "ijk" */
};

struct random_cascade {
    GRand *random;
    struct random_tensor tensors[12];
    int tensor_count;
};

static inline bool is_chance(GRand *random, int percent)
{
    return g_rand_int_range(random, 0, 100) < percent;
}

/* Blanks of no meaning; a line end only where a bracket is open. */
static inline void add_blank(GRand *random, bool is_open, GString *text)
{
    if (is_chance(random, 30)) {
        g_string_append_c(text, ' ');
    }
    if (is_open && is_chance(random, 5)) {
        g_string_append(text, " # a comment (\n");
    }
}

static inline void add_access(struct random_cascade *cascade, GString *text,
                              guint *used)
{
    int i = g_rand_int_range(cascade->random, 0, cascade->tensor_count);
    const struct random_tensor *tensor = &cascade->tensors[i];
    g_string_append_printf(text, "%s[", tensor->name);
    for (const char *rank = tensor->ranks; *rank != '\0'; rank++) {
        add_blank(cascade->random, true, text);
        g_string_append_c(text, *rank);
        add_blank(cascade->random, true, text);
        g_string_append(text, rank[1] == '\0' ? "" : ",");
        *used |= 1U << (*rank - 'i');
    }
    g_string_append_c(text, ']');
}

static inline void add_expr_text(struct random_cascade *cascade, int depth,
                                 bool is_open, GString *text, guint *used)
{
    static const char *const binary[] = {"+", "-", "*", "/"};
    static const char *const numbers[] = {"2", "0.1", "1e-5", "J", "17.25"};
    static const char *const unary[] = {"exp", "abs", "tanh"};
    GRand *random = cascade->random;
    int kind = depth == 0 ? g_rand_int_range(random, 0, 2)
                          : g_rand_int_range(random, 0, 9);
    if (kind == 0) {
        g_string_append(text, numbers[g_rand_int_range(random, 0, 5)]);
    } else if (kind == 1) {
        add_access(cascade, text, used);
    } else if (kind == 2) {
        g_string_append_c(text, '-');
        add_expr_text(cascade, 0, is_open, text, used);
    } else if (kind == 3) {
        g_string_append_printf(text, "%s(",
                               unary[g_rand_int_range(random, 0, 3)]);
        add_expr_text(cascade, depth - 1, true, text, used);
        g_string_append_c(text, ')');
    } else if (kind == 4) {
        g_string_append(text, is_chance(random, 50) ? "max(" : "min (");
        add_expr_text(cascade, depth - 1, true, text, used);
        g_string_append_c(text, ',');
        add_expr_text(cascade, depth - 1, true, text, used);
        g_string_append_c(text, ')');
    } else if (kind == 5) {
        g_string_append_c(text, '(');
        add_expr_text(cascade, depth - 1, true, text, used);
        g_string_append_c(text, ')');
    } else {
        add_expr_text(cascade, depth - 1, is_open, text, used);
        add_blank(random, is_open, text);
        g_string_append(text, binary[g_rand_int_range(random, 0, 4)]);
        add_blank(random, is_open, text);
        add_expr_text(cascade, depth - 1, is_open, text, used);
    }
}

/* T<n>[some of the used ranks] = [reduction] expr */
static inline void add_statement(struct random_cascade *cascade, int n,
                                 GString *text)
{
    GRand *random = cascade->random;
    g_autoptr(GString) right = g_string_new(NULL);
    guint used = 0;
    add_access(cascade, right, &used);
    g_string_append(right, " * ");
    add_expr_text(cascade, 3, false, right, &used);
    struct random_tensor *tensor = &cascade->tensors[cascade->tensor_count];
    g_snprintf(tensor->name, sizeof tensor->name, "T%d", n);
    g_autoptr(GString) reduced = g_string_new(NULL);
    int count = 0;
    for (int r = 0; r < 4; r++) {
        if ((used >> r & 1U) == 0) {
            continue;
        }
        if (is_chance(random, 60)) {
            tensor->ranks[count++] = (char)('i' + r);
        } else {
            g_string_append_printf(reduced, "%s%c", reduced->len > 0 ? "," : "",
                                   'i' + r);
        }
    }
    tensor->ranks[count] = '\0';
    if (count > 1 && is_chance(random, 50)) {
        char swapped = tensor->ranks[0];
        tensor->ranks[0] = tensor->ranks[count - 1];
        tensor->ranks[count - 1] = swapped;
    }
    g_string_append_printf(text, "%s[", tensor->name);
    for (int i = 0; i < count; i++) {
        g_string_append_printf(text, "%s%c", i > 0 ? "," : "",
                               tensor->ranks[i]);
    }
    g_string_append(text, "] =");
    if (reduced->len > 0 && is_chance(random, 70)) {
        static const char *const reductions[] = {"sum", "max", "min"};
        g_string_append_printf(text, " %s(%s)",
                               reductions[g_rand_int_range(random, 0, 3)],
                               reduced->str);
    }
    g_string_append_printf(text, " %s\n", right->str);
    cascade->tensor_count++;
}

/* Statements T0.. ; the last is named in `output`. The caller frees. */
static inline char *random_einsums(GRand *random, char output[8])
{
    struct random_cascade cascade = {
        random,
        {{"X", "ijk"}, {"W", "kl"}, {"V", "j"}, {"Z", "li"}},
        4,
    };
    GString *text = g_string_new(NULL);
    int count = g_rand_int_range(random, 1, 7);
    for (int n = 0; n < count; n++) {
        add_statement(&cascade, n, text);
    }
    g_snprintf(output, 8, "T%d", count - 1);
    return g_string_free(text, FALSE);
}

#endif
