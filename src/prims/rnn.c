/* rnn.c: SimpleRNN, LSTM and GRU over all time steps, as keras/src/layers/rnn/{simple_rnn,lstm,gru}.py with masks as
 * keras/src/backend/tensorflow/rnn.py.
 *
 * A block of rows goes through all steps together. [x_t, h] stand side by side, in two buffers that take turns, and a step is
 * one gemm with both kernels stacked, of LSTM and GRU with the gates in the same kernel. GRU without reset_after needs x W and
 * h U apart, and so does it where the table says so. Rows do not meet, so any split gives the same bits. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "prims/grid.h"
#include "prims/linear.h"
#include "prims/packing.h"
#include "prims/rnn.h"

/* Rows that go through the steps together: so many that the gemm is efficient and the block's buffers stay in cache;
 * more where the weights are too large for that cache and each pass over them should serve many rows. */
enum { BLOCK_ROWS = 48, LARGE_BLOCK_ROWS = 192, LARGE_WEIGHTS = 256 << 10 };

typedef struct rnn_state {
    const hp_kernels *kernels;
    hp_rnn_params params;
    bool rows;
    size_t batch;                        /* per row where `rows` is set */
    size_t time, features, units, width; /* width: gates * units */
    size_t block;                        /* rows of a block */
    bool stacked;                        /* all cells but some GRUs: one gemm for x and h */
    const float *packed_x;               /* both kernels above each other if stacked */
    const float *packed_h;               /* if not: recurrent kernel; without reset_after its first two gates */
    const float *packed_candidate;       /* without reset_after: the third */
} rnn_state;

/* One block's place in the workspace. h, c: the state; with a mask, steps write new_h and new_c first. */
typedef struct rnn_block {
    const rnn_state *s;
    const hp_run *run;
    size_t first, rows;
    float *xh;      /* stacked: [x_t, h], stride features + units */
    float *next_xh; /* the same for the step after this */
    float *z;       /* not stacked: x W + b, [rows][width] */
    float *scratch; /* not stacked: h U + b, or r * h */
    float *h, *c, *new_h, *new_c;
    size_t h_stride, new_h_stride;
} rnn_block;

/* ---- shape rule */

static hp_status check_input(
    const hp_tensor *inputs, int input, hp_dtype dtype, int rank, const int64_t *dims, bool rows, hp_error *error) {
    static const char *const names[HP_RNN_INPUTS] = {
        "input", "kernel", "recurrent kernel", "bias", "mask", "initial state h", "initial state c"};
    const hp_tensor *t = &inputs[input];
    if (t->dtype == HP_DTYPE_NONE && input >= HP_RNN_BIAS) return HP_OK;
    HP_FAIL_IF(t->dtype != dtype, error, HP_ERROR_UNSUPPORTED, NULL,
        "recurrent layer: the %s is %s; only %s is supported", names[input], hp_dtype_name(t->dtype),
        hp_dtype_name(dtype));
    hp_shape wanted = {.rank = rank, .rows = rows};
    for (int i = 0; i < rank; i++) wanted.dims[i] = dims[i];
    char found[128], expected[128];
    HP_FAIL_IF(!hp_shape_equal(&t->shape, &wanted), error, HP_ERROR_SHAPE, NULL,
        "recurrent layer: the %s has shape %s; expected %s", names[input],
        hp_shape_text(&t->shape, found, sizeof found), hp_shape_text(&wanted, expected, sizeof expected));
    return HP_OK;
}

static hp_status check_params(const hp_rnn_params *p, int input_count, int output_count, hp_error *error) {
    HP_FAIL_IF(p->cell < HP_RNN_SIMPLE || p->cell > HP_RNN_GRU || input_count != HP_RNN_INPUTS ||
                   output_count != hp_rnn_output_count(p),
        error, HP_ERROR_INTERNAL, NULL, "recurrent layer: cell %d with %d inputs and %d outputs", (int)p->cell,
        input_count, output_count);
    HP_FAIL_IF(p->units < 1 || p->units > INT32_MAX / 4, error, HP_ERROR_UNSUPPORTED, NULL, "recurrent layer: %d units",
        (int)p->units);
    return HP_OK;
}

