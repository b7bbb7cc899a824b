/* BigBird attention, for each b, h and query p, in L equal blocks of tokens.
 * Block l of queries attends to the keys of
 *
 *     global   blocks 0 and L-1; and blocks 0 and L-1 of queries attend to all
 *     window   blocks l-1, l, l+1
 *     random   the blocks R[h,l,r] of an input of integers in 0..L-1
 *
 * with one softmax over them all. Zaheer et al., Big Bird: Transformers for
 * Longer Sequences (2020), section 2 and appendix D, without the scale. The
 * attended blocks are a set, as the paper's graph has a set of edges: one that
 * is named twice counts once. (The released code draws its random blocks so that
 * this never happens, and would count it twice.) Rows 0 and L-1 of R change
 * nothing.
 */
#include "kernels/attend.h"

enum { R = FURTHER_OPERAND };

static bool is_random_block(const struct slice *slice, int64_t query_block,
                            int64_t key_block)
{
    struct cut blocks = slice_cut(slice, R, "lr");
    for (int64_t r = 0; r < slice_extent(slice, 'r'); r++) {
        if ((int64_t)cut_get(&blocks, query_block, r) == key_block) {
            return true;
        }
    }
    return false;
}

static bool is_key(const struct slice *slice, int64_t p, int64_t m)
{
    int64_t last = slice_extent(slice, 'l') - 1;
    int64_t query_block = p / (slice_extent(slice, 'p') / (last + 1));
    int64_t key_block = m / (slice_extent(slice, 'm') / (last + 1));
    bool is_global = query_block == 0 || query_block == last ||
                     key_block == 0 || key_block == last;
    bool is_window =
        query_block - key_block >= -1 && query_block - key_block <= 1;
    return is_global || is_window ||
           is_random_block(slice, query_block, key_block);
}

enum status kernel_bigbird(const struct kernel_call *call, struct diags *diags)
{
    int64_t block_count = kernel_extent(call, 'l');
    TRY(kernel_check_divides(call, "the number of blocks", block_count,
                             "the number of queries", kernel_extent(call, 'p'),
                             diags));
    TRY(kernel_check_divides(call, "the number of blocks", block_count,
                             "the number of keys", kernel_extent(call, 'm'),
                             diags));
    TRY(kernel_check_index(call, R, block_count, diags));
    return attend_where(call, is_key, diags);
}
