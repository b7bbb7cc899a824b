#include "cli/evaluation.h"

static enum status run(struct cli *cli)
{
    return evaluation_run(cli, FIDELITY_MODEL);
}

static const struct option options[] = {
    OPTION_CASCADE_FILE,
    OPTION_ARCH_FILE,
    OPTION_MAPPING_FILE,
    OPTION_SET,
    {"iso-area", 0, OPTION_TEXT, "AREA|FILE",
     offsetof(struct settings, iso_area),
     "find the value of --free at which the chip has this area ('30 mm2'), or "
     "that of another architecture"},
    {"free", 0, OPTION_TEXT, "PARAM", offsetof(struct settings, free_param),
     "the architecture's parameter that --iso-area may choose"},
    OPTION_DB("keep the run in this store"),
    OPTION_JSON("one JSON object instead of tables"),
    OPTION_END,
};

const struct command command_model = {
    .options = options,
    .max_operands = 0,
    .about =
        "Counts what a mapped cascade costs on an architecture in closed "
        "form:\n"
        "cycles, bytes by memory, energy, utilisation of the units, the bound\n"
        "that no mapping beats, and what limits the run. Filling and draining\n"
        "of pipelines are left to 'weir sim'. Where the architecture knows "
        "areas,\n"
        "they follow. With --iso-area and --free the parameter first gets the\n"
        "largest value at which the chip is not larger than the target.\n",
    .examples =
        "  weir model --cascade workloads/attention/one-pass.yaml \\\n"
        "    --arch arch-configs/fusemax-cloud.yaml \\\n"
        "    --mapping mappings/fusemax-binding.yaml \\\n"
        "    --set B=64,H=12,E=64,F=64,P=1K,M=P\n"
        "  weir model ... --json | jq .cycles\n"
        "  weir model ... --iso-area arch-configs/flat-cloud.yaml --free GBUF\n"
        "  weir model ... --db runs.db && weir runs list --db runs.db\n",
    .run = run,
};
