/* How many points a statement's static conditions leave. Ranks that no
 * condition names only multiply. Of the others, the innermost is solved for its
 * intervals at each point of the outer ones; where all conditions on it are
 * affine comparisons with unit coefficient, the length of its interval is a
 * concave, piecewise linear function of the rank outside it, whose pieces are
 * found by bisection and summed in closed form: a causal mask costs the same at
 * any length. */
#include "einsum/extension.h"

struct counter {
    const struct einsum_extension *extension;
    struct point point;
    int count;
    int rank[EINSUM_MAX_RANKS];
    int64_t low[EINSUM_MAX_RANKS]; /* the box: low <= index < high */
    int64_t high[EINSUM_MAX_RANKS];
    guint64 conditions[EINSUM_MAX_RANKS];
    bool is_linear; /* in the two innermost ranks */
    bool is_beyond; /* some number left int64 */
};

static void add_to(struct counter *counter, int64_t *sum, int64_t value)
{
    counter->is_beyond = counter->is_beyond || !num_add(*sum, value, sum);
}

/* ---- the closed form ----------------------------------------------------- */

static bool find_linear(const struct counter *counter)
{
    int inner = counter->rank[counter->count - 1];
    for (int i = 0; i < counter->extension->condition_count; i++) {
        const struct condition *condition = counter->extension->condition[i];
        if ((counter->conditions[counter->count - 1] >> i & 1) == 0) {
            continue;
        }
        if (condition->kind != CONDITION_INDEX ||
            condition->relation != EINSUM_LESS_EQUAL ||
            !condition->index->is_affine ||
            ABS(condition->index->affine.coefficient[inner]) != 1) {
            return false;
        }
    }
    return counter->count >= 2;
}

/* Upper minus lower bound of the innermost rank, plus 1; may be negative. */
static int64_t interval_length(struct counter *counter, int64_t outer)
{
    int last = counter->count - 1;
    int inner = counter->rank[last];
    int64_t low = counter->low[inner];
    int64_t high = counter->high[inner] - 1;
    counter->point.index[counter->rank[last - 1]] = outer;
    counter->point.index[inner] = 0;
    for (int i = 0; i < counter->extension->condition_count; i++) {
        const struct index_node *index =
            counter->extension->condition[i]->index;
        if ((counter->conditions[last] >> i & 1) == 0) {
            continue;
        }
        int64_t rest = index_value(index, &counter->point);
        if (index->affine.coefficient[inner] > 0) {
            high = MIN(high, -rest);
        } else {
            low = MAX(low, rest);
        }
    }
    return high - low + 1;
}

/* first + (first+step) + ... , `terms` of them. */
static void add_series(struct counter *counter, int64_t first, int64_t step,
                       int64_t terms, int64_t *sum)
{
    int64_t last = 0;
    int64_t twice = 0;
    counter->is_beyond =
        counter->is_beyond || !num_mul(step, terms - 1, &last) ||
        !num_add(first, last, &last) || !num_add(first, last, &last) ||
        !num_mul(last, terms, &twice);
    add_to(counter, sum, twice / 2);
}

/* Sum of the positive values of a linear function on low..high. */
static void add_linear(struct counter *counter, int64_t low, int64_t high,
                       int64_t first, int64_t step, int64_t *sum)
{
    int64_t terms = high - low + 1;
    if (step < 0) {
        first += step * (terms - 1);
        step = -step;
    }
    if (first < 1) {
        int64_t dropped =
            step == 0 ? terms : MIN(terms, -floor_div(first - 1, step));
        first += dropped * step;
        terms -= dropped;
    }
    if (terms > 0) {
        add_series(counter, first, step, terms, sum);
    }
}

static void add_segment(struct counter *counter, int64_t low, int64_t high,
                        int64_t *sum)
{
    int64_t middle = low + (high - low) / 2;
    int64_t first = interval_length(counter, low);
    int64_t last = interval_length(counter, high);
    int64_t step = high > low ? (last - first) / (high - low) : 0;
    bool is_linear =
        first + step * (high - low) == last &&
        first + step * (middle - low) == interval_length(counter, middle);
    if (high - low < 2 || is_linear) {
        add_linear(counter, low, high, first, last - first == 0 ? 0 : step,
                   sum);
        return;
    }
    add_segment(counter, low, middle, sum);
    add_segment(counter, middle + 1, high, sum);
}

/* ---- level by level ------------------------------------------------------ */

static bool holds(struct counter *counter, guint64 conditions)
{
    for (int i = 0; i < counter->extension->condition_count; i++) {
        if ((conditions >> i & 1) != 0 &&
            !condition_holds(counter->extension->condition[i],
                             &counter->point)) {
            return false;
        }
    }
    return true;
}

static void count_level(struct counter *counter, int k, int64_t *sum);

static void count_range(struct counter *counter, int k, int64_t low,
                        int64_t high, bool is_exact, int64_t *sum)
{
    int64_t *index = &counter->point.index[counter->rank[k]];
    if (is_exact && k == counter->count - 1) {
        add_to(counter, sum, high - low + 1);
        return;
    }
    if (is_exact && k == counter->count - 2 && counter->is_linear) {
        add_segment(counter, low, high, sum);
        return;
    }
    for (int64_t i = low; i <= high; i++) {
        *index = i;
        if (is_exact || holds(counter, counter->conditions[k])) {
            count_level(counter, k + 1, sum);
        }
    }
}

