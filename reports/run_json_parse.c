/* A run from its JSON, the inverse of run_print_json. */
#include <math.h>

#include <jansson.h>

#include "reports/run.h"

static const char *keep_text(struct run *run, const json_t *object,
                             const char *key)
{
    return run_keep(run, json_string_value(json_object_get(object, key)));
}

static int64_t get_count(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* null, or nothing, is a number that is not known. */
static double get_real(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void parse_memories(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    json_t *traffic = json_object_get(object, "traffic_bytes");
    const json_t *memories = json_object_get(object, "memories");
    evaluation->memories =
        g_new0(struct evaluation_memory, json_object_size(traffic) + 1);
    const char *name = NULL;
    json_t *bytes = NULL;
    json_object_foreach(traffic, name, bytes)
    {
        const json_t *rest = json_object_get(memories, name);
        evaluation->memories[evaluation->memory_count++] =
            (struct evaluation_memory){
                .name = run_keep(run, name),
                .read_bytes = get_count(bytes, "read"),
                .write_bytes = get_count(bytes, "write"),
                .transfer_cycles = get_count(rest, "transfer_cycles"),
                .energy_pj = get_real(rest, "energy_pj"),
            };
    }
}

static void parse_units(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    json_t *units = json_object_get(object, "units");
    const json_t *utilization = json_object_get(object, "utilization");
    const json_t *stalls = json_object_get(object, "stalls");
    evaluation->units =
        g_new0(struct evaluation_unit, json_object_size(units) + 1);
    const char *name = NULL;
    json_t *rest = NULL;
    json_object_foreach(units, name, rest)
    {
        struct evaluation_unit *unit =
            &evaluation->units[evaluation->unit_count++];
        unit->name = run_keep(run, name);
        unit->busy_cycles = get_count(rest, "busy_cycles");
        unit->energy_pj = get_real(rest, "energy_pj");
        unit->utilization_ratio = get_real(utilization, name);
        const json_t *causes = json_object_get(stalls, name);
        for (int cause = 0; cause < STALL_COUNT; cause++) {
            unit->stall_cycles[cause] =
                get_count(causes, stall_name((enum stall)cause));
        }
    }
}

static void parse_causes(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    const json_t *causes = json_object_get(object, "stall_causes");
    evaluation->causes =
        g_new0(struct evaluation_cause, json_array_size(causes) + 1);
    size_t i = 0;
    json_t *cause = NULL;
    json_array_foreach(causes, i, cause)
    {
        bool is_known = json_object_get(cause, "without_cycles") != NULL;
        evaluation->causes[evaluation->cause_count++] =
            (struct evaluation_cause){
                .unit = keep_text(run, cause, "unit"),
                .stall = run_find_stall(
                    json_string_value(json_object_get(cause, "cause"))),
                .einsum = keep_text(run, cause, "einsum"),
                .tensor = keep_text(run, cause, "tensor"),
                .component = keep_text(run, cause, "component"),
                .part = keep_text(run, cause, "part"),
                .cycles = get_count(cause, "cycles"),
                .without_cycles =
                    is_known ? get_count(cause, "without_cycles") : -1,
            };
    }
}

static void parse_einsums(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    json_t *einsums = json_object_get(object, "einsums");
    evaluation->einsums =
        g_new0(struct evaluation_einsum, json_object_size(einsums) + 1);
    const char *name = NULL;
    json_t *rest = NULL;
    json_object_foreach(einsums, name, rest)
    {
        struct evaluation_einsum *einsum =
            &evaluation->einsums[evaluation->einsum_count++];
        einsum->name = run_keep(run, name);
        einsum->unit = keep_text(run, rest, "unit");
        einsum->busy_cycles = get_count(rest, "busy_cycles");
        einsum->utilization_ratio = get_real(rest, "utilization");
        einsum->energy_pj = get_real(rest, "energy_pj");
        const json_t *ops = json_object_get(rest, "ops");
        for (int op = 0; op < EINSUM_OP_COUNT; op++) {
            einsum->ops[op] =
                get_count(ops, einsum_op_name((enum einsum_op)op));
        }
    }
}

static void parse_actions(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    const json_t *actions = json_object_get(object, "actions");
    evaluation->actions =
        g_new0(struct evaluation_action, json_array_size(actions) + 1);
    size_t i = 0;
    json_t *action = NULL;
    json_array_foreach(actions, i, action)
    {
        evaluation->actions[evaluation->action_count++] =
            (struct evaluation_action){
                .component = keep_text(run, action, "component"),
                .tensor = keep_text(run, action, "tensor"),
                .einsum = keep_text(run, action, "einsum"),
                .action = keep_text(run, action, "action"),
                .count = get_count(action, "count"),
                .bytes = get_count(action, "bytes"),
                .energy_pj = get_real(action, "energy_pj"),
            };
    }
}

static void parse_transfers(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    json_t *memories = json_object_get(object, "transfers");
    size_t most = 1;
    const char *memory = NULL;
    const char *tensor = NULL;
    json_t *tensors = NULL;
    json_t *counts = NULL;
    json_object_foreach(memories, memory, tensors)
    {
        most += json_object_size(tensors);
    }
    evaluation->transfers = g_new0(struct evaluation_transfer, most);
    json_object_foreach(memories, memory, tensors)
    {
        json_object_foreach(tensors, tensor, counts)
        {
            evaluation->transfers[evaluation->transfer_count++] =
                (struct evaluation_transfer){
                    .memory = run_keep(run, memory),
                    .tensor = run_keep(run, tensor),
                    .reads = get_count(counts, "reads"),
                    .fills = get_count(counts, "fills"),
                    .updates = get_count(counts, "updates"),
                    .drains = get_count(counts, "drains"),
                };
        }
    }
}

static void parse_names(struct run *run, const json_t *object)
{
    run->cascade = keep_text(run, object, "cascade");
    run->mapping = keep_text(run, object, "mapping");
    run->arch = keep_text(run, object, "arch");
    json_t *shapes = json_object_get(object, "shapes");
    run->shape_name = g_new0(const char *, json_object_size(shapes) + 1);
    run->shape_value = g_new0(int64_t, json_object_size(shapes) + 1);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(shapes, name, value)
    {
        run->shape_name[run->shape_count] = run_keep(run, name);
        run->shape_value[run->shape_count++] = json_integer_value(value);
    }
    const json_t *assumptions = json_object_get(object, "assumptions");
    run->assumptions = g_new0(const char *, json_array_size(assumptions) + 1);
    size_t i = 0;
    json_array_foreach(assumptions, i, value)
    {
        run->assumptions[run->assumption_count++] =
            run_keep(run, json_string_value(value));
    }
}

static void parse_provenance(struct run *run, const json_t *object)
{
    const json_t *provenance = json_object_get(object, "provenance");
    run->key = keep_text(run, provenance, "key");
    run->origin = (struct run_origin){
        .version = keep_text(run, provenance, "version"),
        .git_id = keep_text(run, provenance, "git_id"),
        .command = keep_text(run, provenance, "command"),
        .experiment = keep_text(run, provenance, "experiment"),
        .label = keep_text(run, provenance, "label"),
        .time_s = get_count(provenance, "time"),
        .seed = get_count(provenance, "seed"),
    };
    run->cascade_hash = keep_text(run, provenance, "cascade_hash");
    run->arch_hash = keep_text(run, provenance, "arch_hash");
    run->mapping_hash = keep_text(run, provenance, "mapping_hash");
}

static void parse_tensors(struct run *run, json_t *tensors)
{
    run->tensors = g_new0(struct run_tensor, json_object_size(tensors) + 1);
    const char *name = NULL;
    json_t *bytes = NULL;
    json_object_foreach(tensors, name, bytes)
    {
        run->tensors[run->tensor_count++] = (struct run_tensor){
            .name = run_keep(run, name),
            .compulsory_bytes = json_integer_value(bytes),
        };
    }
}

static void parse_totals(struct run *run, const json_t *object)
{
    struct evaluation *evaluation = &run->evaluation;
    const char *fidelity =
        json_string_value(json_object_get(object, "fidelity"));
    (void)fidelity_find(fidelity, &evaluation->fidelity);
    evaluation->cycles = get_count(object, "cycles");
    evaluation->clock_hz = get_count(object, "clock_hz");
    evaluation->energy_pj = get_real(object, "energy_pj");
    evaluation->model_cycles = get_count(object, "model_cycles");
    evaluation->fill_cycles = get_count(object, "fill_cycles");
    evaluation->drain_cycles = get_count(object, "drain_cycles");
    const json_t *bound = json_object_get(object, "bound");
    evaluation->bound_cycles = get_count(bound, "cycles");
    evaluation->bound_compute_cycles = get_count(bound, "compute_cycles");
    evaluation->bound_transfer_cycles = get_count(bound, "transfer_cycles");
    evaluation->bound_traffic_bytes = get_count(bound, "traffic_bytes");
    evaluation->bound_unsized_bytes = get_count(bound, "unsized_bytes");
    run->area_um2 = get_real(json_object_get(object, "area_um2"), "total");
    parse_tensors(run, json_object_get(object, "compulsory"));
    const char *bottleneck =
        json_string_value(json_object_get(object, "bottleneck"));
    evaluation->bottleneck =
        bottleneck == NULL ? NULL
                           : g_string_chunk_insert(run->strings, bottleneck);
    const char *dram = json_string_value(json_object_get(object, "dram"));
    evaluation->dram =
        dram == NULL ? NULL : g_string_chunk_insert(run->strings, dram);
}

enum status run_parse_json(struct diags *diags, const char *text,
                           struct run **run)
{
    json_error_t error;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        return diag_fail(diags, ERR_IO, "run-json",
                         "a result is no JSON: %s at byte %d", error.text,
                         error.position);
    }
    if (get_count(object, "clock_hz") <= 0) {
        json_decref(object);
        return diag_fail(diags, ERR_IO, "run-json",
                         "a result in JSON has no 'clock_hz'");
    }
    struct run *parsed = run_alloc();
    parse_totals(parsed, object);
    parse_names(parsed, object);
    parse_memories(parsed, object);
    parse_units(parsed, object);
    parse_causes(parsed, object);
    parse_einsums(parsed, object);
    parse_actions(parsed, object);
    parse_transfers(parsed, object);
    parse_provenance(parsed, object);
    json_decref(object);
    *run = parsed;
    return OK;
}
