#include "cli/evaluation.h"
#include "cli/trace.h"

static enum status run(struct cli *cli)
{
    enum fidelity fidelity = FIDELITY_SIM;
    TRY(cli_choose_fidelity(cli, "sim", &fidelity));
    if (fidelity == FIDELITY_PE && cli->settings.trace != NULL) {
        return cli_fail_usage(cli, NULL,
                              "'--trace' is of tile steps: '--fidelity sim'");
    }
    return evaluation_run(cli, fidelity);
}

static const struct option options[] = {
    OPTION_CASCADE_FILE,
    OPTION_ARCH_FILE,
    OPTION_MAPPING_FILE,
    OPTION_SET,
    OPTION_ONE_FIDELITY(
        "sim, or pe: every element of the arrays in every cycle, with data"),
    {"no-fast-forward", 0, OPTION_FLAG, NULL,
     offsetof(struct settings, is_unabridged),
     "walk every step: same result, slow"},
    {"trace", 't', OPTION_TEXT, "FILE", offsetof(struct settings, trace),
     "what happened when: .json, .perfetto-trace, .vcd, .kanata, .csv"},

    {"trace-format", 0, OPTION_TEXT, "NAME",
     offsetof(struct settings, trace_format),
     "chrome, perfetto, vcd, kanata or csv, whatever the file's ending"},
    {"trace-level", 0, OPTION_TEXT, "LEVEL",
     offsetof(struct settings, trace_level),
     "summary (totals), windows (1024 intervals) or tasks, if not said"},
    OPTION_TRACE_SELECTION,
    OPTION_DB("keep the run in this store"),
    OPTION_JSON("one JSON object instead of tables"),
    OPTION_END,
};

const struct command command_sim = {
    .options = options,
    .max_operands = 0,
    .about = "Simulates a mapped cascade on an architecture, tile step by tile "
             "step,\n"
             "on contended units and memories. Says for each unit how many "
             "cycles it\n"
             "was busy and why it was idle: dependency, reduction, bandwidth, "
             "fill,\n"
             "drain. Traffic equals the model's to the byte, cycles are never "
             "below\n"
             "it. Periodic stretches are fast-forwarded exactly.\n"
             "A trace of a window of cycles shows each tile step, transfer and "
             "stall on\n"
             "tracks of their own; what lies outside is still "
             "fast-forwarded.\n"
             "With --fidelity pe products on systolic arrays and cascades on "
             "FuseMax's\n"
             "are run with data, every element stepped in every cycle; 'weir "
             "verify\n"
             "--fidelity pe' compares values.\n",
    .examples = "  weir sim --cascade workloads/attention/one-pass.yaml \\\n"
                "    --arch arch-configs/fusemax-cloud.yaml \\\n"
                "    --mapping mappings/fusemax-binding.yaml \\\n"
                "    --set B=64,H=12,E=64,F=64,P=1K,M=P\n"
                "  weir sim ... --trace run.json --trace-window 1M:1M+5K\n"
                "  weir sim ... --trace run.vcd --trace-only array2d,gbuf\n",
    .run = run,
};
