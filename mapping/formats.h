/* How tensors are stored: `formats:` of a mapping. Private to mapping/. */
#ifndef WEIR_MAPPING_FORMATS_H
#define WEIR_MAPPING_FORMATS_H

#include "mapping/builder.h"

enum storage_kind {
    STORAGE_DENSE,
    STORAGE_BITMASK,    /* a bit an element, and the nonzeros */
    STORAGE_CSR,        /* pointers of rows, columns, nonzeros */
    STORAGE_CSC,        /* pointers of columns, rows, nonzeros */
    STORAGE_BLOCK,      /* CSR of blocks that are kept whole */
    STORAGE_RUN_LENGTH, /* zeros before each nonzero, in row order */
};

/* As written. */
struct tree_format {
    struct tree_name tensor;
    GArray *places; /* struct tree_name; empty: every memory */
    enum storage_kind kind;
    GArray *block;      /* struct tree_pair rank -> elements */
    struct expr *group; /* blocks of a row are padded to a multiple; or NULL */
    int64_t value_bits; /* 0: the memory's word */
    int64_t index_bits; /* 0: as many as the tile needs */
    int64_t pointer_bits;
    int64_t run_bits;
    struct span span;
};

enum status formats_parse(struct diags *diags, const struct yaml_node *list,
                          GPtrArray *formats);
void format_free(void *format);
void formats_print(GString *out, const GPtrArray *formats);

/* Fills in the ratios of every flow. */
enum status build_formats(struct builder *b);
/* Bytes of the largest tile of a hold, `elements` of the tensor; false on
 * overflow. */
bool formats_count_tile(struct builder *b, int hold, int tensor,
                        int64_t elements, int64_t *bytes);

#endif
