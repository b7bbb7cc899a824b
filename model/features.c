/* Which attributes of an architecture the fidelities use. Whoever makes one of
 * them count adds it here; until then 'arch-not-used' warns of it. */
#include "model/model.h"

#define BIT(id) (1U << ARCH_FEATURE_##id)

unsigned model_used_features(enum fidelity fidelity)
{
    switch (fidelity) {
    case FIDELITY_MODEL:
        return BIT(LEAKAGE) | BIT(KEEPS) | BIT(NO_BYPASS) | BIT(MEMORY_WORD) |
               BIT(SPLIT_BANDWIDTH) | BIT(MASKING) | BIT(REDUCE_IN_PLACE) |
               BIT(NEIGHBOURS) | BIT(NETWORK_BANDWIDTH) | BIT(NETWORK_ENERGY) |
               BIT(NETWORK_LATENCY) | BIT(MEMORY_LATENCY) | BIT(OP_LATENCY);
    case FIDELITY_PE: /* no memory is ever in the way */
        return BIT(LEAKAGE) | BIT(KEEPS) | BIT(NO_BYPASS) | BIT(MEMORY_WORD) |
               BIT(NEIGHBOURS) | BIT(NETWORK_ENERGY) | BIT(LOAD);
    case FIDELITY_COUNT:
        break;
    case FIDELITY_SIM:
        return BIT(LEAKAGE) | BIT(KEEPS) | BIT(NO_BYPASS) | BIT(MEMORY_WORD) |
               BIT(SPLIT_BANDWIDTH) | BIT(MASKING) | BIT(REDUCE_IN_PLACE) |
               BIT(NEIGHBOURS) | BIT(NETWORK_BANDWIDTH) | BIT(NETWORK_ENERGY) |
               BIT(NETWORK_LATENCY) | BIT(MEMORY_LATENCY) | BIT(OP_LATENCY) |
               BIT(LOAD) | BIT(DRAM) | BIT(BANKING);
    }
    BUG("fidelity %d", (int)fidelity);
}
