/* A broken promise of our own code is not an input error: say where it was
 * noticed and stop, so that no wrong number leaves the program. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void base_bug(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "%s:%d: bug: ", file, line);
    (void)vfprintf(stderr, format, args);
    (void)fputs("\nThis is a mistake in weir, not in your input; "
                "please report it.\n",
                stderr);
    va_end(args);
    abort();
}
