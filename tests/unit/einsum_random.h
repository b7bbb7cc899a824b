/* Random cascades: legal by construction, written with random spaces, brackets
 * and line ends. Every tensor is over a subset of four ranks. */
#ifndef TESTS_UNIT_EINSUM_RANDOM_H
#define TESTS_UNIT_EINSUM_RANDOM_H

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#define RANDOM_SHAPES "I: 3, J: 4, K: 2, L: 5"
#define RANDOM_INPUTS "X: \"[i,j,k]\", W: \"[k,l]\", V: \"[j]\", Z: \"[l,i]\""

struct random_tensor {
    char name[8];
    char ranks[5]; /* "ijk" */
};

/* What a random cascade may have besides plain statements. */
enum random_extras { RANDOM_PLAIN = 0, RANDOM_MACROS = 1, RANDOM_PARTS = 2 };

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

static inline void add_ranks(const char *ranks, char but, const char *before,
                             GString *text)
{
    int count = 0;
    for (const char *rank = ranks; *rank != '\0'; rank++) {
        if (*rank != but || before != NULL) {
            g_string_append_printf(text, "%s%s%c", count++ > 0 ? "," : "",
                                   *rank == but ? before : "", *rank);
        }
    }
}

/* A tensor that has a rank. */
static inline const struct random_tensor *
choose_tensor(struct random_cascade *cascade)
{
    const struct random_tensor *tensor = NULL;
    do {
        tensor = &cascade->tensors[g_rand_int_range(cascade->random, 0,
                                                    cascade->tensor_count)];
    } while (tensor->ranks[0] == '\0');
    return tensor;
}

static inline struct random_tensor *new_tensor(struct random_cascade *cascade,
                                               int n)
{
    struct random_tensor *tensor = &cascade->tensors[cascade->tensor_count++];
    g_snprintf(tensor->name, sizeof tensor->name, "T%d", n);
    return tensor;
}

/* T<n>[..] = softmax(r) X[..] and the like. */
static inline void add_macro(struct random_cascade *cascade, int n,
                             GString *text)
{
    static const char *const calls[] = {"softmax(%c)", "layernorm(%c, 0.5)",
                                        "rmsnorm(%c,1)", "mean(%c)"};
    GRand *random = cascade->random;
    const struct random_tensor *from = choose_tensor(cascade);
    char rank =
        from->ranks[g_rand_int_range(random, 0, (gint32)strlen(from->ranks))];
    int call = g_rand_int_range(random, 0, (gint32)G_N_ELEMENTS(calls));
    bool is_mean = call == 3;
    struct random_tensor *made = new_tensor(cascade, n);
    g_string_append_printf(text, "%s[", made->name);
    add_ranks(from->ranks, is_mean ? rank : '\0', NULL, text);
    g_string_append(text, "] = ");
    for (const char *c = calls[call]; *c != '\0'; c++) {
        bool is_rank = c[0] == '%';
        g_string_append_c(text, is_rank ? rank : *c);
        c += is_rank ? 1 : 0;
        if (*c == '(' || *c == ',') {
            add_blank(random, true, text);
        }
    }
    g_string_append_printf(text, " %s[", from->name);
    add_ranks(from->ranks, '\0', NULL, text);
    g_string_append(text, is_chance(random, 50) ? "]\n" : "] * 2\n");
    int count = 0;
    for (const char *c = from->ranks; *c != '\0'; c++) {
        if (!is_mean || *c != rank) {
            made->ranks[count++] = *c;
        }
    }
    made->ranks[count] = '\0';
}

/* T<n>[i,r] = X[i,r] and T<n>[i,R+r] = ..: read again as T<n>[i,r]. */
static inline void add_parts(struct random_cascade *cascade, int n,
                             GString *text)
{
    GRand *random = cascade->random;
    const struct random_tensor *from = choose_tensor(cascade);
    char rank =
        from->ranks[g_rand_int_range(random, 0, (gint32)strlen(from->ranks))];
    char before[3] = {g_ascii_toupper(rank), '+', '\0'};
    struct random_tensor *made = new_tensor(cascade, n);
    for (int part = 0; part < 2; part++) {
        g_string_append_printf(text, "%s[", made->name);
        add_ranks(from->ranks, rank, part == 0 ? "" : before, text);
        g_string_append_printf(text, "] = %s%s[", part == 0 ? "" : "1 - ",
                               from->name);
        add_ranks(from->ranks, '\0', NULL, text);
        g_string_append(text, is_chance(random, 50) ? "]\n" : "] * 3\n");
    }
    g_strlcpy(made->ranks, from->ranks, sizeof made->ranks);
}

/* Statements T0.. ; the last is named in `output`. The caller frees. */
static inline char *random_einsums_with(GRand *random, guint extras,
                                        char output[8])
{
    struct random_cascade cascade = {
        random,
        {{"X", "ijk"}, {"W", "kl"}, {"V", "j"}, {"Z", "li"}},
        4,
    };
    GString *text = g_string_new(NULL);
    int count = g_rand_int_range(random, 1, 7);
    for (int n = 0; n < count; n++) {
        if ((extras & RANDOM_MACROS) != 0 && is_chance(random, 25)) {
            add_macro(&cascade, n, text);
        } else if ((extras & RANDOM_PARTS) != 0 && is_chance(random, 25)) {
            add_parts(&cascade, n, text);
        } else {
            add_statement(&cascade, n, text);
        }
    }
    g_snprintf(output, 8, "T%d", count - 1);
    return g_string_free(text, FALSE);
}

static inline char *random_einsums(GRand *random, char output[8])
{
    return random_einsums_with(random, RANDOM_PLAIN, output);
}

#endif
