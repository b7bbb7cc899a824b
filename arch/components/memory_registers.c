/* Register files: rows of flip-flops, a read multiplexer and an address decoder.
 * The library entry of 64 rows of 32 bits at 45 nm (Accelergy library plug-in)
 * takes 2.17408 pJ to read, 1.88608 pJ to write and 16791.04 um2. Width scales
 * all of it, depth the area; the energy goes as depth^0.78, as CACTI finds for
 * small arrays. The decoder adds 0.0040749 pJ and 11.63484 um2 for each bit of
 * the address. */
#include <math.h>

#include "arch/components/components.h"

#define REFERENCE_NM    45
#define REFERENCE_MV    900
#define REFERENCE_DEPTH 64
#define REFERENCE_WIDTH 32

struct arch_class_cost
estimate_register_file(const struct arch_class_query *query)
{
    double width = query->parameter[ARCH_PARAMETER_WIDTH];
    double bits = query->parameter[ARCH_PARAMETER_SIZE] * 8;
    double depth = fmax(bits / width, 1);
    double address_bits = ceil(log2(depth));
    double energy_scale =
        width / REFERENCE_WIDTH * pow(depth / REFERENCE_DEPTH, 0.78);
    double area_scale = width / REFERENCE_WIDTH * depth / REFERENCE_DEPTH;
    double decoder_pj = 0.0040749 * address_bits;
    double area_um2 = 16791.04 * area_scale + 11.63484 * address_bits;
    struct arch_class_cost cost =
        scale_logic(query, 2.17408 * energy_scale + decoder_pj, area_um2,
                    REFERENCE_NM, REFERENCE_MV);
    cost.write_energy_pj =
        scale_logic(query, 1.88608 * energy_scale + decoder_pj, area_um2,
                    REFERENCE_NM, REFERENCE_MV)
            .read_energy_pj;
    return cost;
}