static hp_status rnn_infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_rnn_params *p = params;
    HP_TRY(check_params(p, input_count, output_count, error));
    const hp_shape *x = &inputs[HP_RNN_X].shape;
    char text[128];
    HP_FAIL_IF(x->rank != 3, error, HP_ERROR_SHAPE, NULL,
        "recurrent layer: the input has shape %s; expected (batch, time, features)",
        hp_shape_text(x, text, sizeof text));
    int64_t units = p->units, width = hp_rnn_gates(p) * units;
    bool two_biases = p->cell == HP_RNN_GRU && p->reset_after;
    HP_TRY(check_input(inputs, HP_RNN_X, HP_FLOAT32, 3, x->dims, x->rows, error));
    HP_TRY(check_input(inputs, HP_RNN_KERNEL, HP_FLOAT32, 2, (int64_t[]){x->dims[2], width}, false, error));
    HP_TRY(check_input(inputs, HP_RNN_RECURRENT, HP_FLOAT32, 2, (int64_t[]){units, width}, false, error));
    HP_TRY(check_input(inputs, HP_RNN_BIAS, HP_FLOAT32, two_biases ? 2 : 1,
        two_biases ? (int64_t[]){2, width} : (int64_t[]){width}, false, error));
    HP_TRY(check_input(inputs, HP_RNN_MASK, HP_BOOL, 2, x->dims, x->rows, error));
    int64_t state[2] = {x->dims[0], units};
    HP_TRY(check_input(inputs, HP_RNN_H, HP_FLOAT32, 2, state, x->rows, error));
    HP_TRY(check_input(inputs, HP_RNN_C, HP_FLOAT32, 2, state, x->rows, error));
    for (int i = 0; i < output_count; i++)
        outputs[i] = (hp_tensor){HP_FLOAT32, {.rank = 2, .rows = x->rows, .dims = {state[0], state[1]}}};
    if (p->return_sequences)
        outputs[0].shape = (hp_shape){.rank = 3, .rows = x->rows, .dims = {x->dims[0], x->dims[1], units}};
    return HP_OK;
}

/* ---- preparing */

typedef struct stack_context {
    const hp_kernels *kernels;
    hp_rnn_cell cell;
    const float *kernel, *recurrent;
    size_t features, units, width;
} stack_context;

static hp_status fill_stacked(void *context, void *data, size_t bytes, hp_error *error) {
    const stack_context *c = context;
    memset(data, 0, bytes);
    float *stacked = hp_alloc_array(c->features + c->units, c->width * sizeof *stacked);
    HP_ALLOCATED(stacked, error);
    memcpy(stacked, c->kernel, c->features * c->width * sizeof *stacked);
    memcpy(stacked + c->features * c->width, c->recurrent, c->units * c->width * sizeof *stacked);
    if (c->cell == HP_RNN_LSTM)
        c->kernels->lstm_pack(data, stacked, c->features + c->units, c->units);
    else if (c->cell == HP_RNN_GRU)
        c->kernels->gru_pack(data, stacked, c->features + c->units, c->units);
    else
        c->kernels->gemm_pack(data, stacked, c->width, 1, c->features + c->units, c->width);
    hp_free(stacked);
    return HP_OK;
}

