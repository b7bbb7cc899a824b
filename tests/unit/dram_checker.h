/* An independent judge of command streams: every pair of commands, against the
 * standards' constraints as they are written there. It shares no code with the
 * model: where the model keeps earliest cycles per level, this looks back from
 * each command at all earlier ones.
 *
 * A command counts from the cycle in which it is complete: the second of an
 * HBM activate, the first (ACT-1) of LPDDR5's. Include after cmocka.h.
 */
#ifndef WEIR_TESTS_DRAM_CHECKER_H
#define WEIR_TESTS_DRAM_CHECKER_H

#include "sim/dram/dram.h"

/* One constraint that was met exactly at least once shows that the model waits
 * no longer than it must, and that the rule here was reached. */
/* clang-format off */
#define CHECKER_RULES(X)                                                       \
    X(COMMAND_BUS) X(tRC) X(tRRD_S) X(tRRD_L) X(tFAW) X(tRCD) X(tRCD_WR)       \
    X(tRAS) X(tRTP) X(tWR) X(tRP) X(tRP_AUTO_READ) X(tRP_AUTO_WRITE)           \
    X(tRP_ALL) X(tCCD_S) X(tCCD_L) X(tWTR_S) X(tWTR_L) X(tRTW) X(tPPD)         \
    X(tRFC) X(tRP_REF) X(RANK_SWITCH) X(tREF_ACT) X(tREF_REF) X(tRFC_PB)       \
    X(tRP_REFB) X(tRRD_REFB)
/* clang-format on */

enum checker_rule {
#define CHECKER_FIELD(rule) CHECKER_##rule,
    CHECKER_RULES(CHECKER_FIELD)
#undef CHECKER_FIELD
        CHECKER_RULE_COUNT
};
static const char *const checker_names[] = {
#define CHECKER_NAME(rule) #rule,
    CHECKER_RULES(CHECKER_NAME)
#undef CHECKER_NAME
};

struct checker {
    const struct dram_spec *spec;
    const GArray *commands; /* struct dram_command, by cycle */
    int64_t tight[CHECKER_RULE_COUNT];
    int64_t violations;
    char first[256]; /* the first of them */
};

static inline void checker_record(const struct dram_command *command,
                                  void *user)
{
    g_array_append_vals(user, command, 1);
}

static inline const struct dram_command *checker_at(const struct checker *c,
                                                    guint i)
{
    return &g_array_index(c->commands, struct dram_command, i);
}

static inline bool checker_is_hbm(const struct checker *c)
{
    return c->spec->standard == DRAM_HBM2 || c->spec->standard == DRAM_HBM3;
}

static inline bool is_read(const struct dram_command *a)
{
    return a->kind == DRAM_RD || a->kind == DRAM_RDA;
}
static inline bool is_write(const struct dram_command *a)
{
    return a->kind == DRAM_WR || a->kind == DRAM_WRA;
}
static inline bool is_column(const struct dram_command *a)
{
    return is_read(a) || is_write(a);
}

/* The cycle from which a command's times count. */
static inline int64_t checker_moment(const struct checker *c,
                                     const struct dram_command *a)
{
    return a->cycle + (a->kind == DRAM_ACT && checker_is_hbm(c) ? 1 : 0);
}

/* ---- places -------------------------------------------------------------- */

static inline bool same_pseudo(const struct dram_command *a,
                               const struct dram_command *b)
{
    return a->pseudo == b->pseudo;
}
static inline bool same_rank(const struct dram_command *a,
                             const struct dram_command *b)
{
    return same_pseudo(a, b) && a->rank == b->rank;
}
/* What activates and refresh of all banks concern. */
static inline bool same_die(const struct checker *c,
                            const struct dram_command *a,
                            const struct dram_command *b)
{
    return checker_is_hbm(c) ? same_pseudo(a, b) : same_rank(a, b);
}
static inline bool same_group(const struct dram_command *a,
                              const struct dram_command *b)
{
    return same_rank(a, b) && a->group == b->group;
}
static inline bool same_bank(const struct dram_command *a,
                             const struct dram_command *b)
{
    return same_group(a, b) && a->bank == b->bank;
}

/* ---- judging one pair ----------------------------------------------------- */

