#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/command.h"
#include "explore/explore.h"

/* ---- printing -------------------------------------------------------------- */

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *print_check(const struct check *check)
{
    return json_pack(
        "{ss ss so so so sI}", "status", check->is_ok ? "ok" : "failed",
        "dtype", check->dtype, "max_abs_error", real(check->max_abs_error),
        "max_rel_error", real(check->max_rel_error), "bound",
        real(check->error_bound), "points", (json_int_t)check->point_count);
}

static bool is_ok(const struct verification *verification)
{
    bool all = true;
    for (size_t i = 0; i < verification->count; i++) {
        all = all && verification->checks[i].is_ok;
    }
    return all;
}

/* The interpreter's numbers at the top, the schedule's under 'mapped'; 'status'
 * at the top is that of all. */
static void print_json(const struct verification *verification, GString *out)
{
    const struct check *check = &verification->checks[0];
    json_t *object = print_check(check);
    json_object_set_new(object, "status",
                        json_string(is_ok(verification) ? "ok" : "failed"));
    json_object_set_new(object, "kernel", json_string(check->kernel));
    json_object_set_new(object, "seed", json_integer(check->seed));
    json_object_set_new(object, "cascade", json_string(check->cascade));
    json_object_set_new(object, "shapes", json_loads(check->shapes, 0, NULL));
    if (verification->count > 1) {
        const struct check *mapped = &verification->checks[1];
        json_t *part = print_check(mapped);
        json_object_set_new(part, "arch", json_string(mapped->arch));
        json_object_set_new(part, "mapping", json_string(mapped->mapping));
        json_object_set_new(object, "mapped", part);
    }
    char *printed =
        json_dumps(object, JSON_REAL_PRECISION(17) | JSON_INDENT(2));
    g_string_append_printf(out, "%s\n", printed);
    free(printed);
    json_decref(object);
}

static void add_real(struct table *table, double value)
{
    g_autofree char *text = g_strdup_printf("%.3g", value);
    table_add_text(table, text);
}

static void print_table(const struct verification *verification, GString *out)
{
    const struct check *first = &verification->checks[0];
    AUTO(table) table = table_new();
    table_add_text_column(table, "checked");
    table_add_text_column(table, "status");
    table_add_metric_column(table, METRIC_MAX_ABS_ERROR);
    table_add_metric_column(table, METRIC_MAX_REL_ERROR);
    table_add_metric_column(table, METRIC_ERROR_BOUND);
    table_add_metric_column(table, METRIC_CHECK_POINTS);
    for (size_t i = 0; i < verification->count; i++) {
        const struct check *check = &verification->checks[i];
        table_add_text(table, check->mapping != NULL ? check->mapping
                                                     : check->subject);
        table_add_text(table, check->is_ok ? "ok" : "FAILED");
        add_real(table, check->max_abs_error);
        add_real(table, check->max_rel_error);
        add_real(table, check->error_bound);
        table_add_count(table, check->point_count);
    }
    g_string_append_printf(out,
                           "%s against kernel %s, %s, seed %" PRId64 "\n%s\n\n",
                           first->cascade, first->kernel, first->dtype,
                           first->seed, first->shapes);
    table_print(table, out);
}

/* ---- running --------------------------------------------------------------- */

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
    return store_save_checks(store, cli->diags, &origin, verification->checks,
                             verification->count);
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
    const struct verify_options verify = {(uint64_t)cli->settings.seed,
                                          arithmetic, fidelity == FIDELITY_PE};
    TRY(explore_verify(cli->diags, problem, &verify, &verification));
    if (cli->settings.db != NULL) {
        TRY(save(cli, verification, cascade));
    }
    if (cli->settings.as_json) {
        print_json(verification, cli->out);
    } else {
        print_table(verification, cli->out);
    }
    cli->exit_code = is_ok(verification) ? 0 : 1;
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
        "format\n"
        "alone: the running error bound of the cascade's evaluation, for "
        "every\n"
        "order of its sums, plus the kernel's own. Exit code 1 when it does "
        "not.\n",
    .examples = "  weir verify workloads/attention/one-pass.yaml\n"
                "  weir verify workloads/attention/one-pass.yaml \\\n"
                "    --arch arch-configs/teaching.yaml \\\n"
                "    --mapping mappings/fusemax-binding.yaml --set P=64,M=64\n",
    .run = run,
};
