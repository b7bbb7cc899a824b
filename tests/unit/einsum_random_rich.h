/* Random cascades with everything that statements may have beyond affine
 * accesses: conditions, index modes, gathers, scatters, selections, complex
 * values, transforms, values of inputs. Legal by construction. */
#ifndef TESTS_UNIT_EINSUM_RANDOM_RICH_H
#define TESTS_UNIT_EINSUM_RANDOM_RICH_H

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#define RICH_SHAPES "I: 3, J: 4, K: 2, L: 5, T: 2, U: 4, V: 3"
#define RICH_INPUTS                                                            \
    "X: \"[i,j,k]\", W: \"[k,l]\", Y: \"[j]\", Z: \"[l,i]\", "                 \
    "A: \"[i,l] in 0..J-1\", B: \"[j] in {-1,1}\", M: \"[k,l] in 0..1\", "     \
    "C: \"[j,l] in complex\", P: \"[i,j] in 0..J-1 distinct(j)\", "            \
    "D: \"[i] in -1..2\""

#define RICH_MAX_TENSORS 24

struct rich_cascade {
    GRand *random;
    /* Accesses that are written as they stand, and new tensors. */
    char *access[RICH_MAX_TENSORS];
    int access_count;
    GString *text;
    int statement;
    GString *outputs;
};

static inline int rich_choose(struct rich_cascade *rich, int count)
{
    return g_rand_int_range(rich->random, 0, count);
}

/* Ranks in an access or an expression: lower case letters by themselves. */
static inline guint rich_ranks(const char *text)
{
    guint ranks = 0;
    for (const char *c = text; *c != '\0'; c++) {
        bool is_alone = g_ascii_islower(*c) && !g_ascii_isalnum(c[1]) &&
                        (c == text || !g_ascii_isalnum(c[-1]));
        ranks |= is_alone ? 1U << (*c - 'a') : 0;
    }
    return ranks;
}

static inline void rich_add_value(struct rich_cascade *rich, int depth,
                                  GString *text);

static inline void rich_add_access(struct rich_cascade *rich, GString *text)
{
    static const char *const forms[] = {"X[i,A[i,l],k]",
                                        "Y[clamp(i+l-2)]",
                                        "X[i,zero(j-l),k]",
                                        "Y[wrap(i*2+l)]",
                                        "W[k,(l+2) mod L]",
                                        "X[i,P[i,j],k]",
                                        "Y[j/2]",
                                        "X[clamp(D[i]),j,k]",
                                        "Y[max(j-i,0)]",
                                        "Z[skip(l+i-2),i]",
                                        "X[skip(D[i]),j,k]",
                                        "Z[l,wrap(A[i,l]-j)]",
                                        "X[i,abs(j-2),zero(k-1)]",
                                        "Y[min(l,J-1)]"};
    if (rich_choose(rich, 3) == 0) {
        g_string_append(text, forms[rich_choose(rich, G_N_ELEMENTS(forms))]);
    } else {
        g_string_append(text,
                        rich->access[rich_choose(rich, rich->access_count)]);
    }
}

static inline void rich_add_call(struct rich_cascade *rich, int depth,
                                 GString *text)
{
    static const char *const calls[] = {"exp",      "abs",  "tanh",    "sign",
                                        "floor",    "relu", "silu",    "gelu",
                                        "softplus", "sin",  "sigmoid", "one"};
    g_string_append_printf(text, "%s(",
                           calls[rich_choose(rich, G_N_ELEMENTS(calls))]);
    rich_add_value(rich, depth - 1, text);
    g_string_append_c(text, ')');
}

static inline void rich_add_value(struct rich_cascade *rich, int depth,
                                  GString *text)
{
    static const char *const signs[] = {" + ",  " - ", " * ", " < ",
                                        " >= ", " * ", " + ", " mod "};
    static const char *const leaves[] = {"0.5",          "J",          "pi",
                                         "index(j-2*i)", "index(l/2)", "2"};
    int kind = depth == 0 ? rich_choose(rich, 3) : rich_choose(rich, 8);
    if (kind == 0) {
        g_string_append(text, leaves[rich_choose(rich, G_N_ELEMENTS(leaves))]);
    } else if (kind <= 2) {
        rich_add_access(rich, text);
    } else if (kind == 3) {
        rich_add_call(rich, depth, text);
    } else if (kind == 4) {
        g_string_append(text, "select(");
        for (int i = 0; i < 3; i++) {
            rich_add_value(rich, depth - 1, text);
            g_string_append(text, i < 2 ? ", " : ")");
        }
    } else {
        g_string_append_c(text, '(');
        rich_add_value(rich, depth - 1, text);
        g_string_append(text, signs[rich_choose(rich, G_N_ELEMENTS(signs))]);
        rich_add_value(rich, depth - 1, text);
        g_string_append_c(text, ')');
    }
}

