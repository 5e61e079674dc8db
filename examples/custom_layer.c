/* custom_layer.c: a model with a layer class of the user's own and a Lambda, whose code no model file holds.
 *
 *     custom_layer MODEL        (a model with one float input of 4 values, as custom_layer.keras)
 *
 * The class in Python:
 *
 *     class Swish(keras.layers.Layer):
 *         def build(self, shape): self.beta = self.add_weight(name="beta", shape=(shape[-1],))
 *         def call(self, x): return x * keras.ops.sigmoid(self.beta * x)
 *
 * and keras.layers.Lambda(lambda x: x * 2, name="double"). */
#include <hornpipe.h>
#include <math.h>
#include <stdio.h>

/* The output is as the input: dtype and shape, the rows (-1) among them. */
static hp_status same_shape(
    void *context, const hp_custom_call *call, hp_custom_tensor *outputs, size_t *count, hp_error *error) {
    (void)context, (void)count, (void)error;
    outputs[0] = call->inputs[0];
    return HP_OK;
}

static hp_status swish(void *context, const hp_custom_call *call, hp_error *error) {
    const float *x = call->inputs[0].data, *beta = call->weights[0].data;
    float *y = call->outputs[0].data;
    int64_t n = call->weights[0].shape[0];
    (void)context, (void)error;
    for (int64_t i = 0; i < call->inputs[0].elements; i++) y[i] = x[i] / (1 + expf(-beta[i % n] * x[i]));
    return HP_OK;
}

static hp_status twice(void *context, const hp_custom_call *call, hp_error *error) {
    const float *x = call->inputs[0].data;
    float *y = call->outputs[0].data;
    (void)context, (void)error;
    for (int64_t i = 0; i < call->inputs[0].elements; i++) y[i] = 2 * x[i];
    return HP_OK;
}

int main(int argc, char **argv) {
    hp_custom_layer layers[] = {
        {.struct_size = sizeof *layers, .class_name = "Swish", .shape = same_shape, .run = swish},
        {.struct_size = sizeof *layers, .class_name = "Lambda", .name = "double", .shape = same_shape, .run = twice},
    };
    hp_model_options options = {.struct_size = sizeof options, .custom_layers = layers, .custom_layer_count = 2};
    hp_error error;
    hp_model *model;
    float rows[2][4] = {{0, 1, 2, 3}, {4, 5, 6, 7}};
    hp_array x = {.data = rows, .dtype = HP_FLOAT32, .rank = 2, .shape = {2, 4}};
    hp_array y = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: custom_layer MODEL\n");
        return 2;
    }
    if (hp_model_open(argv[1], &options, &model, &error) != HP_OK) {
        fprintf(stderr, "custom_layer: %s: %s\n", error.where, error.message);
        return 1;
    }
    hp_status status = hp_model_predict(model, &x, 1, &y, 1, NULL, &error);
    for (int i = 0; status == HP_OK && i < 2; i++) {
        const float *row = (const float *)y.data + 3 * i;
        printf("row %d: %.4f %.4f %.4f\n", i, (double)row[0], (double)row[1], (double)row[2]);
    }
    if (status != HP_OK) fprintf(stderr, "custom_layer: %s: %s\n", error.where, error.message);
    hp_array_free(&y);
    hp_model_close(model);
    return status == HP_OK ? 0 : 1;
}
