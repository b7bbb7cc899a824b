/* Formats by tensor and operation: text, and bringing values into storage. */
#include "einsum/einsum.h"

#include <string.h>

#include "einsum/extension.h"

static const struct format_policy to_nearest = FORMAT_POLICY_DEFAULT;

void einsum_complaint_clear(struct einsum_complaint *complaint)
{
    g_clear_pointer(&complaint->problem, g_free);
    g_clear_pointer(&complaint->suggestion, g_free);
}

/* ---- indices --------------------------------------------------------------- */

static void mark_access(const struct bound_access *access, bool *is_index);

/* The tensors whose values are part of an index. Recursion is as deep as the
 * index, whose height is bounded. */
static void mark_node(const struct index_node *node, bool *is_index)
{
    if (node == NULL || !node->has_data) {
        return;
    }
    if (node->read != NULL) {
        is_index[node->read->tensor] = true;
        mark_access(node->read, is_index);
    }
    mark_node(node->child[0], is_index);
    mark_node(node->child[1], is_index);
}

static void mark_access(const struct bound_access *access, bool *is_index)
{
    for (int d = 0; access != NULL && d < access->dim_count; d++) {
        mark_node(access->index[d], is_index);
    }
}

/* Whole numbers by declaration, places that an operator found, and whatever is
 * used as an index. */
static void find_indices(const struct workload *workload, bool *is_index)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        is_index[i] = workload->tensors[i].values.kind == EINSUM_VALUES_INTEGER;
    }
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        const struct einsum_extension *extension = statement->extension;
        if (extension == NULL) {
            continue;
        }
        if ((statement->features & EINSUM_INDEX_PRODUCER) != 0 &&
            !extension->gives_values) {
            is_index[statement->output.tensor] = true;
        }
        mark_access(extension->output, is_index);
        for (int r = 0; r < statement->read_count; r++) {
            mark_access(extension->read[r], is_index);
        }
    }
}

struct einsum_arithmetic *einsum_arithmetic_new(const struct workload *workload)
{
    struct einsum_arithmetic *made = g_new0(struct einsum_arithmetic, 1);
    const struct format *fp64 = format_find("fp64");
    made->workload = workload;
    made->statement_count = workload->statement_count;
    made->text = g_string_new(NULL);
    made->is_index = g_new0(bool, (gsize)workload->tensor_count);
    find_indices(workload, made->is_index);
    made->storage =
        g_new0(struct einsum_storage, (gsize)workload->tensor_count);
    for (int i = 0; i < workload->tensor_count; i++) {
        made->storage[i].storage.format = fp64;
        made->storage[i].scaled_dim = workload->tensors[i].dim_count - 1;
    }
    for (int i = 0; i < EINSUM_OP_COUNT; i++) {
        made->operation[i] = (struct einsum_operation){fp64, to_nearest, NULL};
    }
    made->of_statement =
        g_new0(struct einsum_operation *, (gsize)workload->statement_count);
    return made;
}

void einsum_arithmetic_free(struct einsum_arithmetic *arithmetic)
{
    if (arithmetic != NULL) {
        for (int i = 0; i < arithmetic->statement_count; i++) {
            g_free(arithmetic->of_statement[i]);
        }
        g_free(arithmetic->of_statement);
        g_free(arithmetic->storage);
        g_free(arithmetic->is_index);
        g_string_free(arithmetic->text, TRUE);
        g_free(arithmetic);
    }
}

/* ---- text ----------------------------------------------------------------- */

static void note_text(struct einsum_arithmetic *arithmetic, const char *name,
                      const char *text)
{
    GString *all = arithmetic->text;
    g_string_append_printf(all, "%s%s%s%s", all->len > 0 ? "," : "", name,
                           name[0] != '\0' ? "=" : "", text);
}

const char *einsum_arithmetic_print(const struct einsum_arithmetic *arithmetic)
{
    return arithmetic->text->len > 0 ? arithmetic->text->str : "fp64";
}