static hp_status pack_stacked(const hp_prepare *prepare, rnn_state *s, hp_error *error) {
    const hp_constant *kernel = hp_prepare_constant(prepare, HP_RNN_KERNEL);
    const hp_constant *recurrent = hp_prepare_constant(prepare, HP_RNN_RECURRENT);
    uint64_t key[5] = {kernel->id, recurrent->id, s->features, s->units, (uint64_t)s->params.cell};
    stack_context context = {
        s->kernels, s->params.cell, kernel->data, recurrent->data, s->features, s->units, s->width};
    size_t k = s->features + s->units;
    size_t floats = s->params.cell == HP_RNN_LSTM  ? s->kernels->lstm_packed_size(k, s->units)
                    : s->params.cell == HP_RNN_GRU ? s->kernels->gru_packed_size(k, s->units)
                                                   : s->kernels->gemm_packed_size(k, s->width);
    return hp_packed_custom(prepare, key, sizeof key, floats, fill_stacked, &context, &s->packed_x, error);
}

static hp_status pack_apart(const hp_prepare *prepare, rnn_state *s, hp_error *error) {
    hp_packing x = {.k = s->features, .n = s->width, .row_stride = s->width, .column_stride = 1, .parts = 1};
    HP_TRY(hp_packed_input(prepare, HP_RNN_KERNEL, &x, &s->packed_x, error));
    hp_packing h = x;
    h.k = s->units;
    if (!s->params.reset_after) h.n = 2 * s->units;
    HP_TRY(hp_packed_input(prepare, HP_RNN_RECURRENT, &h, &s->packed_h, error));
    if (s->params.reset_after) return HP_OK;
    h.n = s->units;
    h.offset = 2 * s->units;
    return hp_packed_input(prepare, HP_RNN_RECURRENT, &h, &s->packed_candidate, error);
}

static hp_status rnn_prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_node *node = prepare->node;
    const hp_shape *x = &prepare->graph->values[node->inputs[HP_RNN_X]].tensor.shape;
    HP_FAIL_IF(!hp_prepare_constant(prepare, HP_RNN_KERNEL) || !hp_prepare_constant(prepare, HP_RNN_RECURRENT), error,
        HP_ERROR_UNSUPPORTED, NULL, "recurrent layer: kernels that are computed are not supported");
    rnn_state *s = HP_NEW(rnn_state);
    HP_ALLOCATED(s, error);
    s->kernels = prepare->kernels;
    s->params = *(const hp_rnn_params *)node->params;
    s->rows = x->rows;
    s->batch = (size_t)x->dims[0];
    s->time = (size_t)x->dims[1];
    s->features = (size_t)x->dims[2];
    s->units = (size_t)s->params.units;
    s->width = (size_t)hp_rnn_gates(&s->params) * s->units;
    s->stacked =
        s->params.cell != HP_RNN_GRU || (s->params.reset_after && s->kernels->gru_is_fused(s->features + s->units));
    size_t mr = s->kernels->gemm_mr;
    size_t wanted = (s->features + s->units) * s->width > LARGE_WEIGHTS ? LARGE_BLOCK_ROWS : BLOCK_ROWS;
    s->block = wanted < mr ? mr : wanted / mr * mr;
    hp_status status = s->stacked ? pack_stacked(prepare, s, error) : pack_apart(prepare, s, error);
    if (status != HP_OK)
        hp_free(s);
    else
        *state = s;
    return status;
}

/* ---- ranges and memory */

static size_t all_rows(const rnn_state *s, int64_t rows) {
    return hp_tile_extent(s->rows, s->batch, rows);
}

static int64_t rnn_range(const void *state, int64_t rows) {
    const rnn_state *s = state;
    size_t mr = s->kernels->gemm_mr, pieces = (all_rows(s, rows) + mr - 1) / mr;
    return pieces ? (int64_t)pieces : 1;
}