/* One whose ranks all stand in the body already. */
static inline void rich_add_condition(struct rich_cascade *rich, guint ranks,
                                      GString *text)
{
    static const char *const conditions[] = {
        "i <= j",          "(j + l) mod 2 == 0", "abs(i - j) <= 1",
        "i < k || i == 2", "!(j == l)",          "Y[j] > 0",
        "M[k,l] != 0",     "j < 3 && l >= i",    "A[i,l] != j",
        "l/2 == i",        "W[k,l] < X[i,0,k]",  "D[i] >= 0"};
    const char *chosen =
        conditions[rich_choose(rich, G_N_ELEMENTS(conditions))];
    if ((rich_ranks(chosen) & ~ranks) == 0) {
        g_string_append_printf(text, " where %s", chosen);
    }
}

/* "i,k" of the ranks; the order is random. */
static inline char *rich_list(struct rich_cascade *rich, guint ranks,
                              const char *first)
{
    GString *list = g_string_new(first);
    bool is_falling = rich_choose(rich, 2) == 0;
    for (int i = 0; i < 26; i++) {
        int letter = is_falling ? 25 - i : i;
        if ((ranks >> letter & 1U) != 0) {
            g_string_append_printf(list, "%s%c", list->len > 0 ? "," : "",
                                   'a' + letter);
        }
    }
    return g_string_free(list, FALSE);
}

static inline guint rich_some(struct rich_cascade *rich, guint ranks)
{
    return ranks & (guint)g_rand_int(rich->random);
}

static inline void rich_keep(struct rich_cascade *rich, char *access,
                             const char *name)
{
    if (rich->access_count < RICH_MAX_TENSORS) {
        rich->access[rich->access_count++] = access;
    } else {
        g_free(access);
    }
    g_string_append_printf(rich->outputs, "%s%s",
                           rich->outputs->len > 0 ? ", " : "", name);
}

static inline guint rich_bit(char rank)
{
    return 1U << (rank - 'a');
}

/* Which of i, j, k, l it runs along, as far as they are there; 0: none. */
static inline char rich_pick(struct rich_cascade *rich, guint ranks)
{
    for (int tries = 0; tries < 20; tries++) {
        char rank = "ijkl"[rich_choose(rich, 4)];
        if ((ranks & rich_bit(rank)) != 0) {
            return rank;
        }
    }
    return '\0';
}

static inline void rich_plain(struct rich_cascade *rich, const char *name,
                              const char *body, guint ranks)
{
    static const char *const reductions[] = {"sum", "max", "min", "prod"};
    guint kept = rich_some(rich, ranks);
    g_autofree char *left = rich_list(rich, kept, "");
    g_autofree char *reduced = rich_list(rich, ranks & ~kept, "");
    g_string_append_printf(rich->text, "%s[%s] = ", name, left);
    if (reduced[0] != '\0' && rich_choose(rich, 3) > 0) {
        g_string_append_printf(rich->text, "%s(%s) ",
                               reductions[rich_choose(rich, 4)], reduced);
    }
    g_string_append(rich->text, body);
    rich_add_condition(rich, ranks, rich->text);
    g_string_append_c(rich->text, '\n');
    rich_keep(rich, g_strdup_printf("%s[%s]", name, left), name);
}

static inline bool rich_select(struct rich_cascade *rich, const char *name,
                               const char *body, guint ranks)
{
    char along = rich_pick(rich, ranks);
    if (along == '\0' || (ranks & (rich_bit('t') | rich_bit('u'))) != 0 ||
        ((ranks & rich_bit('j')) == 0)) {
        return false;
    }
    bool is_sort = rich_choose(rich, 3) == 0;
    along = is_sort ? 'j' : along;
    guint others = ranks & ~rich_bit(along);
    bool is_arg = !is_sort && rich_choose(rich, 2) == 0;
    g_autofree char *left = rich_list(rich, others,
                                      is_arg    ? ""
                                      : is_sort ? "u"
                                                : "t");
    const char *prefix =
        is_sort  ? (rich_choose(rich, 2) == 0 ? "sort(j)" : "argsort(j)")
        : is_arg ? (rich_choose(rich, 2) == 0 ? "argmax" : "argmin")
                 : "topk";
    bool is_pair = !is_sort && !is_arg && rich_choose(rich, 2) == 0;
    if (is_pair) {
        g_string_append_printf(rich->text, "%sV[%s], ", name, left);
    }
    g_string_append_printf(rich->text, "%s[%s] = %s", name, left, prefix);
    if (!is_sort) {
        g_string_append_printf(rich->text, "(%c%s)", along,
                               is_arg ? "" : ", T");
    }
    g_string_append_printf(rich->text, " %s", body);
    rich_add_condition(rich, ranks, rich->text);
    g_string_append_c(rich->text, '\n');
    rich_keep(rich, g_strdup_printf("%s[%s]", name, left), name);
    if (is_pair) {
        g_autofree char *values = g_strdup_printf("%sV", name);
        rich_keep(rich, g_strdup_printf("%s[%s]", values, left), values);
    }
    return true;
}

