/* Why units were idle, the largest causes first, and what each costs: the cycles
 * of the run without it, where they were asked for. */
#include <string.h>

#include "reports/run.h"

#define MOST_CAUSES 8

enum stall run_find_stall(const char *name)
{
    for (int s = 0; name != NULL && s < STALL_COUNT; s++) {
        if (strcmp(stall_name((enum stall)s), name) == 0) {
            return (enum stall)s;
        }
    }
    return STALL_DEPENDENCY;
}

/* What sim_run did away with (struct sim_relief). */
static const char *say_remedy(const struct evaluation_cause *cause)
{
    switch (cause->stall) {
    case STALL_DEPENDENCY:
        return "it twice as fast";
    case STALL_REDUCTION:
        return "no latency of it";
    case STALL_OPERAND:
        return "no latency of it";
    case STALL_BANDWIDTH:
        return g_strcmp0(cause->part, "data") == 0 ? "bandwidth alone"
                                                   : "twice the bandwidth";
    case STALL_BANK_CONFLICT:
        return "its memory interleaved";
    case STALL_DRAM:
        return "bandwidth alone";
    case STALL_NETWORK:
        return "an ideal network";
    case STALL_BUFFER_FULL:
        return "one buffer more";
    case STALL_FILL:
    case STALL_DRAIN:
    case STALL_OUT_OF_WORK:
    case STALL_COUNT:
        break;
    }
    return "";
}

static void print_cause(struct table *table,
                        const struct evaluation *evaluation,
                        const struct evaluation_cause *cause, bool has_remedies)
{
    g_autofree char *what = evaluation_say_cause(cause);
    double cycles = (double)MAX(evaluation->cycles, 1);
    table_add_text(table, cause->unit);
    table_add_text(table, what);
    table_add_count(table, cause->cycles);
    table_add_percent(table, (double)cause->cycles / cycles);
    if (!has_remedies) {
        return;
    }
    g_autofree char *without = NULL;
    if (cause->without_cycles >= 0) {
        without = g_strdup_printf(
            "%s: %+.1f %%", say_remedy(cause),
            100.0 * ((double)cause->without_cycles / cycles - 1.0));
    }
    table_add_text(table, without == NULL ? "" : without);
}

/* What never works is idle for no cause that one could remove. */
static bool is_used(const struct evaluation *evaluation,
                    const struct evaluation_cause *cause)
{
    for (int i = 0; i < evaluation->unit_count; i++) {
        if (strcmp(evaluation->units[i].name, cause->unit) == 0) {
            return evaluation->units[i].busy_cycles > 0;
        }
    }
    return false;
}

void run_print_causes(const struct evaluation *evaluation, GString *out)
{
    bool has_remedies = false;
    for (int i = 0; i < evaluation->cause_count; i++) {
        has_remedies |= evaluation->causes[i].without_cycles >= 0;
    }
    AUTO(table) table = table_new();
    table_add_text_column(table, "idle unit");
    table_add_text_column(table, "cause");
    table_add_metric_column(table, METRIC_CAUSE_CYCLES);
    table_add_headed_column(table, METRIC_UTILIZATION, "of run");
    if (has_remedies) {
        table_add_text_column(table, "cycles of the run with");
    }
    int count = 0;
    for (int i = 0; i < evaluation->cause_count && count < MOST_CAUSES; i++) {
        if (is_used(evaluation, &evaluation->causes[i])) {
            print_cause(table, evaluation, &evaluation->causes[i],
                        has_remedies);
            count++;
        }
    }
    if (count > 0) {
        table_print(table, out);
        g_string_append_c(out, '\n');
    }
}
