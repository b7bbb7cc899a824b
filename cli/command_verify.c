#include "cli/verify_output.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- running --------------------------------------------------------------- */

static void print_list(const char *option, const GPtrArray *list,
                       GString *command)
{
    for (guint i = 0; i < list->len; i++) {
        g_autofree char *quoted = g_shell_quote(g_ptr_array_index(list, i));
        g_string_append_printf(command, " --%s %s", option, quoted);
    }
}

static char *print_command(const struct settings *settings, const char *cascade)
{
    GString *command = g_string_new("weir verify ");
    g_autofree char *quoted = g_shell_quote(cascade);
    g_string_append(command, quoted);
    const struct {
        const char *option;
        const char *value;
    } files[] = {{"arch", settings->arch}, {"mapping", settings->mapping}};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        if (files[i].value != NULL) {
            g_autofree char *file = g_shell_quote(files[i].value);
            g_string_append_printf(command, " --%s %s", files[i].option, file);
        }
    }
    for (guint i = 0; i < settings->set->len; i++) {
        g_autofree char *set =
            g_shell_quote(g_ptr_array_index(settings->set, i));
        g_string_append_printf(command, " --set %s", set);
    }
    cli_print_arithmetic(settings, command);
    print_list("inputs", settings->inputs, command);
    print_list("input", settings->input, command);
    if (settings->fidelity->len > 0) {
        g_string_append_printf(
            command, " --fidelity %s",
            (const char *)g_ptr_array_index(settings->fidelity, 0));
    }
    g_string_append_printf(command, " --seed %" PRId64, settings->seed);
    return g_string_free(command, FALSE);
}

static enum status save(struct cli *cli,
                        const struct verification *verification,
                        const char *cascade)
{
    AUTO(store) store = NULL;
    g_autofree char *command = print_command(&cli->settings, cascade);
    struct run_origin origin = cli->origin;
    origin.command = command;
    TRY(store_open(cli->diags, cli->settings.db, STORE_WRITE, &store));
    struct check checks[2];
    char *details[2] = {NULL, NULL};
    for (size_t i = 0; i < verification->count; i++) {
        details[i] = verify_print_details(verification, i);
        checks[i] = verification->checks[i];
        checks[i].details = details[i];
    }
    enum status status = store_save_checks(store, cli->diags, &origin, checks,
                                           verification->count);
    free(details[0]);
    free(details[1]);
    return status;
}

static enum status check_options(struct cli *cli)
{
    const struct settings *settings = &cli->settings;
    if ((settings->arch == NULL) != (settings->mapping == NULL)) {
        return cli_fail_usage(cli, NULL,
                              "'--arch' and '--mapping' go together");
    }
    if (settings->mapping == NULL && settings->fidelity->len > 0) {
        return cli_fail_usage(cli, NULL,
                              "'--fidelity' needs '--arch' and '--mapping'");
    }
    return OK;
}

static enum status run(struct cli *cli)
{
    AUTO(scope) chosen = NULL;
    AUTO(problem) problem = NULL;
    AUTO(einsum_arithmetic) arithmetic = NULL;
    AUTO(einsum_inputs) inputs = NULL;
    AUTO(verification) verification = NULL;
    enum fidelity fidelity = FIDELITY_SIM;
    const char *cascade = g_ptr_array_index(cli->settings.operands, 0);
    TRY(check_options(cli));
    TRY(cli_choose_fidelity(cli, "sim", &fidelity));
    TRY(cli_parse_set(cli, &chosen));
    TRY(problem_load(cli->diags, cascade, cli->settings.arch,
                     cli->settings.mapping, chosen, &problem));
    TRY(explore_check_names(cli->diags, problem, chosen));
    TRY(cli_parse_arithmetic(cli, problem, &arithmetic));
    TRY(cli_parse_inputs(cli, problem->workload, &inputs));
    const struct verify_options verify = {
        .seed = (uint64_t)cli->settings.seed,
        .arithmetic = arithmetic,
        .inputs = inputs,
        .is_pe = fidelity == FIDELITY_PE,
    };
    TRY(explore_verify(cli->diags, problem, &verify, &verification));
    if (cli->settings.db != NULL) {
        TRY(save(cli, verification, cascade));
    }
    TRY(cli_save_outputs(cli, problem->workload, verification));
    if (cli->settings.as_json) {
        verify_print_json(verification, cli->out);
    } else {
        bool with_tensors = arithmetic != NULL || cli->settings.verbose > 0;
        verify_print_table(verification, with_tensors, cli->out);
    }
    cli->exit_code = verify_is_ok(verification) ? 0 : 1;
    return OK;
}

static const struct option options[] = {
    OPTION_ARCH_FILE,
    OPTION_MAPPING_FILE,
    OPTION_SET,
    {"seed", 0, OPTION_NUMBER, "N", offsetof(struct settings, seed),
     "of the random inputs; 0 otherwise"},
    OPTION_ONE_FIDELITY("of the mapped schedule: sim, tile by tile, or pe, by "
                        "the elements of the "
                        "arrays"),
    OPTION_ARITHMETIC,
    {"inputs", 0, OPTION_LIST, "[TENSOR=]KIND[,scale=S]",
     offsetof(struct settings, inputs),
     "normal, uniform, outliers, sinks, constant, ties, overflow or masked"},
    {"input", 0, OPTION_LIST, "TENSOR=FILE", offsetof(struct settings, input),
     "values of an input from a NumPy file"},
    {"output", 'o', OPTION_LIST, "TENSOR=FILE",
     offsetof(struct settings, outputs),
     "the interpreter's values into a NumPy file"},
    OPTION_DB("keep the checks in this store"),
    OPTION_JSON("one JSON object instead of a table"),
    OPTION_END,
};

const struct command command_verify = {
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Runs a cascade on random inputs and compares its result, element by\n"
        "element, with the reference kernel that the cascade names. With "
        "--arch\n"
        "and --mapping, executes the mapped schedule on data as well. The\n"
        "difference must stay below a bound that follows from the number "
        "formats\n"
        "alone: the running error bound of the cascade's evaluation, for "
        "every\n"
        "order of its sums, plus the kernel's own. Exit code 1 when it does "
        "not.\n"
        "In other formats than fp64 every tensor is compared with its value "
        "in\n"
        "double on the same stored inputs; doc/numerics.md says how.\n",
    .examples = "  weir verify workloads/attention/one-pass.yaml\n"
                "  weir verify workloads/attention/one-pass.yaml \\\n"
                "    --arch arch-configs/teaching.yaml \\\n"
                "    --mapping mappings/fusemax-binding.yaml --set P=64,M=64\n",
    .run = run,
};
