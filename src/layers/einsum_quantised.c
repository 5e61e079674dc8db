/* einsum_quantised.c: EinsumDense with a quantised kernel (keras/src/layers/core/einsum_dense.py, _int8_call and so on).
 *
 * Invariant: scales are laid out as Keras lays them out (_analyze_quantization_info), since files hold them so. */
#include <string.h>
#include "layers/einsum_dense.h"

/* Axes of one operand's scale, as places in its own letters, and how they come to stand in the result's order. */
typedef struct scale_layout {
    int reduced[HP_MAX_RANK], reduced_count;
    int order[2 * HP_MAX_RANK], order_count;
    int expanded[HP_MAX_RANK], expanded_count;
    int squeezed[HP_MAX_RANK], squeezed_count;
} scale_layout;

static void insert(int *list, int *count, int at, int value) {
    if (at > *count) at = *count; /* as Python's list.insert */
    memmove(list + at + 1, list + at, (size_t)(*count - at) * sizeof *list);
    list[at] = value;
    ++*count;
}

/* Which axes are summed over, and where the others go. False: Keras fails on this equation. */
static bool lay_out(scale_layout *s, const char *operand, const char *output) {
    int index = -1, taken = 0;
    *s = (scale_layout){0};
    for (int i = 0; operand[i]; i++)
        if (!strchr(output, operand[i])) s->reduced[s->reduced_count++] = i;
    for (int i = 0; output[i]; i++) {
        const char *at = strchr(operand, output[i]);
        if (at)
            s->order[s->order_count++] = (int)(at - operand);
        else
            s->expanded[s->expanded_count++] = i;
    }
    for (int i = 0; i < s->reduced_count; i++) { /* a summed axis takes the place of one that the operand lacks */
        if (taken < s->expanded_count)
            index = s->expanded[taken++];
        else
            s->squeezed[s->squeezed_count++] = s->reduced[i];
        if (index < 0) return false;
        insert(s->order, &s->order_count, index, s->reduced[i]);
    }
    s->expanded_count -= taken;
    memmove(s->expanded, s->expanded + taken, (size_t)s->expanded_count * sizeof *s->expanded);
    return true;
}

/* The shape of a scale whose axes were put in order: `from` is its shape before, reduced axes 1. */
static bool laid_out_shape(const scale_layout *s, const hp_shape *from, hp_shape *to) {
    int64_t dims[3 * HP_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < s->order_count; i++) dims[rank++] = from->dims[s->order[i]];
    for (int i = 0; i < s->expanded_count; i++) {
        int at = s->expanded[i] < rank ? s->expanded[i] : rank;
        memmove(dims + at + 1, dims + at, (size_t)(rank - at) * sizeof *dims);
        dims[at] = 1;
        rank++;
    }
    for (int i = s->squeezed_count - 1; i >= 0; i--) {
        if (s->squeezed[i] >= rank || dims[s->squeezed[i]] != 1) return false;
        rank--;
        memmove(dims + s->squeezed[i], dims + s->squeezed[i] + 1, (size_t)(rank - s->squeezed[i]) * sizeof *dims);
    }
    if (rank > HP_MAX_RANK) return false;
    to->rank = rank;
    memcpy(to->dims, dims, (size_t)rank * sizeof *dims);
    return true;
}

typedef struct layouts {
    scale_layout input, kernel;
    hp_shape kernel_scale; /* of int8 */
    int64_t rows, columns; /* the kernel as a matrix: summed axes, the others */
} layouts;

/* False: reported. Keras fails on every equation with "...". */
static bool analyse(hp_builder *b, const hp_einsum_dense *c, const hp_shape *kernel, layouts *l) {
    hp_shape scale = *kernel;
    bool good = !c->left_elided && !c->right_elided && lay_out(&l->input, c->input, c->output) &&
                lay_out(&l->kernel, c->weight, c->output);
    l->rows = l->columns = 1;
    for (int i = 0; good && i < kernel->rank; i++) {
        bool summed = false;
        for (int k = 0; k < l->kernel.reduced_count; k++) summed |= l->kernel.reduced[k] == i;
        *(summed ? &l->rows : &l->columns) *= kernel->dims[i];
        if (summed) scale.dims[i] = 1;
    }
    if (!good || !laid_out_shape(&l->kernel, &scale, &l->kernel_scale)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "equation: Keras does not quantise %.60s", c->equation);
        return false;
    }
    return true;
}