static inline void checker_fail(struct checker *c, const char *what,
                                const struct dram_command *a,
                                const struct dram_command *b)
{
    if (c->violations++ == 0) {
        (void)g_snprintf(c->first, sizeof c->first,
                         "%s: %s at %" G_GINT64_FORMAT
                         " (%d,%d,%d,%d), %s at %" G_GINT64_FORMAT
                         " (%d,%d,%d,%d)",
                         what, dram_command_name(a->kind), a->cycle, a->pseudo,
                         a->rank, a->group, a->bank, dram_command_name(b->kind),
                         b->cycle, b->pseudo, b->rank, b->group, b->bank);
    }
}

static inline void checker_need(struct checker *c, enum checker_rule rule,
                                const struct dram_command *a,
                                const struct dram_command *b, int64_t cycles)
{
    int64_t gap = checker_moment(c, b) - checker_moment(c, a);
    if (gap < cycles) {
        checker_fail(c, checker_names[rule], a, b);
    }
    c->tight[rule] += gap == cycles;
}

static inline void check_bus(struct checker *c, const struct dram_command *a,
                             const struct dram_command *b)
{
    int64_t length =
        a->kind == DRAM_ACT && c->spec->standard != DRAM_DDR4 ? 2 : 1;
    if (checker_is_hbm(c) && is_column(a) != is_column(b)) {
        return;
    }
    if (b->cycle - a->cycle < length) {
        checker_fail(c, "COMMAND_BUS", a, b);
    }
    c->tight[CHECKER_COMMAND_BUS] += b->cycle - a->cycle == length;
}

static inline void check_columns(struct checker *c,
                                 const struct dram_command *a,
                                 const struct dram_command *b)
{
    const int64_t *t = c->spec->timing_cycles;
    int64_t burst = t[DRAM_T_BURST];
    if (!same_pseudo(a, b)) {
        return;
    }
    /* Whatever the rules: two bursts are never on the data bus at once, and
     * ranks of a shared bus leave a gap. */
    int64_t from = a->cycle + (is_read(a) ? t[DRAM_T_CL] : t[DRAM_T_CWL]);
    int64_t to = b->cycle + (is_read(b) ? t[DRAM_T_CL] : t[DRAM_T_CWL]);
    int64_t gap =
        same_rank(a, b) || (checker_is_hbm(c) && !(is_read(a) && is_read(b)))
            ? 0
            : t[DRAM_T_CS];
    if (to < from + burst + gap) {
        checker_fail(c, "data bus", a, b);
    }
    c->tight[CHECKER_RANK_SWITCH] +=
        !same_rank(a, b) && to == from + burst + gap;
    if (!same_die(c, a, b)) {
        return;
    }
    if (is_read(a) == is_read(b)) {
        checker_need(c, CHECKER_tCCD_S, a, b, t[DRAM_T_CCD_S]);
        if (same_group(a, b)) {
            checker_need(c, CHECKER_tCCD_L, a, b, t[DRAM_T_CCD_L]);
        }
    } else if (is_read(a)) {
        checker_need(c, CHECKER_tRTW, a, b, t[DRAM_T_RTW]);
    } else {
        checker_need(c, CHECKER_tWTR_S, a, b,
                     t[DRAM_T_CWL] + burst + t[DRAM_T_WTR_S]);
        if (same_group(a, b)) {
            checker_need(c, CHECKER_tWTR_L, a, b,
                         t[DRAM_T_CWL] + t[DRAM_T_BURST_ARRAY] +
                             t[DRAM_T_WTR_L]);
        }
    }
}

/* From an activate. */
static inline void check_after_activate(struct checker *c,
                                        const struct dram_command *a,
                                        const struct dram_command *b)
{
    const int64_t *t = c->spec->timing_cycles;
    if (b->kind == DRAM_ACT && same_die(c, a, b)) {
        checker_need(c, CHECKER_tRRD_S, a, b, t[DRAM_T_RRD_S]);
        if (same_group(a, b)) {
            checker_need(c, CHECKER_tRRD_L, a, b, t[DRAM_T_RRD_L]);
        }
    }
    if (b->kind == DRAM_REFB && same_die(c, a, b) && !same_bank(a, b)) {
        checker_need(c, CHECKER_tRRD_REFB, a, b, t[DRAM_T_RRD_S]);
    }
    if (b->kind == DRAM_PREA && same_die(c, a, b)) {
        checker_need(c, CHECKER_tRAS, a, b, t[DRAM_T_RAS]);
    }
    if (!same_bank(a, b)) {
        return;
    }
    if (b->kind == DRAM_ACT) {
        checker_need(c, CHECKER_tRC, a, b, t[DRAM_T_RC]);
    } else if (b->kind == DRAM_PRE) {
        checker_need(c, CHECKER_tRAS, a, b, t[DRAM_T_RAS]);
    } else if (is_read(b)) {
        checker_need(c, CHECKER_tRCD, a, b, t[DRAM_T_RCD]);
    } else if (is_write(b)) {
        checker_need(c, CHECKER_tRCD_WR, a, b, t[DRAM_T_RCD_WR]);
    }
}

