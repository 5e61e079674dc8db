/* fingerprint.c: see fingerprint.h. Written from the published descriptions of both hashes; all arithmetic is modulo
 * 2^64, words are read in little-endian order. */
#include "prims/fingerprint.h"

#define K0 0xc3a5c85c97cb3127ULL
#define K1 0xb492b66fbe98f273ULL
#define K2 0x9ae16a3b2f90404fULL

static uint64_t read_word(const char *at, int bytes) {
    uint64_t word = 0;
    for (int i = bytes - 1; i >= 0; i--) word = word << 8 | (unsigned char)at[i];
    return word;
}

static uint64_t read64(const char *at) {
    return read_word(at, 8);
}

static uint64_t rotate_right(uint64_t x, int bits) {
    return x >> bits | x << (64 - bits);
}

static uint64_t fold(uint64_t x) {
    return x ^ x >> 47;
}

static uint64_t mix(uint64_t u, uint64_t v, uint64_t factor) {
    uint64_t a = fold((u ^ v) * factor);
    return fold((v ^ a) * factor) * factor;
}

static uint64_t to_16(const char *s, size_t n) {
    uint64_t factor = K2 + n * 2;
    if (n >= 8) {
        uint64_t a = read64(s) + K2, b = read64(s + n - 8);
        return mix(rotate_right(b, 37) * factor + a, (rotate_right(a, 25) + b) * factor, factor);
    }
    if (n >= 4) return mix(n + (read_word(s, 4) << 3), read_word(s + n - 4, 4), factor);
    if (n == 0) return K2;
    uint64_t first = (unsigned char)s[0], middle = (unsigned char)s[n >> 1], last = (unsigned char)s[n - 1];
    return fold((first + (middle << 8)) * K2 ^ (n + (last << 2)) * K0) * K2;
}

static uint64_t to_32(const char *s, size_t n) {
    uint64_t factor = K2 + n * 2, a = read64(s) * K1, b = read64(s + 8);
    uint64_t c = read64(s + n - 8) * factor, d = read64(s + n - 16) * K2;
    return mix(rotate_right(a + b, 43) + rotate_right(c, 30) + d, a + rotate_right(b + K2, 18) + c, factor);
}

static uint64_t to_64(const char *s, size_t n) {
    uint64_t factor = K2 + n * 2, a = read64(s) * K2, b = read64(s + 8);
    uint64_t c = read64(s + n - 8) * factor, d = read64(s + n - 16) * K2;
    uint64_t y = rotate_right(a + b, 43) + rotate_right(c, 30) + d;
    uint64_t z = mix(y, a + rotate_right(b + K2, 18) + c, factor);
    uint64_t e = read64(s + 16) * factor, f = read64(s + 24);
    uint64_t g = (y + read64(s + n - 32)) * factor, h = (z + read64(s + n - 24)) * factor;
    return mix(rotate_right(e + f, 43) + rotate_right(g, 30) + h, e + rotate_right(f + a, 18) + g, factor);
}

typedef struct pair {
    uint64_t first, second;
} pair;

/* 32 bytes into two words that start as a and b. */
static pair absorb(const char *s, uint64_t a, uint64_t b) {
    uint64_t last = read64(s + 24);
    a += read64(s);
    b = rotate_right(b + a + last, 21);
    uint64_t c = a;
    a += read64(s + 8) + read64(s + 16);
    return (pair){a + last, b + rotate_right(a, 44) + c};
}

typedef struct long_state {
    uint64_t x, y, z;
    pair v, w;
} long_state;

/* 64 bytes; the last ones are weighed by `weight`. */
static void absorb_block(long_state *t, const char *s, uint64_t factor, uint64_t weight) {
    t->x = rotate_right(t->x + t->y + t->v.first + read64(s + 8), 37) * factor;
    t->y = rotate_right(t->y + t->v.second + read64(s + 48), 42) * factor;
    t->x ^= t->w.second * weight;
    t->y += t->v.first * weight + read64(s + 40);
    t->z = rotate_right(t->z + t->w.first, 33) * factor;
    t->v = absorb(s, t->v.second * factor, t->x + t->w.first);
    t->w = absorb(s + 32, t->z + t->w.second, t->y + read64(s + 16));
    uint64_t swap = t->z;
    t->z = t->x;
    t->x = swap;
}

uint64_t hp_fingerprint64(const char *data, size_t size) {
    if (size <= 16) return to_16(data, size);
    if (size <= 32) return to_32(data, size);
    if (size <= 64) return to_64(data, size);
    const uint64_t seed = 81;
    long_state t = {.x = seed * K2 + read64(data), .y = seed * K1 + 113};
    t.z = fold(t.y * K2 + 113) * K2;
    size_t blocks = (size - 1) / 64;
    for (size_t i = 0; i < blocks; i++) absorb_block(&t, data + i * 64, K1, 1);
    uint64_t factor = K1 + ((t.z & 0xff) << 1);
    t.w.first += (size - 1) & 63;
    t.v.first += t.w.first;
    t.w.first += t.v.first;
    absorb_block(&t, data + size - 64, factor, 9);
    return mix(
        mix(t.v.first, t.w.first, factor) + fold(t.y) * K0 + t.z, mix(t.v.second, t.w.second, factor) + t.x, factor);
}

uint64_t hp_fingerprint_join(uint64_t first, uint64_t second) {
    const uint64_t factor = 0xc6a4a7935bd1e995ULL;
    uint64_t x = (first ^ factor ^ fold(second * factor) * factor) * factor;
    return fold(fold(x) * factor);
}

static uint64_t rotate_left(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] = rotate_left(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

uint64_t hp_siphash24(const uint64_t key[2], const char *data, size_t size) {
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL, key[0] ^ 0x6c7967656e657261ULL,
        key[1] ^ 0x7465646279746573ULL};
    size_t whole = size & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) sip_word(v, read64(data + i));
    sip_word(v, read_word(data + whole, (int)(size & 7)) | (uint64_t)(size & 0xff) << 56);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
