#include <string.h>

#include "explore/study.h"

static enum status check_found(struct diags *diags, const struct study *study)
{
    const struct experiment *experiment = study->experiment;
    size_t count = experiment_point_count(experiment);
    if (study->run_count == 0) {
        return diag_fail(diags, ERR_IO, "explore-no-results",
                         "the database has no result of experiment '%s'; "
                         "'weir sweep' makes them",
                         experiment->name);
    }
    if (study->run_count < count) {
        diag_warning(diags, SPAN_NONE, "explore-missing-results", NULL,
                     "the database has %zu of the %zu points of experiment "
                     "'%s'; what is missing is left out",
                     study->run_count, count, experiment->name);
    }
    return OK;
}

static void check_versions(struct diags *diags, const struct study *study)
{
    const struct run *first = NULL;
    for (size_t i = 0; i < experiment_point_count(study->experiment); i++) {
        const struct run *run = study->runs[i];
        if (run == NULL) {
            continue;
        }
        first = first == NULL ? run : first;
        if (g_strcmp0(run->origin.version, first->origin.version) != 0 ||
            g_strcmp0(run->origin.git_id, first->origin.git_id) != 0) {
            diag_warning(diags, SPAN_NONE, "explore-mixed-versions", NULL,
                         "the results were made by different versions: %s "
                         "(%s) and %s (%s)",
                         first->origin.version, first->origin.git_id,
                         run->origin.version, run->origin.git_id);
            return;
        }
    }
}

static enum status load_runs(const struct experiment *experiment,
                             struct store *store, struct diags *diags,
                             struct study *study)
{
    for (size_t i = 0; i < experiment_point_count(experiment); i++) {
        TRY(store_find_run(store, diags, experiment_point(experiment, i)->key,
                           &study->runs[i]));
        study->run_count += study->runs[i] != NULL;
    }
    TRY(check_found(diags, study));
    check_versions(diags, study);
    return OK;
}

enum status study_new(const struct experiment *experiment, struct store *store,
                      struct diags *diags, struct study **study)
{
    struct study *loaded = g_new0(struct study, 1);
    loaded->experiment = experiment;
    loaded->runs = g_new0(struct run *, experiment_point_count(experiment) + 1);
    enum status status = load_runs(experiment, store, diags, loaded);
    if (status != OK) {
        study_free(loaded);
        return status;
    }
    *study = loaded;
    return OK;
}

void study_free(struct study *study)
{
    if (study == NULL) {
        return;
    }
    for (size_t i = 0; i < experiment_point_count(study->experiment); i++) {
        run_free(study->runs[i]);
    }
    g_free(study->runs);
    g_free(study);
}

/* Points stand in the order of the cross product, fidelity outermost. */
const struct run *study_find(const struct study *study, enum fidelity fidelity,
                             const int *entries)
{
    const struct experiment *experiment = study->experiment;
    bool is_second =
        fidelity == FIDELITY_SIM && experiment->fidelities[FIDELITY_MODEL];
    size_t index = is_second ? 1 : 0;
    for (int a = 0; a < (int)experiment->axes->len; a++) {
        index = index * experiment_axis(experiment, a)->entries->len +
                (size_t)entries[a];
    }
    return study->runs[index];
}
