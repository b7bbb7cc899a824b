/* weir passes: of one cascade, or of every one below a folder. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/passes_output.h"

/* A cascade with everything its analysis borrows from. */
struct analyzed {
    struct cascade *cascade;
    struct workload *workload;
    struct pass_analysis *analysis;
    struct cascade *original; /* of a rewrite, or NULL */
    struct cascade_comparison comparison;
};

static void analyzed_free(gpointer data)
{
    struct analyzed *analyzed = data;
    if (analyzed != NULL) {
        pass_analysis_free(analyzed->analysis);
        workload_free(analyzed->workload);
        cascade_free(analyzed->cascade);
        cascade_free(analyzed->original);
        g_free(analyzed);
    }
}

static enum status analyze(struct cli *cli, const struct scope *chosen,
                           struct analyzed *analyzed)
{
    TRY(workload_bind(analyzed->cascade, chosen, NULL, cli->diags,
                      &analyzed->workload));
    return pass_analysis_new(analyzed->workload, cli->settings.word_bytes,
                             cli->diags, &analyzed->analysis);
}

static struct passes_result get_result(const struct cli *cli,
                                       const struct analyzed *analyzed)
{
    return (struct passes_result){
        .path = cascade_path(analyzed->cascade),
        .word_bytes = cli->settings.word_bytes,
        .workload = analyzed->workload,
        .analysis = analyzed->analysis,
        .comparison = analyzed->original == NULL ? NULL : &analyzed->comparison,
    };
}

static void print_json(struct cli *cli, json_t *object)
{
    char *text = json_dumps(object, JSON_REAL_PRECISION(17) | JSON_INDENT(2));
    g_string_append_printf(cli->out, "%s\n", text);
    free(text);
    json_decref(object);
}

/* ---- the names of --set ---------------------------------------------------- */

static void add_shape_names(const struct workload *workload, GPtrArray *names)
{
    for (int i = 0; i < workload->shape_count; i++) {
        g_ptr_array_add(names, g_strdup(workload->shape_name[i]));
    }
}

/* Every name must be a shape of one of the cascades. */
static enum status check_names(struct cli *cli, const struct scope *chosen,
                               const GPtrArray *cascades)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) names = scope_names(chosen);
    enum status status = OK;
    for (guint i = 0; i < cascades->len; i++) {
        const struct analyzed *analyzed = g_ptr_array_index(cascades, i);
        add_shape_names(analyzed->workload, known);
    }
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (g_ptr_array_find_with_equal_func(known, name, g_str_equal, NULL)) {
            continue;
        }
        g_autofree char *suggestion =
            suggest_text(name, (const char *const *)known->pdata, known->len);
        diag_error(cli->diags, SPAN_NONE, "set-unknown-name", suggestion,
                   "no cascade has a shape '%s'", name);
        status = ERR_INPUT;
    }
    return status;
}

/* ---- the files of --all ---------------------------------------------------- */

static enum status fail_folder(struct cli *cli, const char *folder)
{
    if (g_file_test(folder, G_FILE_TEST_IS_REGULAR)) {
        return diag_fail(cli->diags, ERR_IO, "passes-folder",
                         "'%s' is a file, and --all takes a folder; without "
                         "--all the file is analysed",
                         folder);
    }
    bool exists = g_file_test(folder, G_FILE_TEST_EXISTS);
    return diag_fail(
        cli->diags, ERR_IO, "passes-folder", "cannot open folder '%s': %s",
        folder, exists ? "it is no folder, or not readable" : "no such folder");
}

/* All *.yaml below `folder`; links are not followed into other folders. */
static enum status find_files(struct cli *cli, const char *folder, int depth,
                              GPtrArray *paths)
{
    static const int max_depth = 64;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (dir == NULL) {
        return fail_folder(cli, folder);
    }
    for (const char *name = g_dir_read_name(dir); name != NULL;
         name = g_dir_read_name(dir)) {
        char *path = g_build_filename(folder, name, NULL);
        bool is_folder = g_file_test(path, G_FILE_TEST_IS_DIR);
        if (!is_folder && g_str_has_suffix(name, ".yaml")) {
            g_ptr_array_add(paths, path);
            continue;
        }
        enum status status = is_folder && depth < max_depth &&
                                     !g_file_test(path, G_FILE_TEST_IS_SYMLINK)
                                 ? find_files(cli, path, depth + 1, paths)
                                 : OK;
        g_free(path);
        TRY(status);
    }
    return OK;
}

