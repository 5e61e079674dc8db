/* make_rows.c: writes rows of made-up numbers as a .npy file to standard output.
 *
 *     make_rows ROWS COLUMNS > rows.npy
 *
 * The values are float32, roughly normal (mean 0, deviation 1), and the same on every machine: an xorshift
 * generator with a fixed seed, and the sum of twelve uniform numbers, each a multiple of 2^-16, which float32
 * holds exactly. So references made elsewhere (tools/train_demo_models.py) stay valid. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Marsaglia's xorshift64: good enough for made-up rows, and three lines in any language. */
static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The sum of 12 uniform numbers in [0, 1) less 6: mean 0, deviation 1. */
static float normal(uint64_t *state) {
    uint32_t sum = 0;

    for (int draw = 0; draw < 3; draw++) {
        uint64_t bits = next(state);
        sum += (uint32_t)(bits & 0xffff) + (uint32_t)(bits >> 16 & 0xffff) + (uint32_t)(bits >> 32 & 0xffff) +
               (uint32_t)(bits >> 48);
    }
    return (float)sum / 65536.0f - 6.0f;
}

/* Writes the 128 bytes that stand in front of the values in a .npy file, version 1.0. */
static int write_header(long long rows, long long columns) {
    char header[128];
    char text[118];
    int length =
        snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }", rows, columns);

    if (length < 0 || (size_t)length >= sizeof text) return -1;
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(header + 10, text, (size_t)length);
    header[127] = '\n';
    return fwrite(header, sizeof header, 1, stdout) == 1 ? 0 : -1;
}

/* Reads a positive number from an argument; 0 when it is none. */
static long long positive(const char *text) {
    char *end;
    long long value = strtoll(text, &end, 10);

    return *end == '\0' && value > 0 ? value : 0;
}

int main(int argc, char **argv) {
    uint64_t state = 0x9e3779b97f4a7c15u;
    long long rows = argc == 3 ? positive(argv[1]) : 0;
    long long columns = argc == 3 ? positive(argv[2]) : 0;
    float row[256];

    if (rows == 0 || columns == 0 || columns > (long long)(sizeof row / sizeof row[0])) {
        fprintf(stderr, "usage: make_rows ROWS COLUMNS > rows.npy   (at most 256 columns)\n");
        return 2;
    }
    if (write_header(rows, columns) != 0) goto failed;
    for (long long r = 0; r < rows; r++) {
        for (long long c = 0; c < columns; c++) row[c] = normal(&state);
        if (fwrite(row, sizeof row[0], (size_t)columns, stdout) != (size_t)columns) goto failed;
    }
    if (fflush(stdout) == 0) return 0;
failed:
    perror("make_rows: standard output");
    return 1;
}
