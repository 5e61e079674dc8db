/* check_winograd.c: winograd_packed_size, winograd_pack, winograd_workspace, winograd: every form against the definition of
 * convolution. */
#include "check.h"

static const struct form {
    size_t rows, columns, row_taps, column_taps, stride;
    const char *name;
} forms[] = {
#define WINOGRAD(id, rows, columns, row_taps, column_taps) {rows, columns, row_taps, column_taps, 1, #id},
#define WINOGRAD_STRIDED(id, rows, columns, row_taps, column_taps) {rows, columns, row_taps, column_taps, 2, #id},
#include "kernels/winograd.def"
#undef WINOGRAD
};

/* Channels that the form takes. */
static size_t channels_of(const struct form *f, size_t channels) {
    return f->stride == 1 ? channels : 1 + channels % HP_WINOGRAD_STRIDED_CHANNELS;
}

/* An image of `step` times the positions in each direction, of which every step-th is read, as under a dilation. With
 * depth_taps, of several slices, padded by pad_front before and as much after. */
struct shape {
    size_t height, width, padding, step, images, channels, n, depth_taps, slices, pad_front;
};

#define FLAT 1, 1, 0

struct problem {
    hp_winograd g;
    struct shape s;
    const struct form *form;
    float *x, *w, *packed;
    size_t y_size, tiles;
    double largest; /* input */
};

static struct problem make(const hp_kernels *k, hp_winograd_form form, const struct shape *shape, size_t variant) {
    const struct form *f = &forms[form];
    struct problem p = {.s = *shape, .form = f, .largest = 1};
    struct shape *s = &p.s;
    const bool strided = f->stride > 1;
    if (strided) s->step = 1;
    s->channels = channels_of(f, s->channels);
    const size_t x_stride = s->channels + (strided ? 0 : variant % 3), y_stride = s->n + variant % 2;
    hp_winograd *g = &p.g;
    *g = (hp_winograd){.form = form,
        .height = s->height,
        .width = s->width,
        .pad_top = f->row_taps > 1 ? s->padding : 0,
        .pad_left = s->padding,
        .depth_taps = s->depth_taps,
        .slices = s->slices,
        .pad_front = s->pad_front,
        .channels = s->channels,
        .plain_stride = s->n + variant % 2,
        .n = s->n,
        .column_end = s->n};
    g->out_height = (s->height + 2 * g->pad_top - f->row_taps) / f->stride + 1;
    g->out_width = (s->width + 2 * g->pad_left - f->column_taps) / f->stride + 1;
    /* Every other variant has its axes exchanged in memory. */
    const bool turned = variant % 4 > 1 && !strided;
    g->x_across = s->step * x_stride * (turned ? s->height * s->step : 1);
    g->x_down = s->step * x_stride * (turned ? 1 : s->width * s->step);
    g->x_slice = s->height * s->width * s->step * s->step * x_stride;
    g->x_image_stride = g->slices * g->x_slice;
    g->y_across = s->step * y_stride * (turned ? g->out_height * s->step : 1);
    g->y_down = s->step * y_stride * (turned ? 1 : g->out_width * s->step);
    g->out_slices = g->slices + 2 * g->pad_front - g->depth_taps + 1;
    g->y_slice = g->out_height * g->out_width * s->step * s->step * y_stride;
    g->y_image_stride = g->out_slices * g->y_slice;
    /* Flush with the last position that may be read and written. */
    g->x = p.x = hp_check_random((s->images - 1) * g->x_image_stride + (g->slices - 1) * g->x_slice +
                                 (s->height - 1) * g->x_down + (s->width - 1) * g->x_across + s->channels);
    p.y_size = (s->images - 1) * g->y_image_stride + (g->out_slices - 1) * g->y_slice +
               (g->out_height - 1) * g->y_down + (g->out_width - 1) * g->y_across + s->n;
    g->zeros = hp_check_zeros(s->channels);
    const size_t rows = g->depth_taps * f->row_taps * f->column_taps * s->channels;
    g->plain = p.w = hp_check_random((rows - 1) * g->plain_stride + s->n);
    g->w = p.packed = hp_check_output(k->winograd_packed_size(form, 0, g->depth_taps, s->channels, s->n));
    k->winograd_pack(form, 0, p.packed, p.w, g->plain_stride, 1, g->depth_taps, s->channels, s->n);
    g->workspace = hp_check_output((k->winograd_workspace(form, 0, g->depth_taps, s->channels, s->n) + 15) / 16 * 16);
    g->epilogue.activation = hp_check_activation(variant);
    if (variant % 2) g->epilogue.bias = hp_check_random(s->n);
    if (variant % 5 > 2) g->epilogue.residual = hp_check_random(p.y_size);
    g->y = hp_check_output(p.y_size);
    p.tiles = s->images * g->out_slices * ((g->out_height + f->rows - 1) / f->rows) *
              ((g->out_width + f->columns - 1) / f->columns);
    g->tile_end = p.tiles;
    return p;
}