/* Cascades are told from other files by the key 'einsums'. */
static enum status is_cascade(struct cli *cli, const char *path, bool *answer)
{
    AUTO(yaml_document) document = NULL;
    TRY(yaml_load_file(cli->diags, path, &document));
    const struct yaml_node *root = yaml_root(document);
    *answer =
        yaml_kind(root) == YAML_MAPPING && yaml_find(root, "einsums") != NULL;
    return OK;
}

static gint compare_paths(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Goes on after a file with errors, to report those of all. */
static enum status analyze_all(struct cli *cli, const struct scope *chosen,
                               GPtrArray *cascades)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    enum status first = OK;
    TRY(find_files(cli, cli->settings.all, 0, paths));
    g_ptr_array_sort(paths, compare_paths);
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        bool is_wanted = false;
        enum status status = is_cascade(cli, path, &is_wanted);
        if (status == OK && is_wanted) {
            struct analyzed *analyzed = g_new0(struct analyzed, 1);
            status = cascade_load_file(cli->diags, path, &analyzed->cascade);
            status = status == OK ? analyze(cli, chosen, analyzed) : status;
            g_ptr_array_add(cascades, analyzed);
        }
        first = first == OK ? status : first;
    }
    return first;
}

static void print_all(struct cli *cli, const GPtrArray *cascades)
{
    g_autofree struct passes_result *results =
        g_new0(struct passes_result, cascades->len);
    json_t *list = json_array();
    for (guint i = 0; i < cascades->len; i++) {
        results[i] = get_result(cli, g_ptr_array_index(cascades, i));
        if (cli->settings.as_json) {
            json_array_append_new(list, passes_make_json(&results[i]));
        }
    }
    if (cli->settings.as_json) {
        print_json(cli, json_pack("{so}", "cascades", list));
    } else {
        json_decref(list);
        passes_print_list(results, cascades->len, cli->out);
    }
}

/* ---- rewrites --------------------------------------------------------------- */

/* All of --rewrite, each a list, in their order. One that does not apply ends
 * it: the answer is no. The original stays for comparison. */
static enum status rewrite(struct cli *cli, struct cascade **cascade,
                           struct cascade **original)
{
    const GPtrArray *lists = cli->settings.rewrite;
    g_autoptr(GPtrArray) specs = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < lists->len; i++) {
        g_auto(GStrv) words = g_strsplit(g_ptr_array_index(lists, i), ",", -1);
        for (char **word = words; *word != NULL; word++) {
            g_ptr_array_add(specs, g_strdup(*word));
        }
    }
    for (guint i = 0; i < specs->len; i++) {
        struct cascade *rewritten = NULL;
        TRY(cascade_rewrite(*cascade, g_ptr_array_index(specs, i), cli->diags,
                            &rewritten));
        if (rewritten == NULL) {
            cli->exit_code = 1;
            return OK;
        }
        if (*original == NULL) {
            *original = *cascade;
        } else {
            cascade_free(*cascade);
        }
        *cascade = rewritten;
    }
    return OK;
}

/* The rewritten cascade must give the values of the original; else the answer
 * is no, and nothing is written. */
