/* The table of metrics.def. */
#include "reports/reports.h"

static const struct metric_info metrics[METRIC_COUNT] = {
#define METRIC(id, column, json, unit, heading, meaning, invariant)            \
    [METRIC_##id] = {column, json, unit, heading, meaning, invariant},
#include "reports/metrics.def"
#undef METRIC
};

const struct metric_info *metric_get(enum metric metric)
{
    return &metrics[metric];
}
