/* Every message about an experiment file, at its place:
 * tests/golden/errors/explore-*.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "explore/explore.h"
#include "tests/golden_errors.h"

static enum status load(struct diags *diags, const char *path)
{
    AUTO(experiment) experiment = NULL;
    struct experiment_options options = {0};
    return experiment_load_file(diags, path, &options, &experiment);
}

int main(void)
{
    return golden_errors_run("explore-", load);
}