static void count_level(struct counter *counter, int k, int64_t *sum)
{
    struct ranges ranges;
    if (k == counter->count) {
        add_to(counter, sum, 1);
        return;
    }
    conditions_solve(counter->extension, counter->conditions[k],
                     counter->rank[k], counter->low[counter->rank[k]],
                     counter->high[counter->rank[k]] - 1, &counter->point,
                     &ranges);
    for (int i = 0; i < ranges.count; i++) {
        count_range(counter, k, ranges.low[i], ranges.high[i], ranges.is_exact,
                    sum);
    }
}

/* ---- a statement --------------------------------------------------------- */

/* The static conditions alone. */
static struct einsum_extension static_part(const struct einsum_extension *whole)
{
    struct einsum_extension part = {0};
    for (int i = 0; i < whole->condition_count; i++) {
        if (!whole->condition[i]->has_data) {
            part.condition[part.condition_count++] = whole->condition[i];
        }
    }
    return part;
}

/* The longest go innermost, where they are not looked at one by one. */
static void insert_rank(struct counter *counter, int rank)
{
    const struct einsum_rank *ranks = counter->point.workload->rank;
    int at = counter->count++;
    for (; at > 0 && ranks[counter->rank[at - 1]].extent > ranks[rank].extent;
         at--) {
        counter->rank[at] = counter->rank[at - 1];
    }
    counter->rank[at] = rank;
}

static int64_t count_pattern(const struct counter *counter,
                             const struct condition *condition)
{
    int64_t low[2];
    int64_t high[2];
    for (int d = 0; d < 2; d++) {
        low[d] = counter->low[condition->rank[d]];
        high[d] = counter->high[condition->rank[d]];
        if (low[d] >= high[d]) {
            return 0;
        }
    }
    return pattern_count(condition->pattern, counter->point.data == NULL, low,
                         high);
}

static enum status count_points(const struct workload *workload,
                                const struct einsum_data *data,
                                const struct einsum_extension *part,
                                const int *ranks, int rank_count,
                                const int64_t *low, const int64_t *high,
                                int64_t *count)
{
    struct counter counter = {.extension = part,
                              .point = {.workload = workload, .data = data}};
    guint32 named = 0;
    int64_t factor = 1;
    int64_t sum = 0;
    bool fits = true;
    for (int i = 0; i < part->condition_count; i++) {
        named |= part->condition[i]->ranks;
    }
    bool is_pattern = part->condition_count == 1 &&
                      part->condition[0]->kind == CONDITION_PATTERN;
    for (int i = 0; i < rank_count && fits; i++) {
        int64_t from = low != NULL ? low[i] : 0;
        int64_t to = high != NULL ? high[i] : workload->rank[ranks[i]].extent;
        if ((named >> ranks[i] & 1) != 0) {
            counter.low[ranks[i]] = from;
            counter.high[ranks[i]] = to;
            insert_rank(&counter, ranks[i]);
        } else {
            fits = num_mul(factor, to - from, &factor);
        }
    }
    if (is_pattern) {
        sum = count_pattern(&counter, part->condition[0]);
    } else if (counter.count == 0) {
        sum = holds(&counter, ~(guint64)0) ? 1 : 0;
    } else {
        conditions_place(part, counter.rank, counter.count, counter.conditions);
        counter.is_linear = find_linear(&counter);
        count_level(&counter, 0, &sum);
    }
    return fits && !counter.is_beyond && num_mul(sum, factor, count)
               ? OK
               : ERR_LIMIT;
}

enum status conditions_count(const struct workload *workload,
                             const struct einsum_extension *part,
                             const int *ranks, int rank_count, int64_t *count)
{
    return count_points(workload, NULL, part, ranks, rank_count, NULL, NULL,
                        count);
}

enum status einsum_count_points(const struct workload *workload,
                                const struct einsum_data *data,
                                int statement_id, int64_t *count)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    if ((statement->features & (EINSUM_PREDICATE | EINSUM_DATA_PREDICATE)) ==
        0) {
        *count = statement->point_count;
        return OK;
    }
    return count_points(workload, data, statement->extension, statement->rank,
                        statement->rank_count, NULL, NULL, count);
}

enum status workload_count_points(const struct workload *workload,
                                  int statement_id, int64_t *count)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    if ((statement->features & EINSUM_PREDICATE) == 0) {
        *count = statement->point_count;
        return OK;
    }
    struct einsum_extension part = static_part(statement->extension);
    return conditions_count(workload, &part, statement->rank,
                            statement->rank_count, count);
}

enum status workload_count_box_points(const struct workload *workload,
                                      int statement_id, const int64_t *low,
                                      const int64_t *high, int64_t *count)
{
    const struct einsum_statement *s = &workload->statements[statement_id];
    struct einsum_extension part = {0};
    if ((s->features & EINSUM_PREDICATE) != 0) {
        part = static_part(s->extension);
    }
    return count_points(workload, NULL, &part, s->rank, s->rank_count, low,
                        high, count);
}
