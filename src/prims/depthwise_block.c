/* depthwise_block.c: [convolution, mostly 1x1 ->] depthwise convolution [-> 1x1 convolution], in bands of output rows.
 *
 * What lies between the parts is several times as large as what goes in and out, and would leave the cache: a band of it
 * stays in the second level. The expanded rows lie in a ring, so that none is computed twice by one worker; and what the
 * depthwise part makes lies where the rows were that it needs no more, which halves the band and the traffic. Invariant:
 * each element is computed by the kernels, and in the order, that the parts alone would use. */
#include "prims/depthwise_block.h"

#include <stdio.h>

#include "prims/conv_winograd.h"
#include "prims/packing.h"
#include "prims/window.h"

/* Bytes of the ring and the band together: with weights and rows of input and output they fit most cores' second level.
 */
enum { BAND_BYTES = 384 * 1024, LINE_FLOATS = HP_ALIGNMENT / sizeof(float) };
/* Weights of a convolution in front that are read once a band. */
enum { FRONT_BYTES = 64 * 1024 };

typedef struct block_state {
    const hp_kernels *kernels;
    hp_geometry geometry; /* of the depthwise part */
    bool rows;
    size_t images;                 /* per row where `rows` is set */
    size_t positions;              /* of an input image */
    size_t input, middle, output;  /* channels */
    hp_window window;              /* of the convolution in front; no taps: it is 1x1, or there is none */
    const float *zeros;            /* for `window` */
    size_t pitch;                  /* floats from one pixel of ring and band to the next */
    size_t band;                   /* the most output rows at once */
    size_t ring_rows;              /* 0: nothing is expanded */
    bool in_place;                 /* the band lies in the ring */
    size_t part;                   /* expanded channels that are packed together */
    const float *expand, *project; /* packed; NULL: there is no such part */
    hp_activation activations[3];
} block_state;

static bool is_plane(const hp_geometry *g, const hp_shape *w) {
    return hp_geometry_is_plane(g) && w->dims[w->rank - 1] == 1 && g->kernel[1] <= HP_PLANE_TAP_ROWS;
}

static hp_status geometry_of(const char *name, const hp_linear_params *p, const hp_tensor *x, const hp_tensor *w,
    hp_geometry *geometry, hp_error *error) {
    const hp_conv_params *c = &p->conv;
    return hp_geometry_make(name, &x->shape, c->spatial, w->shape.dims, c->strides, c->dilation, c->pad_before,
        c->pad_after, geometry, error);
}

static bool geometry_of_node(const hp_graph *graph, const hp_node *node, hp_geometry *geometry) {
    return geometry_of("", hp_node_linear(node), &graph->values[node->inputs[HP_LINEAR_X]].tensor,
               &graph->values[node->inputs[HP_LINEAR_W]].tensor, geometry, NULL) == HP_OK;
}

/* A convolution of one group over a constant kernel. */
static bool is_plain(const hp_graph *graph, const hp_node *node, hp_geometry *geometry) {
    return node->prim == &hp_prim_conv && hp_node_linear(node)->conv.groups == 1 &&
           graph->values[node->inputs[HP_LINEAR_W]].constant && geometry_of_node(graph, node, geometry);
}

bool hp_node_is_pointwise(const hp_graph *graph, const hp_node *node) {
    hp_geometry g;
    return is_plain(graph, node, &g) && hp_geometry_is_pointwise(&g);
}

bool hp_node_expands(const hp_graph *graph, const hp_node *node) {
    hp_geometry g;
    if (!is_plain(graph, node, &g)) return false;
    const hp_shape *w = &graph->values[node->inputs[HP_LINEAR_W]].tensor.shape;
    return hp_geometry_is_pointwise(&g) || (hp_geometry_is_plane(&g) && hp_winograd_is_out(&g, w->dims[w->rank - 2]) &&
                                               hp_shape_elements(w) * (int64_t)sizeof(float) <= FRONT_BYTES);
}

bool hp_node_is_plane(const hp_graph *graph, const hp_node *node) {
    hp_geometry g;
    return node->prim == &hp_prim_depthwise && geometry_of_node(graph, node, &g) &&
           is_plane(&g, &graph->values[node->inputs[HP_LINEAR_W]].tensor.shape);
}

