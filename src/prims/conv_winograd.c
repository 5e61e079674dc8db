/* conv_winograd.c: see conv_winograd.h. */
#include "prims/conv_winograd.h"

#include <stdio.h>

#include "prims/linear.h"
#include "prims/packing.h"

/* One phase of the dilation: outputs (p, q) modulo the dilation read inputs that are an image of their own. */
typedef struct winograd_phase {
    size_t height, width, pad_top, pad_left, out_height, out_width;
    size_t x, y;  /* positions of its first input and output */
    size_t tiles; /* of one image, of all its slices */
} winograd_phase;

struct hp_winograd_state {
    const hp_kernels *kernels;
    hp_winograd_layer layer;
    hp_winograd_form form;
    int down, across; /* axes of the geometry */
    winograd_phase *phases;
    size_t phase_count, tiles; /* of all phases, per image */
    size_t planes;             /* images of the kernel per image: its slices, unless the window takes several */
    bool streamed;             /* the packed weights are the plain ones: the input is not read */
    const float *packed, *zeros;
};

static const struct form {
    int64_t rows, columns, row_taps, column_taps, stride;
} forms[] = {
#define WINOGRAD(id, rows, columns, row_taps, column_taps) {rows, columns, row_taps, column_taps, 1},
#define WINOGRAD_STRIDED(id, rows, columns, row_taps, column_taps) {rows, columns, row_taps, column_taps, 2},
#include "kernels/winograd.def"
#undef WINOGRAD
};

/* Of one axis; at stride 2 those of the phase with more taps. */
static double points_of(int64_t outputs, int64_t taps, int64_t stride) {
    return (double)(outputs + (taps - 1) / stride);
}

static double points(const struct form *f) {
    return points_of(f->rows, f->row_taps, f->stride) * points_of(f->columns, f->column_taps, f->stride);
}

/* Tiles of one slice, over all phases. */
static double tiles_of(const hp_geometry *g, const struct form *f, int down, int across) {
    double tiles[2] = {0, 0};
    const int axes[2] = {down, across};
    const int64_t sizes[2] = {f->rows, f->columns};
    for (int i = 0; i < 2; i++)
        for (int64_t p = 0; p < g->dilation[axes[i]] && p < g->output[axes[i]]; p++)
            tiles[i] += (double)HP_DIVIDE_UP(HP_DIVIDE_UP(g->output[axes[i]] - p, g->dilation[axes[i]]), sizes[i]);
    return tiles[0] * tiles[1];
}

/* Products along one axis, of `outputs` outputs and `taps` taps a tile: a tile that has fewer outputs than that does without one. */
static double axis_products(const hp_geometry *g, int axis, int64_t outputs, int64_t taps) {
    double products = 0;
    for (int64_t p = 0; p < g->dilation[axis] && p < g->output[axis]; p++) {
        const int64_t extent = HP_DIVIDE_UP(g->output[axis] - p, g->dilation[axis]),
                      tiles = HP_DIVIDE_UP(extent, outputs);
        const int64_t spare = tiles * outputs - extent;
        products += (double)(tiles * (outputs + taps - 1) - (spare < tiles ? spare : tiles));
    }
    return products;
}

/* Products of an element of V by a weight for one slice, over all phases; with sums in depth all tiles have them all. */
static double products_of(const hp_geometry *g, const struct form *f, int down, int across) {
    if (g->kernel[0] > 1) return tiles_of(g, f, down, across) * points(f);
    return axis_products(g, down, f->rows, f->row_taps) * axis_products(g, across, f->columns, f->column_taps);
}

/* ---- the rule */

/* Cost of an image in multiply-adds, as measured on AVX-512 (docs/convolution.md): an element of V costs as much as
 * `input` multiply-adds, an element of M as `output`, and direct convolution takes `direct` for one of its own. For
 * one row at a time a packed weight costs `weight`: reading it from memory. Transforming a weight of each tap for all
 * points costs `transform`. */
static const double input_cost = 10, output_cost = 8, direct_cost = 1.1, weight_cost = 13, transform_cost = 220;
static const double strided_input_cost = 320, strided_output_cost = 6;
/* Below so many channels the transforms leave lanes idle and the products are too short. */
enum { LEAST_CHANNELS = 12, LEAST_FILTERS = 12 };
/* Tiles of outputs that hide the reading of weights that leave level 2, and of those that fill the last level, or are
 * transformed by each run: several images' where those are small. */
