/* What an element keeps between the steps of an exponential. Private to sim/pe/. */
#ifndef WEIR_SIM_PE_EXP_STEP_H
#define WEIR_SIM_PE_EXP_STEP_H

struct exp_state {
    double fraction;
    double exponent;
    double sum;
};

/* `x` is of step 0. */
void exp_step(struct exp_state *state, int step, double x);
/* After the last step. */
double exp_result(const struct exp_state *state);

#endif