static inline bool closes(const struct checker *c,
                          const struct dram_command *by,
                          const struct dram_command *other)
{
    return (by->kind == DRAM_PRE && same_bank(by, other)) ||
           (by->kind == DRAM_PREA && same_die(c, by, other));
}

/* From a column command to what closes or needs the bank closed. */
static inline void check_after_column(struct checker *c,
                                      const struct dram_command *a,
                                      const struct dram_command *b)
{
    const int64_t *t = c->spec->timing_cycles;
    int64_t last = is_read(a) ? t[DRAM_T_RTP]
                              : t[DRAM_T_CWL] + t[DRAM_T_BURST] + t[DRAM_T_WR];
    bool is_auto = a->kind == DRAM_RDA || a->kind == DRAM_WRA;
    if (closes(c, b, a)) {
        checker_need(c, is_read(a) ? CHECKER_tRTP : CHECKER_tWR, a, b, last);
    }
    if (is_auto && ((b->kind == DRAM_ACT && same_bank(a, b)) ||
                    (b->kind == DRAM_REFB && same_bank(a, b)) ||
                    (b->kind == DRAM_REF && same_die(c, a, b)))) {
        checker_need(
            c, is_read(a) ? CHECKER_tRP_AUTO_READ : CHECKER_tRP_AUTO_WRITE, a,
            b, last + t[DRAM_T_RP]);
    }
}

static inline void check_after_precharge(struct checker *c,
                                         const struct dram_command *a,
                                         const struct dram_command *b)
{
    const int64_t *t = c->spec->timing_cycles;
    bool is_all = a->kind == DRAM_PREA;
    int64_t time = is_all ? t[DRAM_T_RP_ALL] : t[DRAM_T_RP];
    if (b->kind == DRAM_ACT && closes(c, a, b)) {
        checker_need(c, is_all ? CHECKER_tRP_ALL : CHECKER_tRP, a, b, time);
    } else if (b->kind == DRAM_REF && same_die(c, a, b)) {
        checker_need(c, CHECKER_tRP_REF, a, b, time);
    } else if (b->kind == DRAM_REFB && closes(c, a, b)) {
        checker_need(c, CHECKER_tRP_REFB, a, b, time);
    } else if ((b->kind == DRAM_PRE || b->kind == DRAM_PREA) &&
               same_die(c, a, b) && t[DRAM_T_PPD] > 0) {
        checker_need(c, CHECKER_tPPD, a, b, t[DRAM_T_PPD]);
    }
}

static inline void check_after_refresh(struct checker *c,
                                       const struct dram_command *a,
                                       const struct dram_command *b)
{
    const int64_t *t = c->spec->timing_cycles;
    if (a->kind == DRAM_REF && same_die(c, a, b)) {
        checker_need(c, CHECKER_tRFC, a, b, t[DRAM_T_RFC]);
    } else if (a->kind == DRAM_REFB && same_bank(a, b)) {
        checker_need(c, CHECKER_tRFC_PB, a, b, t[DRAM_T_RFC_BANK]);
    } else if (a->kind == DRAM_REFB && same_die(c, a, b)) {
        if (b->kind == DRAM_ACT) {
            checker_need(c, CHECKER_tREF_ACT, a, b, t[DRAM_T_REF_ACT]);
        } else if (b->kind == DRAM_REFB) {
            checker_need(c, CHECKER_tREF_REF, a, b, t[DRAM_T_REF_REF]);
        }
    }
}

