/* Networks are known by their actions alone: components that are neither a memory
 * nor a unit. So what they sum up to is what the energy of the run lacks beside
 * that of memories and units. */
#include <string.h>

#include "reports/run.h"

static bool is_network(const struct evaluation *evaluation, const char *name)
{
    for (int m = 0; m < evaluation->memory_count; m++) {
        if (strcmp(evaluation->memories[m].name, name) == 0) {
            return false;
        }
    }
    for (int u = 0; u < evaluation->unit_count; u++) {
        if (strcmp(evaluation->units[u].name, name) == 0) {
            return false;
        }
    }
    return true;
}

static struct run_network *find_network(GArray *networks, const char *name)
{
    for (guint i = 0; i < networks->len; i++) {
        struct run_network *network =
            &g_array_index(networks, struct run_network, i);
        if (strcmp(network->name, name) == 0) {
            return network;
        }
    }
    struct run_network network = {.name = name};
    g_array_append_val(networks, network);
    return &g_array_index(networks, struct run_network, networks->len - 1);
}

GArray *run_sum_networks(const struct evaluation *evaluation)
{
    GArray *networks = g_array_new(FALSE, TRUE, sizeof(struct run_network));
    for (int i = 0; i < evaluation->action_count; i++) {
        const struct evaluation_action *action = &evaluation->actions[i];
        if (!is_network(evaluation, action->component)) {
            continue;
        }
        struct run_network *network = find_network(networks, action->component);
        bool is_hop = strcmp(action->action, "hop") == 0;
        network->hop_count += is_hop ? action->count : 0;
        network->bytes += action->bytes;
        network->energy_pj += action->energy_pj;
    }
    return networks;
}