/* Adds the terms of one tap in depth, whose slice begins at x and whose weights at `plain`. */
static void add_slice(const struct problem *p, const float *slice, const float *plain, size_t row, size_t column,
    size_t j, double *sum, double *magnitude) {
    const hp_winograd *g = &p->g;
    for (size_t a = 0; a < p->form->row_taps; a++)
        for (size_t b = 0; b < p->form->column_taps; b++) {
            const size_t y = row * p->form->stride + a - g->pad_top, x = column * p->form->stride + b - g->pad_left;
            if (y >= g->height || x >= g->width) continue;
            const float *from = slice + y * g->x_down + x * g->x_across;
            const float *w = plain + (a * p->form->column_taps + b) * g->channels * g->plain_stride + j;
            for (size_t c = 0; c < g->channels; c++) {
                double term = (double)from[c] * w[c * g->plain_stride];
                *sum += term;
                *magnitude += fabs(term);
            }
        }
}

/* One output by the definition, before residual and activation, and the sum of its terms' magnitudes. */
static double reference(
    const struct problem *p, size_t image, size_t slice, size_t row, size_t column, size_t j, double *magnitude) {
    const hp_winograd *g = &p->g;
    double sum = g->epilogue.bias ? g->epilogue.bias[j] : 0;
    *magnitude = fabs(sum);
    for (size_t tap = 0; tap < g->depth_taps; tap++) {
        const size_t z = slice + tap - g->pad_front;
        const float *plain = p->w + tap * p->form->row_taps * p->form->column_taps * g->channels * g->plain_stride;
        if (z >= g->slices) continue;
        add_slice(p, g->x + image * g->x_image_stride + z * g->x_slice, plain, row, column, j, &sum, magnitude);
    }
    return sum;
}

static void check_value(
    const hp_kernels *k, const struct problem *p, size_t image, size_t slice, size_t row, size_t column, size_t j) {
    const hp_winograd *g = &p->g;
    const hp_epilogue *e = &g->epilogue;
    const size_t at = image * g->y_image_stride + slice * g->y_slice + row * g->y_down + column * g->y_across + j;
    double magnitude, y, sum = reference(p, image, slice, row, column, j, &magnitude);
    double rest = e->residual ? e->residual[at] : 0;
    /* Terms that do not belong to this output come and go as well: those of the whole tile. */
    double scale = 4 + (double)(g->depth_taps * p->form->row_taps * p->form->column_taps * g->channels) / 2;
    double error = isfinite(sum) ? 0x1p-23 * 16 * (fmax(magnitude, p->largest * sqrt(scale)) + fabs(rest)) : 0;
    double tolerance = hp_check_activated(&e->activation, sum + rest, error, &y);
    hp_check_that(hp_check_close(g->y[at], y, tolerance),
        "%s winograd %s %zux%zux%zux%zu n %zu: y[%zu][%zu][%zu][%zu][%zu] = %.9g, should be %.9g", k->isa,
        p->form->name, g->slices, g->height, g->width, g->channels, g->n, image, slice, row, column, j, g->y[at], y);
}

