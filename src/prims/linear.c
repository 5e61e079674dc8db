/* linear.c: see linear.h. */
#include "prims/linear.h"

#include "base/dtype.h"

bool hp_node_is_linear(const hp_node *node) {
    return node->prim == &hp_prim_gemm || node->prim == &hp_prim_conv || node->prim == &hp_prim_depthwise ||
           node->prim == &hp_prim_conv_transpose;
}

const hp_linear_params *hp_node_linear(const hp_node *node) {
    return node->params;
}

hp_status hp_node_set_activation(hp_graph *graph, hp_node *node, const hp_activation *activation, hp_error *error) {
    hp_linear_params *params = hp_arena_copy(&graph->arena, node->params, sizeof *params);
    HP_ALLOCATED(params, error);
    params->activation = *activation;
    node->params = params;
    return HP_OK;
}

int hp_node_column_axis(const hp_graph *graph, const hp_node *node) {
    int rank = graph->values[node->inputs[HP_LINEAR_W]].tensor.shape.rank;
    if (node->prim == &hp_prim_depthwise) return -1;
    if (node->prim == &hp_prim_conv_transpose) return rank - 2;
    return hp_node_linear(node)->transpose_w ? rank - 2 : rank - 1;
}

hp_status hp_linear_check_inputs(
    const char *name, const hp_tensor *inputs, int input_count, int count, int required, hp_error *error) {
    HP_FAIL_IF(
        input_count != count, error, HP_ERROR_INTERNAL, NULL, "%s takes %d inputs, not %d", name, count, input_count);
    for (int i = 0; i < count; i++) {
        hp_dtype dtype = inputs[i].dtype;
        if (dtype == HP_FLOAT32 || (dtype == HP_DTYPE_NONE && i >= required)) continue;
        HP_FAIL(error, HP_ERROR_UNSUPPORTED, NULL, "%s of %s: only float32 is supported", name, hp_dtype_name(dtype));
    }
    return HP_OK;
}

hp_status hp_linear_check_epilogue(
    const char *name, const hp_tensor *inputs, const hp_tensor *output, hp_error *error) {
    const hp_tensor *bias = &inputs[HP_LINEAR_BIAS], *residual = &inputs[HP_LINEAR_RESIDUAL];
    int64_t columns = output->shape.dims[output->shape.rank - 1];
    char found[128], wanted[128];
    if (bias->dtype != HP_DTYPE_NONE)
        HP_FAIL_IF(bias->shape.rows || bias->shape.rank != 1 || bias->shape.dims[0] != columns, error, HP_ERROR_SHAPE,
            NULL, "%s: the bias has shape %s; expected (%lld,)", name, hp_shape_text(&bias->shape, found, sizeof found),
            (long long)columns);
    if (residual->dtype != HP_DTYPE_NONE)
        HP_FAIL_IF(!hp_shape_equal(&residual->shape, &output->shape), error, HP_ERROR_SHAPE, NULL,
            "%s: the residual has shape %s; expected %s", name, hp_shape_text(&residual->shape, found, sizeof found),
            hp_shape_text(&output->shape, wanted, sizeof wanted));
    return HP_OK;
}

hp_epilogue hp_linear_epilogue(const hp_activation *activation, const hp_run *run, size_t columns) {
    return (hp_epilogue){.bias = run->inputs[HP_LINEAR_BIAS],
        .residual = run->inputs[HP_LINEAR_RESIDUAL],
        .residual_stride = columns,
        .activation = *activation};
}

int hp_linear_in_place(const void *state) {
    (void)state;
    return HP_LINEAR_RESIDUAL;
}
