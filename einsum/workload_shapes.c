/* Shapes are named expressions over each other. Each is evaluated when it is
 * first needed; one that needs itself is an error. A value from outside
 * replaces the expression, which is then not evaluated at all. */
#include "einsum/binder.h"

enum shape_state { SHAPE_NEW, SHAPE_OPEN, SHAPE_DONE, SHAPE_BAD };

struct evaluation {
    struct binder *binder;
    enum shape_state *states; /* by shape */
    bool is_complete;         /* all names of one expression have values */
};

static void eval_shape(struct evaluation *evaluation, size_t i);

static void eval_name(const char *name, struct span span, void *data)
{
    struct evaluation *evaluation = data;
    const struct cascade *cascade = evaluation->binder->cascade;
    int found = cascade_find_shape(cascade, name);
    if (found < 0) {
        return; /* expr_eval reports it with a suggestion */
    }
    enum shape_state *state = &evaluation->states[found];
    if (*state == SHAPE_NEW) {
        eval_shape(evaluation, (size_t)found);
    } else if (*state == SHAPE_OPEN) {
        diag_error(evaluation->binder->diags, span, "einsum-shape-cycle", NULL,
                   "shape '%s' depends on itself", name);
        *state = SHAPE_BAD;
    }
    if (*state == SHAPE_BAD) {
        evaluation->is_complete = false;
    }
}

static bool eval_expr(struct evaluation *evaluation, size_t i, int64_t *value)
{
    struct binder *binder = evaluation->binder;
    const struct cascade_shape *shape = cascade_shape_at(binder->cascade, i);
    struct evaluation inner = *evaluation;
    inner.is_complete = true;
    expr_visit_names(shape->expr, eval_name, &inner);
    return inner.is_complete && evaluation->states[i] == SHAPE_OPEN &&
           expr_eval(shape->expr, binder->scope, binder->diags, value) == OK;
}

static void eval_shape(struct evaluation *evaluation, size_t i)
{
    struct binder *binder = evaluation->binder;
    const struct cascade_shape *shape = cascade_shape_at(binder->cascade, i);
    int64_t value = 0;
    evaluation->states[i] = SHAPE_OPEN;
    if (!binder_get_outside(binder, shape->name, &value) &&
        !eval_expr(evaluation, i, &value)) {
        evaluation->states[i] = SHAPE_BAD;
        return;
    }
    if (value < 1) {
        diag_error(binder->diags, shape->span, "einsum-extent", NULL,
                   "shape '%s' is %" G_GINT64_FORMAT ", but an extent is at "
                   "least 1",
                   shape->name, value);
        evaluation->states[i] = SHAPE_BAD;
        return;
    }
    scope_set(binder->scope, shape->name, value);
    evaluation->states[i] = SHAPE_DONE;
}

bool binder_get_outside(const struct binder *binder, const char *shape,
                        int64_t *value)
{
    return (binder->chosen != NULL &&
            scope_get(binder->chosen, shape, value)) ||
           (binder->proposed != NULL &&
            scope_get(binder->proposed, shape, value));
}

void bind_shapes(struct binder *binder)
{
    size_t count = cascade_shape_count(binder->cascade);
    g_autofree enum shape_state *states = g_new0(enum shape_state, count);
    struct evaluation evaluation = {binder, states, true};
    for (size_t i = 0; i < count; i++) {
        if (states[i] == SHAPE_NEW) {
            eval_shape(&evaluation, i);
        }
    }
}

enum status cascade_eval_shapes(const struct cascade *cascade,
                                const struct scope *chosen,
                                const struct scope *proposed,
                                struct diags *diags, struct scope *scope)
{
    struct binder binder = {
        .cascade = cascade,
        .chosen = chosen,
        .proposed = proposed,
        .diags = diags,
        .scope = scope,
    };
    size_t errors_before = diags_error_count(diags);
    bind_shapes(&binder);
    return diags_error_count(diags) > errors_before ? ERR_INPUT : OK;
}
