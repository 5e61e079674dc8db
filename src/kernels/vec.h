/* vec.h: the vector of this compilation, `vf` (float) and `vi` (int32) of VL lanes, and what C's vector operators do
 * not offer: fused multiply-add, select, minimum, maximum, rounding, conversions, tails, reductions.
 *
 * Only isa.c includes it, with ISA_VECTOR_BYTES set. Intrinsics live here and nowhere else. Invariant: each function
 * gives the same bits for a lane whatever the other lanes hold. */
#ifndef HP_KERNELS_VEC_H
#define HP_KERNELS_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define VL (ISA_VECTOR_BYTES / 4)

/* Before a loop of a constant count over registers: it must disappear, or the array would live in memory. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_TWICE _Pragma("clang loop unroll_count(2)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#define UNROLL_TWICE _Pragma("GCC unroll 2")
#endif

typedef float vf __attribute__((vector_size(ISA_VECTOR_BYTES)));
typedef int32_t vi __attribute__((vector_size(ISA_VECTOR_BYTES)));
typedef float vf_unaligned __attribute__((vector_size(ISA_VECTOR_BYTES), aligned(4), may_alias));
/* A quarter-line vector, for the last steps of reductions. */
typedef float v4 __attribute__((vector_size(16)));
typedef float v4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__AVX512F__) && ISA_VECTOR_BYTES == 64
#define VEC_AVX512
#define VEC_REGISTERS 32
#elif defined(__AVX2__) && ISA_VECTOR_BYTES == 64
#define VEC_AVX2_TWICE
#define VEC_REGISTERS 32 /* as avx512, whose shapes it stands for */
#elif defined(__AVX2__) && ISA_VECTOR_BYTES == 32
#define VEC_AVX2
#define VEC_REGISTERS 16
#elif defined(__SSE2__) && ISA_VECTOR_BYTES == 16
#define VEC_SSE2
#define VEC_REGISTERS 16
#elif defined(__aarch64__) && ISA_VECTOR_BYTES == 16
#define VEC_NEON
#define VEC_REGISTERS 32
#elif ISA_VECTOR_BYTES == 16
#define VEC_GENERIC
#define VEC_REGISTERS 16
#else
#error "no vector of this size for these compiler flags"
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(VEC_NEON)
#include <arm_neon.h>
#endif

INLINE vf vload(const float *p) {
    return *(const vf_unaligned *)p;
}
INLINE void vstore(float *p, vf x) {
    *(vf_unaligned *)p = x;
}

INLINE vf vset(float x) {
#if VL == 4
    return (vf){x, x, x, x};
#elif VL == 8
    return (vf){x, x, x, x, x, x, x, x};
#else
    return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#endif
}

