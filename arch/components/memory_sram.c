/* SRAM.
 *
 * Area: cells at an array efficiency of 0.8, each port beyond the banks adding
 * a word line and a pair of bit lines to the cell; and the bus, which has to
 * cross the macro: its width times a pitch of 6 F for the wires in and out, in
 * both directions.
 *     bits * cell * grown / 0.8 + (width * 6 F)^2
 * Accesses at a time (`ports`) up to the number of banks need one port a cell.
 *
 * Energy: an access drives the data and some 45 wires of address, select and
 * control across the macro, whose side is the square root of its area; all that
 * happens on the way (drivers, decoders, bit lines, sense amplifiers) goes with
 * the same capacitance. At 45 nm and 0.9 V
 *     0.5 pJ / (bit mm) * (width + 45) * side
 * which gives Horowitz's 10, 20 and 100 pJ for 64 bits of 8 KiB, 32 KiB and
 * 1 MiB as 8.8, 17.6 and 99.6. A write swings bit lines fully where a read
 * senses a tenth: 256 cells of 0.6 fF, 0.15 pJ a bit more. */
#include <math.h>

#include "arch/components/components.h"
#include "arch/components/technology.h"

#define REFERENCE_NM          45
#define REFERENCE_MV          900
#define ARRAY_EFFICIENCY      0.8
#define BUS_PITCH_F           6
#define PORT_GROWTH           0.46 /* of each side of the cell, per port */
#define CONTROL_WIRES         45
#define ENERGY_PJ_PER_BIT_MM  0.5
#define FULL_SWING_PJ_PER_BIT 0.15
/* As logic (scale_logic), by area: cells are neither gated nor of a high
 * threshold. */
#define LEAKAGE_MW_PER_UM2 12e-6
#define LEAKAGE_NM         40

static double value_or(const struct arch_class_query *query,
                       enum arch_parameter parameter, double otherwise)
{
    double value = query->parameter[parameter];
    return value >= 0 ? value : otherwise;
}

static double area_um2(const struct arch_class_query *query, double nm)
{
    double bits = query->parameter[ARCH_PARAMETER_SIZE] * 8;
    double bus_um =
        query->parameter[ARCH_PARAMETER_WIDTH] * BUS_PITCH_F * nm / 1000;
    double ports = ceil(value_or(query, ARCH_PARAMETER_PORTS, 1) /
                        value_or(query, ARCH_PARAMETER_BANKS, 1));
    double side = 1 + PORT_GROWTH * (ports - 1);
    return bits * technology_sram_cell_um2(nm) * side * side /
               ARRAY_EFFICIENCY +
           bus_um * bus_um;
}

struct arch_class_cost estimate_sram(const struct arch_class_query *query)
{
    double nm = query->parameter[ARCH_PARAMETER_TECHNOLOGY];
    double mv = query_voltage_mv(query);
    double width = query->parameter[ARCH_PARAMETER_WIDTH];
    double side_mm = sqrt(area_um2(query, REFERENCE_NM)) / 1000;
    double read_pj = ENERGY_PJ_PER_BIT_MM * (width + CONTROL_WIRES) * side_mm;
    double scale = technology_energy_ratio(nm, mv, REFERENCE_NM, REFERENCE_MV);
    return (struct arch_class_cost){
        .read_energy_pj = read_pj * scale,
        .write_energy_pj = (read_pj + FULL_SWING_PJ_PER_BIT * width) * scale,
        .area_um2 = area_um2(query, nm),
        .leakage_mw =
            LEAKAGE_MW_PER_UM2 * area_um2(query, LEAKAGE_NM) *
            technology_leakage_ratio(nm, mv, LEAKAGE_NM,
                                     technology_nominal_mv(LEAKAGE_NM)),
    };
}
