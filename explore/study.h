/* The runs of an experiment's points, fetched from the store. */
#ifndef WEIR_EXPLORE_STUDY_H
#define WEIR_EXPLORE_STUDY_H

#include "explore/experiment.h"

struct study {
    const struct experiment *experiment;
    struct run **runs; /* by point; NULL: not in the store */
    size_t run_count;  /* of those that are */
};

/* ERR_IO when the store has none of the points; a warning when it lacks some,
 * or when they were made by different versions of the program. */
MUST_USE enum status study_new(const struct experiment *experiment,
                               struct store *store, struct diags *diags,
                               struct study **study);
void study_free(struct study *study);
BASE_DEFINE_CLEANUP(study)

/* The run at these entries (by axis), or NULL. The experiment must have the
 * fidelity. */
const struct run *study_find(const struct study *study, enum fidelity fidelity,
                             const int *entries);

#endif
