/* pad.c: the primitive `pad`: elements around a tensor: a value, or the tensor's own, mirrored or repeated. See
 * builder.h, hp_emit_pad.
 *
 * The output is cut into boxes, one per combination of (before, inside, after) along every padded axis; each box is
 * one strided copy, of the input with steps of 1, -1 or 0, or of the value. Boxes of a value are merged: an outer
 * axis' padding spans the inner axes whole. */
#include <string.h>

#include "base/dtype.h"
#include "prims/builder.h"
#include "prims/moves.h"
#include "prims/node_params.h"
#include "prims/typed.h"

enum { MAX_MIRRORED_AXES = 4 }; /* 81 boxes */

static hp_status check_axis(const hp_pad_params *p, const hp_shape *x, int a, hp_error *error) {
    int64_t n = x->dims[a], most = p->before[a] > p->after[a] ? p->before[a] : p->after[a];
    HP_FAIL_IF(p->before[a] < 0 || p->after[a] < 0, error, HP_ERROR_SHAPE, NULL,
        "axis %d is padded by %lld before and %lld after", a, (long long)p->before[a], (long long)p->after[a]);
    bool possible = p->mode == HP_PAD_CONSTANT || most == 0 || (p->mode == HP_PAD_EDGE && n > 0) ||
                    (p->mode == HP_PAD_SYMMETRIC && most <= n) || (p->mode == HP_PAD_REFLECT && most < n);
    HP_FAIL_IF(!possible, error, HP_ERROR_SHAPE, NULL,
        "axis %d of %lld elements is too short to be padded by %lld in this mode", a, (long long)n, (long long)most);
    HP_FAIL_IF(a == 0 && x->rows && most > 0, error, HP_ERROR_SHAPE, NULL, "the rows are padded");
    return HP_OK;
}

static hp_status infer(const void *params, const hp_tensor *inputs, int input_count, hp_tensor *outputs,
    int output_count, hp_error *error) {
    const hp_pad_params *p = params;
    HP_TRY(hp_moves_check(inputs, input_count, output_count, error));
    outputs[0] = inputs[0];
    hp_shape *y = &outputs[0].shape;
    int padded = 0;
    for (int a = 0; a < y->rank; a++) {
        HP_TRY(check_axis(p, &inputs[0].shape, a, error));
        padded += p->before[a] > 0 || p->after[a] > 0;
        HP_FAIL_IF(__builtin_add_overflow(y->dims[a], p->before[a], &y->dims[a]) ||
                       __builtin_add_overflow(y->dims[a], p->after[a], &y->dims[a]),
            error, HP_ERROR_SHAPE, NULL, "axis %d would be too long", a);
    }
    HP_FAIL_IF(p->mode != HP_PAD_CONSTANT && padded > MAX_MIRRORED_AXES, error, HP_ERROR_UNSUPPORTED, NULL,
        "%d axes are padded with the tensor's own values; at most %d are supported", padded, MAX_MIRRORED_AXES);
    HP_FAIL_IF(p->mode == HP_PAD_CONSTANT && p->value != 0 && !hp_typed_cast(HP_FLOAT64, inputs[0].dtype), error,
        HP_ERROR_UNSUPPORTED, NULL, "padding of %s with %g is not supported", hp_dtype_name(inputs[0].dtype), p->value);
    return HP_OK;
}

/* What an output box takes along one axis. */
typedef struct span {
    int64_t begin, count; /* in the output */
    int64_t from, step;   /* in the input */
} span;

/* The spans of one axis: inside, before, after; those of nothing are left out, but for the first. */
static int axis_spans(const hp_pad_params *p, const hp_shape *x, int a, span *spans) {
    int64_t n = x->dims[a], before = p->before[a], after = p->after[a];
    int64_t skip = p->mode == HP_PAD_REFLECT; /* the edge itself is not mirrored */
    int64_t step = p->mode == HP_PAD_EDGE || p->mode == HP_PAD_CONSTANT ? 0 : -1;
    int count = 0;
    spans[count++] = (span){before, n, 0, 1};
    if (before > 0) spans[count++] = (span){0, before, step ? before - 1 + skip : 0, step};
    if (after > 0) spans[count++] = (span){before + n, after, n - 1 - skip, step};
    return count;
}

