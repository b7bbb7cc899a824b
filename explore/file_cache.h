/* Cascades, architectures and mappings that were read, by path. */
#ifndef WEIR_EXPLORE_FILE_CACHE_H
#define WEIR_EXPLORE_FILE_CACHE_H

#include "explore/explore.h"

/* The problem of a point; it borrows its files from the cache. */
MUST_USE enum status file_cache_bind(struct file_cache *cache,
                                     struct diags *diags,
                                     const struct point *point,
                                     struct problem **problem);

#endif