static enum status prove(struct cli *cli, const struct scope *chosen,
                         struct analyzed *analyzed)
{
    struct cascade_comparison *comparison = &analyzed->comparison;
    if (analyzed->original == NULL) {
        return OK;
    }
    TRY(cascade_compare(analyzed->original, analyzed->cascade, chosen, 1,
                        cli->diags, comparison));
    if (!comparison->is_equal) {
        diag_error(cli->diags, SPAN_NONE, "rewrite-unequal", NULL,
                   "the rewritten cascade gives other values: off by %g, "
                   "with a bound of %g",
                   comparison->max_abs_error, comparison->bound);
        cli->exit_code = 1;
    }
    return OK;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static enum status write_cascade(struct cli *cli, const char *input,
                                 const struct cascade *cascade)
{
    const char *path = cli->settings.output;
    g_autoptr(GError) error = NULL;
    if (g_str_equal(path, "-")) {
        g_string_append(cli->out, cascade_text(cascade));
        return OK;
    }
    if (is_same_file(input, path)) {
        return cli_fail_usage(cli, NULL, "'%s' is the input itself", path);
    }
    if (!g_file_set_contents(path, cascade_text(cascade), -1, &error)) {
        return diag_fail(cli->diags, ERR_IO, "passes-write",
                         "cannot write '%s': %s", path, error->message);
    }
    return OK;
}

/* ---- the command ----------------------------------------------------------- */

static enum status run_one(struct cli *cli, const struct scope *chosen,
                           GPtrArray *cascades)
{
    struct analyzed *analyzed = g_new0(struct analyzed, 1);
    g_ptr_array_add(cascades, analyzed);
    const char *path = g_ptr_array_index(cli->settings.operands, 0);
    TRY(cascade_load_file(cli->diags, path, &analyzed->cascade));
    TRY(rewrite(cli, &analyzed->cascade, &analyzed->original));
    if (cli->exit_code == 0) {
        TRY(prove(cli, chosen, analyzed));
    }
    if (cli->exit_code != 0) {
        return OK;
    }
    if (cli->settings.output != NULL) {
        TRY(write_cascade(cli, path, analyzed->cascade));
        if (g_str_equal(cli->settings.output, "-")) {
            return OK;
        }
    }
    TRY(analyze(cli, chosen, analyzed));
    TRY(check_names(cli, chosen, cascades));
    struct passes_result result = get_result(cli, analyzed);
    if (cli->settings.as_json) {
        print_json(cli, passes_make_json(&result));
    } else {
        passes_print_tables(&result, cli->out);
    }
    return OK;
}

static enum status run(struct cli *cli)
{
    AUTO(scope) chosen = NULL;
    g_autoptr(GPtrArray) cascades =
        g_ptr_array_new_with_free_func(analyzed_free);
    const struct settings *settings = &cli->settings;
    if ((settings->all != NULL) == (settings->operands->len > 0)) {
        return cli_fail_usage(cli, NULL,
                              "give either a cascade or '--all FOLDER'");
    }
    if (settings->all != NULL &&
        (settings->rewrite->len > 0 || settings->output != NULL)) {
        return cli_fail_usage(cli, NULL,
                              "'--rewrite' and '-o' take one cascade, not "
                              "'--all'");
    }
    if (settings->output != NULL && settings->rewrite->len == 0) {
        return cli_fail_usage(cli, NULL, "'-o' goes with '--rewrite'");
    }
    if (settings->word_bytes < 1) {
        return cli_fail_usage(cli, NULL, "'--word' takes at least 1 byte");
    }
    TRY(cli_parse_set(cli, &chosen));
    if (settings->all == NULL) {
        return run_one(cli, chosen, cascades);
    }
    TRY(analyze_all(cli, chosen, cascades));
    TRY(check_names(cli, chosen, cascades));
    print_all(cli, cascades);
    return OK;
}

static const struct option options[] = {
    OPTION_SET,
    {"word", 'w', OPTION_NUMBER, "BYTES", offsetof(struct settings, word_bytes),
     "bytes of an element; 2 otherwise"},
    {"all", 0, OPTION_TEXT, "FOLDER", offsetof(struct settings, all),
     "a table of every cascade below the folder"},
    {"rewrite", 'r', OPTION_LIST, "NAME[:ARG=VALUE]",
     offsetof(struct settings, rewrite),
     "first rewrite the cascade; several in order"},
    {"output", 'o', OPTION_TEXT, "FILE", offsetof(struct settings, output),
     "where the rewritten cascade goes; - for stdout"},
    OPTION_JSON("one JSON object instead of tables"),
    OPTION_END,
};

const struct command command_passes = {
    .options = options,
    .min_operands = 0,
    .max_operands = 1,
    .about =
        "Says what the dependences of a cascade demand of every mapping "
        "(FuseMax's\n"
        "pass analysis, doc/passes.md): how often each fiber of each tensor "
        "must\n"
        "be traversed, which Einsum forces each pass and what it waits for, "
        "what\n"
        "must stay on chip for every input to be read only once and whether "
        "that\n"
        "grows with the sequence, operations by kind, compulsory traffic and "
        "the\n"
        "arithmetic intensity that follows.\n"
        "\n"
        "With --rewrite, of the cascade that the rewrites make of it, after "
        "both\n"
        "gave the same values on random data within the error bound; one that "
        "does\n"
        "not apply says why, and the exit code is 1. Rewrites "
        "(doc/rewrites.md):\n"
        "  defer-division  split:rank=m:by=M0[:size=16]  local-maximum\n"
        "  running-maximum  merge-split-k  reassociate\n",
    .examples = "  weir passes workloads/attention/one-pass.yaml\n"
                "  weir passes workloads/attention/three-pass.yaml \\\n"
                "    --set P=64K,M=P,E=64,F=64 --json\n"
                "  weir passes --all workloads\n"
                "  weir passes workloads/attention/three-pass.yaml \\\n"
                "    --rewrite defer-division,split:rank=m:by=M0 \\\n"
                "    --rewrite running-maximum -o one-pass.yaml\n",
    .run = run,
};
