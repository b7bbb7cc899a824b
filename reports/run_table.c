/* The tables of `weir model` and `weir sim`: what limits the run, how near it
 * is to the bounds, and where its cycles, bytes and energy go, by component, by
 * tensor and by Einsum. */
#include <inttypes.h>
#include <string.h>

#include "reports/run.h"

static double share(int64_t part, int64_t whole)
{
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

/* 0.002013 s is easier read as 2.013 ms. */
static char *format_seconds(double seconds)
{
    static const struct {
        double seconds;
        const char *unit;
    } scales[] = {{1.0, "s"}, {1e-3, "ms"}, {1e-6, "us"}};
    for (size_t i = 0; i < G_N_ELEMENTS(scales); i++) {
        if (seconds >= scales[i].seconds) {
            return g_strdup_printf("%.4g %s", seconds / scales[i].seconds,
                                   scales[i].unit);
        }
    }
    return g_strdup_printf("%.4g ns", seconds * 1e9);
}

static void print_names(const struct run *run, GString *out)
{
    g_string_append_printf(out, "%s on %s, mapped by %s (%s)\n", run->cascade,
                           run->arch, run->mapping,
                           fidelity_name(run->evaluation.fidelity));
    for (int i = 0; i < run->shape_count; i++) {
        g_string_append_printf(out, "%s%s=%" PRId64, i == 0 ? "" : " ",
                               run->shape_name[i], run->shape_value[i]);
    }
    g_string_append(out, "\n\n");
}

static void print_fact(GString *out, enum metric metric, const char *value,
                       const char *remark)
{
    const struct metric_info *info = metric_get(metric);
    g_string_append_printf(out, "%-13s %18s %-6s%s%s\n", info->heading, value,
                           info->unit, remark[0] == '\0' ? "" : "  ", remark);
}

static void print_count(GString *out, enum metric metric, int64_t value,
                        const char *remark)
{
    g_autofree char *text = units_format_count(value);
    print_fact(out, metric, text, remark);
}

/* What no mapping beats, and how near the run comes to each. */
static void print_bounds(const struct evaluation *evaluation, GString *out)
{
    const struct {
        enum metric metric;
        int64_t cycles;
        const char *what;
    } bounds[] = {
        {METRIC_BOUND_COMPUTE, evaluation->bound_compute_cycles,
         "all operations on all lanes"},
        {METRIC_BOUND_TRANSFER, evaluation->bound_transfer_cycles,
         "compulsory bytes at full bandwidth"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
        g_autofree char *remark = g_strdup_printf(
            "%s: %.1f %% of the run", bounds[i].what,
            100.0 * share(bounds[i].cycles, evaluation->cycles));
        print_count(out, bounds[i].metric, bounds[i].cycles, remark);
    }
}

/* What the model's cycles are, and what filling and draining are beside them. */
static void print_fill(const struct evaluation *evaluation, GString *out)
{
    int64_t base = evaluation->fidelity == FIDELITY_SIM
                       ? evaluation->model_cycles
                       : evaluation->cycles;
    const struct {
        enum metric metric;
        int64_t cycles;
        const char *what;
    } parts[] = {
        {METRIC_FILL, evaluation->fill_cycles,
         "until pipelines and buffers "
         "are full"},
        {METRIC_DRAIN, evaluation->drain_cycles,
         "until the last result has "
         "arrived"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *remark =
            g_strdup_printf("%s: %.2f %% of the model", parts[i].what,
                            100.0 * share(parts[i].cycles, base));
        print_count(out, parts[i].metric, parts[i].cycles, remark);
    }
}

static void print_totals(const struct run *run, GString *out)
{
    const struct evaluation *evaluation = &run->evaluation;
    g_autofree char *time = format_seconds(run_seconds(run));
    g_autofree char *clock = g_strdup_printf(
        "%s at %.6g MHz", time, (double)evaluation->clock_hz / 1e6);
    print_count(out, METRIC_CYCLES, evaluation->cycles, clock);
    if (evaluation->fidelity != FIDELITY_MODEL) {
        g_autofree char *above =
            units_format_count(evaluation->cycles - evaluation->model_cycles);
        g_autofree char *remark = g_strdup_printf(
            "simulated: %s cycles more (%.3f %%)", above,
            100.0 * share(evaluation->cycles - evaluation->model_cycles,
                          evaluation->model_cycles));
        print_count(out, METRIC_MODEL_CYCLES, evaluation->model_cycles, remark);
    }
    print_fill(evaluation, out);
    print_bounds(evaluation, out);
    g_autofree char *energy = g_strdup_printf("%.6g", evaluation->energy_pj);
    print_fact(out, METRIC_ENERGY, energy, "");
    g_string_append_printf(
        out, "%-13s %18s\n", "bottleneck",
        evaluation->bottleneck == NULL ? "-" : evaluation->bottleneck);
    if (evaluation->dram != NULL) {
        g_string_append_printf(out, "main memory   %s\n", evaluation->dram);
    }
    g_string_append_c(out, '\n');
}

/* A column of energies is followed by their share of the run's. */
static void add_energy_columns(struct table *table, enum metric metric)
{
    table_add_metric_column(table, metric);
    table_add_headed_column(table, METRIC_ENERGY_RATIO, "of energy");
}

static void add_energies(struct table *table,
                         const struct evaluation *evaluation, double energy_pj)
{
    table_add_energy(table, energy_pj);
    table_add_percent(table, evaluation->energy_pj > 0.0
                                 ? energy_pj / evaluation->energy_pj
                                 : 0.0);
}

/* Causes that no unit knows have no column. */
static bool has_stall(const struct evaluation *evaluation, int cause)
{
    bool is_any = false;
    for (int i = 0; i < evaluation->unit_count; i++) {
        is_any |= evaluation->units[i].stall_cycles[cause] > 0;
    }
    return evaluation->fidelity != FIDELITY_MODEL && is_any;
}

static void print_units(const struct evaluation *evaluation, GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "unit");
    table_add_metric_column(table, METRIC_BUSY_CYCLES);
    table_add_headed_column(table, METRIC_UTILIZATION, "of peak");
    add_energy_columns(table, METRIC_UNIT_ENERGY);
    for (int cause = 0; cause < STALL_COUNT; cause++) {
        if (has_stall(evaluation, cause)) {
            table_add_metric_column(
                table, (enum metric)(METRIC_STALL_DEPENDENCY + cause));
        }
    }
    for (int i = 0; i < evaluation->unit_count; i++) {
        const struct evaluation_unit *unit = &evaluation->units[i];
        table_add_text(table, unit->name);
        table_add_count(table, unit->busy_cycles);
        table_add_percent(table, unit->utilization_ratio);
        add_energies(table, evaluation, unit->energy_pj);
        for (int cause = 0; cause < STALL_COUNT; cause++) {
            if (has_stall(evaluation, cause)) {
                table_add_count(table, unit->stall_cycles[cause]);
            }
        }
    }
    table_print(table, out);
    g_string_append_c(out, '\n');
}

/* The outermost memory is compared with what any execution must move. */
static void print_memories(const struct evaluation *evaluation, GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "memory");
    table_add_metric_column(table, METRIC_READ_BYTES);
    table_add_metric_column(table, METRIC_WRITE_BYTES);
    table_add_metric_column(table, METRIC_BOUND_TRAFFIC);
    table_add_headed_column(table, METRIC_UTILIZATION, "of bandwidth");
    add_energy_columns(table, METRIC_MEMORY_ENERGY);
    for (int i = 0; i < evaluation->memory_count; i++) {
        const struct evaluation_memory *memory = &evaluation->memories[i];
        table_add_text(table, memory->name);
        table_add_count(table, memory->read_bytes);
        table_add_count(table, memory->write_bytes);
        if (i == 0) {
            table_add_count(table, evaluation->bound_traffic_bytes);
        } else {
            table_add_text(table, "-");
        }
        if (memory->transfer_cycles > 0) {
            table_add_percent(
                table, share(memory->transfer_cycles, evaluation->cycles));
        } else {
            table_add_text(table, "-");
        }
        add_energies(table, evaluation, memory->energy_pj);
    }
    table_print(table, out);
    g_string_append_c(out, '\n');
}

/* Only of chips that have any. A value counts on every link that it crosses. */
static void print_networks(const struct evaluation *evaluation, GString *out)
{
    g_autoptr(GArray) networks = run_sum_networks(evaluation);
    AUTO(table) table = table_new();
    table_add_text_column(table, "network");
    table_add_metric_column(table, METRIC_NETWORK_HOPS);
    table_add_metric_column(table, METRIC_NETWORK_BYTES);
    add_energy_columns(table, METRIC_NETWORK_ENERGY);
    for (guint i = 0; i < networks->len; i++) {
        const struct run_network *network =
            &g_array_index(networks, struct run_network, i);
        table_add_text(table, network->name);
        table_add_count(table, network->hop_count);
        table_add_count(table, network->bytes);
        add_energies(table, evaluation, network->energy_pj);
    }
    if (networks->len > 0) {
        table_print(table, out);
        g_string_append_c(out, '\n');
    }
}

struct tensor_bytes {
    int64_t read_bytes;
    int64_t write_bytes;
    double energy_pj;
};

/* What one memory moves of a tensor, and what that costs. */
static struct tensor_bytes add_actions(const struct evaluation *evaluation,
                                       const char *tensor, const char *memory)
{
    struct tensor_bytes sum = {0};
    for (int i = 0; i < evaluation->action_count; i++) {
        const struct evaluation_action *action = &evaluation->actions[i];
        if (g_strcmp0(action->tensor, tensor) == 0 &&
            strcmp(action->component, memory) == 0) {
            bool is_read = strcmp(action->action, "read") == 0;
            *(is_read ? &sum.read_bytes : &sum.write_bytes) += action->bytes;
            sum.energy_pj += action->energy_pj;
        }
    }
    return sum;
}

/* Only the outermost memory has a least that it must move. */
static void add_compulsory(struct table *table, bool is_outermost,
                           const struct run_tensor *tensor,
                           const struct tensor_bytes *moved)
{
    if (!is_outermost) {
        table_add_text(table, "-");
        table_add_text(table, "-");
        return;
    }
    table_add_count(table, tensor->compulsory_bytes);
    if (tensor->compulsory_bytes == 0) {
        table_add_text(table, "-");
        return;
    }
    table_add_ratio(table,
                    (double)(moved->read_bytes + moved->write_bytes) /
                        (double)tensor->compulsory_bytes,
                    2);
}

static void print_tensors(const struct run *run, GString *out)
{
    const struct evaluation *evaluation = &run->evaluation;
    AUTO(table) table = table_new();
    table_add_text_column(table, "tensor");
    table_add_text_column(table, "memory");
    table_add_metric_column(table, METRIC_READ_BYTES);
    table_add_metric_column(table, METRIC_WRITE_BYTES);
    table_add_metric_column(table, METRIC_COMPULSORY_TENSOR);
    table_add_metric_column(table, METRIC_TRAFFIC_RATIO);
    add_energy_columns(table, METRIC_ACTION_ENERGY);
    for (int t = 0; t < run->tensor_count; t++) {
        for (int m = 0; m < evaluation->memory_count; m++) {
            struct tensor_bytes moved = add_actions(
                evaluation, run->tensors[t].name, evaluation->memories[m].name);
            if (moved.read_bytes + moved.write_bytes == 0) {
                continue;
            }
            table_add_text(table, run->tensors[t].name);
            table_add_text(table, evaluation->memories[m].name);
            table_add_count(table, moved.read_bytes);
            table_add_count(table, moved.write_bytes);
            add_compulsory(table, m == 0, &run->tensors[t], &moved);
            add_energies(table, evaluation, moved.energy_pj);
        }
    }
    table_print(table, out);
    g_string_append_c(out, '\n');
}

static void print_einsums(const struct evaluation *evaluation, GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "Einsum");
    table_add_text_column(table, "unit");
    table_add_metric_column(table, METRIC_EINSUM_BUSY);
    table_add_headed_column(table, METRIC_UTILIZATION, "of run");
    table_add_metric_column(table, METRIC_EINSUM_UTILIZATION);
    add_energy_columns(table, METRIC_EINSUM_ENERGY);
    for (int i = 0; i < evaluation->einsum_count; i++) {
        const struct evaluation_einsum *einsum = &evaluation->einsums[i];
        table_add_text(table, einsum->name);
        table_add_text(table, einsum->unit);
        table_add_count(table, einsum->busy_cycles);
        table_add_percent(table,
                          share(einsum->busy_cycles, evaluation->cycles));
        table_add_percent(table, einsum->utilization_ratio);
        add_energies(table, evaluation, einsum->energy_pj);
    }
    table_print(table, out);
}

void run_print_table(const struct run *run, GString *out)
{
    print_names(run, out);
    print_totals(run, out);
    print_units(&run->evaluation, out);
    run_print_causes(&run->evaluation, out);
    print_memories(&run->evaluation, out);
    print_networks(&run->evaluation, out);
    print_tensors(run, out);
    print_einsums(&run->evaluation, out);
    if (run->assumption_count > 0) {
        g_string_append(out, "\nassumed:\n");
    }
    for (int i = 0; i < run->assumption_count; i++) {
        g_string_append_printf(out, "  - %s\n", run->assumptions[i]);
    }
}
