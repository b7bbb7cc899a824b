/* Instructions of a leaf on a unit with ports: its operations, one instruction for
 * each iteration of its innermost loop, and what the mapping says is issued besides
 * in each iteration of some loop: loads, shuffles, stores, branches. How often loops
 * iterate is counted along the leaf's chain, so that tiles a predicate leaves empty
 * issue nothing. Time is that of the whole run's mix: the most crowded set of ports,
 * the width of issue, or a chain of instructions that wait for one another, as
 * execution out of order overlaps iterations, plus stalls. */
#include "mapping/issue.h"

#include <math.h>
#include <string.h>

#include "mapping/chain.h"
#include "mapping/flows.h"

/* ---- the file ---------------------------------------------------------------- */

void issue_free(void *data)
{
    struct tree_issue *issue = data;
    g_free(issue->per.text);
    g_free(issue->chain.text);
    expr_free(issue->tile);
    expr_free(issue->every);
    for (guint i = 0; i < issue->instructions->len; i++) {
        struct tree_pair *pair =
            &g_array_index(issue->instructions, struct tree_pair, i);
        g_free(pair->key.text);
        expr_free(pair->value);
    }
    g_array_unref(issue->instructions);
    g_free(issue);
}

static enum status parse_name(struct diags *diags, const struct yaml_node *node,
                              struct tree_name *name)
{
    TRY(yaml_expect(diags, node, YAML_SCALAR, "a name"));
    *name = (struct tree_name){g_strdup(yaml_text(node)), yaml_span(node)};
    return OK;
}

static enum status parse_pair(struct diags *diags, const char *key,
                              const struct yaml_node *value,
                              struct tree_issue *issue)
{
    if (strcmp(key, "per") == 0) {
        return parse_name(diags, value, &issue->per);
    }
    if (strcmp(key, "chain") == 0) {
        return parse_name(diags, value, &issue->chain);
    }
    if (strcmp(key, "tile") == 0) {
        return yaml_parse_expr(diags, value, &issue->tile);
    }
    if (strcmp(key, "every") == 0) {
        return yaml_parse_expr(diags, value, &issue->every);
    }
    struct tree_pair pair = {0};
    TRY(yaml_parse_expr(diags, value, &pair.value));
    pair.key = (struct tree_name){g_strdup(key), yaml_key_span(value)};
    g_array_append_val(issue->instructions, pair);
    return OK;
}

enum status issue_parse(struct diags *diags, const struct yaml_node *list,
                        GPtrArray *issues)
{
    TRY(yaml_expect(diags, list, YAML_SEQUENCE,
                    "a list of {per: rank, instruction: times}"));
    for (size_t i = 0; i < yaml_count(list); i++) {
        const struct yaml_node *node = yaml_item(list, i);
        struct tree_issue *issue = g_new0(struct tree_issue, 1);
        issue->instructions =
            g_array_new(FALSE, TRUE, sizeof(struct tree_pair));
        issue->span = yaml_span(node);
        g_ptr_array_add(issues, issue);
        TRY(yaml_expect(diags, node, YAML_MAPPING, "instructions"));
        for (size_t k = 0; k < yaml_count(node); k++) {
            TRY(parse_pair(diags, yaml_pair_key(node, k),
                           yaml_pair_value(node, k), issue));
        }
    }
    return OK;
}

static void print_value(GString *out, const char *key, const struct expr *value,
                        const char **comma)
{
    g_autofree char *text = expr_print(value);
    g_string_append_printf(out, "%s%s: \"%s\"", *comma, key, text);
    *comma = ", ";
}