/* One box: spans[] per axis, of the input or (fill) of the value. */
static void add_box(
    hp_moves *moves, int at, const span *spans, int rank, const int64_t *to, const int64_t *from, bool fill) {
    hp_move *move = &moves->at[at];
    move->input = fill ? -1 : 0;
    for (int a = 0; a < rank; a++) {
        hp_strided_axis(&move->copy, spans[a].count, to[a], fill ? 0 : spans[a].step * from[a]);
        move->copy.to_offset += spans[a].begin * to[a];
        if (!fill && spans[a].count > 0) move->copy.from_offset += spans[a].from * from[a];
    }
}

/* Axis a's padding, whole along the axes inside, inside only along those outside: no element twice. */
static hp_moves *constant_boxes(const hp_prepare *prepare, const hp_pad_params *p, const hp_tensor *x,
    const hp_shape *y, const int64_t *to, const int64_t *from) {
    hp_moves *moves = hp_moves_new(prepare->kernels, 1 + 2 * x->shape.rank, hp_dtype_size(x->dtype), x->shape.rows);
    if (!moves) return NULL;
    span box[HP_MAX_RANK] = {{0}}, spans[3];
    int rank = x->shape.rank, count = 0;
    for (int a = 0; a < rank; a++) box[a] = (span){p->before[a], x->shape.dims[a], 0, 1};
    add_box(moves, count++, box, rank, to, from, false);
    for (int a = rank - 1; a >= 0; a--) {
        int n = axis_spans(p, &x->shape, a, spans);
        for (int i = 1; i < n; i++) {
            box[a] = spans[i];
            add_box(moves, count++, box, rank, to, from, true);
        }
        box[a] = (span){0, y->dims[a], 0, 0};
    }
    moves->count = count;
    return moves;
}

static hp_moves *mirrored_boxes(
    const hp_prepare *prepare, const hp_pad_params *p, const hp_tensor *x, const int64_t *to, const int64_t *from) {
    span spans[HP_MAX_RANK][3], box[HP_MAX_RANK] = {{0}};
    int counts[HP_MAX_RANK], boxes = 1, rank = x->shape.rank;
    for (int a = 0; a < rank; a++) boxes *= counts[a] = axis_spans(p, &x->shape, a, spans[a]);
    hp_moves *moves = hp_moves_new(prepare->kernels, boxes, hp_dtype_size(x->dtype), x->shape.rows);
    if (!moves) return NULL;
    for (int i = 0; i < boxes; i++) {
        int rest = i;
        for (int a = 0; a < rank; a++) {
            box[a] = spans[a][rest % counts[a]];
            rest /= counts[a];
        }
        add_box(moves, i, box, rank, to, from, false);
    }
    return moves;
}

static hp_status prepare(const hp_prepare *prepare, void **state, hp_error *error) {
    const hp_pad_params *p = prepare->node->params;
    const hp_tensor *x = &prepare->graph->values[prepare->node->inputs[0]].tensor;
    const hp_shape *y = &prepare->graph->values[prepare->node->outputs[0]].tensor.shape;
    int64_t to[HP_MAX_RANK], from[HP_MAX_RANK];
    hp_moves_value_strides(prepare->graph, prepare->node->outputs[0], to);
    hp_moves_value_strides(prepare->graph, prepare->node->inputs[0], from);
    hp_moves *moves = p->mode == HP_PAD_CONSTANT ? constant_boxes(prepare, p, x, y, to, from)
                                                 : mirrored_boxes(prepare, p, x, to, from);
    HP_ALLOCATED(moves, error);
    hp_typed_function *cast = hp_typed_cast(HP_FLOAT64, x->dtype);
    if (cast && p->mode == HP_PAD_CONSTANT) {
        hp_typed_call call = {.y = moves->value, .rows = 1, .n = 1, .operands = {{&p->value, 1, 1}}};
        cast(&call);
    }
    hp_moves_plan(moves);
    *state = moves;
    return HP_OK;
}

const hp_prim hp_prim_pad = {.name = "pad",
    .infer = infer,
    .inputs_within = 1,
    .output_within = true,
    .prepare = prepare,
    .release = hp_moves_release,
    .range = hp_moves_range,
    .run = hp_moves_run};
