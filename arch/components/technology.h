/* Private to arch/components/: what a change of technology does to a number. */
#ifndef WEIR_ARCH_TECHNOLOGY_H
#define WEIR_ARCH_TECHNOLOGY_H

#define TECHNOLOGY_LEAST_NM 7
#define TECHNOLOGY_MOST_NM  180

/* Supply of a node as commonly used; between nodes, interpolated. */
double technology_nominal_mv(double nm);

/* Energy of the same circuit at `nm` and `mv` over that at the other point. */
double technology_energy_ratio(double nm, double mv, double from_nm,
                               double from_mv);
/* Area of the same logic at `nm` over that at `from_nm`. */
double technology_area_ratio(double nm, double from_nm);
/* Leakage power of the same circuit, likewise. */
double technology_leakage_ratio(double nm, double mv, double from_nm,
                                double from_mv);

/* Area of a six-transistor SRAM cell. */
double technology_sram_cell_um2(double nm);

#endif
