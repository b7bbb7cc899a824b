/* A case of attention for the array in fusemax.sv: writes Q, K and V as hexadecimal
 * files into a folder, prints the sizes as the bench takes them, then what the
 * PE-level simulation of mappings/fusemax-architecture.yaml says the bench prints.
 * Usage: fusemax SEED FOLDER, from the root of the tree. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

struct fixture {
    struct diags *diags;
    struct problem *problem;
    struct einsum_data *data;
};

static const struct einsum_tensor *find(const struct fixture *fixture,
                                        const char *name, double **value)
{
    const struct workload *workload = fixture->problem->workload;
    int id = workload_find_tensor(workload, name);
    *value = fixture->data->tensors[id].value;
    return &workload->tensors[id];
}

static void print_bits(FILE *file, const struct einsum_tensor *tensor,
                       const double *value)
{
    for (int64_t i = 0; i < tensor->element_count; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &value[i], sizeof bits);
        fprintf(file, "%016" PRIx64 "\n", bits);
    }
}

static void save(const struct fixture *fixture, const char *tensor,
                 const char *folder, const char *name)
{
    double *value = NULL;
    const struct einsum_tensor *t = find(fixture, tensor, &value);
    char *path = g_build_filename(folder, name, NULL);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        exit(1);
    }
    print_bits(file, t, value);
    fclose(file);
    g_free(path);
}

static int64_t shape(const struct fixture *fixture, const char *name)
{
    const struct workload *workload = fixture->problem->workload;
    for (int i = 0; i < workload->shape_count; i++) {
        if (strcmp(workload->shape_name[i], name) == 0) {
            return workload->shape_value[i];
        }
    }
    exit(1);
}

/* At least two rows: a single one has no links to go down. */
static struct scope *choose(int seed)
{
    GRand *rand = g_rand_new_with_seed((guint32)seed);
    struct scope *chosen = scope_new(NULL);
    int pe = g_rand_int_range(rand, 2, 7);
    scope_set(chosen, "PE", pe);
    scope_set(chosen, "P", g_rand_int_range(rand, 1, pe + 1));
    scope_set(chosen, "M",
              g_rand_int_range(rand, 2, pe + 1) * g_rand_int_range(rand, 1, 6));
    scope_set(chosen, "E", g_rand_int_range(rand, 1, 17));
    scope_set(chosen, "F", g_rand_int_range(rand, 1, 17));
    scope_set(chosen, "GBUF", 65536);
    g_rand_free(rand);
    return chosen;
}

static enum status run(struct fixture *fixture, int seed,
                       struct evaluation **evaluation)
{
    struct scope *chosen = choose(seed);
    TRY(problem_load(fixture->diags, "workloads/attention/one-pass.yaml",
                     "arch-configs/fusemax-cloud.yaml",
                     "mappings/fusemax-architecture.yaml", chosen,
                     &fixture->problem));
    scope_free(chosen);
    const struct workload *workload = fixture->problem->workload;
    TRY(einsum_data_new(workload, false, fixture->diags, &fixture->data));
    einsum_fill_inputs(workload, (uint64_t)seed, fixture->data);
    return sim_run_pe(fixture->problem->plan, fixture->diags, fixture->data,
                      evaluation);
}

int main(int argc, char **argv)
{
    struct fixture fixture = {.diags = diags_new()};
    struct evaluation *evaluation = NULL;
    if (argc != 3 || run(&fixture, atoi(argv[1]), &evaluation) != OK) {
        GString *text = g_string_new(NULL);
        diags_print(fixture.diags, false, text);
        fprintf(stderr, "%s", text->str);
        return 1;
    }
    save(&fixture, "Q", argv[2], "q");
    save(&fixture, "K", argv[2], "k");
    save(&fixture, "V", argv[2], "v");
    printf("+rows=%d +columns=%d +blocks=%d +e=%d +f=%d\n",
           (int)shape(&fixture, "M0"), (int)shape(&fixture, "P"),
           (int)shape(&fixture, "M1"), (int)shape(&fixture, "E"),
           (int)shape(&fixture, "F"));
    printf("cycles %" PRId64 "\n", evaluation->cycles);
    double *value = NULL;
    const struct einsum_tensor *t = find(&fixture, "AV", &value);
    print_bits(stdout, t, value);
    return 0;
}