/* The shape after one of the parts; an absent one leaves it. */
static hp_status infer_part(const hp_prim *prim, const hp_linear_params *p, const hp_tensor *inputs, int w, int bias,
    const hp_tensor *residual, hp_tensor *x, hp_error *error) {
    if (inputs[w].dtype == HP_DTYPE_NONE) return HP_OK;
    hp_tensor part[HP_LINEAR_INPUTS] = {*x, inputs[w], inputs[bias], *residual};
    hp_geometry geometry;
    HP_TRY(prim->infer(p, part, HP_LINEAR_INPUTS, x, 1, error));
    HP_TRY(geometry_of(prim->name, p, &part[HP_LINEAR_X], &inputs[w], &geometry, error));
    bool fits = is_plane(&geometry, &inputs[w].shape);
    if (w == HP_BLOCK_EXPAND_W) fits = p->conv.groups == 1 && hp_geometry_is_plane(&geometry);
    if (w == HP_BLOCK_PROJECT_W) fits = p->conv.groups == 1 && hp_geometry_is_pointwise(&geometry);
    HP_FAIL_IF(!fits, error, HP_ERROR_INTERNAL, NULL, "a %s that a depthwise block does not take", prim->name);
    return HP_OK;
}

static hp_status infer_front(
    const hp_depthwise_block_params *p, const hp_tensor *inputs, hp_tensor *x, hp_error *error) {
    static const hp_tensor none = {.dtype = HP_DTYPE_NONE};
    return infer_part(&hp_prim_conv, &p->expand, inputs, HP_BLOCK_EXPAND_W, HP_BLOCK_EXPAND_BIAS, &none, x, error);
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    static const hp_tensor none = {.dtype = HP_DTYPE_NONE};
    const hp_depthwise_block_params *p = params;
    HP_FAIL_IF(input_count != HP_BLOCK_INPUTS || output_count != 1 || inputs[HP_BLOCK_W].dtype == HP_DTYPE_NONE, error,
        HP_ERROR_INTERNAL, NULL, "a depthwise block takes %d inputs and has one output", HP_BLOCK_INPUTS);
    hp_tensor x = inputs[HP_BLOCK_X];
    bool projects = inputs[HP_BLOCK_PROJECT_W].dtype != HP_DTYPE_NONE;
    const hp_tensor *residual = &inputs[HP_BLOCK_RESIDUAL];
    HP_TRY(infer_front(p, inputs, &x, error));
    HP_TRY(infer_part(
        &hp_prim_depthwise, &p->depthwise, inputs, HP_BLOCK_W, HP_BLOCK_BIAS, projects ? &none : residual, &x, error));
    HP_TRY(
        infer_part(&hp_prim_conv, &p->project, inputs, HP_BLOCK_PROJECT_W, HP_BLOCK_PROJECT_BIAS, residual, &x, error));
    outputs[0] = x;
    return HP_OK;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t rows_under(const hp_geometry *g, size_t band) {
    return (band - 1) * (size_t)g->strides[1] + (size_t)((g->kernel[1] - 1) * g->dilation[1]) + 1;
}

/* Input row i lies in slot (padding + i) % rows. In place the first output lies `padding` pixels before the slot of its
 * first tap row, in one that must hold nothing any more. */
static size_t rows_of_ring(const block_state *s, size_t band) {
    return s->expand ? rows_under(&s->geometry, band) + (s->in_place && s->geometry.pad_before[2] > 0) : 0;
}

/* Pixels before the ring that outputs in place may take. */
static size_t margin(const block_state *s) {
    return s->in_place ? (size_t)s->geometry.pad_before[2] : 0;
}

static size_t ring_floats(const block_state *s, size_t rows) {
    return (margin(s) + rows * (size_t)s->geometry.input[2]) * s->pitch;
}

static size_t band_floats(const block_state *s, size_t band) {
    return s->project && !s->in_place ? band * (size_t)s->geometry.output[2] * s->pitch : 0;
}

/* Whole cache lines, and an odd number of them: one channel's pixels then lie in all sets of the first level. */
static size_t choose_pitch(size_t channels) {
    size_t lines = (channels + LINE_FLOATS - 1) / LINE_FLOATS;
    return (lines > 2 ? lines | 1 : lines) * LINE_FLOATS;
}

/* The most output rows whose ring and band fit, evened out over the image. */
static void choose_band(block_state *s) {
    const hp_geometry *g = &s->geometry;
    size_t height = (size_t)g->output[1], band = height, bands;
    s->pitch = choose_pitch(s->middle);
    s->in_place = s->expand && s->project && g->output[2] >= HP_PLANE_IN_PLACE && g->output[2] <= g->input[2];
    while (band > 1 && (ring_floats(s, rows_of_ring(s, band)) + band_floats(s, band)) * sizeof(float) > BAND_BYTES)
        band--;
    bands = (height + band - 1) / band;
    s->band = (height + bands - 1) / bands;
    s->ring_rows = rows_of_ring(s, s->band);
}

/* Channels whose last panel is narrow are packed in parts of three vectors each, if they divide: panels of one vector or
 * two are slower. */
static size_t choose_part(const hp_kernels *kernels, size_t channels) {
    size_t vector = kernels->vector_floats, panel = kernels->gemm_nr / vector;
    bool narrow = panel == 4 && channels % vector == 0 && channels / vector % 4 != 0 && channels / vector % 4 != 3;
    return narrow && channels % (3 * vector) == 0 ? 3 * vector : channels;
}

/* A kernel of n columns in parts of `part`. `runs`: of conv_pack; 0: gemm_pack. */
static hp_packing packing_of(size_t runs, size_t k, size_t n, size_t part) {
    return (hp_packing){
        .runs = runs, .k = k, .n = part, .row_stride = n, .column_stride = 1, .parts = n / part, .part_stride = part};
}

static hp_status pack(
    const hp_prepare *prepare, int input, size_t runs, size_t part, const float **packed, hp_error *error) {
    hp_value w = prepare->node->inputs[input];
    *packed = NULL;
    if (w == HP_NO_VALUE) return HP_OK;
    const hp_shape *shape = &prepare->graph->values[w].tensor.shape;
    size_t n = (size_t)shape->dims[shape->rank - 1];
    hp_packing packing = packing_of(runs, (size_t)hp_shape_product(shape, 0, shape->rank - 1), n, part);
    HP_TRY(hp_packed_input(prepare, input, &packing, packed, error));
    HP_FAIL_IF(!*packed, error, HP_ERROR_INTERNAL, NULL, "a depthwise block with computed weights");
    return HP_OK;
}

/* The convolution in front; x becomes what it makes. */
static hp_status prepare_front(const hp_prepare *prepare, block_state *s, hp_tensor *x, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_depthwise_block_params *p = node->params;
    hp_geometry g;
    if (node->inputs[HP_BLOCK_EXPAND_W] == HP_NO_VALUE) return HP_OK;
    const hp_tensor *w = &prepare->graph->values[node->inputs[HP_BLOCK_EXPAND_W]].tensor;
    HP_TRY(geometry_of("conv", &p->expand, x, w, &g, error));
    size_t runs = 0;
    s->part = choose_part(s->kernels, s->middle);
    if (!hp_geometry_is_pointwise(&g)) {
        HP_TRY(hp_window_get(prepare->constants, &g, &s->window, error));
        HP_TRY(hp_zeros_get(prepare->constants, s->input, &s->zeros, error));
        runs = s->kernels->conv_runs(&s->window, s->input);
        s->part = s->middle;
    }
    x->shape = hp_geometry_output(&g, &x->shape, (int64_t)s->middle);
    return pack(prepare, HP_BLOCK_EXPAND_W, runs, s->part, &s->expand, error);
}

static hp_status prepare_state(const hp_prepare *prepare, block_state *s, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_depthwise_block_params *p = node->params;
    hp_tensor x = prepare->graph->values[node->inputs[HP_BLOCK_X]].tensor;
    const hp_tensor *w = &prepare->graph->values[node->inputs[HP_BLOCK_W]].tensor;
    const hp_shape *y = &prepare->graph->values[node->outputs[0]].tensor.shape;
    hp_images images = hp_images_of(&x.shape);
    s->kernels = prepare->kernels;
    s->rows = images.rows;
    s->images = images.images;
    s->positions = images.positions;
    s->input = images.channels;
    s->middle = (size_t)w->shape.dims[w->shape.rank - 2];
    s->output = (size_t)y->dims[y->rank - 1];
    s->activations[0] = p->expand.activation;
    s->activations[1] = p->depthwise.activation;
    s->activations[2] = p->project.activation;
    HP_TRY(prepare_front(prepare, s, &x, error));
    HP_TRY(geometry_of("depthwise", &p->depthwise, &x, w, &s->geometry, error));
    HP_TRY(pack(prepare, HP_BLOCK_PROJECT_W, 0, s->output, &s->project, error));
    choose_band(s);
    return HP_OK;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    block_state *s = HP_NEW(block_state);
    HP_ALLOCATED(s, error);
    hp_status status = prepare_state(prepare, s, error);
    if (status != HP_OK)
        hp_free(s);
    else
        *state = s;
    return status;
}

/* Pieces are output rows: the rows of a part are cut into bands by its own `run`. */
static int64_t range(const void *state, int64_t rows) {
    const block_state *s = state;
    size_t pieces = hp_tile_extent(s->rows, s->images, rows) * (size_t)s->geometry.output[1];
    return pieces ? (int64_t)pieces : 1;
}

static size_t workspace(const void *state, int64_t rows) {
    const block_state *s = state;
    (void)rows;
    return (ring_floats(s, s->ring_rows) + band_floats(s, s->band)) * sizeof(float);
}

/* Pixels [begin, end) of what the convolution in front makes of an image. */
static void expand_pixels(
    const block_state *s, const hp_run *run, const float *image, size_t begin, size_t end, float *y) {
    const hp_epilogue epilogue = {.bias = run->inputs[HP_BLOCK_EXPAND_BIAS], .activation = s->activations[0]};
    if (s->window.taps) {
        hp_conv args = {.window = s->window,
            .x = image,
            .x_stride = s->input,
            .channels = s->input,
            .zeros = s->zeros,
            .w = s->expand,
            .n = s->middle,
            .y = y,
            .y_stride = s->pitch,
            .row_begin = begin,
            .row_end = end,
            .column_end = s->middle,
            .epilogue = epilogue};
        s->kernels->conv(&args);
        return;
    }
    hp_packing packing = packing_of(0, s->input, s->middle, s->part);
    for (size_t p = 0; p < packing.parts; p++) {
        hp_gemm args = {.m = end - begin,
            .n = s->part,
            .k = s->input,
            .a = image + begin * s->input,
            .a_stride = s->input,
            .b = s->expand + p * hp_packed_part(s->kernels, &packing),
            .c = y + p * s->part,
            .c_stride = s->pitch,
            .column_end = s->part,
            .epilogue = epilogue};
        if (epilogue.bias) args.epilogue.bias += p * s->part;
        s->kernels->gemm(&args);
    }
}

/* Rows [begin, end) of the depthwise part's input into the ring. */
static void expand_rows(
    const block_state *s, const hp_run *run, const float *image, float *ring, size_t begin, size_t end) {
    size_t width = (size_t)s->geometry.input[2], padding = (size_t)s->geometry.pad_before[1];
    for (size_t count; begin < end; begin += count) {
        size_t slot = (padding + begin) % s->ring_rows;
        count = smaller(end - begin, s->ring_rows - slot);
        expand_pixels(s, run, image, begin * width, (begin + count) * width, ring + slot * width * s->pitch);
    }
}

/* Output rows [begin, end) of the depthwise part into y. x: the ring, or the image. */
static void convolve_rows(const block_state *s, const hp_run *run, const float *x, size_t begin, size_t end, float *y,
    const float *residual) {
    hp_depthwise_plane args;
    hp_plane_args(&s->geometry, s->middle, &args);
    args.x = x;
    if (s->ring_rows) {
        args.x_stride = s->pitch;
        args.x_row_stride = args.width * s->pitch;
        args.x_rows = s->ring_rows;
        args.x_first = args.padding[0];
    }
    args.w = run->inputs[HP_BLOCK_W];
    args.y = y;
    if (s->project) args.y_stride = s->pitch;
    args.row_begin = begin;
    args.row_end = end;
    args.epilogue = (hp_epilogue){.bias = run->inputs[HP_BLOCK_BIAS],
        .residual = residual,
        .residual_stride = s->middle,
        .activation = s->activations[1]};
    s->kernels->depthwise_plane(&args);
}

static void project_rows(
    const block_state *s, const hp_run *run, const float *x, size_t pixels, float *y, const float *residual) {
    hp_gemm args = {.m = pixels,
        .n = s->output,
        .k = s->middle,
        .a = x,
        .a_stride = s->pitch,
        .b = s->project,
        .c = y,
        .c_stride = s->output,
        .column_end = s->output,
        .epilogue = {.bias = run->inputs[HP_BLOCK_PROJECT_BIAS],
            .residual = residual,
            .residual_stride = s->output,
            .activation = s->activations[2]}};
    s->kernels->gemm(&args);
}

/* Expands what output rows [begin, end) need and is not there yet; *there: rows of this image that have been expanded.
 */
static void expand_under(
    const block_state *s, const hp_run *run, const float *image, float *ring, size_t begin, size_t end, size_t *there) {
    const hp_geometry *g = &s->geometry;
    size_t stride = (size_t)g->strides[1], padding = (size_t)g->pad_before[1];
    size_t first = begin * stride > padding ? begin * stride - padding : 0;
    size_t last = (end - 1) * stride + rows_under(g, 1);
    last = smaller(last > padding ? last - padding : 0, (size_t)g->input[1]);
    *there = larger(*there, first);
    if (*there < last) expand_rows(s, run, image, ring, *there, last);
    *there = larger(*there, last);
}

/* Where in the ring output rows from `row` on go, in place; *fit: how many until its end. A row needs no more than its own
 * input rows, so the outputs of a band, which are narrower or as wide, stay behind the inputs that are still to be read;
 * those at the ring's end go on at its beginning. */
static float *place_of(const block_state *s, float *ring, size_t row, size_t *fit) {
    const hp_geometry *g = &s->geometry;
    size_t width = (size_t)g->input[2], slot = row * (size_t)g->strides[1] % s->ring_rows;
    *fit = ((s->ring_rows - slot) * width + margin(s)) / (size_t)g->output[2];
    return ring + slot * width * s->pitch - margin(s) * s->pitch;
}

/* Output rows [begin, end) of an image, a band at most; `there`: see expand_under. */
static void run_band(const block_state *s, const hp_run *run, size_t image, size_t begin, size_t end, size_t *there) {
    const hp_geometry *g = &s->geometry;
    size_t height = (size_t)g->output[1], width = (size_t)g->output[2];
    const float *x = (const float *)run->inputs[HP_BLOCK_X] + image * s->positions * s->input;
    float *ring = (float *)run->workspace + margin(s) * s->pitch;
    float *band = (float *)run->workspace + ring_floats(s, s->ring_rows);
    if (s->expand) {
        expand_under(s, run, x, ring, begin, end, there);
        x = ring;
    }
    size_t fit = end - begin;
    if (s->in_place) band = place_of(s, ring, begin, &fit);
    for (size_t row = begin, next; row < end; row = next) {
        size_t offset = (image * height + row) * width * s->output;
        const float *residual = run->inputs[HP_BLOCK_RESIDUAL];
        if (residual) residual += offset;
        float *y = (float *)run->outputs[0] + offset;
        next = row + smaller(end - row, fit);
        convolve_rows(s, run, x, row, next, s->project ? band : y, s->project ? NULL : residual);
        if (s->project) project_rows(s, run, band, (next - row) * width, y, residual);
        band = run->workspace; /* in place: what is left goes to the ring's beginning */
        fit = end - next;
    }
}

static hp_status run_block(const void *state, const hp_run *run) {
    const block_state *s = state;
    size_t height = (size_t)s->geometry.output[1], there = 0;
    size_t rows = smaller((size_t)run->end, hp_tile_extent(s->rows, s->images, run->rows) * height);
    for (size_t row = (size_t)run->begin, next; row < rows; row = next) {
        size_t image = row / height, begin = row % height, end = smaller(height, rows - image * height);
        next = row + smaller(s->band, end - begin);
        run_band(s, run, image, begin, begin + next - row, &there);
        if (next % height == 0) there = 0;
    }
    return HP_OK;
}

static double flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_depthwise_block_params *p = params;
    const hp_shape *y = &outputs[0].shape, *w = &inputs[HP_BLOCK_W].shape, *front = &inputs[HP_BLOCK_EXPAND_W].shape;
    double pixels = (double)hp_shape_product(y, 0, y->rank - 1), middle = (double)w->dims[w->rank - 2], sum;
    sum = pixels * middle * (double)hp_shape_product(w, 0, w->rank - 2);
    hp_tensor x = inputs[HP_BLOCK_X];
    if (infer_front(p, inputs, &x, NULL) == HP_OK && inputs[HP_BLOCK_EXPAND_W].dtype != HP_DTYPE_NONE)
        sum += (double)hp_shape_product(front, 0, front->rank - 1) * (double)hp_shape_elements(&x.shape);
    if (inputs[HP_BLOCK_PROJECT_W].dtype != HP_DTYPE_NONE) sum += pixels * middle * (double)y->dims[y->rank - 1];
    return 2 * sum;
}

static void describe(const void *state, char *text, size_t size) {
    const block_state *s = state;
    char front[48] = "";
    const hp_axis *axes = s->window.axes;
    if (s->expand) snprintf(front, sizeof front, "1x1, ");
    if (s->window.taps) snprintf(front, sizeof front, "%zux%zu, ", axes[1].taps, axes[2].taps);
    snprintf(text, size, "%sdepthwise%s, %zu rows of pixels at a time%s", front, s->project ? ", 1x1" : "", s->band,
        s->in_place ? ", in place" : "");
}

const hp_prim hp_prim_depthwise_block = {
    .name = "depthwise_block",
    .infer = infer,
    .prepare = prepare,
    .release = hp_free,
    .range = range,
    .workspace = workspace,
    .run = run_block,
    .flops = flops,
    .describe = describe,
};