void issue_print(GString *out, const GPtrArray *issues)
{
    for (guint i = 0; i < issues->len; i++) {
        const struct tree_issue *issue = issues->pdata[i];
        const char *comma = "";
        g_string_append(out, i == 0 ? ", issue: [{" : ", {");
        if (issue->per.text != NULL) {
            g_string_append_printf(out, "per: %s", issue->per.text);
            comma = ", ";
        }
        if (issue->tile != NULL) {
            print_value(out, "tile", issue->tile, &comma);
        }
        if (issue->every != NULL) {
            print_value(out, "every", issue->every, &comma);
        }
        if (issue->chain.text != NULL) {
            g_string_append_printf(out, "%schain: %s", comma,
                                   issue->chain.text);
            comma = ", ";
        }
        for (guint k = 0; k < issue->instructions->len; k++) {
            const struct tree_pair *pair =
                &g_array_index(issue->instructions, struct tree_pair, k);
            print_value(out, pair->key.text, pair->value, &comma);
        }
        g_string_append_c(out, '}');
    }
    g_string_append(out, issues->len > 0 ? "]" : "");
}

/* ---- counting ----------------------------------------------------------------- */

static bool count_one(const void *context, const int64_t *extent,
                      int64_t *elements)
{
    (void)context;
    (void)extent;
    *elements = 1;
    return true;
}

/* Iterations of the first `links` links, of one core. */
static enum status count_iterations(struct builder *b,
                                    const struct chain *chain, int links,
                                    int64_t *iterations)
{
    struct chain part = *chain;
    const struct chain_tile each = {.count = count_one,
                                    .fresh = CHAIN_MAX_LINKS};
    struct chain_total total;
    part.count = links;
    if (!chain_count_fetched(&part, &each, &total)) {
        return flows_limit(b);
    }
    *iterations = total.elements;
    return OK;
}

/* One past the link that `issue` speaks of; -1 after a message. */
static int find_link(struct builder *b, const struct chain *chain,
                     const struct tree_issue *issue)
{
    int64_t tile = 0;
    int rank = -1;
    if (issue->per.text == NULL) {
        return chain->count;
    }
    rank = builder_find_rank(b, &issue->per);
    if (rank < 0 || (issue->tile != NULL &&
                     expr_eval(issue->tile, b->scope, b->diags, &tile) != OK)) {
        return -1;
    }
    for (int i = chain->count; i-- > 0;) {
        if (chain->link[i].rank == rank &&
            (issue->tile == NULL || chain->link[i].tile == tile)) {
            return i + 1;
        }
    }
    diag_error(b->diags, issue->per.span, "mapping-issue-loop", NULL,
               "no loop over '%s'%s stands above or in this compute",
               issue->per.text, issue->tile == NULL ? "" : " with that tile");
    return -1;
}

static int find_instruction(struct builder *b, const struct arch_ports *ports,
                            const struct tree_name *name)
{
    int found = arch_find_instruction(ports, name->text);
    if (found < 0) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        for (int i = 0; i < ports->instruction_count; i++) {
            g_ptr_array_add(known,
                            (void *)(uintptr_t)ports->instruction[i].name);
        }
        builder_report_unknown(b, name, "instruction",
                               "mapping-unknown-instruction", known);
    }
    return found;
}

struct mix {
    const struct arch_ports *ports;
    double *times; /* by instruction */
    double chain_cycles;
};

