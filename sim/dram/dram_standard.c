/* What the standards demand between two commands, as rules.
 *
 * The constraints are those of JESD79-4 (DDR4), JESD235 (HBM2), JESD238 (HBM3)
 * and JESD209-5 (LPDDR5). They agree but for the level on which activates,
 * turnarounds and refresh act ("die": a rank, of HBM a pseudo-channel) and for
 * the command buses; their numbers are data. Where an activate takes several
 * cycles, JESD235 and JESD238 count from and to its last one; a rule holds
 * first cycles, so it is lengthened after an activate and shortened before one.
 */
#include "sim/dram/dram_internal.h"

static const struct dram_standard_info standards[] = {
    [DRAM_DDR4] = {.name = "DDR4",
                   .die = DRAM_LEVEL_RANK,
                   .activate_cycles = 1},
    [DRAM_HBM2] = {.name = "HBM2",
                   .die = DRAM_LEVEL_PSEUDO,
                   .has_row_bus = true,
                   .activate_cycles = 2,
                   .is_activate_counted_from_last = true,
                   .has_bank_refresh = true},
    /* An activate takes 1.5 cycles; the half is not used for a precharge. */
    [DRAM_HBM3] = {.name = "HBM3",
                   .die = DRAM_LEVEL_PSEUDO,
                   .has_row_bus = true,
                   .activate_cycles = 2,
                   .is_activate_counted_from_last = true,
                   .has_bank_refresh = true},
    /* ACT-1 and ACT-2 in a row; times count from ACT-1. */
    [DRAM_LPDDR5] = {.name = "LPDDR5",
                     .die = DRAM_LEVEL_RANK,
                     .activate_cycles = 2,
                     .has_bank_refresh = true},
};

static const char *const names[] = {"DDR4", "HBM2", "HBM3", "LPDDR5", NULL};

const struct dram_standard_info *dram_standard_get(enum dram_standard standard)
{
    return &standards[standard];
}

const char *const *dram_standard_names(void)
{
    return names;
}

int64_t dram_bus_cycles(const struct dram_spec *spec,
                        enum dram_command_kind kind)
{
    return kind == DRAM_ACT ? standards[spec->standard].activate_cycles : 1;
}

bool dram_is_column(enum dram_command_kind kind)
{
    return kind == DRAM_RD || kind == DRAM_WR || kind == DRAM_RDA ||
           kind == DRAM_WRA;
}

/* ---- building ------------------------------------------------------------ */

struct rule_builder {
    const struct dram_spec *spec;
    const struct dram_standard_info *standard;
    struct dram_rules *rules;
};

static void add_exact(struct rule_builder *builder, enum dram_level level,
                      enum dram_command_kind from, struct dram_rule rule)
{
    struct dram_rule_list *list = &builder->rules->lists[level][from];
    if (rule.cycles <= 0) {
        return;
    }
    if (list->count == DRAM_RULES_PER_COMMAND) {
        BUG("too many rules after %s", dram_command_name(from));
    }
    list->rules[list->count++] = rule;
    builder->rules->has_siblings[from] |= rule.is_sibling;
}

/* Cycles between the first cycle of a command and the one that counts. */
static int64_t command_delay(const struct rule_builder *builder,
                             enum dram_command_kind kind)
{
    return kind == DRAM_ACT && builder->standard->is_activate_counted_from_last
               ? builder->standard->activate_cycles - 1
               : 0;
}

static void add(struct rule_builder *builder, enum dram_level level,
                enum dram_command_kind from, enum dram_command_kind to,
                int64_t cycles, enum dram_stall stall)
{
    if (cycles > 0) {
        cycles += command_delay(builder, from) - command_delay(builder, to);
    }
    add_exact(builder, level, from,
              (struct dram_rule){to, stall, cycles, false});
}

/* Followers are looked up without auto-precharge (device_ready_key). */
static void add_after_read(struct rule_builder *builder, enum dram_level level,
                           enum dram_command_kind to, int64_t cycles,
                           enum dram_stall stall)
{
    add(builder, level, DRAM_RD, to, cycles, stall);
    add(builder, level, DRAM_RDA, to, cycles, stall);
}

static void add_after_write(struct rule_builder *builder, enum dram_level level,
                            enum dram_command_kind to, int64_t cycles,
                            enum dram_stall stall)
{
    add(builder, level, DRAM_WR, to, cycles, stall);
    add(builder, level, DRAM_WRA, to, cycles, stall);
}

static void add_command_buses(struct rule_builder *builder)
{
    static const enum dram_command_kind followers[] = {
        DRAM_ACT, DRAM_PRE, DRAM_PREA, DRAM_RD, DRAM_WR, DRAM_REF, DRAM_REFB,
    };
    for (int from = 0; from < DRAM_COMMAND_COUNT; from++) {
        for (size_t i = 0; i < G_N_ELEMENTS(followers); i++) {
            enum dram_command_kind kind = (enum dram_command_kind)from;
            if (builder->standard->has_row_bus &&
                dram_is_column(kind) != dram_is_column(followers[i])) {
                continue;
            }
            add_exact(builder, DRAM_LEVEL_CHANNEL, kind,
                      (struct dram_rule){followers[i], DRAM_STALL_COMMAND_BUS,
                                         dram_bus_cycles(builder->spec, kind),
                                         false});
        }
    }
}

