/* The table of rewrites, their arguments, and one application: draft, print,
 * read again. */
#include "einsum/rewrite.h"

#include <string.h>

static const struct rewrite {
    const char *name;
    const char *arguments;
    const char *help;
    rewrite_function apply;
} rewrites[] = {
#define REWRITE(function, name, arguments, help)                               \
    {name, arguments, help, rewrite_##function},
#include "einsum/rewrites.def"
#undef REWRITE
};

size_t rewrite_count(void)
{
    return G_N_ELEMENTS(rewrites);
}

const char *rewrite_name(size_t i)
{
    return rewrites[i].name;
}

const char *rewrite_help(size_t i)
{
    return rewrites[i].help;
}

static enum status find_rewrite(const char *name, struct diags *diags,
                                const struct rewrite **found)
{
    const char *names[G_N_ELEMENTS(rewrites)];
    for (size_t i = 0; i < G_N_ELEMENTS(rewrites); i++) {
        names[i] = rewrites[i].name;
        if (g_str_equal(name, names[i])) {
            *found = &rewrites[i];
            return OK;
        }
    }
    g_autofree char *suggestion =
        suggest_text(name, names, G_N_ELEMENTS(names));
    diag_error(diags, SPAN_NONE, "rewrite-unknown", suggestion,
               "there is no rewrite '%s'", name);
    return ERR_INPUT;
}

/* 'NAME:ARG=VALUE:...' after its name. */
static enum status parse_arguments(const struct rewrite *rewrite,
                                   char *const *words, struct diags *diags,
                                   GHashTable *arguments)
{
    g_auto(GStrv) known = g_strsplit(rewrite->arguments, ",", -1);
    guint known_count = g_strv_length(known);
    for (; *words != NULL; words++) {
        g_auto(GStrv) pair = g_strsplit(*words, "=", 2);
        bool is_known = g_strv_length(pair) == 2 && pair[1][0] != '\0' &&
                        g_strv_contains((const char *const *)known, pair[0]);
        if (!is_known || g_hash_table_contains(arguments, pair[0])) {
            g_autofree char *suggestion =
                pair[0] == NULL
                    ? NULL
                    : suggest_text(pair[0], (const char *const *)known,
                                   known_count);
            diag_error(diags, SPAN_NONE, "rewrite-argument", suggestion,
                       "'%s' of rewrite '%s' is not one of its arguments as "
                       "NAME=VALUE, once each (%s)",
                       *words, rewrite->name,
                       known_count == 0 ? "it has none" : rewrite->arguments);
            return ERR_INPUT;
        }
        g_hash_table_insert(arguments, g_strdup(pair[0]), g_strdup(pair[1]));
    }
    return OK;
}

/* Rewrites look for the one statement that defines a tensor, and give ranks
 * other names. */
static void refuse_parts(struct draft *draft)
{
    if (draft->cascade->ragged->len > 0) {
        draft_refuse(draft, -1, "rewrite-unsupported",
                     "the cascade has ragged ranks");
    }
    for (size_t i = 0; i < draft->cascade->tensors->len; i++) {
        const struct cascade_tensor *tensor =
            cascade_tensor_at(draft->cascade, i);
        if (tensor->is_in_parts) {
            draft_refuse(draft, tensor->producer, "rewrite-unsupported",
                         "'%s' is defined in parts", tensor->name);
        }
    }
}

static enum status apply(const struct cascade *cascade,
                         const struct rewrite *rewrite, GHashTable *arguments,
                         struct diags *diags, struct cascade **rewritten)
{
    AUTO(draft) draft = draft_new(cascade, diags, arguments);
    refuse_parts(draft);
    if (!draft->is_refused) {
        TRY(rewrite->apply(draft));
    }
    if (!draft->is_refused) {
        draft_finish(draft);
    }
    if (draft->is_refused) {
        *rewritten = NULL;
        return OK;
    }
    g_autofree char *text = draft_print(draft, rewrite->name);
    g_autofree char *path =
        g_strdup_printf("%s (%s)", cascade_path(cascade), rewrite->name);
    return cascade_load_source(diags, diags_add_text(diags, path, text),
                               rewritten);
}

enum status cascade_rewrite(const struct cascade *cascade, const char *spec,
                            struct diags *diags, struct cascade **rewritten)
{
    g_auto(GStrv) words = g_strsplit(spec, ":", -1);
    g_autoptr(GHashTable) arguments =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const struct rewrite *rewrite = NULL;
    TRY(find_rewrite(words[0] == NULL ? "" : words[0], diags, &rewrite));
    TRY(parse_arguments(rewrite, words + 1, diags, arguments));
    return apply(cascade, rewrite, arguments, diags, rewritten);
}

const char *cascade_text(const struct cascade *cascade)
{
    return yaml_source(cascade->document)->text;
}