enum { ENOUGH_TILES = 48, MANY_TILES = 64, HELD_BYTES = 512 << 10, LARGE_BYTES = 16 << 20 };

/* Whether weights are transformed by each run: where transformed ones would be too large for the caches, and few tiles of
 * an image use them. Then it costs 1 % of a network's time, and saves three quarters of their memory; with one row at a
 * time it costs nothing. */
static bool streams(const hp_winograd_layer *l, const struct form *f, double tiles, bool latency) {
    enum { FEW_TILES = 8 };
    const double bytes = points(f) * (double)l->channels * (double)l->filters * sizeof(float);
    if (l->geometry.kernel[0] > 1 || f->row_taps == 1) return false;
    return latency ? bytes > 4 << 20 : bytes > LARGE_BYTES && tiles * (double)l->geometry.output[0] <= FEW_TILES;
}

static double winograd_cost(const hp_winograd_layer *l, const struct form *f, int down, int across, bool latency) {
    const hp_geometry *g = &l->geometry;
    const double channels = (double)l->channels, filters = (double)l->filters, xis = points(f);
    const double slices = (double)g->output[0], depth = (double)g->kernel[0], products = depth * channels * filters;
    const double tiles = tiles_of(g, f, down, across), elements = tiles * xis;
    const bool streamed = streams(l, f, tiles, latency);
    double cost = elements * (slices * filters * output_cost + (slices + depth - 1) * channels * input_cost);
    cost += products_of(g, f, down, across) * slices * products;
    if (streamed) cost += transform_cost * products * (latency ? 1 : tiles * slices / MANY_TILES);
    return cost + (latency ? weight_cost * (streamed ? (double)hp_geometry_taps(g) : xis) * products : 0);
}

/* The same for a form at stride 2, whose inputs are transformed a vector of channels at a time, however few there are. An axis has
 * a product for each point and phase of the taps, but one. */
static double strided_cost(const hp_winograd_layer *l, const struct form *f) {
    const double tiles = tiles_of(&l->geometry, f, 1, 2) * (double)l->geometry.output[0];
    const double channels = (double)l->channels, filters = (double)l->filters;
    const double products = (2 * points_of(f->rows, f->row_taps, f->stride) - 1) *
                            (2 * points_of(f->columns, f->column_taps, f->stride) - 1);
    return tiles * (direct_cost * products * channels * filters +
                       points(f) * (strided_output_cost * filters + strided_input_cost));
}

static double direct_cost_of(const hp_winograd_layer *l, bool latency) {
    const double products = (double)l->channels * (double)l->filters, taps = (double)hp_geometry_taps(&l->geometry);
    return taps * products * (direct_cost * (double)hp_geometry_pixels(&l->geometry) + (latency ? weight_cost : 0));
}

/* Whether the geometry is this form's with its axes `down` and `across`; the third axis slides undilated. */
static bool fits(const hp_geometry *g, const struct form *f, int down, int across) {
    if (g->kernel[down] != f->row_taps || g->kernel[across] != f->column_taps) return false;
    const int other = HP_MAX_SPATIAL - down - across;
    if (g->strides[0] != 1 || g->strides[1] != f->stride || g->strides[2] != f->stride) return false;
    return other == 0 && g->dilation[0] == 1 &&
           (g->kernel[0] > 1 || (g->pad_before[0] == 0 && g->output[0] == g->input[0]));
}

/* Forms at stride 2 take few channels side by side. */
static bool fits_strided(const hp_geometry *g, const struct form *f, int64_t channels) {
    return f->stride > 1 && fits(g, f, 1, 2) && channels <= HP_WINOGRAD_STRIDED_CHANNELS && g->kernel[0] == 1 &&
           g->dilation[1] == 1 && g->dilation[2] == 1;
}

bool hp_winograd_is_out(const hp_geometry *geometry, int64_t channels) {
    for (int i = 0; i < HP_WINOGRAD_COUNT; i++)
        if (fits_strided(geometry, &forms[i], channels)) return false;
    return channels < LEAST_CHANNELS || geometry->strides[1] > 1 || geometry->strides[2] > 1;
}