static void add_columns(struct rule_builder *builder)
{
    const int64_t *t = builder->spec->timing_cycles;
    enum dram_level die = builder->standard->die;
    int64_t written = t[DRAM_T_CWL] + t[DRAM_T_BURST];
    int64_t written_array = t[DRAM_T_CWL] + t[DRAM_T_BURST_ARRAY];

    /* The data bus. */
    add_after_read(builder, DRAM_LEVEL_PSEUDO, DRAM_RD, t[DRAM_T_BURST],
                   DRAM_STALL_COLUMN);
    add_after_write(builder, DRAM_LEVEL_PSEUDO, DRAM_WR, t[DRAM_T_BURST],
                    DRAM_STALL_COLUMN);
    add_after_read(builder, die, DRAM_RD, t[DRAM_T_CCD_S], DRAM_STALL_COLUMN);
    add_after_write(builder, die, DRAM_WR, t[DRAM_T_CCD_S], DRAM_STALL_COLUMN);
    add_after_read(builder, DRAM_LEVEL_GROUP, DRAM_RD, t[DRAM_T_CCD_L],
                   DRAM_STALL_BANK_GROUP);
    add_after_write(builder, DRAM_LEVEL_GROUP, DRAM_WR, t[DRAM_T_CCD_L],
                    DRAM_STALL_BANK_GROUP);
    add_after_read(builder, die, DRAM_WR, t[DRAM_T_RTW], DRAM_STALL_TURNAROUND);
    add_after_write(builder, die, DRAM_RD, written + t[DRAM_T_WTR_S],
                    DRAM_STALL_TURNAROUND);
    add_after_write(builder, DRAM_LEVEL_GROUP, DRAM_RD,
                    written_array + t[DRAM_T_WTR_L], DRAM_STALL_TURNAROUND);
}

static void add_sibling(struct rule_builder *builder,
                        enum dram_command_kind from, enum dram_command_kind to,
                        int64_t cycles)
{
    add_exact(builder, DRAM_LEVEL_RANK, from,
              (struct dram_rule){to, DRAM_STALL_RANK_SWITCH, cycles, true});
}

/* Ranks share the data bus and need tCS between their bursts. Stacks of an HBM
 * are one die here and only change over between reads (tCCD_R = tBL + tCS). */
static void add_rank_switches(struct rule_builder *builder)
{
    const int64_t *t = builder->spec->timing_cycles;
    int64_t gap = t[DRAM_T_BURST] + t[DRAM_T_CS];
    int64_t lead = t[DRAM_T_CL] - t[DRAM_T_CWL];
    static const enum dram_command_kind reads[] = {DRAM_RD, DRAM_RDA};
    static const enum dram_command_kind writes[] = {DRAM_WR, DRAM_WRA};
    if (builder->spec->ranks == 1) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        add_sibling(builder, reads[i], DRAM_RD, gap);
        if (builder->standard->die == DRAM_LEVEL_RANK) {
            add_sibling(builder, reads[i], DRAM_WR, gap + lead);
            add_sibling(builder, writes[i], DRAM_RD, gap - lead);
            add_sibling(builder, writes[i], DRAM_WR, gap);
        }
    }
}

static void add_rows(struct rule_builder *builder)
{
    const int64_t *t = builder->spec->timing_cycles;
    enum dram_level die = builder->standard->die;
    enum dram_level bank = DRAM_LEVEL_BANK;
    int64_t recovered = t[DRAM_T_CWL] + t[DRAM_T_BURST] + t[DRAM_T_WR];
    enum dram_stall closing = DRAM_STALL_ROW_CLOSE;

    builder->rules->four_activates_cycles = t[DRAM_T_FAW];
    add(builder, die, DRAM_ACT, DRAM_ACT, t[DRAM_T_RRD_S],
        DRAM_STALL_ACTIVATES);
    add(builder, DRAM_LEVEL_GROUP, DRAM_ACT, DRAM_ACT, t[DRAM_T_RRD_L],
        DRAM_STALL_ACTIVATES);
    add(builder, bank, DRAM_ACT, DRAM_ACT, t[DRAM_T_RC], closing);
    add(builder, bank, DRAM_ACT, DRAM_RD, t[DRAM_T_RCD], DRAM_STALL_ROW_OPEN);
    add(builder, bank, DRAM_ACT, DRAM_WR, t[DRAM_T_RCD_WR],
        DRAM_STALL_ROW_OPEN);

    add(builder, bank, DRAM_ACT, DRAM_PRE, t[DRAM_T_RAS], closing);
    add(builder, bank, DRAM_RD, DRAM_PRE, t[DRAM_T_RTP], closing);
    add(builder, bank, DRAM_WR, DRAM_PRE, recovered, closing);
    add(builder, die, DRAM_ACT, DRAM_PREA, t[DRAM_T_RAS], closing);
    add_after_read(builder, die, DRAM_PREA, t[DRAM_T_RTP], closing);
    add_after_write(builder, die, DRAM_PREA, recovered, closing);
    add(builder, bank, DRAM_PRE, DRAM_ACT, t[DRAM_T_RP], closing);
    add(builder, die, DRAM_PREA, DRAM_ACT, t[DRAM_T_RP_ALL], closing);
    add(builder, bank, DRAM_RDA, DRAM_ACT, t[DRAM_T_RTP] + t[DRAM_T_RP],
        closing);
    add(builder, bank, DRAM_WRA, DRAM_ACT, recovered + t[DRAM_T_RP], closing);
    for (int i = 0; i < 2; i++) {
        enum dram_command_kind from = i == 0 ? DRAM_PRE : DRAM_PREA;
        add(builder, die, from, DRAM_PRE, t[DRAM_T_PPD],
            DRAM_STALL_COMMAND_BUS);
        add(builder, die, from, DRAM_PREA, t[DRAM_T_PPD],
            DRAM_STALL_COMMAND_BUS);
    }
}

