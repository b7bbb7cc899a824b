/* Where a trace is written to. Private to sim/trace/. */
#ifndef SIM_TRACE_OUT_H
#define SIM_TRACE_OUT_H

#include <stdio.h>

#include "sim/trace/trace.h"

struct trace_out {
    FILE *file;
    const volatile sig_atomic_t *interrupts;
};

/* False once nothing more can or shall be written: a writer may then end early.
 * The file remembers its first error. */
bool trace_out_goes_on(const struct trace_out *out);
void trace_out_print(struct trace_out *out, const char *format, ...)
    PRINTF_LIKE(2, 3);
void trace_out_bytes(struct trace_out *out, const void *bytes, size_t count);

/* 12.345 for 12345: millicycles as microseconds, zeros at the end left out. */
void trace_out_decimal(struct trace_out *out, int64_t millicycles);

#define TRACE_FORMAT(id, name, endings, level, help)                           \
    void trace_write_##name(const struct trace *trace, struct trace_out *out);
#include "sim/trace/formats.def"
#undef TRACE_FORMAT

#endif
