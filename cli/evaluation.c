#include "cli/evaluation.h"

#include <inttypes.h>

#include "cli/area.h"
#include "cli/trace.h"
#include "explore/explore.h"

static enum status save(struct cli *cli, struct run *run)
{
    AUTO(store) store = NULL;
    TRY(store_open(cli->diags, cli->settings.db, STORE_WRITE, &store));
    TRY(store_save_runs(store, cli->diags, &run, 1));
    cli_note(cli, "stored as run %" PRId64 " in '%s'", run->id,
             cli->settings.db);
    return OK;
}

/* Has the mapping been verified, and at which shapes? What the store says. */
static enum status note_verified(struct cli *cli, const struct run *run)
{
    AUTO(store) store = NULL;
    g_autoptr(GArray) found = NULL;
    TRY(store_open(cli->diags, cli->settings.db, STORE_READ, &store));
    TRY(store_find_verified(store, cli->diags, run->cascade_hash,
                            run->arch_hash, run->mapping_hash, &found));
    if (found->len == 0) {
        cli_note(cli, "'%s' has not been verified on '%s' in '%s'",
                 run->mapping, run->arch, cli->settings.db);
    }
    for (guint i = 0; i < found->len; i++) {
        const struct verified *verified =
            &g_array_index(found, struct verified, i);
        cli_note(cli, "'%s' %s at %s in %s, inputs %s", run->mapping,
                 verified->is_ok ? "was verified" : "FAILED to verify",
                 verified->shapes, verified->dtype, verified->inputs);
    }
    return OK;
}

/* The key identifies the run in a store, whoever made it. */
static enum status find_key(struct cli *cli, const struct point *point,
                            char **key)
{
    g_autofree char *cascade = NULL;
    g_autofree char *arch = NULL;
    g_autofree char *mapping = NULL;
    TRY(explore_hash_file(cli->diags, point->cascade, &cascade));
    TRY(explore_hash_file(cli->diags, point->arch, &arch));
    TRY(explore_hash_file(cli->diags, point->mapping, &mapping));
    *key = run_key(point->fidelity, cascade, arch, mapping, point->chosen);
    return OK;
}

enum status evaluation_load_arch(struct cli *cli, const struct point *point,
                                 struct arch **arch)
{
    TRY(arch_load_file(cli->diags, point->arch, point->chosen, arch));
    arch_warn_unused(*arch, model_used_features(point->fidelity),
                     point->fidelity == FIDELITY_MODEL ? "the model"
                     : point->fidelity == FIDELITY_SIM
                         ? "the simulator"
                         : "the simulator of single elements",
                     cli->diags);
    return OK;
}

static void print(struct cli *cli, const struct run *run,
                  const struct arch *arch, const struct arch_iso_area *iso)
{
    bool has_area = run->evaluation.fidelity == FIDELITY_MODEL;
    if (!cli->settings.as_json) {
        run_print_table(run, cli->out);
        if (has_area) {
            area_print_table(arch, iso, cli->out);
        }
        return;
    }
    g_autofree char *json = run_print_json(run, 2);
    g_autofree char *extended =
        has_area ? area_extend_json(arch, iso, json) : g_strdup(json);
    g_string_append_printf(cli->out, "%s\n", extended);
}

static enum status evaluate_traced(struct cli *cli, const struct point *point,
                                   struct trace_request *request,
                                   struct run **run)
{
    struct sim_options sim = SIM_OPTIONS_DEFAULT;
    sim.use_fast_forward = !cli->settings.is_unabridged;
    TRY(trace_request_parse(cli, request));
    sim.trace = request->trace;
    sim.remedy_count = 4;
    TRY(explore_evaluate(cli->diags, NULL, point, &cli->origin, &sim, run));
    return request->trace == NULL ? OK : trace_request_save(cli, request);
}

static enum status evaluate(struct cli *cli, const struct point *point,
                            struct run **run)
{
    struct trace_request request = {0};
    enum status status = evaluate_traced(cli, point, &request, run);
    trace_request_clear(&request);
    return status;
}

enum status evaluation_run(struct cli *cli, enum fidelity fidelity)
{
    const struct settings *settings = &cli->settings;
    AUTO(scope) chosen = NULL;
    AUTO(run) run = NULL;
    AUTO(arch) arch = NULL;
    struct arch_iso_area iso = {0};
    bool has_iso = false;
    g_autofree char *key = NULL;
    TRY(cli_need(cli, settings->cascade, "cascade"));
    TRY(cli_need(cli, settings->arch, "arch"));
    TRY(cli_need(cli, settings->mapping, "mapping"));
    TRY(cli_need_file(cli, settings->cascade));
    TRY(cli_need_file(cli, settings->arch));
    TRY(cli_need_file(cli, settings->mapping));
    TRY(cli_parse_set(cli, &chosen));
    TRY(area_solve(cli, chosen, &iso, &has_iso));
    struct point point = {
        .fidelity = fidelity,
        .cascade = settings->cascade,
        .arch = settings->arch,
        .mapping = settings->mapping,
        .chosen = chosen,
    };
    TRY(find_key(cli, &point, &key));
    point.key = key;
    TRY(evaluate(cli, &point, &run));
    if (settings->db != NULL) {
        TRY(save(cli, run));
        TRY(note_verified(cli, run));
    }
    TRY(evaluation_load_arch(cli, &point, &arch));
    print(cli, run, arch, has_iso ? &iso : NULL);
    return OK;
}