static void add_refresh(struct rule_builder *builder)
{
    const int64_t *t = builder->spec->timing_cycles;
    enum dram_level die = builder->standard->die;
    enum dram_stall refresh = DRAM_STALL_REFRESH;
    int64_t recovered = t[DRAM_T_CWL] + t[DRAM_T_BURST] + t[DRAM_T_WR];

    add(builder, die, DRAM_ACT, DRAM_REF, t[DRAM_T_RC], refresh);
    add(builder, die, DRAM_PRE, DRAM_REF, t[DRAM_T_RP], refresh);
    add(builder, die, DRAM_PREA, DRAM_REF, t[DRAM_T_RP_ALL], refresh);
    add(builder, die, DRAM_RDA, DRAM_REF, t[DRAM_T_RTP] + t[DRAM_T_RP],
        refresh);
    add(builder, die, DRAM_WRA, DRAM_REF, recovered + t[DRAM_T_RP], refresh);
    add(builder, die, DRAM_REF, DRAM_ACT, t[DRAM_T_RFC], refresh);
    add(builder, die, DRAM_REF, DRAM_PREA, t[DRAM_T_RFC], refresh);
    add(builder, die, DRAM_REF, DRAM_REF, t[DRAM_T_RFC], refresh);
}

static void add_bank_refresh(struct rule_builder *builder)
{
    const int64_t *t = builder->spec->timing_cycles;
    enum dram_level die = builder->standard->die;
    enum dram_level bank = DRAM_LEVEL_BANK;
    enum dram_stall refresh = DRAM_STALL_REFRESH;
    int64_t recovered = t[DRAM_T_CWL] + t[DRAM_T_BURST] + t[DRAM_T_WR];
    if (!builder->standard->has_bank_refresh) {
        return;
    }
    add(builder, die, DRAM_ACT, DRAM_REFB, t[DRAM_T_RRD_S], refresh);
    add(builder, die, DRAM_PREA, DRAM_REFB, t[DRAM_T_RP_ALL], refresh);
    add(builder, die, DRAM_REF, DRAM_REFB, t[DRAM_T_RFC], refresh);
    add(builder, die, DRAM_REFB, DRAM_ACT, t[DRAM_T_REF_ACT], refresh);
    add(builder, die, DRAM_REFB, DRAM_REFB, t[DRAM_T_REF_REF], refresh);
    add(builder, die, DRAM_REFB, DRAM_PREA, t[DRAM_T_RFC_BANK], refresh);
    add(builder, die, DRAM_REFB, DRAM_REF, t[DRAM_T_RFC_BANK], refresh);
    add(builder, bank, DRAM_ACT, DRAM_REFB, t[DRAM_T_RC], refresh);
    add(builder, bank, DRAM_PRE, DRAM_REFB, t[DRAM_T_RP], refresh);
    add(builder, bank, DRAM_RDA, DRAM_REFB, t[DRAM_T_RTP] + t[DRAM_T_RP],
        refresh);
    add(builder, bank, DRAM_WRA, DRAM_REFB, recovered + t[DRAM_T_RP], refresh);
    add(builder, bank, DRAM_REFB, DRAM_ACT, t[DRAM_T_RFC_BANK], refresh);
    add(builder, bank, DRAM_REFB, DRAM_REFB, t[DRAM_T_RFC_BANK], refresh);
}

void dram_rules_init(const struct dram_spec *spec, struct dram_rules *rules)
{
    struct rule_builder builder = {
        .spec = spec,
        .standard = dram_standard_get(spec->standard),
        .rules = rules,
    };
    *rules = (struct dram_rules){.four_activates_cycles = 0};
    add_command_buses(&builder);
    add_columns(&builder);
    add_rank_switches(&builder);
    add_rows(&builder);
    add_refresh(&builder);
    add_bank_refresh(&builder);
}
