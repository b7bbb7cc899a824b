/* Options whose values have a grammar of their own. */
#include <string.h>

#include "cli/command.h"
#include "explore/explore.h"

/* The end of the setting that starts at `text`: the next comma that stands in
 * no parentheses, as in 'P=min(M,4K),M=8K'. */
static const char *find_end(const char *text)
{
    int depth = 0;
    for (; *text != '\0'; text++) {
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        if (*text == ',' && depth <= 0) {
            break;
        }
    }
    return text;
}

static int count_letters(const char *text, size_t bytes)
{
    return (int)g_utf8_strlen(text, (gssize)bytes);
}

/* One NAME=VALUE, from byte `start` of the option's text. */
static enum status parse_setting(struct diags *diags,
                                 const struct source *source, size_t start,
                                 size_t length, struct scope *chosen)
{
    g_autofree char *setting = g_strndup(source->text + start, length);
    char *equals = strchr(setting, '=');
    struct span at = {source, 1, count_letters(source->text, start) + 1,
                      MAX(1, count_letters(setting, length)), NULL};
    if (equals == NULL || equals == setting) {
        diag_error(diags, at, "set-syntax", NULL,
                   "'%s' is not of the form NAME=VALUE", setting);
        return ERR_INPUT;
    }
    AUTO(expr) expr = NULL;
    int64_t value = 0;
    *equals = '\0';
    const char *text = equals + 1;
    at.column += count_letters(setting, strlen(setting)) + 1;
    at.length = MAX(1, count_letters(text, strlen(text)));
    TRY(expr_parse(diags, at, text, &expr));
    TRY(expr_eval(expr, chosen, diags, &value));
    scope_set(chosen, setting, value);
    return OK;
}

static enum status parse_option(struct diags *diags, const char *text,
                                struct scope *chosen)
{
    const struct source *source = diags_add_text(diags, "--set", text);
    const char *start = source->text;
    while (true) {
        const char *end = find_end(start);
        TRY(parse_setting(diags, source, (size_t)(start - source->text),
                          (size_t)(end - start), chosen));
        if (*end == '\0') {
            return OK;
        }
        start = end + 1;
    }
}

enum status cli_parse_set(struct cli *cli, struct scope **chosen)
{
    AUTO(scope) scope = scope_new(NULL);
    GPtrArray *set = cli->settings.set;
    for (guint i = 0; i < set->len; i++) {
        TRY(parse_option(cli->diags, g_ptr_array_index(set, i), scope));
    }
    *chosen = g_steal_pointer(&scope);
    return OK;
}

enum status cli_parse_fidelity(struct cli *cli, bool *wants_model,
                               bool *wants_sim)
{
    const char *const names[] = {fidelity_name(FIDELITY_MODEL),
                                 fidelity_name(FIDELITY_SIM)};
    GPtrArray *list = cli->settings.fidelity;
    for (guint i = 0; i < list->len; i++) {
        g_auto(GStrv) words = g_strsplit(g_ptr_array_index(list, i), ",", -1);
        for (char **word = words; *word != NULL; word++) {
            if (strcmp(*word, names[0]) == 0) {
                *wants_model = true;
            } else if (strcmp(*word, names[1]) == 0) {
                *wants_sim = true;
            } else {
                g_autofree char *suggestion =
                    suggest_text(*word, names, G_N_ELEMENTS(names));
                return cli_fail_usage(cli, suggestion, "unknown fidelity '%s'",
                                      *word);
            }
        }
    }
    return OK;
}

enum status cli_choose_fidelity(struct cli *cli, const char *usual,
                                enum fidelity *fidelity)
{
    const char *const names[] = {usual, fidelity_name(FIDELITY_PE)};
    GPtrArray *list = cli->settings.fidelity;
    for (guint i = 0; i < list->len; i++) {
        const char *word = g_ptr_array_index(list, i);
        if (strcmp(word, names[1]) == 0) {
            *fidelity = FIDELITY_PE;
        } else if (strcmp(word, usual) != 0) {
            g_autofree char *suggestion =
                suggest_text(word, names, G_N_ELEMENTS(names));
            return cli_fail_usage(cli, suggestion,
                                  "unknown fidelity '%s': %s or pe", word,
                                  usual);
        }
    }
    return OK;
}
