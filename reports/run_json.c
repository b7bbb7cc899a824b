/* A run as JSON. Keys of metrics are those of metrics.def. Doubles have 17
 * significant digits, so that they come back as they were. */
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "reports/run.h"

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* NULL becomes null. */
static json_t *text(const char *value)
{
    return value == NULL ? json_null() : json_string(value);
}

static json_t *print_memories(const struct evaluation *evaluation)
{
    json_t *memories = json_object();
    for (int i = 0; i < evaluation->memory_count; i++) {
        const struct evaluation_memory *memory = &evaluation->memories[i];
        json_object_set_new(memories, memory->name,
                            json_pack("{sI so}", "transfer_cycles",
                                      (json_int_t)memory->transfer_cycles,
                                      "energy_pj", real(memory->energy_pj)));
    }
    return memories;
}

static json_t *print_traffic(const struct evaluation *evaluation)
{
    json_t *traffic = json_object();
    for (int i = 0; i < evaluation->memory_count; i++) {
        const struct evaluation_memory *memory = &evaluation->memories[i];
        json_object_set_new(traffic, memory->name,
                            json_pack("{sI sI}", "read",
                                      (json_int_t)memory->read_bytes, "write",
                                      (json_int_t)memory->write_bytes));
    }
    return traffic;
}

static json_t *print_units(const struct evaluation *evaluation)
{
    json_t *units = json_object();
    for (int i = 0; i < evaluation->unit_count; i++) {
        const struct evaluation_unit *unit = &evaluation->units[i];
        json_object_set_new(units, unit->name,
                            json_pack("{sI so}", "busy_cycles",
                                      (json_int_t)unit->busy_cycles,
                                      "energy_pj", real(unit->energy_pj)));
    }
    return units;
}

static json_t *print_networks(const struct evaluation *evaluation)
{
    g_autoptr(GArray) sums = run_sum_networks(evaluation);
    json_t *networks = json_object();
    for (guint i = 0; i < sums->len; i++) {
        const struct run_network *network =
            &g_array_index(sums, struct run_network, i);
        json_object_set_new(networks, network->name,
                            json_pack("{sI sI so}", "hops",
                                      (json_int_t)network->hop_count, "bytes",
                                      (json_int_t)network->bytes, "energy_pj",
                                      real(network->energy_pj)));
    }
    return networks;
}

static json_t *print_utilization(const struct evaluation *evaluation)
{
    json_t *units = json_object();
    for (int i = 0; i < evaluation->unit_count; i++) {
        json_object_set_new(units, evaluation->units[i].name,
                            real(evaluation->units[i].utilization_ratio));
    }
    return units;
}

static json_t *print_stalls(const struct evaluation *evaluation)
{
    json_t *units = json_object();
    for (int i = 0; i < evaluation->unit_count; i++) {
        json_t *stalls = json_object();
        for (int cause = 0; cause < STALL_COUNT; cause++) {
            json_object_set_new(
                stalls, stall_name((enum stall)cause),
                json_integer(evaluation->units[i].stall_cycles[cause]));
        }
        json_object_set_new(units, evaluation->units[i].name, stalls);
    }
    return units;
}

static json_t *print_causes(const struct evaluation *evaluation)
{
    json_t *causes = json_array();
    for (int i = 0; i < evaluation->cause_count; i++) {
        const struct evaluation_cause *cause = &evaluation->causes[i];
        json_t *object = json_pack(
            "{so so so so so so sI}", "unit", text(cause->unit), "cause",
            text(stall_name(cause->stall)), "einsum", text(cause->einsum),
            "tensor", text(cause->tensor), "component", text(cause->component),
            "part", text(cause->part), "cycles", (json_int_t)cause->cycles);
        if (cause->without_cycles >= 0) {
            json_object_set_new(object, "without_cycles",
                                json_integer(cause->without_cycles));
        }
        json_array_append_new(causes, object);
    }
    return causes;
}

static json_t *print_einsums(const struct evaluation *evaluation)
{
    json_t *einsums = json_object();
    for (int i = 0; i < evaluation->einsum_count; i++) {
        const struct evaluation_einsum *einsum = &evaluation->einsums[i];
        json_t *ops = json_object();
        for (int op = 0; op < EINSUM_OP_COUNT; op++) {
            if (einsum->ops[op] != 0) {
                json_object_set_new(ops, einsum_op_name((enum einsum_op)op),
                                    json_integer(einsum->ops[op]));
            }
        }
        json_object_set_new(
            einsums, einsum->name,
            json_pack("{so sI so so so}", "unit", text(einsum->unit),
                      "busy_cycles", (json_int_t)einsum->busy_cycles,
                      "utilization", real(einsum->utilization_ratio), "ops",
                      ops, "energy_pj", real(einsum->energy_pj)));
    }
    return einsums;
}

static json_t *print_actions(const struct evaluation *evaluation)
{
    json_t *actions = json_array();
    for (int i = 0; i < evaluation->action_count; i++) {
        const struct evaluation_action *action = &evaluation->actions[i];
        json_array_append_new(
            actions,
            json_pack("{so so so so sI sI so}", "component",
                      text(action->component), "tensor", text(action->tensor),
                      "einsum", text(action->einsum), "action",
                      text(action->action), "count", (json_int_t)action->count,
                      "bytes", (json_int_t)action->bytes, "energy_pj",
                      real(action->energy_pj)));
    }
    return actions;
}

/* {"gbuf": {"K": {"reads": 0, "fills": 0, "updates": 0, "drains": 0}}}, in
 * elements. */