/* Lays a block of `rows` out in `memory`; returns the floats it takes. NULL memory: only counts. */
static size_t lay_out(rnn_block *b, const rnn_state *s, float *memory, size_t rows) {
    enum { LINE = HP_ALIGNMENT / sizeof(float) };
    bool lstm = s->params.cell == HP_RNN_LSTM;
    size_t xh = s->stacked ? rows * (s->features + s->units) : 0, wide = s->stacked ? 0 : rows * s->width;
    size_t h = s->stacked ? 0 : rows * s->units, c = lstm ? rows * s->units : 0;
    size_t sizes[] = {xh, xh, wide, wide, h, h, c, c};
    float **places[] = {&b->xh, &b->next_xh, &b->z, &b->scratch, &b->h, &b->new_h, &b->c, &b->new_c};
    size_t used = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        *places[i] = memory ? memory + used : NULL;
        used += (sizes[i] + LINE - 1) / LINE * LINE;
    }
    b->h_stride = b->new_h_stride = s->units;
    if (s->stacked) {
        b->h = memory ? b->xh + s->features : NULL;
        b->new_h = memory ? b->next_xh + s->features : NULL;
        b->h_stride = b->new_h_stride = s->features + s->units;
    }
    return used;
}

static size_t rnn_workspace(const void *state, int64_t rows) {
    const rnn_state *s = state;
    rnn_block b;
    size_t n = all_rows(s, rows);
    return lay_out(&b, s, NULL, n < s->block ? n : s->block) * sizeof(float);
}

/* ---- cells: from x_t and the state to new_h and new_c */

static void multiply(const rnn_block *b, const float *a, size_t a_stride, size_t k, const float *packed, float *c,
    size_t n, const float *bias, bool add) {
    hp_gemm args = {.m = b->rows,
        .n = n,
        .k = k,
        .a = a,
        .a_stride = a_stride,
        .b = packed,
        .c = c,
        .c_stride = b->s->width,
        .column_end = n,
        .epilogue = {.bias = bias, .residual = add ? c : NULL, .residual_stride = b->s->width}};
    b->s->kernels->gemm(&args);
}

static const float *x_at(const rnn_block *b, size_t t) {
    return (const float *)b->run->inputs[HP_RNN_X] + (b->first * b->s->time + t) * b->s->features;
}

static void step_simple(rnn_block *b) {
    const rnn_state *s = b->s;
    size_t k = s->features + s->units;
    hp_gemm args = {.m = b->rows,
        .n = s->units,
        .k = k,
        .a = b->xh,
        .a_stride = k,
        .b = s->packed_x,
        .c = b->new_h,
        .c_stride = k,
        .column_end = s->units,
        .epilogue = {.bias = b->run->inputs[HP_RNN_BIAS], .activation = s->params.activation}};
    s->kernels->gemm(&args);
}

static void step_lstm(rnn_block *b, float *y, size_t y_stride) {
    const rnn_state *s = b->s;
    size_t k = s->features + s->units;
    hp_lstm_step args = {.rows = b->rows,
        .units = s->units,
        .k = k,
        .a = b->xh,
        .a_stride = k,
        .b = s->packed_x,
        .bias = b->run->inputs[HP_RNN_BIAS],
        .c_in = b->c,
        .c_in_stride = s->units,
        .c_out = b->new_c,
        .c_out_stride = s->units,
        .h = b->new_h,
        .h_stride = k,
        .y = y,
        .y_stride = y_stride,
        .activation = s->params.activation,
        .recurrent_activation = s->params.recurrent_activation};
    s->kernels->lstm_step(&args);
}

static void step_gru(rnn_block *b, float *y, size_t y_stride) {
    const rnn_state *s = b->s;
    size_t k = s->features + s->units;
    hp_gru_step args = {.rows = b->rows,
        .units = s->units,
        .features = s->features,
        .a = b->xh,
        .a_stride = k,
        .b = s->packed_x,
        .bias = b->run->inputs[HP_RNN_BIAS],
        .h = b->new_h,
        .h_stride = k,
        .y = y,
        .y_stride = y_stride,
        .activation = s->params.activation,
        .recurrent_activation = s->params.recurrent_activation};
    s->kernels->gru_step(&args);
}