/* x quantised over the axes that are summed, and its scale as the result's axes want it. */
static hp_value quantise(hp_builder *b, hp_layer *layer, const layouts *l, hp_value x, hp_value *scale) {
    const hp_einsum_dense *c = layer->config;
    x = hp_quantization_inputs(b, layer, &c->quantization, x, l->input.reduced, l->input.reduced_count, scale);
    const hp_shape shape = *hp_builder_shape(b, *scale);
    hp_shape laid_out = shape;
    if (b->status != HP_OK) return x;
    if (!laid_out_shape(&l->input, &shape, &laid_out) || l->input.order_count != shape.rank)
        return hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "equation: Keras does not quantise %.60s", c->equation);
    *scale = hp_emit_transpose(b, *scale, l->input.order);
    *scale = hp_emit_reshape(b, *scale, laid_out.rank, laid_out.dims);
    return x;
}

static hp_value multiply_int8(hp_builder *b, hp_layer *layer, hp_value x, const hp_shape *shape, const layouts *l) {
    const hp_einsum_dense *c = layer->config;
    hp_value kernel = hp_layer_weight(b, layer, "kernel", false, shape->rank, shape->dims), inputs_scale;
    hp_value scale = hp_layer_weight(b, layer, "kernel_scale", false, l->kernel_scale.rank, l->kernel_scale.dims);
    if (c->quantization.quantizes_inputs) {
        x = quantise(b, layer, l, x, &inputs_scale);
        scale = hp_quantization_rounded(b, layer, hp_emit_binary(b, HP_BINARY_MULTIPLY, inputs_scale, scale));
    }
    x = hp_quantization_rounded(b, layer, hp_einsum_dense_multiply(b, c, x, kernel));
    return hp_emit_binary(b, HP_BINARY_DIVIDE, x, scale);
}

static hp_value multiply_int4(hp_builder *b, hp_layer *layer, hp_value x, const hp_shape *shape, const layouts *l) {
    const hp_einsum_dense *c = layer->config;
    const hp_quantization *q = &c->quantization;
    hp_value kernel = hp_quantization_unpacked(b, layer, "kernel", l->rows, l->columns), inputs_scale;
    if (q->block_size) {
        int64_t groups = hp_quantization_groups(q, l->rows);
        hp_value scale = hp_layer_weight(b, layer, "kernel_scale", false, HP_DIMS(groups, l->columns));
        hp_value zero = hp_layer_weight(b, layer, "kernel_zero", false, HP_DIMS(groups, l->columns));
        hp_value group_of = hp_layer_weight(b, layer, "g_idx", false, HP_DIMS(l->rows));
        kernel = hp_quantization_ungroup(b, kernel, scale, zero, group_of, 0);
    } else {
        hp_value scale = hp_layer_weight(b, layer, "kernel_scale", false, HP_DIMS(l->columns));
        kernel = hp_emit_binary(b, HP_BINARY_DIVIDE, kernel, scale);
    }
    kernel = hp_emit_reshape(b, hp_quantization_rounded(b, layer, kernel), shape->rank, shape->dims);
    if (q->block_size || !q->quantizes_inputs) return hp_einsum_dense_multiply(b, c, x, kernel);
    x = hp_einsum_dense_multiply(b, c, quantise(b, layer, l, x, &inputs_scale), kernel);
    return hp_emit_binary(b, HP_BINARY_DIVIDE, hp_quantization_rounded(b, layer, x), inputs_scale);
}

hp_value hp_einsum_dense_quantised(hp_builder *b, hp_layer *layer, hp_value x, const hp_shape *kernel) {
    const hp_einsum_dense *c = layer->config;
    layouts l;
    if (c->quantization.mode == HP_QUANTIZED_FLOAT8) {
        hp_float8 scales = hp_quantization_float8(b, layer, &c->quantization);
        hp_value w = hp_layer_weight(b, layer, "kernel", true, kernel->rank, kernel->dims);
        w = hp_quantization_to_float8(b, layer, w, scales.kernel_scale);
        return hp_einsum_dense_multiply(b, c, hp_quantization_to_float8(b, layer, x, scales.inputs_scale), w);
    }
    if (!analyse(b, c, kernel, &l)) return HP_NO_VALUE;
    return c->quantization.mode == HP_QUANTIZED_INT8 ? multiply_int8(b, layer, x, kernel, &l)
                                                     : multiply_int4(b, layer, x, kernel, &l);
}

hp_value hp_einsum_dense_adapted(hp_builder *b, hp_layer *layer, hp_value x, const hp_shape *kernel, hp_value y) {
    const hp_einsum_dense *c = layer->config;
    hp_value first, second;
    double scale;
    if (hp_layer_lora_adapters(b, layer, "kernel", kernel, &c->lora, &first, &second, &scale)) {
        hp_value update = hp_emit_gemm(b, hp_einsum_dense_multiply(b, c, x, first), second, HP_NO_VALUE);
        y = hp_emit_binary(b, HP_BINARY_ADD, y, hp_emit_binary(b, HP_BINARY_MULTIPLY, update, hp_emit_float(b, scale)));
    }
    hp_quantization_places(layer, hp_quantization_kernel_places);
    return hp_quantization_rounded(b, layer, y);
}