static void check_values(const hp_kernels *k, const struct problem *p) {
    const hp_winograd *g = &p->g;
    size_t written = 0;
    for (size_t image = 0; image < p->s.images; image++)
        for (size_t slice = 0; slice < g->out_slices; slice++)
            for (size_t row = 0; row < g->out_height; row++)
                for (size_t column = 0; column < g->out_width; column++)
                    for (size_t j = 0; j < g->n; j++, written++) check_value(k, p, image, slice, row, column, j);
    for (size_t i = 0; i < p->y_size; i++) written += hp_check_untouched(g->y[i]);
    hp_check_that(written == p->y_size, "%s winograd %s writes beyond", k->isa, p->form->name);
}

static void check_splits(const hp_kernels *k, const struct problem *p) {
    for (size_t part = 1; part < 30; part += 7) {
        hp_winograd g = p->g;
        g.y = hp_check_output(p->y_size);
        for (g.tile_begin = 0; g.tile_begin < p->tiles; g.tile_begin = g.tile_end) {
            g.tile_end = g.tile_begin + part < p->tiles ? g.tile_begin + part : p->tiles;
            for (g.column_begin = 0; g.column_begin < g.n; g.column_begin = g.column_end) {
                g.column_end = g.column_begin + k->gemm_nr < g.n ? g.column_begin + k->gemm_nr : g.n;
                k->winograd(&g);
            }
        }
        hp_check_that(hp_check_same(g.y, 1, p->g.y, 1, p->y_size, 1), "%s winograd %s: other bits in parts of %zu",
            k->isa, p->form->name, part);
    }
}

/* Weights that are transformed by the call: the same bits. */
static void check_streamed(const hp_kernels *k, const struct problem *p) {
    hp_winograd g = p->g;
    if (g.depth_taps > 1 || p->form->stride > 1) return;
    float *packed = hp_check_output(k->winograd_packed_size(g.form, 1, 1, g.channels, g.n));
    k->winograd_pack(g.form, 1, packed, p->w, g.plain_stride, 1, 1, g.channels, g.n);
    g.streamed = 1;
    g.w = packed;
    g.plain = NULL;
    g.workspace = hp_check_output((k->winograd_workspace(g.form, 1, 1, g.channels, g.n) + 15) / 16 * 16);
    g.y = hp_check_output(p->y_size);
    k->winograd(&g);
    hp_check_that(hp_check_same(g.y, 1, p->g.y, 1, p->y_size, 1),
        "%s winograd %s %zux%zux%zu n %zu: other bits streamed", k->isa, p->form->name, g.height, g.width, g.channels,
        g.n);
}

static void check_shape(const hp_kernels *k, hp_winograd_form form, const struct shape *s) {
    static size_t variant;
    for (int side = 0; side < 2; side++) {
        hp_check_reset(side);
        struct problem p = make(k, form, s, variant++);
        k->winograd(&p.g);
        check_values(k, &p);
        if (side) check_splits(k, &p);
        check_streamed(k, &p);
    }
}

/* NaN and infinity reach the outputs that they reach by the definition, and no other. */
static void check_special(const hp_kernels *k, hp_winograd_form form, size_t depth_taps) {
    static const float values[] = {NAN, INFINITY, -INFINITY, 0x1p127F, 1e-41F};
    const size_t slices = depth_taps > 1 ? depth_taps + 1 : 1;
    const size_t height = forms[form].row_taps > 1 ? 13 : 2;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        hp_check_reset(0);
        const struct shape s = {height, 13, 1, 1, 2, 5, k->gemm_nr + 1, depth_taps, slices, depth_taps / 2};
        struct problem p = make(k, form, &s, 1 + 8 * (i % 2));
        p.x[p.g.x_image_stride + (height / 2) * p.g.x_down + 6 * p.g.x_across + 3] = values[i];
        if (i == 4) p.w[2] = INFINITY;
        k->winograd_pack(form, 0, p.packed, p.w, p.g.plain_stride, 1, p.g.depth_taps, p.s.channels, p.s.n);
        if (isfinite(values[i])) p.largest = fmax(1, values[i]);
        k->winograd(&p.g);
        check_values(k, &p);
        check_streamed(k, &p);
    }
}

