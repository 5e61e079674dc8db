/* simple.c: the shortest way: open a model, predict three rows, close it.
 *
 *     simple MODEL        (a model with one float input of 10 values and one output, as mlp_10_64_64_1.keras) */
#include <hornpipe.h>
#include <stdio.h>

int main(int argc, char **argv) {
    hp_error error;
    hp_model *model;
    float rows[3][10] = {{0}};
    hp_array x = {.data = rows, .dtype = HP_FLOAT32, .rank = 2, .shape = {3, 10}};
    hp_array y = {0}; /* no memory: the library makes it */

    for (int i = 0; i < 3; i++) rows[i][0] = (float)i;
    if (argc != 2) {
        fprintf(stderr, "usage: simple MODEL\n");
        return 2;
    }
    if (hp_model_open(argv[1], NULL, &model, &error) != HP_OK) {
        fprintf(stderr, "simple: %s: %s\n", error.where, error.message);
        return 1;
    }
    hp_status status = hp_model_predict(model, &x, 1, &y, 1, NULL, &error);
    if (status == HP_OK)
        for (int i = 0; i < 3; i++) printf("row %d: %.6f\n", i, (double)((const float *)y.data)[i]);
    else
        fprintf(stderr, "simple: %s: %s\n", error.where, error.message);
    hp_array_free(&y);
    hp_model_close(model);
    return status == HP_OK ? 0 : 1;
}