static void note_policy(struct einsum_arithmetic *arithmetic,
                        struct format_policy policy)
{
    const char *name = format_rounding_name(policy.rounding);
    if (policy.rounding != FORMAT_TO_NEAREST_EVEN) {
        note_text(arithmetic, "", name);
    }
    if (policy.saturates) {
        note_text(arithmetic, "", "saturate");
    }
    if (policy.flushes_subnormals) {
        note_text(arithmetic, "", "flush-subnormals");
    }
}

static bool find_format(const char *name, const struct format **format,
                        struct einsum_complaint *complaint)
{
    struct format_storage storage;
    bool is_known = format_storage_parse(name, &storage, &complaint->problem,
                                         &complaint->suggestion);
    if (is_known && strchr(name, '@') != NULL) {
        complaint->problem =
            g_strdup_printf("'%s' has a scale; only storage has", name);
        return false;
    }
    *format = is_known ? storage.format : NULL;
    return is_known;
}

/* NULL for the word that stands for none. */
static bool find_optional(const char *name, const char *none,
                          const struct format **format,
                          struct einsum_complaint *complaint)
{
    *format = NULL;
    return strcmp(name, none) == 0 || find_format(name, format, complaint);
}

/* The dimension of the tensor that the rank indexes, -1 if it has none. */
static int find_dim(const struct einsum_tensor *tensor, const char *rank)
{
    for (int d = 0; d < tensor->dim_count; d++) {
        if (tensor->dim_rank[d] != NULL &&
            strcmp(tensor->dim_rank[d], rank) == 0) {
            return d;
        }
    }
    return -1;
}

static void set_storage(struct einsum_arithmetic *arithmetic, int tensor,
                        const struct format_storage *storage, int dim)
{
    struct einsum_storage *stored = &arithmetic->storage[tensor];
    if (!arithmetic->is_index[tensor]) {
        struct format_policy policy = stored->storage.policy;
        stored->storage = *storage;
        stored->storage.policy = policy;
        stored->scaled_dim = dim;
    }
}

/* "int8@channel/m" */
static bool parse_storage(const char *text, struct format_storage *storage,
                          char **rank, struct einsum_complaint *complaint)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    const char *format = parts[0] == NULL ? "" : parts[0];
    if (!format_storage_parse(format, storage, &complaint->problem,
                              &complaint->suggestion)) {
        return false;
    }
    *rank = parts[0] == NULL ? NULL : g_strdup(parts[1]);
    return true;
}

static bool set_all(struct einsum_arithmetic *arithmetic, const char *text,
                    struct einsum_complaint *complaint)
{
    const struct workload *workload = arithmetic->workload;
    struct format_storage storage;
    g_autofree char *rank = NULL;
    bool is_found = false;
    if (!parse_storage(text, &storage, &rank, complaint)) {
        return false;
    }
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        int dim = rank == NULL ? -1 : find_dim(tensor, rank);
        is_found = is_found || rank == NULL || dim >= 0;
        set_storage(arithmetic, i, &storage,
                    dim >= 0 ? dim : tensor->dim_count - 1);
    }
    if (!is_found) {
        complaint->problem = g_strdup_printf("no tensor has a rank '%s'", rank);
    }
    return is_found;
}

static const struct format *default_accumulator(const struct format *storage)
{
    return storage->bits > 32 ? storage : format_find("fp32");
}

bool einsum_arithmetic_set(struct einsum_arithmetic *arithmetic,
                           const char *text, struct einsum_complaint *complaint)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 3);
    guint count = g_strv_length(parts);
    const struct format *accumulator = NULL;
    if (!set_all(arithmetic, count > 0 ? parts[0] : "", complaint) ||
        (count > 1 && !find_optional(parts[1], "stored",
                                     &arithmetic->multiplicand, complaint)) ||
        (count > 2 && !find_format(parts[2], &accumulator, complaint))) {
        return false;
    }
    if (accumulator == NULL) {
        g_auto(GStrv) storage = g_strsplit_set(parts[0], "@/", 2);
        accumulator = default_accumulator(format_find(storage[0]));
    }
    for (int i = 0; i < EINSUM_OP_COUNT; i++) {
        bool is_sum = i == EINSUM_MAC || accumulator->kind == FORMAT_FLOAT;
        arithmetic->operation[i].format =
            is_sum ? accumulator : format_find("fp32");
    }
    note_text(arithmetic, "", text);
    return true;
}

