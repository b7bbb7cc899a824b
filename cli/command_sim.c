#include "cli/evaluation.h"

static enum status run(struct cli *cli)
{
    return evaluation_run(cli, FIDELITY_SIM);
}

static const struct option options[] = {
    OPTION_CASCADE_FILE,
    OPTION_ARCH_FILE,
    OPTION_MAPPING_FILE,
    OPTION_SET,
    {"no-fast-forward", 0, OPTION_FLAG, NULL,
     offsetof(struct settings, is_unabridged),
     "walk every step: same result, slow"},
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
             "it. Periodic stretches are fast-forwarded exactly.\n",
    .examples = "  weir sim --cascade workloads/attention/one-pass.yaml \\\n"
                "    --arch arch-configs/fusemax-cloud.yaml \\\n"
                "    --mapping mappings/fusemax-binding.yaml \\\n"
                "    --set B=64,H=12,E=64,F=64,P=1K,M=P\n",
    .run = run,
};
