/* The point of an experiment with what it owns. */
#ifndef WEIR_EXPLORE_POINT_H
#define WEIR_EXPLORE_POINT_H

#include "explore/experiment.h"
#include "explore/explore.h"

struct owned_point {
    struct point point; /* first: what callers see; borrows from the rest */
    struct scope *chosen;
    char *label;
    char *key;                     /* NULL until the point is asked for */
    const char *hash[INPUT_COUNT]; /* of its files */
    int *entries;
};

#endif
