/* Recurrences. Statements that reach each other through what they read (SPD
 * reads RD, RD reads SPD) form a group, a strongly connected component of the
 * statement graph. A group is executed step by step along one iterative rank,
 * its statements in text order within a step. That is right if every operand
 * from the group was written by then: at an earlier step, or at the same step
 * by a statement further up. */
#include "einsum/binder.h"

#include <string.h>

/* ---- groups -----------------------------------------------------------------
 */

struct reachability {
    const struct workload *workload;
    bool *reaches; /* [from * statement_count + to] */
};

static void mark_reached(struct reachability *graph, int from, int at)
{
    const struct workload *workload = graph->workload;
    const struct einsum_statement *statement = &workload->statements[at];
    for (int i = 0; i < statement->read_count; i++) {
        int next =
            workload->tensors[statement->resolved_reads[i].tensor].producer;
        for (; next >= 0; next = workload->statements[next].next_part) {
            bool *is_reached =
                &graph->reaches[from * workload->statement_count + next];
            if (workload->statements[next].kind == EINSUM_COMPUTE &&
                !*is_reached) {
                *is_reached = true;
                mark_reached(graph, from, next);
            }
        }
    }
}

void workload_find_groups(const struct workload *workload, int *group)
{
    int count = workload->statement_count;
    g_autofree bool *reaches = g_new0(bool, (size_t)count *(size_t)count);
    struct reachability graph = {workload, reaches};
    for (int i = 0; i < count; i++) {
        mark_reached(&graph, i, i);
    }
    for (int i = 0; i < count; i++) {
        group[i] = i;
        for (int j = 0; j < i; j++) {
            if (reaches[i * count + j] && reaches[j * count + i]) {
                group[i] = j;
                break;
            }
        }
    }
}

/* ---- is a group in steps?
 * ------------------------------------------------------ */

static void report(const struct binder *binder, struct span span,
                   const char *message, const char *tensor)
{
    diag_error(binder->diags, span, "einsum-recurrence", NULL,
               "'%s' recurs on itself, but %s", tensor, message);
}

/* The index of `access` that moves with `rank`: 1*rank + constant. */
static int find_step_dim(const struct einsum_access *access, int rank)
{
    for (int i = 0; i < access->dim_count; i++) {
        struct affine index = access->index[i];
        index.constant = 0;
        if (affine_single_rank(&index) == rank) {
            return i;
        }
    }
    return -1;
}

static void check_group_read(const struct binder *binder, int reader,
                             const struct einsum_access *read, int writer,
                             int rank)
{
    const struct workload *workload = binder->workload;
    const char *name = workload->tensors[read->tensor].name;
    const struct einsum_access *written = &workload->statements[writer].output;
    int dim = find_step_dim(written, rank);
    if (dim < 0) {
        return; /* reported with the statement that writes it */
    }
    struct affine step = read->index[dim];
    int64_t distance = written->index[dim].constant - step.constant;
    step.constant = 0;
    if (affine_single_rank(&step) != rank) {
        report(binder, read->span,
               "here it is not read step by step along its rank", name);
    } else if (distance < 0 || (distance == 0 && writer >= reader)) {
        report(binder, read->span,
               "here it is read at a step that is not computed yet", name);
    }
}

/* The rank along which the group of statement `i` advances, or -1. */
static int find_group_rank(const struct binder *binder, const int *group, int i)
{
    const struct workload *workload = binder->workload;
    int found = -1;
    for (int j = 0; j < workload->statement_count; j++) {
        const struct einsum_tensor *tensor =
            &workload->tensors[workload->statements[j].output.tensor];
        if (group[j] != group[i] || tensor->producer != j ||
            tensor->iterative_rank < 0) {
            continue;
        }
        if (found >= 0 && found != tensor->iterative_rank) {
            report(binder, tensor->span,
                   "not all of its statements advance along the same rank",
                   tensor->name);
        }
        found = tensor->iterative_rank;
    }
    return found;
}

static bool is_recurring(const struct workload *workload, const int *group,
                         int i)
{
    const struct einsum_statement *statement = &workload->statements[i];
    for (int j = 0; j < statement->read_count; j++) {
        int writer =
            workload->tensors[statement->resolved_reads[j].tensor].producer;
        for (; writer >= 0; writer = workload->statements[writer].next_part) {
            if (group[writer] == group[i] &&
                statement->kind == EINSUM_COMPUTE) {
                return true;
            }
        }
    }
    return false;
}

static void bind_group(struct binder *binder, const int *group, int i)
{
    struct workload *workload = binder->workload;
    struct einsum_statement *statement = &workload->statements[i];
    int rank = find_group_rank(binder, group, i);
    if (rank < 0) {
        report(binder, statement->span, "it has no iterative rank",
               statement->name);
        return;
    }
    for (int j = 0; j < statement->read_count; j++) {
        const struct einsum_access *read = &statement->resolved_reads[j];
        int writer = workload->tensors[read->tensor].producer;
        for (; writer >= 0; writer = workload->statements[writer].next_part) {
            if (group[writer] == group[i]) {
                check_group_read(binder, i, read, writer, rank);
            }
        }
    }
    if (find_step_dim(&statement->output, rank) < 0) {
        report(binder, statement->span, "it does not advance along its rank",
               statement->name);
        return;
    }
    statement->iterative_rank = rank;
}

/* ---- where it starts
 * ------------------------------------------------------------ */

static bool has_initial_slice(const struct workload *workload, int tensor,
                              int64_t slice)
{
    int dim = workload->tensors[tensor].iterative_dim;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        const struct affine *index = &statement->output.index[dim];
        if (statement->kind == EINSUM_INITIAL &&
            statement->output.tensor == tensor &&
            (!affine_is_constant(index) || index->constant == slice)) {
            return true;
        }
    }
    return false;
}

/* T[r+2] = ... needs T[0] and T[1]. */
static void check_initial_slices(const struct binder *binder, int tensor)
{
    const struct workload *workload = binder->workload;
    const struct einsum_tensor *iterative = &workload->tensors[tensor];
    const struct einsum_statement *producer =
        &workload->statements[iterative->producer];
    int64_t shift = producer->output.index[iterative->iterative_dim].constant;
    for (int64_t slice = 0; slice < shift; slice++) {
        if (!has_initial_slice(workload, tensor, slice)) {
            diag_error(binder->diags, producer->span, "einsum-missing-initial",
                       NULL,
                       "iterative tensor '%s' has no initial value at index "
                       "%" G_GINT64_FORMAT " of dimension %d",
                       iterative->name, slice, iterative->iterative_dim + 1);
            return;
        }
    }
}

void bind_recurrences(struct binder *binder)
{
    struct workload *workload = binder->workload;
    g_autofree int *group = g_new0(int, (size_t)workload->statement_count);
    workload_find_groups(workload, group);
    for (int i = 0; i < workload->statement_count; i++) {
        if (is_recurring(workload, group, i)) {
            bind_group(binder, group, i);
        }
    }
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct cascade_tensor *parsed =
            cascade_tensor_at(binder->cascade, (size_t)i);
        /* Of tensors in parts it is known that nothing is left out. */
        if (workload->tensors[i].iterative_dim >= 0 && !parsed->is_in_parts) {
            check_initial_slices(binder, i);
        }
    }
}