static void check_flat(const hp_kernels *k) {
    const size_t v = k->vector_floats, nr = k->gemm_nr;
    const size_t ns[] = {1, v - 1, v, v + 1, 2 * v, 3 * v, nr, nr + 1}, channels[] = {1, 3, v - 1, v, v + 1, 37};
    for (int form = 0; form < HP_WINOGRAD_COUNT; form++) {
        const struct form *f = &forms[form];
        const bool flat = f->row_taps == 1;
        /* A tile less one, a tile, a tile more one, primes, more tiles than a block; padding of all kinds. */
        const struct shape sizes[] = {
            {flat ? 1 : f->row_taps, f->column_taps, 0, 1, 1, 0, 0, FLAT},
            {flat ? 1 : f->rows + f->row_taps - 2, f->columns + f->column_taps - 2, 0, 1, 2, 0, 0, FLAT},
            {flat ? 2 : f->rows + f->row_taps - 1, f->columns + f->column_taps - 1, 0, 2, 1, 0, 0, FLAT},
            {flat ? 1 : f->rows + f->row_taps, f->columns + f->column_taps, f->column_taps / 2, 1, 1, 0, 0, FLAT},
            {flat ? 2 : 2 * f->rows + f->row_taps - 2, 2 * f->columns + f->column_taps - 1, 0, 1, 1, 0, 0, FLAT},
            {flat ? 1 : 11, 13, f->column_taps - 1, 1, 2, 0, 0, FLAT},
            {flat ? 1 : 1, flat ? 1 : 3, f->column_taps, 1, 1, 0, 0, FLAT},
        };
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t j = 0; j < sizeof ns / sizeof *ns; j++) {
                struct shape s = sizes[i];
                s.n = ns[j];
                s.channels = channels[(i + j) % (sizeof channels / sizeof *channels)];
                check_shape(k, (hp_winograd_form)form, &s);
            }
        check_shape(k, (hp_winograd_form)form, &(struct shape){flat ? 1 : 31, flat ? 900 : 31, 1, 1, 2, 2, 5, FLAT});
        /* More than a strip of tiles, and their last ones smaller. */
        if (f->stride > 1)
            check_shape(k, (hp_winograd_form)form, &(struct shape){17, 459, 3, 1, 1, 2, 2 * nr + v + 1, FLAT});
        check_shape(k, (hp_winograd_form)form, &(struct shape){flat ? 1 : 7, 7, 1, 1, 2, 200, 2 * nr + v + 1, FLAT});
        check_special(k, (hp_winograd_form)form, 1);
    }
}