static inline void check_pair(struct checker *c, const struct dram_command *a,
                              const struct dram_command *b)
{
    check_bus(c, a, b);
    if (is_column(a) && is_column(b)) {
        check_columns(c, a, b);
    } else if (is_column(a)) {
        check_after_column(c, a, b);
    } else if (a->kind == DRAM_ACT) {
        check_after_activate(c, a, b);
    } else if (a->kind == DRAM_PRE || a->kind == DRAM_PREA) {
        check_after_precharge(c, a, b);
    } else {
        check_after_refresh(c, a, b);
    }
}

/* ---- judging a stream ------------------------------------------------------ */

/* No constraint reaches further back than this. */
static inline int64_t checker_reach_cycles(const struct dram_spec *spec)
{
    int64_t reach = 0;
    for (int i = 0; i < DRAM_TIMING_COUNT; i++) {
        if (i != DRAM_T_REFI && i != DRAM_T_REFI_BANK) {
            reach = MAX(reach, spec->timing_cycles[i]);
        }
    }
    return 2 * reach;
}

/* The row that is open in the bank of command `i` before it, -1: none. */
static inline int64_t checker_open_row(struct checker *c, guint i)
{
    const struct dram_command *b = checker_at(c, i);
    for (guint j = i; j-- > 0;) {
        const struct dram_command *a = checker_at(c, j);
        if (a->channel != b->channel) {
            continue;
        }
        if (closes(c, a, b) ||
            ((a->kind == DRAM_RDA || a->kind == DRAM_WRA) && same_bank(a, b))) {
            return -1;
        }
        if (a->kind == DRAM_ACT && same_bank(a, b)) {
            return a->row;
        }
    }
    return -1;
}

/* Is any bank of the die of command `i` open before it? */
static inline bool checker_die_is_open(struct checker *c, guint i)
{
    const struct dram_command *b = checker_at(c, i);
    struct dram_command probe = *b;
    for (guint j = i; j-- > 0;) {
        const struct dram_command *a = checker_at(c, j);
        if (a->channel != b->channel || !same_die(c, a, b)) {
            continue;
        }
        if (a->kind == DRAM_PREA || a->kind == DRAM_REF) {
            return false;
        }
        if (a->kind != DRAM_ACT) {
            continue;
        }
        /* Opened here: closed since? */
        bool is_closed = false;
        probe = *a;
        for (guint k = j + 1; k < i && !is_closed; k++) {
            const struct dram_command *later = checker_at(c, k);
            is_closed = later->channel == a->channel &&
                        same_bank(later, &probe) &&
                        (later->kind == DRAM_PRE || later->kind == DRAM_RDA ||
                         later->kind == DRAM_WRA);
        }
        if (!is_closed) {
            return true;
        }
    }
    return false;
}

static inline void check_state(struct checker *c, guint i)
{
    const struct dram_command *b = checker_at(c, i);
    bool is_bad = false;
    if (b->kind == DRAM_REF) {
        is_bad = checker_die_is_open(c, i);
    } else if (b->kind == DRAM_PREA) {
        is_bad = false;
    } else if (is_column(b)) {
        is_bad = checker_open_row(c, i) != b->row;
    } else {
        bool is_open = checker_open_row(c, i) >= 0;
        is_bad = is_open != (b->kind == DRAM_PRE);
    }
    if (is_bad) {
        checker_fail(c, "state of the bank", b, b);
    }
}

/* At most four activates of a die in any tFAW. */
static inline void check_four_activates(struct checker *c, guint i)
{
    const struct dram_command *b = checker_at(c, i);
    int count = 0;
    for (guint j = i; b->kind == DRAM_ACT && j-- > 0;) {
        const struct dram_command *a = checker_at(c, j);
        if (a->channel == b->channel && a->kind == DRAM_ACT &&
            same_die(c, a, b) && ++count == 4) {
            checker_need(c, CHECKER_tFAW, a, b,
                         c->spec->timing_cycles[DRAM_T_FAW]);
            return;
        }
    }
}

static inline void checker_run(struct checker *c)
{
    int64_t reach = checker_reach_cycles(c->spec);
    for (guint i = 0; i < c->commands->len; i++) {
        const struct dram_command *b = checker_at(c, i);
        check_state(c, i);
        check_four_activates(c, i);
        for (guint j = i; j-- > 0;) {
            const struct dram_command *a = checker_at(c, j);
            if (b->cycle - a->cycle > reach) {
                break;
            }
            if (a->channel == b->channel) {
                check_pair(c, a, b);
            }
        }
    }
}

#endif
