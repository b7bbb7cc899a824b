/* The names of things, as the standards and the tables have them. */
#include "sim/dram/dram.h"

const char *dram_timing_name(enum dram_timing timing)
{
    /* In the order of the enum, from the same list. */
    static const char *const names[] = {
#define DRAM_TIMING_NAME(field, key) (key),
        DRAM_TIMINGS(DRAM_TIMING_NAME)
#undef DRAM_TIMING_NAME
    };
    return names[timing];
}

const char *dram_command_name(enum dram_command_kind kind)
{
    static const char *const names[DRAM_COMMAND_COUNT] = {
        [DRAM_ACT] = "ACT", [DRAM_PRE] = "PRE", [DRAM_PREA] = "PREA",
        [DRAM_RD] = "RD",   [DRAM_WR] = "WR",   [DRAM_RDA] = "RDA",
        [DRAM_WRA] = "WRA", [DRAM_REF] = "REF", [DRAM_REFB] = "REFB",
    };
    return names[kind];
}

const char *dram_stall_name(enum dram_stall stall)
{
    static const char *const names[DRAM_STALL_COUNT] = {
        [DRAM_STALL_IDLE] = "idle",
        [DRAM_STALL_QUEUE] = "queue",
        [DRAM_STALL_ROW_OPEN] = "row open",
        [DRAM_STALL_ROW_CLOSE] = "row close",
        [DRAM_STALL_ACTIVATES] = "activates",
        [DRAM_STALL_BANK_GROUP] = "bank group",
        [DRAM_STALL_COLUMN] = "column",
        [DRAM_STALL_TURNAROUND] = "turnaround",
        [DRAM_STALL_RANK_SWITCH] = "rank switch",
        [DRAM_STALL_COMMAND_BUS] = "command bus",
        [DRAM_STALL_REFRESH] = "refresh",
    };
    return names[stall];
}
