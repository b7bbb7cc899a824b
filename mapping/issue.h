/* What a core's instructions are for a leaf: `issue:` of a compute node. Private to
 * mapping/. */
#ifndef WEIR_MAPPING_ISSUE_H
#define WEIR_MAPPING_ISSUE_H

#include "mapping/builder.h"

/* As written: {per: k, tile: 4, every: 4, unpack: 8, chain: dot}. */
struct tree_issue {
    struct tree_name per; /* a rank: each iteration of its loop; text NULL: each
                               iteration of the node's innermost loop */
    struct expr *tile;    /* of which of its loops; NULL: the innermost */
    struct expr *every;   /* once in so many iterations; NULL: 1 */
    struct tree_name chain; /* an instruction each waits for; text NULL: none */
    GArray *instructions;   /* struct tree_pair instruction -> times */
    struct span span;
};

enum status issue_parse(struct diags *diags, const struct yaml_node *list,
                        GPtrArray *issue);
void issue_free(void *issue);
void issue_print(GString *out, const GPtrArray *issue);

/* Counts the instructions of leaves on units with ports, and from them their busy
 * cycles and the clock of the plan. */
enum status build_issue(struct builder *b);

#endif
