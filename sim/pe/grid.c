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
    double *operand[4];    /* scratch: a row's a, b, c and result */
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
    grid->tops = g_try_new0(double, 2 * elements + 4 * (gsize)columns);
    grid->flights = g_try_new0(struct flight, (gsize)rows);
    if (grid->reg == NULL || grid->tag == NULL || grid->above == NULL ||
        grid->exp == NULL || grid->tops == NULL || grid->flights == NULL) {
        pe_grid_free(grid);
        return NULL;
    }
    double *next = grid->tops;
    for (int r = 0; r < rows; r++) {
        for (int operand = 0; operand < 2; operand++) {
            grid->flights[r].top[operand] = next;
            next += columns;
        }
    }
    for (int i = 0; i < 4; i++) {
        grid->operand[i] = next;
        next += columns;
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

/* The values of a source in a row, where they are or in `scratch`; NULL if a
 * register holds something else. */
static const double *fetch(const struct pe_grid *grid, int row,
                           const struct flight *flight,
                           const struct pe_source *source, const double *top,
                           double *scratch)
{
    int columns = flight->instruction.columns;
    switch (source->place) {
    case PE_CONSTANT:
        fill(scratch, flight->instruction.constant, columns);
        return scratch;
    case PE_REGISTER: {
        int at = source->index * grid->rows + row;
        return grid->tag[at] == source->tag
                   ? grid->reg + (int64_t)at * grid->columns
                   : NULL;
    }
    case PE_LEFT:
        fill(scratch, source->value[row * source->stride], columns);
        return scratch;
    case PE_TOP:
        return top;
    case PE_ABOVE:
        if (row > 0) {
            return grid->above + (int64_t)(row - 1) * grid->columns;
        }
        fill(scratch, flight->instruction.constant, columns);
        return scratch;
    }
    BUG("operand from place %d", (int)source->place);
}

/* ---- one row ----------------------------------------------------------------- */

#define EACH_COLUMN(expression)                                                \
    for (int n = 0; n < i->columns; n++) {                                     \
        to[n] = (expression);                                                  \
    }                                                                          \
    return

/* What each element of a row computes. */
static void compute(const struct pe_instruction *i, const double *a,
                    const double *b, const double *c, struct exp_state *state,
                    double *to)
{
    switch (i->op) {
    case PE_IDLE:
        return;
    case PE_MAC:
        EACH_COLUMN(a[n] * b[n] + c[n]);
    case PE_MUL:
        EACH_COLUMN(a[n] * b[n]);
    case PE_ADD:
        EACH_COLUMN(a[n] + b[n]);
    case PE_SUB:
        EACH_COLUMN(a[n] - b[n]);
    case PE_MAX:
        EACH_COLUMN(a[n] > b[n] ? a[n] : b[n]);
    case PE_DIVIDE:
        EACH_COLUMN(a[n] / b[n]);
    case PE_EXP:
        EACH_COLUMN(exp(a[n]));
    case PE_EXP_STEP:
        for (int n = 0; n < i->columns; n++) {
            exp_step(&state[n], i->exp_step, a[n]);
        }
        if (i->exp_step + 1 == PE_EXP_STEPS) {
            EACH_COLUMN(exp_result(&state[n]));
        }
        return;
    }
    BUG("operation %d", (int)i->op);
}

/* The row writes what it computed. */
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

/* A row that is not in use passes on what goes down. */
static void pass_on(struct pe_grid *grid, int row,
                    const struct pe_instruction *i)
{
    double *passed = grid->above + (int64_t)row * grid->columns;
    if (i->goes_down) {
        memcpy(passed, passed - grid->columns,
               (size_t)i->columns * sizeof(double));
    }
}

static bool run_row(struct pe_grid *grid, int row, const struct flight *flight,
                    int *overwritten)
{
    const struct pe_instruction *i = &flight->instruction;
    const struct pe_source *source[] = {&i->a, &i->b, &i->c};
    const double *operand[3] = {grid->operand[0], grid->operand[1],
                                grid->operand[2]};
    /* Constants of operations that have fewer operands are not looked at. */
    int count = i->op == PE_MAC ? 3 : i->op == PE_EXP_STEP ? 1 : 2;
    if (i->op == PE_IDLE) {
        return true;
    }
    if (row >= i->rows) {
        pass_on(grid, row, i);
        return true;
    }
    for (int s = 0; s < count; s++) {
        operand[s] = fetch(grid, row, flight, source[s],
                           s < 2 ? flight->top[s] : NULL, grid->operand[s]);
        if (operand[s] == NULL) {
            *overwritten = source[s]->index;
            return false;
        }
    }
    double *value = grid->operand[3];
    compute(i, operand[0], operand[1], operand[2],
            grid->exp + (int64_t)row * grid->columns, value);
    write_row(grid, row, i, value);
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
