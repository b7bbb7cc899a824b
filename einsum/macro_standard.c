/* einsum/macros.yaml, line by line: an installed command has it with it. */
#include "einsum/macro.h"

const char *const macro_standard_lines[] = {
#include "einsum/macro_lines.h"
};

const size_t macro_standard_line_count = G_N_ELEMENTS(macro_standard_lines);