static json_t *print_transfers(const struct evaluation *evaluation)
{
    json_t *memories = json_object();
    for (int i = 0; i < evaluation->transfer_count; i++) {
        const struct evaluation_transfer *t = &evaluation->transfers[i];
        if (t->reads + t->fills + t->updates + t->drains > 0) {
            json_t *tensors = json_object_get(memories, t->memory);
            if (tensors == NULL) {
                tensors = json_object();
                json_object_set_new(memories, t->memory, tensors);
            }
            json_object_set_new(tensors, t->tensor,
                                json_pack("{sI sI sI sI}", "reads",
                                          (json_int_t)t->reads, "fills",
                                          (json_int_t)t->fills, "updates",
                                          (json_int_t)t->updates, "drains",
                                          (json_int_t)t->drains));
        }
    }
    return memories;
}

static json_t *print_shapes(const struct run *run)
{
    json_t *shapes = json_object();
    for (int i = 0; i < run->shape_count; i++) {
        json_object_set_new(shapes, run->shape_name[i],
                            json_integer(run->shape_value[i]));
    }
    return shapes;
}

static json_t *print_assumptions(const struct run *run)
{
    json_t *assumptions = json_array();
    for (int i = 0; i < run->assumption_count; i++) {
        json_array_append_new(assumptions, json_string(run->assumptions[i]));
    }
    return assumptions;
}

static json_t *print_provenance(const struct run *run)
{
    const struct run_origin *origin = &run->origin;
    json_t *object = json_object();
    json_object_set_new(object, "key", text(run->key));
    json_object_set_new(object, "version", text(origin->version));
    json_object_set_new(object, "git_id", text(origin->git_id));
    json_object_set_new(object, "command", text(origin->command));
    json_object_set_new(object, "experiment", text(origin->experiment));
    json_object_set_new(object, "label", text(origin->label));
    json_object_set_new(object, "time", json_integer(origin->time_s));
    json_object_set_new(object, "seed", json_integer(origin->seed));
    json_object_set_new(object, "cascade_hash", text(run->cascade_hash));
    json_object_set_new(object, "arch_hash", text(run->arch_hash));
    json_object_set_new(object, "mapping_hash", text(run->mapping_hash));
    return object;
}

static json_t *print_bound(const struct evaluation *evaluation)
{
    return json_pack(
        "{sI sI sI sI sI}", "cycles", (json_int_t)evaluation->bound_cycles,
        "compute_cycles", (json_int_t)evaluation->bound_compute_cycles,
        "transfer_cycles", (json_int_t)evaluation->bound_transfer_cycles,
        "traffic_bytes", (json_int_t)evaluation->bound_traffic_bytes,
        "unsized_bytes", (json_int_t)evaluation->bound_unsized_bytes);
}

static json_t *print_tensors(const struct run *run)
{
    json_t *tensors = json_object();
    for (int i = 0; i < run->tensor_count; i++) {
        json_object_set_new(tensors, run->tensors[i].name,
                            json_integer(run->tensors[i].compulsory_bytes));
    }
    return tensors;
}

char *run_print_json(const struct run *run, size_t indent)
{
    const struct evaluation *evaluation = &run->evaluation;
    json_t *object = json_object();
    json_object_set_new(object, "fidelity",
                        json_string(fidelity_name(evaluation->fidelity)));
    json_object_set_new(object, "cycles", json_integer(evaluation->cycles));
    json_object_set_new(object, "fill_cycles",
                        json_integer(evaluation->fill_cycles));
    json_object_set_new(object, "drain_cycles",
                        json_integer(evaluation->drain_cycles));
    json_object_set_new(object, "seconds", real(run_seconds(run)));
    json_object_set_new(object, "energy_pj", real(evaluation->energy_pj));
    json_object_set_new(object, "traffic_bytes", print_traffic(evaluation));
    json_object_set_new(object, "utilization", print_utilization(evaluation));
    json_object_set_new(object, "einsums", print_einsums(evaluation));
    json_object_set_new(object, "stalls", print_stalls(evaluation));
    json_object_set_new(object, "stall_causes", print_causes(evaluation));
    json_object_set_new(object, "bound", print_bound(evaluation));
    json_object_set_new(object, "compulsory", print_tensors(run));
    json_object_set_new(object, "area_um2",
                        json_pack("{so}", "total", real(run->area_um2)));
    json_object_set_new(object, "bottleneck", text(evaluation->bottleneck));
    if (evaluation->dram != NULL) {
        json_object_set_new(object, "dram", text(evaluation->dram));
    }
    json_object_set_new(object, "model_cycles",
                        json_integer(evaluation->model_cycles));
    json_object_set_new(object, "clock_hz", json_integer(evaluation->clock_hz));
    json_object_set_new(object, "cascade", text(run->cascade));
    json_object_set_new(object, "mapping", text(run->mapping));
    json_object_set_new(object, "arch", text(run->arch));
    json_object_set_new(object, "shapes", print_shapes(run));
    json_object_set_new(object, "assumptions", print_assumptions(run));
    json_object_set_new(object, "units", print_units(evaluation));
    json_object_set_new(object, "memories", print_memories(evaluation));
    json_object_set_new(object, "networks", print_networks(evaluation));
    json_object_set_new(object, "actions", print_actions(evaluation));
    json_object_set_new(object, "transfers", print_transfers(evaluation));
    json_object_set_new(object, "provenance", print_provenance(run));
    char *printed =
        json_dumps(object, JSON_REAL_PRECISION(17) | JSON_INDENT(indent));
    json_decref(object);
    /* jansson allocates with malloc, the callers free with g_free. */
    char *copy = g_strdup(printed);
    free(printed);
    return copy;
}