static enum status add_issue(struct builder *b, const struct chain *chain,
                             const struct tree_issue *issue, struct mix *mix)
{
    int64_t iterations = 0;
    int64_t every = 1;
    int links = find_link(b, chain, issue);
    if (links < 0) {
        return ERR_INPUT;
    }
    TRY(count_iterations(b, chain, links, &iterations));
    if (issue->every != NULL) {
        TRY(expr_eval(issue->every, b->scope, b->diags, &every));
    }
    if (every < 1) {
        diag_error(b->diags, expr_span(issue->every), "mapping-issue-count",
                   NULL, "once in %" G_GINT64_FORMAT " iterations", every);
        return ERR_INPUT;
    }
    double rounds = (double)iterations / (double)every;
    for (guint i = 0; i < issue->instructions->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(issue->instructions, struct tree_pair, i);
        int instruction = find_instruction(b, mix->ports, &pair->key);
        int64_t times = 0;
        TRY(expr_eval(pair->value, b->scope, b->diags, &times));
        if (times < 0) {
            diag_error(b->diags, expr_span(pair->value), "mapping-issue-count",
                       NULL, "'%s' %" G_GINT64_FORMAT " times", pair->key.text,
                       times);
        }
        if (instruction < 0 || times < 0) {
            return ERR_INPUT;
        }
        mix->times[instruction] += rounds * (double)times;
    }
    if (issue->chain.text != NULL) {
        int instruction = find_instruction(b, mix->ports, &issue->chain);
        if (instruction < 0) {
            return ERR_INPUT;
        }
        mix->chain_cycles +=
            rounds *
            (double)mix->ports->instruction[instruction].latency_cycles;
    }
    return OK;
}

/* The operations: one instruction for all lanes in each innermost iteration. */
static enum status add_operations(struct builder *b, int leaf_id,
                                  const struct chain *chain, struct mix *mix)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int64_t trips = 0;
    TRY(count_iterations(b, chain, chain->count, &trips));
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        const struct arch_op *cost =
            s->ops_per_point[op] == 0
                ? NULL
                : arch_find_op(unit, einsum_op_name((enum einsum_op)op));
        if (cost != NULL) {
            mix->times[cost->instruction] +=
                (double)trips * (double)s->ops_per_point[op];
        }
    }
    return OK;
}

static enum status count_leaf(struct builder *b, int leaf_id,
                              const GPtrArray *issues)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct arch_ports *ports = b->arch->units[leaf->unit].ports;
    struct mix mix = {
        .ports = ports,
        .times = g_new0(double, (gsize)ports->instruction_count),
    };
    leaf->instructions = mix.times;
    struct step step;
    struct chain chain;
    TRY(step_of_leaf(b, leaf_id, &step));
    chain_of_leaf(b->plan, leaf_id, &chain);
    for (int i = 0; i < chain.count; i++) {
        chain.link[i].is_single = true; /* all cores do as the first */
    }
    chain_add_step(&chain, &step);
    TRY(add_operations(b, leaf_id, &chain, &mix));
    leaf->operation_cycles =
        arch_count_port_cycles(ports, mix.times, ARCH_ALL_PORTS);
    for (guint i = 0; i < issues->len; i++) {
        TRY(add_issue(b, &chain, issues->pdata[i], &mix));
    }
    double cycles =
        MAX(arch_count_port_cycles(ports, mix.times, ARCH_ALL_PORTS),
            mix.chain_cycles);
    cycles += arch_count_stall_cycles(ports, mix.times);
    if (!(cycles < 0x1p62)) {
        return flows_limit(b);
    }
    leaf->serial_cycles =
        arch_count_port_cycles(ports, mix.times, ports->serial_ports);
    leaf->busy_cycles = (int64_t)ceil(cycles);
    leaf->busy_cycles_per_step =
        num_ceil_div(leaf->busy_cycles, MAX(leaf->step_count, 1));
    b->plan->clock_hz =
        MIN(b->plan->clock_hz, arch_licence_clock(b->arch, ports, mix.times));
    return OK;
}

enum status build_issue(struct builder *b)
{
    for (int l = 0; l < b->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &b->plan->leaves[l];
        const struct tree_item *item = b->items->pdata[leaf->node];
        if (b->arch->units[leaf->unit].ports != NULL) {
            TRY(count_leaf(b, l, item->issue));
        } else if (item->issue->len > 0) {
            const struct tree_issue *first = item->issue->pdata[0];
            diag_error(b->diags, first->span, "mapping-issue-unit", NULL,
                       "unit '%s' has no ports to issue instructions to",
                       b->arch->units[leaf->unit].name);
            return ERR_INPUT;
        }
    }
    return OK;
}