/* Several taps in depth: one slice, as many as taps, more than a block reaches through; strips of several widths. */
static void check_deep(const hp_kernels *k, hp_winograd_form form) {
    const size_t v = k->vector_floats, nr = k->gemm_nr, flat = forms[form].row_taps == 1;
    const struct shape shapes[] = {
        {flat ? 1 : 9, 14, 1, 1, 3, 3, v, 3, 1, 1},
        {flat ? 1 : 9, 14, 1, 1, 2, v, v + 1, 2, 2, 0},
        {flat ? 1 : 9, 14, 2, 2, 2, v + 1, 2 * v, 3, 5, 1},
        {flat ? 1 : 13, 13, 1, 1, 1, 5, 3 * v - 1, 3, 11, 2},
        {flat ? 1 : 7, 7, 1, 1, 2, 2, nr + 1, 2, 60, 1},
        {flat ? 1 : 21, 23, 0, 1, 1, 1, nr, 4, 4, 0},
        {flat ? 1 : 5, 7, 2, 1, 20, 2, 1, 5, 2, 3},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(k, form, &shapes[i]);
    check_special(k, form, 3);
}

void hp_check_winograd_kernel(const hp_kernels *k) {
    check_flat(k);
    for (int form = 0; form < HP_WINOGRAD_COUNT; form++)
        if (forms[form].stride == 1) check_deep(k, (hp_winograd_form)form);
}

void hp_check_winograd_packed_size_kernel(const hp_kernels *k) {
    for (int form = 0; form < HP_WINOGRAD_COUNT; form++) {
        const struct form *f = &forms[form];
        /* At stride 2, 13 products an axis: of two phases, 4 and 3 taps. */
        const size_t xis = f->stride > 1 ? 13 * 13 : (f->rows + f->row_taps - 1) * (f->columns + f->column_taps - 1);
        for (size_t n = 0; n < 200; n++)
            hp_check_that(k->winograd_packed_size((hp_winograd_form)form, 0, 1, 3, n) >= 3 * n * xis,
                "%s winograd_packed_size(%s, 3, %zu)", k->isa, f->name, n);
    }
}

void hp_check_winograd_workspace_kernel(const hp_kernels *k) {
    for (int form = 0; form < HP_WINOGRAD_COUNT; form++)
        for (size_t channels = 1; channels < 3000; channels *= 3)
            for (size_t depth = 1; depth < 4; depth += 2) {
                const size_t taken = channels_of(&forms[form], channels);
                hp_check_that(k->winograd_workspace((hp_winograd_form)form, depth == 1, depth, taken, 100) > 0,
                    "%s winograd_workspace(%s)", k->isa, forms[form].name);
            }
}

/* Every float of the size is written, nothing else (guard pages), and a transposed kernel packs to the same. */
void hp_check_winograd_pack_kernel(const hp_kernels *k) {
    for (int form = 0; form < HP_WINOGRAD_COUNT; form++)
        for (size_t n = 1; n <= 2 * k->gemm_nr + 1; n++) {
            hp_check_reset((int)n & 1);
            const struct form *f = &forms[form];
            const int streamed = n % 6 == 0 && f->stride == 1;
            const size_t depth = f->stride > 1 ? 1 : 1 + n % 3, channels = channels_of(f, 1 + n % 5);
            const size_t rows = depth * f->row_taps * f->column_taps * channels;
            const size_t size = k->winograd_packed_size((hp_winograd_form)form, streamed, depth, channels, n);
            float *w = hp_check_random(rows * n), *turned = hp_check_zeros(rows * n);
            float *packed = hp_check_output(size), *again = hp_check_output(size);
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < n; j++) turned[j * rows + i] = w[i * n + j];
            k->winograd_pack((hp_winograd_form)form, streamed, packed, w, n, 1, depth, channels, n);
            k->winograd_pack((hp_winograd_form)form, streamed, again, turned, 1, rows, depth, channels, n);
            bool written = true;
            for (size_t i = 0; i < size; i++) written = written && !hp_check_untouched(packed[i]);
            hp_check_that(written && hp_check_same(packed, 1, again, 1, size, 1), "%s winograd_pack %s n %zu", k->isa,
                f->name, n);
        }
}

/* ---- benchmarks ------------------------------------------------------------------------------------------------- */

struct bench {
    const hp_kernels *k;
    struct problem p;
    float *packed;
};

static void run_winograd(void *context) {
    struct bench *b = context;
    b->k->winograd(&b->p.g);
}

