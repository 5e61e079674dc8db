/* rows.c: input arrays of whole calls: made up, or loaded from files. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool make_input(const hp_tensor_info *info, int64_t rows, int64_t unknown, hp_array *array) {
    static const size_t sizes[] = {[0] = 0,
#define SIZE(name, value, keras, bytes) [value] = bytes,
        HP_DTYPE_LIST(SIZE)
#undef SIZE
    };
    *array = (hp_array){.dtype = info->dtype == HP_FLOAT64 ? HP_FLOAT64 : HP_FLOAT32, .rank = info->rank};
    bool integers = info->dtype >= HP_INT8 && info->dtype <= HP_BOOL;
    if (integers) array->dtype = info->dtype;
    size_t count = 1;
    for (int i = 0; i < info->rank; i++) {
        array->shape[i] = i == 0 ? rows : info->shape[i] < 0 ? unknown : info->shape[i];
        count *= (size_t)array->shape[i];
    }
    array->data = calloc(count ? count : 1, sizes[array->dtype]);
    if (!array->data || info->dtype == HP_STRING) return false;
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (array->dtype == HP_FLOAT32)
            ((float *)array->data)[i] = (float)(state >> 40) / 8388608.0f - 1.0f;
        else if (array->dtype == HP_FLOAT64)
            ((double *)array->data)[i] = (double)(state >> 11) / 4503599627370496.0 - 1.0;
        /* integers stay 0: an index that every table has */
    }
    return true;
}

bool hp_cli_make_inputs(const hp_model *model, int64_t rows, int64_t unknown, hp_array *inputs) {
    bool made = true;
    for (size_t i = 0; i < hp_model_input_count(model) && made; i++) {
        hp_tensor_info info;
        made = hp_model_input(model, i, &info, NULL) == HP_OK && make_input(&info, rows, unknown, &inputs[i]);
    }
    return made;
}

int hp_cli_cannot_make_inputs(const char *path) {
    fprintf(stderr, "hornpipe: %s: rows for this model cannot be made up (strings, or out of memory)\n", path);
    return EXIT_FAILED;
}

hp_status hp_cli_load_inputs(const hp_model *model, char **files, hp_array *inputs, hp_error *error) {
    size_t count = hp_model_input_count(model);
    hp_status status = HP_OK;
    for (size_t i = 0; i < count && status == HP_OK; i++) {
        const char *name, *path = hp_cli_named_file(files[i], &name);
        size_t place = i;
        hp_tensor_info info;
        if (name) place = 0;
        while (name && place < count && (hp_model_input(model, place, &info, NULL) != HP_OK || strcmp(info.name, name)))
            place++;
        if (place == count || inputs[place].data) {
            *error = (hp_error){.status = HP_ERROR_ARGUMENT, .row = -1};
            snprintf(error->where, sizeof error->where, "%s", path);
            snprintf(error->message, sizeof error->message,
                place == count ? "the model has no input named \"%s\"" : "input \"%s\" is given twice",
                name ? name : "");
            return HP_ERROR_ARGUMENT;
        }
        status = hp_array_load(&(hp_file){.path = path}, &inputs[place], error);
    }
    return status;
}

void hp_cli_free_arrays(hp_array *arrays, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (arrays[i].owner)
            hp_array_free(&arrays[i]);
        else
            free(arrays[i].data);
        arrays[i].data = NULL;
    }
}

size_t hp_cli_usual_rows(const hp_model *model, int64_t unknown, int64_t *rows) {
    static const int64_t usual[] = {1, 32, 256, 4096, 65536, 1000000};
    double bytes = 0;
    for (size_t i = 0; i < hp_model_input_count(model); i++) {
        hp_tensor_info info;
        double row = 4;
        if (hp_model_input(model, i, &info, NULL) != HP_OK) continue;
        for (int d = 1; d < info.rank; d++) row *= info.shape[d] < 0 ? (double)unknown : (double)info.shape[d];
        bytes += row;
    }
    size_t count = 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (i < 2 || (double)usual[i] * bytes <= 64e6) rows[count++] = usual[i];
    return count;
}