bool einsum_arithmetic_set_tensor(struct einsum_arithmetic *arithmetic,
                                  const char *name, const char *text,
                                  struct einsum_complaint *complaint)
{
    const struct workload *workload = arithmetic->workload;
    int tensor = workload_find_tensor(workload, name);
    struct format_storage storage;
    g_autofree char *rank = NULL;
    if (tensor < 0) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        for (int i = 0; i < workload->tensor_count; i++) {
            g_ptr_array_add(names,
                            (gpointer)(uintptr_t)workload->tensors[i].name);
        }
        complaint->problem = g_strdup_printf("unknown tensor '%s'", name);
        complaint->suggestion =
            suggest_text(name, (const char *const *)names->pdata, names->len);
        return false;
    }
    if (!parse_storage(text, &storage, &rank, complaint)) {
        return false;
    }
    int dim = rank == NULL ? workload->tensors[tensor].dim_count - 1
                           : find_dim(&workload->tensors[tensor], rank);
    if (rank != NULL && dim < 0) {
        complaint->problem =
            g_strdup_printf("tensor '%s' has no rank '%s'", name, rank);
        return false;
    }
    set_storage(arithmetic, tensor, &storage, dim);
    note_text(arithmetic, name, text);
    return true;
}

/* Neither a format nor an approximation of the operation. */
static bool complain_of_way(const char *operation, const char *text,
                            struct einsum_complaint *complaint)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < approximation_count(); i++) {
        if (strcmp(approximation_at(i)->operation, operation) == 0) {
            g_ptr_array_add(names,
                            (gpointer)(uintptr_t)approximation_at(i)->name);
        }
    }
    for (size_t i = 0; i < format_count(); i++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)format_at(i)->name);
    }
    complaint->problem =
        g_strdup_printf("'%s' is neither a format nor an approximation of '%s'",
                        text, operation);
    complaint->suggestion =
        suggest_text(text, (const char *const *)names->pdata, names->len);
    return false;
}

static char *suggest_operation(const char *name)
{
    const char *names[EINSUM_OP_COUNT];
    for (int i = 0; i < EINSUM_OP_COUNT; i++) {
        names[i] = einsum_op_name((enum einsum_op)i);
    }
    return suggest_text(name, names, EINSUM_OP_COUNT);
}

static bool set_operation(struct einsum_arithmetic *arithmetic,
                          const char *name, const char *text,
                          struct einsum_complaint *complaint)
{
    if (strcmp(name, "product") == 0) {
        return find_optional(text, "exact", &arithmetic->product, complaint);
    }
    if (strcmp(name, "multiplicand") == 0) {
        return find_optional(text, "stored", &arithmetic->multiplicand,
                             complaint);
    }
    enum einsum_op op = einsum_op_find(name);
    if (op == EINSUM_OP_COUNT) {
        complaint->problem = g_strdup_printf("unknown operation '%s'", name);
        complaint->suggestion = suggest_operation(name);
        return false;
    }
    const struct approximation *approximation = approximation_find(name, text);
    if (approximation != NULL) {
        arithmetic->operation[op].approximation = approximation;
        return true;
    }
    if (format_find(text) == NULL) {
        return complain_of_way(name, text, complaint);
    }
    return find_format(text, &arithmetic->operation[op].format, complaint);
}

