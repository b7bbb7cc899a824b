/* Every message of sim/dram/, at its place: tests/golden/errors/dram-*.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/dram/dram.h"
#include "tests/golden_errors.h"

static enum status load(struct diags *diags, const char *path)
{
    struct dram_spec spec;
    return dram_spec_load_file(diags, path, &spec);
}

int main(void)
{
    return golden_errors_run("dram-", load);
}