void hp_bench_winograd_kernel(const hp_kernels *k) {
    static const struct {
        hp_winograd_form form;
        struct shape s;
    } cases[] = {
        {HP_WINOGRAD_4X4_3X3, {56, 56, 1, 1, 8, 64, 64, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {28, 28, 1, 1, 8, 128, 128, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {14, 14, 1, 1, 8, 256, 256, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {7, 7, 1, 1, 16, 512, 512, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {112, 112, 1, 1, 2, 128, 128, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {224, 224, 1, 1, 1, 64, 64, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {26, 26, 0, 1, 8, 32, 64, FLAT}},
        {HP_WINOGRAD_2X2_3X3, {56, 56, 1, 1, 8, 64, 64, FLAT}},
        {HP_WINOGRAD_2X2_3X3, {7, 7, 1, 1, 16, 512, 512, FLAT}},
        {HP_WINOGRAD_2X2_5X5, {28, 28, 2, 1, 4, 64, 64, FLAT}},
        {HP_WINOGRAD_1X6_1X3, {1, 256, 1, 1, 8, 64, 64, FLAT}},
        {HP_WINOGRAD_1X4_1X3, {1, 256, 1, 1, 8, 64, 64, FLAT}},
        {HP_WINOGRAD_1X4_1X5, {1, 128, 2, 1, 8, 32, 64, FLAT}},
        {HP_WINOGRAD_1X2_1X5, {1, 128, 2, 1, 8, 32, 64, FLAT}},
        {HP_WINOGRAD_1X2_1X7, {1, 256, 3, 1, 8, 64, 64, FLAT}},
        {HP_WINOGRAD_4X4_3X3, {16, 16, 1, 1, 4, 16, 32, 3, 8, 1}},
        {HP_WINOGRAD_4X4_3X3, {8, 8, 1, 1, 16, 32, 64, 3, 4, 1}},
        {HP_WINOGRAD_4X4_3X3, {32, 32, 1, 1, 1, 64, 64, 3, 32, 1}},
        {HP_WINOGRAD_4X4_7X7, {112, 112, 3, 1, 1, 2, 64, FLAT}},
        {HP_WINOGRAD_4X4_7X7, {224, 224, 3, 1, 1, 2, 64, FLAT}},
        {HP_WINOGRAD_4X4_7X7, {112, 112, 3, 1, 1, 0, 64, FLAT}},
        {HP_WINOGRAD_4X4_7X7, {112, 112, 3, 1, 1, 2, 16, FLAT}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[80];
        hp_check_reset(1);
        struct bench b = {.k = k, .p = make(k, cases[i].form, &cases[i].s, 0)};
        const hp_winograd *g = &b.p.g;
        const struct form *f = b.p.form;
        const size_t pixels = b.p.s.images * g->out_slices * g->out_height * g->out_width;
        const size_t taps = g->depth_taps * f->row_taps * f->column_taps;
        snprintf(what, sizeof what, "winograd %s %zux%zux%zux%zu -> %zu", f->name, g->slices, g->height, g->width,
            g->channels, g->n);
        hp_bench_flops(k, what, 2.0 * (double)(pixels * taps * g->channels * g->n), run_winograd, &b);
    }
}

static void run_pack(void *context) {
    struct bench *b = context;
    const hp_winograd *g = &b->p.g;
    b->k->winograd_pack(g->form, 0, b->packed, b->p.w, g->plain_stride, 1, g->depth_taps, g->channels, g->n);
}

void hp_bench_winograd_pack_kernel(const hp_kernels *k) {
    hp_check_reset(1);
    struct bench b = {.k = k, .p = make(k, HP_WINOGRAD_4X4_3X3, &(struct shape){7, 7, 1, 1, 1, 256, 256, FLAT}, 0)};
    b.packed = hp_check_output(k->winograd_packed_size(HP_WINOGRAD_4X4_3X3, 0, 1, 256, 256));
    hp_bench_bytes(k, "winograd_pack 4X4_3X3 256 x 256", 4.0 * (9 + 36) * 256 * 256, run_pack, &b);
}

void hp_bench_winograd_packed_size_kernel(const hp_kernels *k) {
    (void)k;
} /* a formula */
void hp_bench_winograd_workspace_kernel(const hp_kernels *k) {
    (void)k;
} /* a formula */
