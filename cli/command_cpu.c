/* weir cpu: measures this machine and writes its architecture. */
#include "arch/arch.h"
#include "cli/command.h"
#include "cpu/cpu.h"

/* What is written must be readable. */
static enum status check(struct cli *cli, const char *text)
{
    AUTO(arch) arch = NULL;
    return arch_load_source(cli->diags,
                            diags_add_text(cli->diags, "this machine", text),
                            NULL, &arch);
}

/* Before the time is spent. */
static enum status check_output(struct cli *cli)
{
    if (cli->settings.output == NULL) {
        return OK;
    }
    g_autofree char *folder = g_path_get_dirname(cli->settings.output);
    return g_file_test(folder, G_FILE_TEST_IS_DIR)
               ? OK
               : diag_fail(cli->diags, ERR_IO, "cpu-output",
                           "there is no folder '%s'", folder);
}

static enum status run(struct cli *cli)
{
    TRY(check_output(cli));
    struct cpu_options options = CPU_OPTIONS_DEFAULT;
    struct cpu_machine machine;
    g_autoptr(GString) text = g_string_new(NULL);
    options.is_portable = cli->settings.is_portable;
    if (cli->settings.seconds > 0) {
        options.seconds = (double)cli->settings.seconds;
    }
    if (cpu_measure(&options, &machine) != OK) {
        return diag_fail(cli->diags, ERR_MEM, "cpu-memory",
                         "no memory for a buffer to measure with");
    }
    cpu_print_arch(&machine, text);
    TRY(check(cli, text->str));
    if (cli->settings.output == NULL) {
        g_string_append(cli->out, text->str);
        return OK;
    }
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(cli->settings.output, text->str, -1, &error)) {
        return diag_fail(cli->diags, ERR_IO, "cpu-output", "%s",
                         error->message);
    }
    cli_note(cli, "%s: %s, %.4g GHz, %.3g products of %d a cycle",
             cli->settings.output, machine.name,
             (double)machine.clock_hz * 1e-9, machine.products_per_cycle,
             machine.has_vnni ? 64 : 1);
    return OK;
}

static const struct option options[] = {
    {"output", 'o', OPTION_TEXT, "FILE", offsetof(struct settings, output),
     "write the architecture to a file, whole or not at all"},
    {"seconds", 0, OPTION_NUMBER, "N", offsetof(struct settings, seconds),
     "how long to measure, roughly (6)"},
    {"portable", 0, OPTION_FLAG, NULL, offsetof(struct settings, is_portable),
     "measure plain C even where there are vector instructions"},
    OPTION_END,
};

const struct command command_cpu = {
    .options = options,
    .max_operands = 0,
    .about =
        "Measures the processor that it runs on, and writes its architecture: "
        "clocks\n"
        "of scalar, vector and product code, what its ports take and share, "
        "the width\n"
        "of issue, bandwidths of caches and memory. Each number is the best "
        "of short\n"
        "samples, repeated until no better one comes: other programs make "
        "loops slower,\n"
        "never faster. Predictions of block-sparse kernels then are those of "
        "this machine.\n",
    .examples =
        "  weir cpu -o my-cpu.yaml\n"
        "  weir model --cascade workloads/sparse/spmm.yaml --arch my-cpu.yaml "
        "\\\n"
        "    --mapping mappings/spmm-4x1.yaml --set M=768,K=768,N=128\n",
    .run = run,
};
