/* The point of an experiment with what it owns. */
#ifndef WEIR_EXPLORE_POINT_H
#define WEIR_EXPLORE_POINT_H

#include "explore/explore.h"

struct owned_point {
    struct point point; /* first: what callers see; borrows from the rest */
    struct scope *chosen;
    char *label;
    char *key;
    int *entries;
};

#endif