/* GRU behind gemms of its inputs and its state. */
static void step_apart(rnn_block *b, size_t t) {
    const rnn_state *s = b->s;
    const float *bias = b->run->inputs[HP_RNN_BIAS];
    multiply(b, x_at(b, t), s->time * s->features, s->features, s->packed_x, b->z, s->width, bias, false);
    hp_gru_gates gates = {.input = b->z,
        .input_stride = s->width,
        .gate_stride = s->units,
        .h_in = b->h,
        .h_in_stride = b->h_stride,
        .h_out = b->new_h,
        .h_out_stride = b->new_h_stride,
        .rows = b->rows,
        .units = s->units,
        .activation = s->params.activation,
        .recurrent_activation = s->params.recurrent_activation};
    if (s->params.reset_after) {
        multiply(
            b, b->h, b->h_stride, s->units, s->packed_h, b->scratch, s->width, bias ? bias + s->width : NULL, false);
        gates.recurrent = b->scratch;
        gates.recurrent_stride = s->width;
    } else {
        multiply(b, b->h, b->h_stride, s->units, s->packed_h, b->z, 2 * s->units, NULL, true);
        hp_gru_reset reset = {.input = b->z,
            .input_stride = s->width,
            .h_in = b->h,
            .h_in_stride = b->h_stride,
            .reset_h = b->scratch,
            .reset_h_stride = s->width,
            .rows = b->rows,
            .units = s->units,
            .recurrent_activation = s->params.recurrent_activation};
        s->kernels->gru_reset(&reset);
        multiply(b, b->scratch, s->width, s->units, s->packed_candidate, b->z + 2 * s->units, s->units, NULL, true);
    }
    s->kernels->gru_gates(&gates);
}

/* ---- states, masks, outputs */

static void load_state(const rnn_block *b, int input, float *state, size_t stride) {
    const rnn_state *s = b->s;
    const float *initial = b->run->inputs[input];
    if (initial) {
        s->kernels->copy_rows(state, stride, initial + b->first * s->units, s->units, b->rows, s->units);
        return;
    }
    for (size_t r = 0; r < b->rows; r++) s->kernels->fill(state + r * stride, 0, s->units);
}

static void store_state(const rnn_block *b, int output, const float *state, size_t stride) {
    const rnn_state *s = b->s;
    float *y = b->run->outputs[output];
    if (y) s->kernels->copy_rows(y + b->first * s->units, s->units, state, stride, b->rows, s->units);
}

/* Where the output takes this step's h; NULL: nowhere. */
static float *output_at(const rnn_block *b, size_t step, size_t *stride) {
    const rnn_state *s = b->s;
    size_t steps = s->params.return_sequences ? s->time : 1, at = s->params.return_sequences ? step : 0;
    *stride = steps * s->units;
    if (!s->params.return_sequences && step + 1 < s->time) return NULL;
    return (float *)b->run->outputs[0] + (b->first * steps + at) * s->units;
}

/* One step, its h to y as well (NULL: nowhere). */
static void take_step(rnn_block *b, size_t t, float *y, size_t y_stride) {
    const rnn_state *s = b->s;
    if (s->stacked)
        s->kernels->copy_rows(b->xh, s->features + s->units, x_at(b, t), s->time * s->features, b->rows, s->features);
    if (s->params.cell == HP_RNN_LSTM) {
        step_lstm(b, y, y_stride);
        return;
    }
    if (s->params.cell == HP_RNN_GRU && s->stacked) {
        step_gru(b, y, y_stride);
        return;
    }
    if (s->stacked)
        step_simple(b);
    else
        step_apart(b, t);
    if (y) s->kernels->copy_rows(y, y_stride, b->new_h, b->new_h_stride, b->rows, s->units);
}

static void exchange(rnn_block *b) {
    if (!b->s->stacked) return; /* it has written over h */
    float *xh = b->xh, *h = b->h;
    b->xh = b->next_xh;
    b->next_xh = xh;
    b->h = b->new_h;
    b->new_h = h;
}

/* After a step with a mask: a masked row keeps its state and gives its previous output again (zeros at the first step,
 * or always with zero_output_for_mask). */
