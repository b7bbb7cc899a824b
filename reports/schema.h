/* The tables of the store and how they came to be. Version n of the schema is
 * what the first n migrations make; PRAGMA user_version says where a file
 * stands. A released migration is never edited: add the next one. */
#ifndef WEIR_REPORTS_SCHEMA_H
#define WEIR_REPORTS_SCHEMA_H

#include "reports/sql.h"

/* In the header of every store, so that another program's database is not
 * taken for one: 'WEIR'. */
#define SCHEMA_APPLICATION_ID 0x57454952

/* Of a unit, in the order of enum stall. */
#define STALL_COLUMNS                                                          \
    " stall_dependency_cycles, stall_reduction_cycles, stall_operand_cycles,"  \
    " stall_bandwidth_cycles, stall_bank_conflict_cycles, stall_dram_cycles,"  \
    " stall_network_cycles, stall_buffer_full_cycles, stall_fill_cycles,"      \
    " stall_drain_cycles, stall_out_of_work_cycles"

/* Creates the tables or brings an older store up to date, in one transaction.
 * ERR_IO when the file is another program's, or of a newer Weir. */
MUST_USE enum status schema_migrate(const struct store *store,
                                    struct diags *diags);

#endif