/* Takes the form, its first axis being `down`, if it costs less than all before it. */
static void offer(hp_winograd_state *s, int form, int down, bool streamed, double cost, double *least) {
    if (cost >= *least) return;
    *least = cost;
    s->form = (hp_winograd_form)form;
    s->streamed = streamed;
    s->down = down;
    s->across = HP_MAX_SPATIAL - down;
}

/* The cheapest form; false: direct convolution is. */
static bool choose(const hp_winograd_layer *l, bool latency, hp_winograd_state *s) {
    const hp_geometry *g = &l->geometry;
    const double direct = direct_cost_of(l, latency);
    double least = direct;
    for (int i = 0; i < HP_WINOGRAD_COUNT; i++) {
        const struct form *f = &forms[i];
        if (fits_strided(g, f, (int64_t)l->channels) && l->groups == 1 && l->x_pitch == l->channels)
            offer(s, i, 1, false, strided_cost(l, f), &least);
        if (l->channels < LEAST_CHANNELS || l->filters < LEAST_FILTERS || f->stride > 1) continue;
        for (int down = 1; down <= 2; down++)
            if (fits(g, f, down, HP_MAX_SPATIAL - down))
                offer(s, i, down, streams(l, f, tiles_of(g, f, down, HP_MAX_SPATIAL - down), latency),
                    winograd_cost(l, f, down, HP_MAX_SPATIAL - down, latency), &least);
    }
    return least < direct;
}

/* ---- life */

/* Along one axis: the inputs and outputs of phase p. */
static void phase_axis(
    const hp_geometry *g, int axis, int64_t p, size_t *size, size_t *out, size_t *pad, size_t *first) {
    const int64_t d = g->dilation[axis], reads = p - g->pad_before[axis], start = (reads % d + d) % d;
    *size = start < g->input[axis] ? (size_t)HP_DIVIDE_UP(g->input[axis] - start, d) : 0;
    *out = (size_t)HP_DIVIDE_UP(g->output[axis] - p, d);
    *pad = (size_t)((start - reads) / d);
    *first = (size_t)start;
}

static hp_status lay_out_phases(hp_winograd_state *s, hp_error *error) {
    const hp_geometry *g = &s->layer.geometry;
    const struct form *f = &forms[s->form];
    size_t of[2];
    const int axes[2] = {s->down, s->across};
    for (int i = 0; i < 2; i++)
        of[i] = (size_t)(g->dilation[axes[i]] < g->output[axes[i]] ? g->dilation[axes[i]] : g->output[axes[i]]);
    s->phase_count = of[0] * of[1];
    s->phases = hp_alloc_array(s->phase_count, sizeof *s->phases);
    HP_ALLOCATED(s->phases, error);
    const size_t x_step[HP_MAX_SPATIAL] = {0, (size_t)g->input[2], 1},
                 y_step[HP_MAX_SPATIAL] = {0, (size_t)g->output[2], 1};
    for (size_t i = 0; i < s->phase_count; i++) {
        winograd_phase *p = &s->phases[i];
        size_t a = i / of[1], b = i % of[1], top, left;
        phase_axis(g, s->down, (int64_t)a, &p->height, &p->out_height, &p->pad_top, &top);
        phase_axis(g, s->across, (int64_t)b, &p->width, &p->out_width, &p->pad_left, &left);
        p->x = top * x_step[s->down] + left * x_step[s->across];
        p->y = a * y_step[s->down] + b * y_step[s->across];
        p->tiles =
            (size_t)(HP_DIVIDE_UP((int64_t)p->out_height, f->rows) * HP_DIVIDE_UP((int64_t)p->out_width, f->columns)) *
            (size_t)g->output[0];
        s->tiles += p->tiles;
    }
    s->planes = g->kernel[0] > 1 ? 1 : (size_t)g->output[0];
    return HP_OK;
}