/* A complex tensor, its transform and what is real of it. */
static inline bool rich_transform(struct rich_cascade *rich, const char *name,
                                  const char *body, guint ranks)
{
    static const char *const complex[] = {"", "C[j,l] * ", "cis(Y[j]) * ",
                                          "complex(0, 2) * conj(C[j,l]) + "};
    static const struct {
        const char *prefix;
        char along;
        char made;
        bool is_real;
    } kinds[] = {{"fft(j)", 'j', 'u', false}, {"ifft(j)", 'j', 'u', false},
                 {"rfft(l)", 'l', 'v', true}, {"dct(j)", 'j', 'u', true},
                 {"idct(j)", 'j', 'u', true}, {"irfft(i)", 'i', 'j', false}};
    int k = rich_choose(rich, G_N_ELEMENTS(kinds));
    const char *factor = kinds[k].is_real ? "" : complex[rich_choose(rich, 4)];
    guint all = ranks | rich_ranks(factor);
    if ((all & rich_bit(kinds[k].along)) == 0 ||
        (all & (rich_bit(kinds[k].made))) != 0) {
        return false;
    }
    g_autofree char *left = rich_list(rich, all & ~rich_bit(kinds[k].along),
                                      (char[]){kinds[k].made, '\0'});
    g_string_append_printf(rich->text, "%sF[%s] = %s %s%s", name, left,
                           kinds[k].prefix, factor, body);
    rich_add_condition(rich, all, rich->text);
    bool is_result_real = k >= 3;
    g_string_append_printf(rich->text,
                           is_result_real
                               ? "\n%s[%s] = 2 * %sF[%s]\n"
                               : "\n%s[%s] = re(%sF[%s]) - abs(%sF[%s])\n",
                           name, left, name, left, name, left);
    rich_keep(rich, g_strdup_printf("%s[%s]", name, left), name);
    return true;
}

static inline bool rich_scatter(struct rich_cascade *rich, const char *name,
                                const char *body, guint ranks)
{
    guint index = rich_bit('i') | rich_bit('l');
    if ((ranks & index) != index || (ranks & rich_bit('j')) != 0) {
        return false;
    }
    guint kept = rich_some(rich, ranks & ~index);
    g_autofree char *left = rich_list(rich, kept, "j");
    g_string_append_printf(rich->text, "%s[j=A[i,l]%s] = %s%s", name, left + 1,
                           rich_choose(rich, 2) == 0 && kept == (ranks & ~index)
                               ? "max(i,l) "
                               : "",
                           body);
    rich_add_condition(rich, ranks, rich->text);
    g_string_append_c(rich->text, '\n');
    rich_keep(rich, g_strdup_printf("%s[%s]", name, left), name);
    return true;
}

static inline void rich_add_statement(struct rich_cascade *rich)
{
    g_autoptr(GString) body = g_string_new(NULL);
    g_autofree char *name = g_strdup_printf("R%d", rich->statement++);
    rich_add_access(rich, body);
    g_string_append(body, " * ");
    rich_add_value(rich, 2, body);
    guint ranks = rich_ranks(body->str);
    int kind = rich_choose(rich, 6);
    bool is_added =
        (kind == 1 && rich_select(rich, name, body->str, ranks)) ||
        (kind == 2 && rich_transform(rich, name, body->str, ranks)) ||
        (kind == 3 && rich_scatter(rich, name, body->str, ranks));
    if (!is_added) {
        rich_plain(rich, name, body->str, ranks);
    }
}

/* The caller frees both. */
static inline char *rich_einsums(GRand *random, char **outputs)
{
    static const char *const inputs[] = {
        "X[i,j,k]", "W[k,l]", "Y[j]", "Z[l,i]", "B[j]", "M[k,l]", "A[i,l]"};
    struct rich_cascade rich = {
        .random = random,
        .text = g_string_new(NULL),
        .outputs = g_string_new(NULL),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(inputs); i++) {
        rich.access[rich.access_count++] = g_strdup(inputs[i]);
    }
    int count = rich_choose(&rich, 4) + 1;
    for (int n = 0; n < count; n++) {
        rich_add_statement(&rich);
    }
    for (int i = 0; i < rich.access_count; i++) {
        g_free(rich.access[i]);
    }
    *outputs = g_string_free(rich.outputs, FALSE);
    return g_string_free(rich.text, FALSE);
}

#endif
