/* weir lint: the kind of a file is told by its first own key. */
#include <string.h>

#include "cli/command.h"
#include "explore/explore.h"
#include "kernels/kernels.h"
#include "sim/sim.h"

static enum status lint_cascade(struct cli *cli, const char *path,
                                const struct scope *chosen)
{
    AUTO(cascade) cascade = NULL;
    AUTO(workload) workload = NULL;
    TRY(cascade_load_file(cli->diags, path, &cascade));
    if (cascade_kernel(cascade) != NULL &&
        kernel_look_up(cli->diags, cascade_kernel_span(cascade),
                       cascade_kernel(cascade)) == NULL) {
        return ERR_INPUT;
    }
    return workload_bind(cascade, chosen, NULL, cli->diags, &workload);
}

static enum status lint_macros(struct cli *cli, const char *path,
                               const struct scope *chosen)
{
    (void)chosen;
    return cascade_check_macros(cli->diags, path);
}

static enum status lint_arch(struct cli *cli, const char *path,
                             const struct scope *chosen)
{
    AUTO(arch) arch = NULL;
    return arch_load_file(cli->diags, path, chosen, &arch);
}

/* Bound as well when there is what to bind it to. */
static enum status lint_mapping(struct cli *cli, const char *path,
                                const struct scope *chosen)
{
    if (cli->settings.cascade == NULL) {
        AUTO(mapping) mapping = NULL;
        return mapping_load_file(cli->diags, path, &mapping);
    }
    AUTO(problem) problem = NULL;
    TRY(problem_load(cli->diags, cli->settings.cascade, cli->settings.arch,
                     path, chosen, &problem));
    return explore_check_names(cli->diags, problem, chosen);
}

static enum status lint_experiment(struct cli *cli, const char *path,
                                   const struct scope *chosen)
{
    AUTO(experiment) experiment = NULL;
    struct experiment_options options = {.chosen = chosen};
    return experiment_load_file(cli->diags, path, &options, &experiment);
}

static enum status lint_dram(struct cli *cli, const char *path,
                             const struct scope *chosen)
{
    (void)chosen; /* a memory has no parameters */
    return sim_check_dram_file(cli->diags, path);
}

/* In this order: a memory has a mapping, a mapping names its cascade,
 * a cascade may have macros. */
static const struct {
    const char *key;
    enum status (*lint)(struct cli *cli, const char *path,
                        const struct scope *chosen);
} kinds[] = {
    {"dram", lint_dram},       {"experiment", lint_experiment},
    {"mapping", lint_mapping}, {"arch", lint_arch},
    {"cascade", lint_cascade}, {"macros", lint_macros},
};

/* Syntax errors are reported here; the loaders read the file again. */
static enum status find_kind(struct cli *cli, const char *path, size_t *kind)
{
    AUTO(yaml_document) document = NULL;
    TRY(yaml_load_file(cli->diags, path, &document));
    const struct yaml_node *root = yaml_root(document);
    TRY(yaml_expect(cli->diags, root, YAML_MAPPING, "the file"));
    for (*kind = 0; *kind < G_N_ELEMENTS(kinds); (*kind)++) {
        if (yaml_find(root, kinds[*kind].key) != NULL) {
            return OK;
        }
    }
    diag_error(cli->diags, yaml_span(root), "lint-unknown-kind", NULL,
               "no 'cascade', 'macros', 'arch', 'dram', 'mapping' or "
               "'experiment' says "
               "what file this is");
    return ERR_INPUT;
}

static enum status lint_file(struct cli *cli, const char *path,
                             const struct scope *chosen)
{
    size_t kind = 0;
    TRY(cli_need_file(cli, path));
    TRY(find_kind(cli, path, &kind));
    TRY(kinds[kind].lint(cli, path, chosen));
    cli_detail(cli, "%s: %s, no errors", path, kinds[kind].key);
    return OK;
}

static enum status run(struct cli *cli)
{
    AUTO(scope) chosen = NULL;
    GPtrArray *files = cli->settings.operands;
    if ((cli->settings.cascade == NULL) != (cli->settings.arch == NULL)) {
        return cli_fail_usage(cli, NULL,
                              "'--cascade' and '--arch' go together");
    }
    TRY(cli_parse_set(cli, &chosen));
    enum status first = OK;
    for (guint i = 0; i < files->len; i++) {
        enum status status =
            lint_file(cli, g_ptr_array_index(files, i), chosen);
        first = first == OK ? status : first;
    }
    TRY(first);
    cli_note(cli, files->len == 1 ? "1 file, no errors" : "%u files, no errors",
             files->len);
    return OK;
}

static const struct option options[] = {
    OPTION_CASCADE_FILE,
    OPTION_ARCH_FILE,
    OPTION_SET,
    OPTION_END,
};

const struct command command_lint = {
    .options = options,
    .min_operands = 1,
    .max_operands = -1,
    .about =
        "Checks cascades, architectures, memories, mappings and experiments, "
        "told\n"
        "apart by their keys, and reports every mistake with file, line and "
        "column.\n"
        "A cascade is bound to its shapes. A mapping is checked alone, or, "
        "with\n"
        "--cascade and --arch, bound to them: every point computed once, "
        "every\n"
        "operand present when it is read, nothing larger than its memory.\n",
    .examples = "  weir lint workloads/attention/one-pass.yaml\n"
                "  weir lint --cascade workloads/attention/one-pass.yaml \\\n"
                "    --arch arch-configs/fusemax-cloud.yaml \\\n"
                "    --set P=1K,M=1K,E=64,F=64 mappings/fusemax-binding.yaml\n",
    .run = run,
};