static size_t packed_part(const hp_winograd_state *s) {
    enum { LINE_FLOATS = HP_ALIGNMENT / sizeof(float) };
    size_t depth = (size_t)s->layer.geometry.kernel[0];
    size_t floats = s->kernels->winograd_packed_size(s->form, s->streamed, depth, s->layer.channels, s->layer.filters);
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

typedef struct pack_context {
    const hp_winograd_state *state;
    const float *w;
} pack_context;

static hp_status fill_packed(void *context, void *data, size_t bytes, hp_error *error) {
    const pack_context *c = context;
    const hp_winograd_layer *l = &c->state->layer;
    (void)bytes;
    (void)error;
    for (size_t g = 0; g < l->groups; g++)
        c->state->kernels->winograd_pack(c->state->form, c->state->streamed, (float *)data + g * packed_part(c->state),
            c->w + g * l->filters, l->groups * l->filters, 1, (size_t)l->geometry.kernel[0], l->channels, l->filters);
    return HP_OK;
}

static hp_status share_blobs(const hp_prepare *prepare, hp_winograd_state *s, hp_error *error) {
    const hp_constant *w = hp_prepare_constant(prepare, HP_LINEAR_W);
    struct {
        uint64_t id, form, streamed, groups;
    } key = {w->id, s->form, s->streamed, s->layer.groups};
    size_t floats;
    HP_FAIL_IF(!hp_size_mul(packed_part(s), s->layer.groups, &floats) || floats > SIZE_MAX / 8, error,
        HP_ERROR_NO_MEMORY, NULL, "out of memory: the packed weights are too large");
    pack_context context = {s, w->data};
    HP_TRY(hp_packed_custom(prepare, &key, sizeof key, floats, fill_packed, &context, &s->packed, error));
    if (s->streamed) hp_input_is_packed(prepare, HP_LINEAR_W);
    HP_TRY(lay_out_phases(s, error));
    return hp_zeros_get(prepare->constants, s->layer.x.channels, &s->zeros, error);
}

hp_status hp_winograd_prepare(
    const hp_prepare *prepare, const hp_winograd_layer *layer, hp_winograd_state **state, hp_error *error) {
    hp_winograd_state chosen = {.kernels = prepare->kernels, .layer = *layer};
    *state = NULL;
    if (!hp_prepare_constant(prepare, HP_LINEAR_W) || !choose(layer, prepare->latency, &chosen)) return HP_OK;
    hp_winograd_state *s = HP_NEW(hp_winograd_state);
    HP_ALLOCATED(s, error);
    *s = chosen;
    hp_status status = share_blobs(prepare, s, error);
    if (status != HP_OK)
        hp_winograd_release(s);
    else
        *state = s;
    return status;
}

void hp_winograd_release(hp_winograd_state *s) {
    if (!s) return;
    hp_free(s->phases);
    hp_free(s);
}

/* ---- running */

static size_t images_of(const hp_winograd_state *s, int64_t rows) {
    return hp_tile_extent(s->layer.x.rows, s->layer.x.images, rows);
}

hp_grid hp_winograd_grid(const hp_winograd_state *s, int64_t rows) {
    const hp_winograd_layer *l = &s->layer;
    size_t tiles = images_of(s, rows) * s->tiles;
    double flops = 2 * points(&forms[s->form]) * (double)l->channels * (double)l->geometry.kernel[0];
    if (l->groups == 1) return hp_grid_make(tiles, l->filters, s->kernels->gemm_mr, s->kernels->gemm_nr, flops);
    return hp_grid_make(tiles, l->groups, s->kernels->gemm_mr, 1, flops * (double)l->filters);
}

void hp_winograd_describe(const hp_winograd_state *s, char *text, size_t size) {
    const struct form *f = &forms[s->form];
    const int depth = (int)s->layer.geometry.kernel[0];
    int used = snprintf(
        text, size, "Winograd F(%dx%d, %dx%d)", (int)f->rows, (int)f->columns, (int)f->row_taps, (int)f->column_taps);
    if (used < 0 || (size_t)used >= size) return;
    if (f->stride > 1) snprintf(text + used, size - (size_t)used, ", strides of %d", (int)f->stride);
    if (depth > 1) snprintf(text + used, size - (size_t)used, ", sums of %d slices", depth);
    if (s->streamed) snprintf(text + used, size - (size_t)used, ", weights transformed by each run");
}

size_t hp_winograd_workspace(const hp_winograd_state *s) {
    const hp_winograd_layer *l = &s->layer;
    size_t depth = (size_t)l->geometry.kernel[0];
    return s->kernels->winograd_workspace(s->form, s->streamed, depth, l->channels, l->filters) * sizeof(float);
}

int64_t hp_winograd_rows(const hp_winograd_state *s) {
    const hp_winograd_layer *l = &s->layer;
    double products = (double)l->geometry.kernel[0] * (double)l->channels * (double)l->filters;
    double bytes = points(&forms[s->form]) * products * sizeof(float);
    size_t tiles = s->tiles * (l->x.rows ? l->x.images : 1), enough = bytes > LARGE_BYTES ? MANY_TILES : ENOUGH_TILES;
    if (bytes <= HELD_BYTES || tiles >= enough) return 1;
    return (int64_t)((enough + tiles - 1) / tiles);
}

static void run_phase(
    const hp_winograd_state *s, const hp_run *run, const winograd_phase *p, const hp_rectangle *part, size_t group) {
    const hp_winograd_layer *l = &s->layer;
    const hp_geometry *g = &l->geometry;
    const size_t filters = l->groups * l->filters, column = group * l->filters;
    const size_t steps[HP_MAX_SPATIAL] = {0, (size_t)g->input[2], 1},
                 out_steps[HP_MAX_SPATIAL] = {0, (size_t)g->output[2], 1};
    const size_t x_slice = (size_t)(g->input[1] * g->input[2]) * l->x_pitch,
                 y_slice = (size_t)(g->output[1] * g->output[2]) * l->y_pitch;
    const size_t down = (size_t)g->dilation[s->down], across = (size_t)g->dilation[s->across];
    hp_winograd args = {.form = s->form,
        .streamed = s->streamed,
        .x = (const float *)run->inputs[HP_LINEAR_X] + p->x * l->x_pitch + group * l->channels,
        .x_image_stride = x_slice * ((size_t)g->input[0] / s->planes),
        .x_down = steps[s->down] * down * l->x_pitch,
        .x_across = steps[s->across] * across * l->x_pitch,
        .height = p->height,
        .width = p->width,
        .pad_top = p->pad_top,
        .pad_left = p->pad_left,
        .depth_taps = (size_t)g->kernel[0],
        .slices = (size_t)g->input[0] / s->planes,
        .pad_front = (size_t)g->pad_before[0],
        .x_slice = x_slice,
        .channels = l->channels,
        .zeros = s->zeros,
        .w = s->packed + group * packed_part(s),
        .plain = s->streamed ? NULL : (const float *)run->inputs[HP_LINEAR_W] + column,
        .plain_stride = filters,
        .n = l->filters,
        .y = (float *)run->outputs[0] + p->y * l->y_pitch + column,
        .y_image_stride = y_slice * ((size_t)g->output[0] / s->planes),
        .y_down = out_steps[s->down] * down * l->y_pitch,
        .y_across = out_steps[s->across] * across * l->y_pitch,
        .out_height = p->out_height,
        .out_width = p->out_width,
        .out_slices = (size_t)g->output[0] / s->planes,
        .y_slice = y_slice,
        .tile_begin = part->row_begin,
        .tile_end = part->row_end,
        .column_begin = part->column_begin,
        .column_end = part->column_end,
        .workspace = run->workspace,
        .epilogue = hp_linear_epilogue(&l->activation, run, filters)};
    if (args.epilogue.bias) args.epilogue.bias += column;
    if (args.epilogue.residual) args.epilogue.residual += p->y * filters + column;
    s->kernels->winograd(&args);
}

/* Tiles are numbered phase by phase, in a phase through all images. */
void hp_winograd_run(const hp_winograd_state *s, const hp_run *run, const hp_rectangle *r) {
    const size_t images = images_of(s, run->rows);
    size_t first = 0;
    for (size_t i = 0; i < s->phase_count && first < r->row_end; i++) {
        const size_t count = s->phases[i].tiles * images;
        if (first + count > r->row_begin) {
            hp_rectangle part = *r;
            part.row_begin = r->row_begin > first ? r->row_begin - first : 0;
            part.row_end = r->row_end - first < count ? r->row_end - first : count;
            if (s->layer.groups == 1) {
                run_phase(s, run, &s->phases[i], &part, 0);
            } else {
                part.column_begin = 0;
                part.column_end = s->layer.filters;
                for (size_t g = r->column_begin; g < r->column_end; g++) run_phase(s, run, &s->phases[i], &part, g);
            }
        }
        first += count;
    }
}
