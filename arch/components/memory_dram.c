/* DRAM kinds: published energies per bit, activation and interface included.
 * They stand beside the chip, so their area is no part of it: 0. Background and
 * refresh power depend on capacity and controller: unknown. */
#include "arch/components/components.h"

static struct arch_class_cost estimate(const struct arch_class_query *query,
                                       double energy_pj_per_bit)
{
    double energy_pj =
        query->parameter[ARCH_PARAMETER_WIDTH] * energy_pj_per_bit;
    return (struct arch_class_cost){
        .read_energy_pj = energy_pj,
        .write_energy_pj = energy_pj,
        .area_um2 = 0,
        .leakage_mw = ARCH_UNKNOWN,
    };
}

struct arch_class_cost estimate_ddr3(const struct arch_class_query *query)
{
    return estimate(query, 70);
}

struct arch_class_cost estimate_lpddr2(const struct arch_class_query *query)
{
    return estimate(query, 40);
}

struct arch_class_cost
estimate_dram_horowitz(const struct arch_class_query *query)
{
    return estimate(query, 1300.0 / 64);
}

struct arch_class_cost estimate_gddr5(const struct arch_class_query *query)
{
    return estimate(query, 14);
}

struct arch_class_cost estimate_lpddr4(const struct arch_class_query *query)
{
    return estimate(query, 8);
}

struct arch_class_cost estimate_hbm2(const struct arch_class_query *query)
{
    return estimate(query, 3.9);
}
