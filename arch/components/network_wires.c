/* Wires, routers and links between chips: energy of one bit over one hop, area
 * and leakage of what one lane has of the network.
 *
 * A repeated wire takes 240 fJ a bit and millimetre for a change at 40 nm and
 * 0.9 V (Keckler et al. 2011); half of all bits change. Capacitance per length
 * is the same at every node, so only the square of the supply scales it. Wires
 * run above logic, their repeaters are neglected: no area.
 *
 * A router writes and reads a buffer of flip-flops (0.009 pJ and 5.98 um2 a bit
 * at 40 nm, Aladdin) and crosses a matrix of `degree` buses, each of its width
 * at a pitch of 6 F, in both directions. */
#include "arch/components/components.h"
#include "arch/components/technology.h"

#define WIRE_PJ_PER_BIT_MM   (0.5 * 0.240)
#define WIRE_MV              900
#define CROSSBAR_PITCH_F     6
#define BUFFER_FLITS         4
#define REGISTER_NM          40
#define REGISTER_MV          900
#define REGISTER_PJ_PER_BIT  0.009
#define REGISTER_UM2_PER_BIT 5.98

static double wire_pj_per_bit(const struct arch_class_query *query,
                              double length_um)
{
    double supply = query_voltage_mv(query) / WIRE_MV;
    return WIRE_PJ_PER_BIT_MM * supply * supply * length_um / 1000;
}

struct arch_class_cost estimate_wire(const struct arch_class_query *query)
{
    return (struct arch_class_cost){
        .read_energy_pj =
            wire_pj_per_bit(query, query->parameter[ARCH_PARAMETER_LENGTH]),
    };
}

struct arch_class_cost estimate_router(const struct arch_class_query *query)
{
    double width = query->parameter[ARCH_PARAMETER_WIDTH];
    double degree = query->parameter[ARCH_PARAMETER_DEGREE];
    double link_um = query->parameter[ARCH_PARAMETER_LENGTH];
    degree = degree >= 0 ? degree : 5;
    double side_um = degree * width * CROSSBAR_PITCH_F *
                     query->parameter[ARCH_PARAMETER_TECHNOLOGY] / 1000;
    struct arch_class_cost cost =
        scale_logic(query, 2 * REGISTER_PJ_PER_BIT,
                    degree * BUFFER_FLITS * width * REGISTER_UM2_PER_BIT,
                    REGISTER_NM, REGISTER_MV);
    cost.read_energy_pj +=
        wire_pj_per_bit(query, side_um + (link_um >= 0 ? link_um : 0));
    cost.area_um2 += side_um * side_um;
    return cost;
}

struct arch_class_cost estimate_grs_link(const struct arch_class_query *query)
{
    (void)query;
    return (struct arch_class_cost){
        .read_energy_pj = 1.17,
        .area_um2 = ARCH_UNKNOWN,
        .leakage_mw = ARCH_UNKNOWN,
    };
}