INLINE vi vseti(int32_t x) {
#if VL == 4
    return (vi){x, x, x, x};
#elif VL == 8
    return (vi){x, x, x, x, x, x, x, x};
#else
    return (vi){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#endif
}

/* ---- per ISA: multiply-add, extremes, square root, select, conversions, tails ---------------------------------- */
/* vfma(a, b, c)      a * b + c, rounded once where the ISA can, else twice
 * vmin_of, vmax_of   (limit, x): the extreme; x where either is NaN, so a NaN in x stays
 * vselect(m, a, b)   a where the mask m is all ones, b where it is zero
 * vround_to_int(x)   nearest, ties to even; INT32_MIN out of range and for NaN (0 and clamped on NEON)
 * vround_even(x)      nearest integer as a float, ties to even, for |x| < 2^31; NaN stays NaN where the ISA can
 * vload_part(p, n)   the first n < VL lanes from memory, zeros above; reads nothing past them
 * vstore_part(p, x, n) stores the first n < VL lanes and nothing more */

#if defined(VEC_AVX512)
INLINE vf vfma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
INLINE vf vmin_of(vf limit, vf x) {
    return _mm512_min_ps(limit, x);
}
INLINE vf vmax_of(vf limit, vf x) {
    return _mm512_max_ps(limit, x);
}
INLINE vf vsqrt(vf x) {
    return _mm512_sqrt_ps(x);
}
INLINE vf vselect(vi m, vf a, vf b) {
    return _mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)m), b, a);
}
INLINE vi vround_to_int(vf x) {
    return (vi)_mm512_cvtps_epi32(x);
}
INLINE vf vround_even(vf x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vf vfrom_int(vi x) {
    return _mm512_cvtepi32_ps((__m512i)x);
}
INLINE vf vload_part(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
INLINE void vstore_part(float *p, vf x, size_t n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}
/* Lanes [0, n) from p, the others from their places in q, of which no other is read. */
INLINE vf vload_beside(const float *p, const float *q, size_t n) {
    return _mm512_mask_loadu_ps(vload(p), (__mmask16)(0xffffu << n), q);
}

#elif defined(VEC_AVX2) || defined(VEC_AVX2_TWICE)
/* A mask of the first n lanes, n <= 8: eight ints from here on. */
static const int32_t tail_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
INLINE __m256i tail_mask(size_t n) {
    return _mm256_loadu_si256((const __m256i *)(tail_masks + 8 - n));
}

/* The first n < 8 lanes, in halves: a masked store takes some 40 cycles on AMD's Zen 2 to 4. */
INLINE void store_part8(float *p, __m256 x, size_t n) {
    __m128 y = _mm256_castps256_ps128(x);
    if (n & 4) {
        _mm_storeu_ps(p, y);
        y = _mm256_extractf128_ps(x, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, y);
        y = _mm_movehl_ps(y, y);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, y);
}

#if defined(VEC_AVX2)
INLINE vf vfma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
INLINE vf vmin_of(vf limit, vf x) {
    return _mm256_min_ps(limit, x);
}
INLINE vf vmax_of(vf limit, vf x) {
    return _mm256_max_ps(limit, x);
}
INLINE vf vsqrt(vf x) {
    return _mm256_sqrt_ps(x);
}
INLINE vf vselect(vi m, vf a, vf b) {
    return _mm256_blendv_ps(b, a, (__m256)m);
}
INLINE vi vround_to_int(vf x) {
    return (vi)_mm256_cvtps_epi32(x);
}
INLINE vf vround_even(vf x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vf vfrom_int(vi x) {
    return _mm256_cvtepi32_ps((__m256i)x);
}
INLINE vf vload_part(const float *p, size_t n) {
    return _mm256_maskload_ps(p, tail_mask(n));
}
INLINE void vstore_part(float *p, vf x, size_t n) {
    store_part8(p, x, n);
}
#else
typedef union halves {
    vf whole;
    vi whole_int;
    __m256 half[2];
    __m256i half_int[2];
} halves;
INLINE vf vfma(vf a, vf b, vf c) {
    halves x = {a}, y = {b}, z = {c};
    for (int i = 0; i < 2; i++) z.half[i] = _mm256_fmadd_ps(x.half[i], y.half[i], z.half[i]);
    return z.whole;
}
INLINE vf vmin_of(vf limit, vf x) {
    halves l = {limit}, y = {x};
    for (int i = 0; i < 2; i++) y.half[i] = _mm256_min_ps(l.half[i], y.half[i]);
    return y.whole;
}
INLINE vf vmax_of(vf limit, vf x) {
    halves l = {limit}, y = {x};
    for (int i = 0; i < 2; i++) y.half[i] = _mm256_max_ps(l.half[i], y.half[i]);
    return y.whole;
}
INLINE vf vsqrt(vf x) {
    halves y = {x};
    for (int i = 0; i < 2; i++) y.half[i] = _mm256_sqrt_ps(y.half[i]);
    return y.whole;
}
INLINE vf vselect(vi m, vf a, vf b) {
    halves x = {a}, y = {b}, z = {.whole_int = m};
    for (int i = 0; i < 2; i++) z.half[i] = _mm256_blendv_ps(y.half[i], x.half[i], z.half[i]);
    return z.whole;
}
INLINE vi vround_to_int(vf x) {
    halves y = {x};
    for (int i = 0; i < 2; i++) y.half_int[i] = _mm256_cvtps_epi32(y.half[i]);
    return y.whole_int;
}
INLINE vf vround_even(vf x) {
    halves y = {x};
    for (int i = 0; i < 2; i++) y.half[i] = _mm256_round_ps(y.half[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return y.whole;
}
INLINE vf vfrom_int(vi x) {
    halves y = {.whole_int = x};
    for (int i = 0; i < 2; i++) y.half[i] = _mm256_cvtepi32_ps(y.half_int[i]);
    return y.whole;
}
INLINE vf vload_part(const float *p, size_t n) {
    halves y;
    y.half[0] = _mm256_maskload_ps(p, tail_mask(n < 8 ? n : 8));
    y.half[1] = n > 8 ? _mm256_maskload_ps(p + 8, tail_mask(n - 8)) : _mm256_setzero_ps();
    return y.whole;
}
INLINE void vstore_part(float *p, vf x, size_t n) {
    halves y = {x};
    if (n < 8) {
        store_part8(p, y.half[0], n);
    } else {
        _mm256_storeu_ps(p, y.half[0]);
        store_part8(p + 8, y.half[1], n - 8);
    }
}
#endif

#else /* 16-byte vectors */
INLINE vf vload_part(const float *p, size_t n) {
    float lanes[VL] = {0};
    for (size_t i = 0; i < n; i++) lanes[i] = p[i];
    return vload(lanes);
}
INLINE void vstore_part(float *p, vf x, size_t n) {
    float lanes[VL];
    vstore(lanes, x);
    for (size_t i = 0; i < n; i++) p[i] = lanes[i];
}
#if defined(VEC_SSE2)
INLINE vf vfma(vf a, vf b, vf c) {
    return a * b + c;
}
INLINE vf vmin_of(vf limit, vf x) {
    return _mm_min_ps(limit, x);
}
INLINE vf vmax_of(vf limit, vf x) {
    return _mm_max_ps(limit, x);
}
INLINE vf vsqrt(vf x) {
    return _mm_sqrt_ps(x);
}
INLINE vf vselect(vi m, vf a, vf b) {
    return (vf)((m & (vi)a) | (~m & (vi)b));
}
INLINE vi vround_to_int(vf x) {
    return (vi)_mm_cvtps_epi32(x);
}
INLINE vf vfrom_int(vi x) {
    return _mm_cvtepi32_ps((__m128i)x);
}
#elif defined(VEC_NEON)
INLINE vf vfma(vf a, vf b, vf c) {
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
INLINE vf vmin_of(vf limit, vf x) {
    return (vf)vminq_f32((float32x4_t)limit, (float32x4_t)x);
}
INLINE vf vmax_of(vf limit, vf x) {
    return (vf)vmaxq_f32((float32x4_t)limit, (float32x4_t)x);
}
INLINE vf vsqrt(vf x) {
    return (vf)vsqrtq_f32((float32x4_t)x);
}
INLINE vf vselect(vi m, vf a, vf b) {
    return (vf)vbslq_f32((uint32x4_t)m, (float32x4_t)a, (float32x4_t)b);
}
INLINE vi vround_to_int(vf x) {
    return (vi)vcvtnq_s32_f32((float32x4_t)x);
}
INLINE vf vround_even(vf x) {
    return (vf)vrndnq_f32((float32x4_t)x);
}
INLINE vf vfrom_int(vi x) {
    return (vf)vcvtq_f32_s32((int32x4_t)x);
}
#else
INLINE vf vselect(vi m, vf a, vf b) {
    return (vf)((m & (vi)a) | (~m & (vi)b));
}
INLINE vf vfma(vf a, vf b, vf c) {
    return a * b + c;
}
INLINE vf vmin_of(vf limit, vf x) {
    return vselect((vi)(limit < x), limit, x);
}
INLINE vf vmax_of(vf limit, vf x) {
    return vselect((vi)(limit > x), limit, x);
}
INLINE vf vsqrt(vf x) {
    for (int i = 0; i < VL; i++) x[i] = sqrtf(x[i]);
    return x;
}
INLINE vi vround_to_int(vf x) {
    vi y;
    for (int i = 0; i < VL; i++) y[i] = x[i] > -0x1p31F && x[i] < 0x1p31F ? (int32_t)rintf(x[i]) : INT32_MIN;
    return y;
}
INLINE vf vfrom_int(vi x) {
    vf y;
    for (int i = 0; i < VL; i++) y[i] = (float)x[i];
    return y;
}
#endif
#endif

/* vlookup(table, i)  table[i mod 2^VLOOKUP_BITS] in each lane, where the ISA has that as one instruction. */
#if defined(VEC_AVX512)
#define VLOOKUP_BITS 5
INLINE vf vlookup(const float *table, vi i) {
    return _mm512_permutex2var_ps(vload(table), (__m512i)i, vload(table + VL));
}
#elif defined(VEC_AVX2)
#define VLOOKUP_BITS 3
INLINE vf vlookup(const float *table, vi i) {
    return _mm256_permutevar8x32_ps(vload(table), (__m256i)i);
}
#endif

/* x, in a register from here on: gcc would rather load it again in each instruction that uses it. */
INLINE vf vkeep(vf x) {
#if defined(VEC_AVX512)
    __asm__("" : "+v"(x));
#elif defined(VEC_AVX2) || defined(VEC_SSE2)
    __asm__("" : "+x"(x));
#elif defined(VEC_NEON)
    __asm__("" : "+w"(x));
#endif
    return x;
}

/* The lower lanes of x and the upper lanes of y. */
INLINE vf vhalves(vf x, vf y) {
#if defined(VEC_AVX512)
    return _mm512_mask_blend_ps(0xff00, x, y);
#else
    vf z = x;
    for (int i = VL / 2; i < VL; i++) z[i] = y[i];
    return z;
#endif
}

#if defined(VEC_SSE2) || defined(VEC_GENERIC)
INLINE vf vround_even(vf x) {
    return vfrom_int(vround_to_int(x));
}
#endif

/* ---- the same for all ------------------------------------------------------------------------------------------ */

INLINE vf vload_n(const float *p, size_t n) {
    return n >= VL ? vload(p) : vload_part(p, n);
}
INLINE void vstore_n(float *p, vf x, size_t n) {
    if (n >= VL)
        vstore(p, x);
    else
        vstore_part(p, x, n);
}

/* Whether a lane of the mask m is set. */
INLINE int vany(vi m) {
#if defined(VEC_AVX512)
    return _mm512_movepi32_mask((__m512i)m) != 0;
#elif defined(VEC_AVX2)
    return _mm256_movemask_ps((__m256)m) != 0;
#elif defined(VEC_SSE2)
    return _mm_movemask_ps((__m128)m) != 0;
#elif defined(VEC_NEON)
    return vmaxvq_u32((uint32x4_t)m) != 0;
#else
    int32_t any = 0;
    for (int i = 0; i < VL; i++) any |= m[i];
    return any != 0;
#endif
}

/* The larger one, as if a NaN in x were not there (`best` is none). */
INLINE vf vmax_number(vf best, vf x) {
#if defined(VEC_NEON)
    return (vf)vmaxnmq_f32((float32x4_t)best, (float32x4_t)x);
#else
    return vmax_of(x, best);
#endif
}

/* NaN if either is NaN. */
INLINE vf vmin(vf a, vf b) {
    return vselect((vi)(a == a), vmin_of(a, b), a);
}
INLINE vf vmax(vf a, vf b) {
    return vselect((vi)(a == a), vmax_of(a, b), a);
}

INLINE vf vabs(vf x) {
    return (vf)((vi)x & vseti(0x7fffffff));
}
INLINE vf vsign_bit(vf x) {
    return (vf)((vi)x & vseti((int32_t)0x80000000));
}
INLINE vf vcopysign(vf x, vf s) {
    return (vf)((vi)vabs(x) | (vi)vsign_bit(s));
}

/* x * 2^n for integers n = (int)k, rounded once, also where the result is denormal or infinite; -252 <= n <= 254. */
INLINE vf vscale(vf x, vf k, vi n) {
#if defined(VEC_AVX512)
    (void)n;
    return _mm512_scalef_ps(x, k);
#else
    (void)k;
    const vi half = n >> 1; /* two factors, each a normal power of 2 */
    return x * (vf)((half + 127) << 23) * (vf)((n - half + 127) << 23);
#endif
}

#if defined(VEC_AVX512)
/* t - floor(t), and x * 2^floor(t) rounded once: each is one instruction. */
INLINE vf vfraction(vf t) {
    return _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
INLINE vf vscale_floor(vf x, vf t) {
    return _mm512_scalef_ps(x, t);
}
#endif

/* Adding and subtracting 2^23 leaves an integer, ties to even; larger values are integers already. */
INLINE vf vround(vf x) {
    vf big = vset(0x1p23F), t = (vabs(x) + big) - big;
    return vselect((vi)(vabs(x) < big), vcopysign(t, x), x);
}
INLINE vf vfloor(vf x) {
    vf t = vround(x);
    return vcopysign(vselect((vi)(t > x), t - vset(1), t), x);
}
INLINE vf vceil(vf x) {
    return -vfloor(-x);
}
INLINE vf vtrunc(vf x) {
    return vcopysign(vfloor(vabs(x)), x);
}

/* f on every lane, for functions too rare to vectorise. */
INLINE vf vper_lane(float (*f)(float), vf x) {
    float lanes[VL];
    vstore(lanes, x);
    for (int i = 0; i < VL; i++) lanes[i] = f(lanes[i]);
    return vload(lanes);
}

/* Lane l holds what lane l ^ m held. */
#define LANES_4(m) 0 ^ (m), 1 ^ (m), 2 ^ (m), 3 ^ (m)
#define LANES_8(m) LANES_4(m), 4 ^ (m), 5 ^ (m), 6 ^ (m), 7 ^ (m)
#define LANES_16(m) LANES_8(m), 8 ^ (m), 9 ^ (m), 10 ^ (m), 11 ^ (m), 12 ^ (m), 13 ^ (m), 14 ^ (m), 15 ^ (m)
#if VL == 4
#define vswap(x, m) __builtin_shufflevector(x, x, LANES_4(m))
#elif VL == 8
#define vswap(x, m) __builtin_shufflevector(x, x, LANES_8(m))
#else
#define vswap(x, m) __builtin_shufflevector(x, x, LANES_16(m))
#endif

/* All lanes into one value, which every lane then has: the upper half onto the lower, until one is left. */
#if VL == 16
#define FOLD(x, f) (x = f(x, vswap(x, 8)), x = f(x, vswap(x, 4)), x = f(x, vswap(x, 2)), x = f(x, vswap(x, 1)))
#elif VL == 8
#define FOLD(x, f) (x = f(x, vswap(x, 4)), x = f(x, vswap(x, 2)), x = f(x, vswap(x, 1)))
#else
#define FOLD(x, f) (x = f(x, vswap(x, 2)), x = f(x, vswap(x, 1)))
#endif
INLINE vf vadd(vf a, vf b) {
    return a + b;
}
INLINE vf vmultiply(vf a, vf b) {
    return a * b;
}
INLINE vf vsum_all(vf x) {
    return FOLD(x, vadd);
}
INLINE vf vhighest_number(vf x) { /* as if no NaN were there; x has a number */
    return FOLD(x, vmax_number);
}
INLINE float vsum(vf x) {
    return vsum_all(x)[0];
}
INLINE float vproduct(vf x) {
    return FOLD(x, vmultiply)[0];
}
/* Extremes of all lanes; NaN if one is. */
INLINE float vhighest(vf x) {
    return FOLD(x, vmax)[0];
}
INLINE float vlowest(vf x) {
    return FOLD(x, vmin)[0];
}

/* Lane l of vmerge(a, b, m): a[l] + a[l ^ m] where l has no bit m, else b[l] + b[l ^ m]. */
#define LANE_OF_2(l, m, swap) (((l) & (m) ? VL : 0) + ((l) ^ (swap)))
#define LANES_OF_2_4(l, m, swap)                                                                                       \
    LANE_OF_2(l, m, swap), LANE_OF_2(l + 1, m, swap), LANE_OF_2(l + 2, m, swap), LANE_OF_2(l + 3, m, swap)
#if VL == 4
#define LANES_OF_2(m, swap) LANES_OF_2_4(0, m, swap)
#elif VL == 8
#define LANES_OF_2(m, swap) LANES_OF_2_4(0, m, swap), LANES_OF_2_4(4, m, swap)
#else
#define LANES_OF_2(m, swap)                                                                                            \
    LANES_OF_2_4(0, m, swap), LANES_OF_2_4(4, m, swap), LANES_OF_2_4(8, m, swap), LANES_OF_2_4(12, m, swap)
#endif
#define vmerge(a, b, m)                                                                                                \
    (__builtin_shufflevector(a, b, LANES_OF_2(m, 0)) + __builtin_shufflevector(a, b, LANES_OF_2(m, m)))

/* Lane l: the sum of x[l]'s lanes, as vsum adds them. */
INLINE vf vsums(vf x[VL]) {
#if VL == 16
    UNROLL
    for (int i = 0; i < 8; i++) x[i] = vmerge(x[i], x[i + 8], 8);
#endif
#if VL >= 8
    UNROLL
    for (int i = 0; i < 4; i++) x[i] = vmerge(x[i], x[i + 4], 4);
#endif
    UNROLL
    for (int i = 0; i < 2; i++) x[i] = vmerge(x[i], x[i + 2], 2);
    return vmerge(x[0], x[1], 1);
}

/* A mask of the first n lanes. */
INLINE vi vfirst_lanes(size_t n) {
    vi lane;
    for (int i = 0; i < VL; i++) lane[i] = i;
    return (vi)(lane < vseti((int32_t)n));
}

#endif