bool einsum_arithmetic_set_operation(struct einsum_arithmetic *arithmetic,
                                     const char *name, const char *text,
                                     struct einsum_complaint *complaint)
{
    bool is_set = set_operation(arithmetic, name, text, complaint);
    if (is_set) {
        note_text(arithmetic, name, text);
    }
    return is_set;
}

void einsum_arithmetic_approximate(struct einsum_arithmetic *arithmetic,
                                   int statement, enum einsum_op op,
                                   const struct approximation *approximation)
{
    struct einsum_operation **own = &arithmetic->of_statement[statement];
    if (*own == NULL) {
        *own = g_memdup2(arithmetic->operation, sizeof arithmetic->operation);
        g_string_append_printf(arithmetic->text, "%s%s:%s=%s",
                               arithmetic->text->len > 0 ? "," : "",
                               arithmetic->workload->statements[statement].name,
                               einsum_op_name(op), approximation->name);
    }
    (*own)[op].approximation = approximation;
}

void einsum_arithmetic_set_policy(struct einsum_arithmetic *arithmetic,
                                  struct format_policy policy)
{
    for (int i = 0; i < arithmetic->workload->tensor_count; i++) {
        arithmetic->storage[i].storage.policy = policy;
    }
    for (int i = 0; i < EINSUM_OP_COUNT; i++) {
        arithmetic->operation[i].policy = policy;
    }
    for (int s = 0; s < arithmetic->workload->statement_count; s++) {
        for (int i = 0;
             arithmetic->of_statement[s] != NULL && i < EINSUM_OP_COUNT; i++) {
            arithmetic->of_statement[s][i].policy = policy;
        }
    }
    note_policy(arithmetic, policy);
}

static bool is_fp64(const struct format *format,
                    const struct format_policy *policy)
{
    return format->bits == 64 && !policy->saturates &&
           !policy->flushes_subnormals;
}

bool einsum_arithmetic_is_double(const struct einsum_arithmetic *arithmetic)
{
    bool is_double =
        arithmetic->multiplicand == NULL && arithmetic->product == NULL;
    for (int i = 0; i < arithmetic->workload->tensor_count; i++) {
        const struct format_storage *storage = &arithmetic->storage[i].storage;
        is_double = is_double && is_fp64(storage->format, &storage->policy) &&
                    storage->sharing == FORMAT_UNSCALED;
    }
    for (int i = 0; i < EINSUM_OP_COUNT; i++) {
        const struct einsum_operation *operation = &arithmetic->operation[i];
        is_double = is_double && is_fp64(operation->format, &operation->policy);
    }
    return is_double;
}

/* ---- into storage ---------------------------------------------------------- */

void einsum_store_elements(const struct einsum_arithmetic *arithmetic,
                           int tensor, double *value, double *error,
                           int64_t count, int64_t stride)
{
    const struct format_values values = {value, error, (size_t)count,
                                         (size_t)stride};
    g_assert(arithmetic->storage[tensor].storage.sharing == FORMAT_UNSCALED);
    format_store(&arithmetic->storage[tensor].storage, &values);
}

/* A box of a tensor. */
struct region {
    const struct einsum_tensor *tensor;
    int64_t low[EINSUM_MAX_DIMS];
    int64_t count[EINSUM_MAX_DIMS];
};

/* Every fiber of the region along one dimension. */
static void store_fibers(const struct format_storage *storage,
                         const struct region *region, int dim,
                         const struct tensor_data *data)
{
    const struct einsum_tensor *tensor = region->tensor;
    int64_t index[EINSUM_MAX_DIMS] = {0};
    int64_t stride = 1;
    for (int d = tensor->dim_count - 1; d > dim; d--) {
        stride *= tensor->extent[d];
    }
    int d = 0;
    do {
        int64_t at = 0;
        for (d = 0; d < tensor->dim_count; d++) {
            at = at * tensor->extent[d] + region->low[d] + index[d];
        }
        const struct format_values fiber = {
            data->value + at, data->error == NULL ? NULL : data->error + at,
            dim < 0 ? 1 : (size_t)region->count[dim], (size_t)stride};
        format_store(storage, &fiber);
        for (d = tensor->dim_count - 1;
             d >= 0 && (d == dim || ++index[d] == region->count[d]); d--) {
            index[d] = 0;
        }
    } while (d >= 0);
}

