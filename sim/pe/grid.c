/* Rows in time, elements of a row side by side. */
#include "sim/pe/grid.h"

#include <math.h>
#include <string.h>

#include "sim/pe/exp_step.h"

/* An instruction on its way down, with the values that go with it. */
struct flight {
    struct pe_instruction instruction;
    double *top[2]; /* of a and b, by column */
};

struct pe_grid {
    int rows;
    int columns;
    int registers;
    double *reg;           /* [register][row][column] */
    int64_t *tag;          /* [register][row] */
    double *above;         /* [row][column]: what the row sent down last */
    struct exp_state *exp; /* [row][column] */
    double *operand[3];    /* scratch: a row's a, b, c */
    double *tops;
    /* What row r does is flights[(head + r) % rows]. */
    struct flight *flights;
    int head;
};

struct pe_grid *pe_grid_new(int rows, int columns, int registers)
{
    struct pe_grid *grid = g_new0(struct pe_grid, 1);
    gsize elements = (gsize)rows * (gsize)columns;
    grid->rows = rows;
    grid->columns = columns;
    grid->registers = registers;
    grid->reg = g_try_new0(double, elements *((gsize)registers + 1));
    grid->tag = g_try_new0(int64_t, (gsize)rows * ((gsize)registers + 1));
    grid->above = g_try_new0(double, elements);
    grid->exp = g_try_new0(struct exp_state, elements);
    grid->tops = g_try_new0(double, 2 * elements + 3 * (gsize)columns);
    grid->flights = g_try_new0(struct flight, (gsize)rows);
    if (grid->reg == NULL || grid->tag == NULL || grid->above == NULL ||
        grid->exp == NULL || grid->tops == NULL || grid->flights == NULL) {
        pe_grid_free(grid);
        return NULL;
    }
    for (int r = 0; r < rows; r++) {
        grid->flights[r].top[0] = grid->tops + 2 * r * columns;
        grid->flights[r].top[1] = grid->tops + (2 * r + 1) * columns;
    }
    for (int i = 0; i < 3; i++) {
        grid->operand[i] = grid->tops + (2 * rows + i) * columns;
    }
    return grid;
}

void pe_grid_free(struct pe_grid *grid)
{
    if (grid != NULL) {
        g_free(grid->reg);
        g_free(grid->tag);
        g_free(grid->above);
        g_free(grid->exp);
        g_free(grid->tops);
        g_free(grid->flights);
        g_free(grid);
    }
}

int pe_grid_rows(const struct pe_grid *grid)
{
    return grid->rows;
}

/* ---- operands ---------------------------------------------------------------- */

static void fill(double *to, double value, int count)
{
    for (int c = 0; c < count; c++) {
        to[c] = value;
    }
}

/* The values of a source in a row; false if a register holds something else. */
static bool fetch(const struct pe_grid *grid, int row,
                  const struct flight *flight, const struct pe_source *source,
                  const double *top, double *to)
{
    int columns = flight->instruction.columns;
    size_t bytes = (size_t)columns * sizeof(double);
    switch (source->place) {
    case PE_CONSTANT:
        fill(to, flight->instruction.constant, columns);
        return true;
    case PE_REGISTER: {
        int at = source->index * grid->rows + row;
        memcpy(to, grid->reg + (int64_t)at * grid->columns, bytes);
        return grid->tag[at] == source->tag;
    }
    case PE_LEFT:
        fill(to, source->value[row * source->stride], columns);
        return true;
    case PE_TOP:
        memcpy(to, top, bytes);
        return true;
    case PE_ABOVE:
        if (row == 0) {
            fill(to, flight->instruction.constant, columns);
        } else {
            memcpy(to, grid->above + (int64_t)(row - 1) * grid->columns, bytes);
        }
        return true;
    }
    BUG("operand from place %d", (int)source->place);
}

/* ---- one row ----------------------------------------------------------------- */