static void finish_masked(rnn_block *b, size_t step, size_t t) {
    const rnn_state *s = b->s;
    const uint8_t *mask = (const uint8_t *)b->run->inputs[HP_RNN_MASK] + b->first * s->time;
    size_t bytes = s->units * sizeof(float), out_time = s->params.return_sequences ? s->time : 1;
    size_t out_step = s->params.return_sequences ? step : 0;
    for (size_t r = 0; r < b->rows; r++) {
        float *y = (float *)b->run->outputs[0] + ((b->first + r) * out_time + out_step) * s->units;
        if (mask[r * s->time + t]) {
            memcpy(b->h + r * b->h_stride, b->new_h + r * b->new_h_stride, bytes);
            if (b->c) memcpy(b->c + r * s->units, b->new_c + r * s->units, bytes);
            memcpy(y, b->new_h + r * b->new_h_stride, bytes);
        } else if (step == 0 || s->params.zero_output_for_mask) {
            memset(y, 0, bytes);
        } else if (s->params.return_sequences) {
            memcpy(y, y - s->units, bytes);
        }
    }
}

static void run_block(rnn_block *b) {
    const rnn_state *s = b->s;
    bool masked = b->run->inputs[HP_RNN_MASK] != NULL, lstm = s->params.cell == HP_RNN_LSTM;
    load_state(b, HP_RNN_H, b->h, b->h_stride);
    if (lstm)
        load_state(b, HP_RNN_C, b->c, s->units);
    else
        b->c = NULL;
    if (!masked) { /* the gates may write over c, and over h where it is apart */
        b->new_c = b->c;
        if (!s->stacked) b->new_h = b->h;
    }
    for (size_t step = 0; step < s->time; step++) {
        size_t t = s->params.go_backwards ? s->time - 1 - step : step;
        size_t y_stride;
        float *y = output_at(b, step, &y_stride);
        take_step(b, t, masked ? NULL : y, y_stride);
        if (masked)
            finish_masked(b, step, t);
        else
            exchange(b);
    }
    if (s->time == 0 && !s->params.return_sequences)
        s->kernels->fill((float *)b->run->outputs[0] + b->first * s->units, 0, b->rows * s->units);
    store_state(b, 1, b->h, b->h_stride);
    if (lstm) store_state(b, 2, b->c, s->units);
}

static hp_status rnn_run(const void *state, const hp_run *run) {
    const rnn_state *s = state;
    size_t rows = all_rows(s, run->rows), mr = s->kernels->gemm_mr;
    size_t first = (size_t)run->begin * mr, end = (size_t)run->end * mr;
    if (end > rows) end = rows;
    while (first < end) {
        rnn_block b = {0};
        size_t count = end - first < s->block ? end - first : s->block;
        lay_out(&b, s, run->workspace, count);
        b.s = s;
        b.run = run;
        b.first = first;
        b.rows = count;
        run_block(&b);
        first += count;
    }
    return HP_OK;
}

static double rnn_flops(const void *params, const hp_tensor *inputs, const hp_tensor *outputs) {
    const hp_rnn_params *p = params;
    const hp_shape *x = &inputs[HP_RNN_X].shape;
    (void)outputs;
    return 2.0 * (double)hp_rnn_gates(p) * (double)p->units * (double)(x->dims[2] + p->units) * (double)x->dims[0] *
           (double)x->dims[1];
}

static void rnn_describe(const void *state, char *text, size_t size) {
    const rnn_state *s = state;
    const char *steps = s->params.cell == HP_RNN_SIMPLE ? "one gemm a step"
                        : s->stacked                    ? "gemm and gates in one"
                                                        : "gemms, then gates";
    snprintf(text, size, "%s, blocks of %zu rows", steps, s->block);
}

const hp_prim hp_prim_rnn = {
    .name = "rnn",
    .infer = rnn_infer,
    .prepare = rnn_prepare,
    .release = hp_free,
    .range = rnn_range,
    .workspace = rnn_workspace,
    .run = rnn_run,
    .flops = rnn_flops,
    .describe = rnn_describe,
};