static void store_region(const struct einsum_storage *stored,
                         const struct region *region,
                         const struct tensor_data *data)
{
    const struct einsum_tensor *tensor = region->tensor;
    int64_t points = 1;
    for (int d = 0; d < tensor->dim_count; d++) {
        points *= region->count[d];
    }
    if (points == tensor->element_count &&
        (stored->storage.sharing == FORMAT_UNSCALED ||
         stored->storage.sharing == FORMAT_SCALE_ALL)) {
        const struct format_values all = {data->value, data->error,
                                          (size_t)points, 1};
        format_store(&stored->storage, &all);
    } else if (points > 0) {
        store_fibers(&stored->storage, region, stored->scaled_dim, data);
    }
}

void einsum_store_inputs(const struct workload *workload,
                         struct einsum_data *data)
{
    for (int i = 0; data->arithmetic != NULL && i < workload->tensor_count;
         i++) {
        struct region region = {.tensor = &workload->tensors[i]};
        const struct tensor_data values = {data->tensors[i].value, NULL};
        for (int d = 0; d < region.tensor->dim_count; d++) {
            region.count[d] = region.tensor->extent[d];
        }
        if (region.tensor->kind == TENSOR_INPUT &&
            !data->arithmetic->is_index[i]) {
            store_region(&data->arithmetic->storage[i], &region, &values);
        }
    }
}

/* The dimension of an operator's results; -1: none. */
static int find_order(const struct einsum_statement *statement)
{
    unsigned operators = EINSUM_INDEX_PRODUCER | EINSUM_TRANSFORM;
    return (statement->features & operators) != 0
               ? statement->extension->order_dim
               : -1;
}

/* The elements between the least and the greatest that the box defines; false
 * if data decides which. */
static bool find_region(const struct workload *workload,
                        const struct einsum_statement *statement,
                        const int64_t *lo, const int64_t *hi,
                        struct region *region)
{
    const struct einsum_access *output = &statement->output;
    region->tensor = &workload->tensors[output->tensor];
    for (int d = 0; d < output->dim_count; d++) {
        int64_t high = output->index[d].constant;
        region->low[d] = high;
        for (int i = 0; i < statement->rank_count; i++) {
            int64_t c = output->index[d].coefficient[statement->rank[i]];
            region->low[d] += c * (c > 0 ? lo[i] : hi[i] - 1);
            high += c * (c > 0 ? hi[i] - 1 : lo[i]);
        }
        region->count[d] = high - region->low[d] + 1;
    }
    /* An operator's places have no rank of their own. */
    int order = statement->extension == NULL ? -1 : find_order(statement);
    if (order >= 0) {
        region->low[order] = 0;
        region->count[order] = region->tensor->extent[order];
    }
    return output->beyond_affine == 0;
}

void einsum_store_box(const struct workload *workload, int statement_id,
                      const int64_t *lo, const int64_t *hi,
                      struct einsum_data *data)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    int tensor = statement->output.tensor;
    struct region region = {.tensor = NULL};
    if (data->arithmetic == NULL || statement->kind == EINSUM_VIEW ||
        data->arithmetic->is_index[tensor]) {
        return;
    }
    if (!find_region(workload, statement, lo, hi, &region)) {
        for (int d = 0; d < region.tensor->dim_count; d++) {
            region.low[d] = 0;
            region.count[d] = region.tensor->extent[d];
        }
    }
    struct tensor_data values = data->tensors[tensor];
    if (data->is_free != NULL && data->is_free[tensor]) {
        values.error = NULL;
    }
    store_region(&data->arithmetic->storage[tensor], &region, &values);
}