static double compute(const struct pe_instruction *i, double a, double b,
                      double c, struct exp_state *state)
{
    switch (i->op) {
    case PE_IDLE:
        return 0.0;
    case PE_MAC:
        return a * b + c;
    case PE_MUL:
        return a * b;
    case PE_ADD:
        return a + b;
    case PE_SUB:
        return a - b;
    case PE_MAX:
        return a > b ? a : b;
    case PE_DIVIDE:
        return a / b;
    case PE_EXP:
        return exp(a);
    case PE_EXP_STEP:
        exp_step(state, i->exp_step, a);
        return i->exp_step + 1 == PE_EXP_STEPS ? exp_result(state) : 0.0;
    }
    BUG("operation %d", (int)i->op);
}

/* The row writes what it computed; rows that are not in use pass on. */
static void write_row(struct pe_grid *grid, int row,
                      const struct pe_instruction *i, const double *value)
{
    size_t bytes = (size_t)i->columns * sizeof(double);
    if (i->to_register >= 0) {
        int at = i->to_register * grid->rows + row;
        memcpy(grid->reg + (int64_t)at * grid->columns, value, bytes);
        grid->tag[at] = i->tag;
    }
    if (i->goes_down) {
        memcpy(grid->above + (int64_t)row * grid->columns, value, bytes);
    }
}

static bool run_row(struct pe_grid *grid, int row, const struct flight *flight,
                    int *overwritten)
{
    const struct pe_instruction *i = &flight->instruction;
    double *a = grid->operand[0];
    double *b = grid->operand[1];
    double *c = grid->operand[2];
    if (i->op == PE_IDLE) {
        return true;
    }
    if (row >= i->rows) {
        double *passed = grid->above + (int64_t)row * grid->columns;
        if (i->goes_down) {
            memcpy(passed, passed - grid->columns,
                   (size_t)i->columns * sizeof(double));
        }
        return true;
    }
    const struct pe_source *source[] = {&i->a, &i->b, &i->c};
    for (int s = 0; s < 3; s++) {
        if (!fetch(grid, row, flight, source[s], s < 2 ? flight->top[s] : NULL,
                   grid->operand[s])) {
            *overwritten = source[s]->index;
            return false;
        }
    }
    struct exp_state *state = grid->exp + (int64_t)row * grid->columns;
    for (int column = 0; column < i->columns; column++) {
        a[column] = compute(i, a[column], b[column], c[column], &state[column]);
    }
    write_row(grid, row, i, a);
    return true;
}

/* ---- a cycle ----------------------------------------------------------------- */

static void take_top(const struct pe_source *source, int columns, double *top)
{
    for (int c = 0; source->place == PE_TOP && c < columns; c++) {
        top[c] = source->value[c * source->stride];
    }
}

static void enter(struct pe_grid *grid,
                  const struct pe_instruction *instruction)
{
    static const struct pe_instruction idle = {.op = PE_IDLE};
    grid->head = (grid->head + grid->rows - 1) % grid->rows;
    struct flight *flight = &grid->flights[grid->head];
    flight->instruction = instruction == NULL ? idle : *instruction;
    if (instruction != NULL) {
        take_top(&instruction->a, instruction->columns, flight->top[0]);
        take_top(&instruction->b, instruction->columns, flight->top[1]);
    }
}

bool pe_grid_step(struct pe_grid *grid,
                  const struct pe_instruction *instruction,
                  struct pe_leaving *leaving, int *overwritten)
{
    enter(grid, instruction);
    /* From the last row up: each reads what the row above sent a cycle ago. */
    for (int row = grid->rows; row-- > 0;) {
        const struct flight *flight =
            &grid->flights[(grid->head + row) % grid->rows];
        if (!run_row(grid, row, flight, overwritten)) {
            return false;
        }
    }
    const struct pe_instruction *last =
        &grid->flights[(grid->head + grid->rows - 1) % grid->rows].instruction;
    *leaving = (struct pe_leaving){
        .has_left = last->op != PE_IDLE && last->goes_down,
        .columns = last->columns,
        .value = grid->above + (int64_t)(grid->rows - 1) * grid->columns,
        .result = last->result,
        .result_offset = last->result_offset,
        .result_stride = last->result_stride,
    };
    return true;
}
