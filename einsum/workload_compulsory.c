/* What any execution must move: distinct input elements that some statement
 * reads, and output elements. used_elements.c counts those of one access; of
 * several to one tensor, one that covers it all is enough, equal ones count
 * once, others are marked element by element if they are few, else their union
 * is at least the largest and at most the sum. */
#include "einsum/used_elements.h"

#include <string.h>

#define MARK_BUDGET   ((int64_t)1 << 21)
#define MARK_ELEMENTS ((int64_t)1 << 26)

struct used_list {
    GArray *accesses; /* struct used_access */
    GPtrArray *parts; /* struct einsum_extension, owned */
};

/* The statement's conditions but those on data. */
static struct einsum_extension *
new_static_part(const struct einsum_statement *s, bool *has_data)
{
    struct einsum_extension *part = g_new0(struct einsum_extension, 1);
    *has_data = false;
    for (int i = 0; s->extension != NULL && i < s->extension->condition_count;
         i++) {
        struct condition *condition = s->extension->condition[i];
        if (condition->has_data) {
            *has_data = true;
        } else {
            part->condition[part->condition_count++] = condition;
        }
    }
    return part;
}

/* Known to be equal: comparisons of affine indices. */
static bool is_same_condition(const struct condition *a,
                              const struct condition *b)
{
    return a->kind == CONDITION_INDEX && b->kind == CONDITION_INDEX &&
           a->relation == b->relation && a->index->is_affine &&
           b->index->is_affine &&
           affine_is_equal(&a->index->affine, &b->index->affine);
}

static bool is_same(const struct used_access *a, const struct used_access *b)
{
    bool is_equal = a->access->beyond_affine == 0 &&
                    b->access->beyond_affine == 0 && !a->has_data_condition &&
                    !b->has_data_condition &&
                    a->part->condition_count == b->part->condition_count;
    for (int d = 0; d < a->access->dim_count && is_equal; d++) {
        is_equal = affine_is_equal(&a->access->index[d], &b->access->index[d]);
    }
    for (int i = 0; i < a->part->condition_count && is_equal; i++) {
        is_equal =
            is_same_condition(a->part->condition[i], b->part->condition[i]);
    }
    return is_equal;
}

static bool is_known(const struct used_list *list,
                     const struct used_access *access)
{
    for (guint i = 0; i < list->accesses->len; i++) {
        if (is_same(&g_array_index(list->accesses, struct used_access, i),
                    access)) {
            return true;
        }
    }
    return false;
}

static void add_reads(const struct workload *workload, int statement,
                      int tensor, struct used_list *list)
{
    const struct einsum_statement *s = &workload->statements[statement];
    for (int i = 0; i < s->read_count && s->kind == EINSUM_COMPUTE; i++) {
        if (s->resolved_reads[i].tensor != tensor) {
            continue;
        }
        struct used_access access = {
            .workload = workload,
            .access = &s->resolved_reads[i],
            .bound = s->extension == NULL || i >= EINSUM_MAX_READS
                         ? NULL
                         : s->extension->read[i],
        };
        struct einsum_extension *part =
            new_static_part(s, &access.has_data_condition);
        access.part = part;
        g_ptr_array_add(list->parts, part);
        if (!is_known(list, &access)) {
            g_array_append_val(list->accesses, access);
        }
    }
}

struct union_map {
    guint8 *bits;
    int64_t count;
};

static void mark(int64_t element, void *data)
{
    struct union_map *map = data;
    if (element >= 0) {
        guint8 bit = (guint8)(1U << (element & 7));
        map->count += (map->bits[element >> 3] & bit) == 0 ? 1 : 0;
        map->bits[element >> 3] |= bit;
    }
}

static bool count_marked(const struct used_list *list, int64_t elements,
                         bool is_certain, int64_t *count)
{
    int64_t budget = MARK_BUDGET;
    bool is_done = elements <= MARK_ELEMENTS;
    g_autofree guint8 *bits =
        is_done ? g_malloc0((gsize)(elements / 8 + 1)) : NULL;
    struct union_map map = {bits, 0};
    for (guint i = 0; i < list->accesses->len && is_done; i++) {
        is_done =
            used_mark(&g_array_index(list->accesses, struct used_access, i),
                      is_certain, &budget, mark, &map);
    }
    *count = map.count;
    return is_done;
}

static struct used_range count_union(const struct used_list *list,
                                     int64_t elements)
{
    struct used_range total = {0, 0};
    int64_t count = 0;
    for (guint i = 0; i < list->accesses->len; i++) {
        struct used_range one =
            used_count(&g_array_index(list->accesses, struct used_access, i));
        total.least = MAX(total.least, one.least);
        if (!num_add(total.most, one.most, &total.most)) {
            total.most = elements;
        }
    }
    total.most = MIN(total.most, elements);
    if (total.least < total.most &&
        count_marked(list, elements, true, &count)) {
        total.least = MAX(total.least, count);
    }
    if (total.least < total.most &&
        count_marked(list, elements, false, &count)) {
        total.most = MIN(total.most, count);
    }
    return total;
}

enum status workload_count_used_elements(const struct workload *workload,
                                         int tensor, int64_t *least,
                                         int64_t *most)
{
    struct used_list list = {
        g_array_new(FALSE, FALSE, sizeof(struct used_access)),
        g_ptr_array_new_with_free_func(g_free)};
    for (int i = 0; i < workload->statement_count; i++) {
        add_reads(workload, i, tensor, &list);
    }
    struct used_range range =
        count_union(&list, workload->tensors[tensor].element_count);
    g_array_unref(list.accesses);
    g_ptr_array_unref(list.parts);
    *least = range.least;
    *most = range.most;
    return OK;
}

enum status workload_count_compulsory_elements(const struct workload *workload,
                                               int64_t *input_elements,
                                               int64_t *output_elements)
{
    int64_t inputs = 0;
    int64_t outputs = 0;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        int64_t least = 0;
        int64_t most = 0;
        if (tensor->kind == TENSOR_INPUT) {
            TRY(workload_count_used_elements(workload, i, &least, &most));
            if (!num_add(inputs, least, &inputs)) {
                return ERR_LIMIT;
            }
        }
        if (tensor->kind == TENSOR_OUTPUT &&
            !num_add(outputs, tensor->element_count, &outputs)) {
            return ERR_LIMIT;
        }
    }
    *input_elements = inputs;
    *output_elements = outputs;
    return OK;
}
