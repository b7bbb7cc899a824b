/* The largest divisor of n up to a limit. Trial division alone would take
 * minutes for a large prime, and n comes from a user's file; so n is factored
 * by Pollard's rho (Brent's cycle finding is not needed at this size) with a
 * Miller-Rabin test that is exact below 2^64, and the divisors are built from
 * the prime factors. A 63-bit number has at most 103,680 divisors. */
#include "base/base.h"

__extension__ typedef unsigned __int128 wide_uint;

/* 2^63 has 63 prime factors, and no number below it has more. */
#define MAX_PRIME_FACTORS 64
/* Below its square, what has no factor below it is prime. */
#define SMALL_FACTOR_LIMIT UINT64_C(1000)

struct factors {
    uint64_t prime[MAX_PRIME_FACTORS];
    size_t count;
};

static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((wide_uint)a * b % modulus);
}

static uint64_t pow_mod(uint64_t base, uint64_t exponent, uint64_t modulus)
{
    uint64_t power = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) {
            power = mul_mod(power, base, modulus);
        }
        base = mul_mod(base, base, modulus);
    }
    return power;
}

static bool is_witness(uint64_t base, uint64_t n, uint64_t odd, int twos)
{
    uint64_t x = pow_mod(base, odd, n);
    if (x == 1 || x == n - 1) {
        return false;
    }
    for (int i = 1; i < twos; i++) {
        x = mul_mod(x, x, n);
        if (x == n - 1) {
            return false;
        }
    }
    return true;
}

/* n is odd and has no factor among the bases. The first twelve primes as bases
 * decide every n < 3.3e24 (Sorenson and Webster, 2015). */
static bool is_prime(uint64_t n)
{
    static const uint64_t bases[] = {2,  3,  5,  7,  11, 13,
                                     17, 19, 23, 29, 31, 37};
    uint64_t odd = n - 1;
    int twos = 0;
    while (odd % 2 == 0) {
        odd /= 2;
        twos++;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bases); i++) {
        if (is_witness(bases[i], n, odd, twos)) {
            return false;
        }
    }
    return true;
}

/* A factor of the composite n other than 1 and n. */
static uint64_t find_factor(uint64_t n)
{
    for (uint64_t shift = 1;; shift++) {
        uint64_t slow = 2;
        uint64_t fast = 2;
        int64_t common = 1;
        while (common == 1) {
            slow = (mul_mod(slow, slow, n) + shift) % n;
            fast = (mul_mod(fast, fast, n) + shift) % n;
            fast = (mul_mod(fast, fast, n) + shift) % n;
            uint64_t apart = slow > fast ? slow - fast : fast - slow;
            common = num_gcd((int64_t)apart, (int64_t)n);
        }
        if ((uint64_t)common != n) {
            return (uint64_t)common;
        }
    }
}

static void add_large_factors(uint64_t n, struct factors *factors)
{
    if (n == 1) {
        return;
    }
    if (is_prime(n)) {
        factors->prime[factors->count++] = n;
        return;
    }
    uint64_t factor = find_factor(n);
    add_large_factors(factor, factors);
    add_large_factors(n / factor, factors);
}

static void factorize(uint64_t n, struct factors *factors)
{
    /* Small factors, and with them all that is_prime() relies on. */
    for (uint64_t prime = 2; prime < SMALL_FACTOR_LIMIT && prime * prime <= n;
         prime++) {
        while (n % prime == 0) {
            factors->prime[factors->count++] = prime;
            n /= prime;
        }
    }
    if (n > 1 && n < SMALL_FACTOR_LIMIT * SMALL_FACTOR_LIMIT) {
        factors->prime[factors->count++] = n;
    } else {
        add_large_factors(n, factors);
    }
}

/* Adds the products of every divisor so far with prime^1 .. prime^power. */
static void add_multiples(GArray *divisors, int64_t prime, int power,
                          int64_t limit)
{
    size_t count = divisors->len;
    for (size_t i = 0; i < count; i++) {
        int64_t divisor = g_array_index(divisors, int64_t, i);
        for (int k = 0; k < power; k++) {
            if (!num_mul(divisor, prime, &divisor) || divisor > limit) {
                break;
            }
            g_array_append_val(divisors, divisor);
        }
    }
}

int64_t num_largest_divisor(int64_t n, int64_t limit)
{
    g_assert(n >= 1);
    if (limit >= n) {
        return n;
    }
    if (limit <= 1) {
        return 1;
    }
    struct factors factors = {.count = 0};
    factorize((uint64_t)n, &factors);
    g_autoptr(GArray) divisors = g_array_new(FALSE, FALSE, sizeof(int64_t));
    int64_t one = 1;
    g_array_append_val(divisors, one);
    for (size_t i = 0; i < factors.count; i++) {
        int power = 0;
        bool is_first = true;
        for (size_t j = 0; j < factors.count; j++) {
            if (factors.prime[j] == factors.prime[i]) {
                power++;
                is_first = is_first && j >= i;
            }
        }
        if (is_first) {
            add_multiples(divisors, (int64_t)factors.prime[i], power, limit);
        }
    }
    int64_t largest = 1;
    for (size_t i = 0; i < divisors->len; i++) {
        largest = MAX(largest, g_array_index(divisors, int64_t, i));
    }
    return largest;
}
