/* arrays.c: a caller's arrays checked against the model. */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "exec/exec.h"

void hp_array_free(hp_array *array) {
    if (!array || !array->owner) return;
    hp_free(array->owner);
    *array = (hp_array){0};
}

double hp_array_number(const hp_array *array, int64_t index) {
    if (hp_array_is_c_order(array)) return hp_dtype_number(array->dtype, array->data, index);
    const char *element = array->data;
    for (int i = array->rank - 1; i >= 0; i--) {
        element += index % array->shape[i] * array->strides[i];
        index /= array->shape[i];
    }
    return hp_dtype_number(array->dtype, element, 0);
}

hp_status hp_array_own_strings(hp_array *array, hp_error *error) {
    const hp_string *from = array->data;
    size_t count = 1, bytes;
    for (int i = 0; i < array->rank; i++) count *= (size_t)array->shape[i]; /* it was allocated: no overflow */
    bytes = count * sizeof *from;
    for (size_t i = 0; i < count; i++)
        HP_FAIL_IF(!hp_size_add(bytes, from[i].size, &bytes), error, HP_ERROR_NO_MEMORY, NULL,
            "the strings are larger than the address space");
    hp_string *strings = hp_alloc_aligned(bytes ? bytes : 1);
    HP_ALLOCATED(strings, error);
    char *text = (char *)(strings + count);
    for (size_t i = 0; i < count; i++) {
        if (from[i].size > 0) memcpy(text, from[i].data, from[i].size);
        strings[i] = (hp_string){text, from[i].size};
        text += from[i].size;
    }
    hp_free(array->owner);
    array->data = array->owner = strings;
    return HP_OK;
}

bool hp_array_is_c_order(const hp_array *array) {
    bool all_zero = true;
    for (int i = 0; i < array->rank; i++) all_zero &= array->strides[i] == 0;
    if (all_zero) return true;
    int64_t expected = (int64_t)hp_dtype_size(array->dtype);
    for (int i = array->rank - 1; i >= 0; i--) {
        if (array->shape[i] == 0) return true;
        if (array->shape[i] > 1 && array->strides[i] != expected) return false;
        expected *= array->shape[i];
    }
    return true;
}

/* "(100, 10)", with "None" for -1. */
static const char *shape_text(int rank, const int64_t *shape, char *text, size_t size) {
    size_t n = 0;
    n += (size_t)snprintf(text, size, "(");
    for (int i = 0; i < rank && n < size; i++)
        n += shape[i] < 0 ? (size_t)snprintf(text + n, size - n, "%sNone", i ? ", " : "")
                          : (size_t)snprintf(text + n, size - n, "%s%lld", i ? ", " : "", (long long)shape[i]);
    if (n < size) snprintf(text + n, size - n, rank == 1 ? ",)" : ")");
    return text;
}

hp_status hp_array_check(const hp_array *array, const char *what, size_t index, hp_error *error) {
    HP_FAIL_IF(hp_dtype_size(array->dtype) == 0, error, HP_ERROR_ARGUMENT, NULL, "%s %zu: no such dtype (%d)", what,
        index, (int)array->dtype);
    HP_FAIL_IF(array->rank < 1 || array->rank > HP_MAX_RANK, error, HP_ERROR_SHAPE, NULL,
        "%s %zu has %d axes; 1 (the rows) to %d can be used", what, index, array->rank, HP_MAX_RANK);
    size_t bytes = hp_dtype_size(array->dtype);
    for (int i = 0; i < array->rank; i++)
        HP_FAIL_IF(array->shape[i] < 0 || !hp_size_mul(bytes, (size_t)array->shape[i], &bytes), error, HP_ERROR_SHAPE,
            NULL, "%s %zu: axis %d has size %lld", what, index, i, (long long)array->shape[i]);
    HP_FAIL_IF(!array->data && bytes > 0, error, HP_ERROR_ARGUMENT, NULL, "%s %zu has no data", what, index);
    return HP_OK;
}

/* Keras (Functional._adjust_input_rank in keras/src/models/functional.py) adds or drops a last axis of 1. A line of
 * text is flat: its fields fill an input of any shape that holds as many. */
static void adjust_rank(hp_io_view *view, const hp_tensor_info *info) {
    int64_t wanted = 1;
    for (int i = 1; i < info->rank; i++) wanted *= info->shape[i] < 0 ? 0 : info->shape[i];
    if (view->storage == HP_IO_TEXT && info->rank != 2 && wanted > 0 && wanted == hp_io_row_elements(view)) {
        view->rank = info->rank;
        memcpy(view->dims + 1, info->shape + 1, (size_t)(info->rank - 1) * sizeof *view->dims);
    } else if (view->rank == info->rank + 1 && view->dims[view->rank - 1] == 1) {
        view->rank--;
    } else if (view->rank + 1 == info->rank && info->shape[info->rank - 1] == 1) {
        view->dims[view->rank] = 1;
        view->strides[view->rank] = (ptrdiff_t)view->item_size;
        view->rank++;
    }
}

hp_io_view hp_array_view(const char *name, const hp_array *array) {
    hp_io_view view =
        hp_io_view_of(name, array->data, array->dtype, array->shape[0], array->rank - 1, array->shape + 1);
    if (!hp_array_is_c_order(array))
        for (int i = 0; i < array->rank; i++) view.strides[i] = (ptrdiff_t)array->strides[i];
    return view;
}

/* What may have gone wrong with an input's shape: a row alone, or columns of text that are not the model's. */
static const char *shape_hint(const hp_io_view *given, const hp_tensor_info *info, char *text, size_t size) {
    bool one_row = given->rank + 1 == info->rank, columns = given->storage == HP_IO_TEXT;
    for (int i = 1; one_row && i < info->rank; i++) one_row = given->dims[i - 1] == info->shape[i];
    *text = '\0';
    if (one_row)
        snprintf(text, size, " (axis 0 is the rows, even where there is one)");
    else if (columns && given->rank == 2 && given->dims[1] == 1)
        snprintf(text, size, " (fields are separated by commas, in .tsv by tabs)");
    else if (columns && given->rank == 2 && info->shape[1] > 0 && given->dims[1] > info->shape[1])
        snprintf(
            text, size, " (--columns and --id-columns choose among the %lld of the file)", (long long)given->dims[1]);
    return text;
}

static hp_status bind_input(const hp_model *model, size_t index, const hp_io_view *given, hp_bound_input *bound,
    hp_shape *shape, hp_error *error) {
    hp_tensor_info info = hp_network_input(model->network, index);
    char found[160], expected[160], hint[100];
    hp_io_view view = *given;
    adjust_rank(&view, &info);
    bool fits = view.rank == info.rank;
    for (int i = 1; fits && i < info.rank; i++) fits = info.shape[i] < 0 || info.shape[i] == view.dims[i];
    HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL, "input %zu \"%s\" has shape %s; the model wants %s%s", index,
        info.name, shape_text(given->rank, given->dims, found, sizeof found),
        shape_text(info.rank, info.shape, expected, sizeof expected), shape_hint(given, &info, hint, sizeof hint));
    HP_FAIL_IF(!hp_io_convertible(view.dtype, info.dtype), error, HP_ERROR_SHAPE, NULL,
        "input %zu \"%s\" is %s; the model wants %s", index, info.name, hp_dtype_name(view.dtype),
        hp_dtype_name(info.dtype));
    *shape = (hp_shape){.rank = view.rank, .rows = true};
    memcpy(shape->dims, view.dims, sizeof shape->dims);
    shape->dims[0] = 1;
    for (int i = view.rank; i < HP_MAX_RANK; i++) shape->dims[i] = 0;
    *bound = (hp_bound_input){.view = view, .dtype = info.dtype};
    bound->row_bytes = (size_t)hp_io_row_elements(&bound->view) * hp_dtype_size(info.dtype);
    bound->direct = hp_io_direct(&bound->view, info.dtype);
    return HP_OK;
}

hp_status hp_bind_inputs(const hp_model *model, const hp_io_view *views, size_t count, hp_bound_input *bound,
    hp_shape *shapes, int64_t *rows, hp_error *error) {
    size_t wanted = hp_model_input_count(model);
    HP_FAIL_IF(
        count != wanted, error, HP_ERROR_ARGUMENT, NULL, "%zu inputs were given; the model has %zu", count, wanted);
    for (size_t i = 0; i < count; i++) {
        HP_TRY(bind_input(model, i, &views[i], &bound[i], &shapes[i], error));
        bound[i].own_rows = hp_network_input_rows(model->network, i);
        HP_FAIL_IF(bound[i].own_rows > 0 && views[i].dims[0] >= 0 && views[i].dims[0] != bound[i].own_rows, error,
            HP_ERROR_SHAPE, NULL, "input %zu has %lld rows; the model was made for %lld", i,
            (long long)views[i].dims[0], (long long)bound[i].own_rows);
        HP_FAIL_IF(bound[i].own_rows == 0 && views[i].dims[0] != views[0].dims[0], error, HP_ERROR_SHAPE, NULL,
            "input %zu has %lld rows, input 0 has %lld: all inputs must have the same number", i,
            (long long)views[i].dims[0], (long long)views[0].dims[0]);
    }
    *rows = count ? views[0].dims[0] : 0;
    return HP_OK;
}

hp_status hp_array_views(
    const hp_model *model, const hp_array *arrays, size_t count, hp_io_view *views, hp_error *error) {
    size_t wanted = hp_model_input_count(model);
    HP_FAIL_IF(
        count != wanted, error, HP_ERROR_ARGUMENT, NULL, "%zu inputs were given; the model has %zu", count, wanted);
    for (size_t i = 0; i < count; i++) {
        HP_TRY(hp_array_check(&arrays[i], "input", i, error));
        views[i] = hp_array_view(hp_network_input(model->network, i).name, &arrays[i]);
    }
    return HP_OK;
}

static hp_status no_axis(size_t index, hp_error *error) {
    return hp_error_set(error, HP_ERROR_UNSUPPORTED, NULL,
        "output %zu is one number for a whole batch: there is no axis to join the batches on", index);
}

static hp_array output_array(const hp_tensor *tensor, int64_t items) {
    hp_array array = {.dtype = tensor->dtype, .rank = tensor->shape.rank};
    memcpy(array.shape, tensor->shape.dims, sizeof array.shape);
    array.shape[0] = items;
    return array;
}

hp_status hp_bind_output(hp_array *array, const hp_tensor *tensor, int64_t items, size_t index, hp_error *error) {
    HP_FAIL_IF(tensor->dtype == HP_STRING && array->data, error, HP_ERROR_ARGUMENT, NULL,
        "output %zu is made of strings, whose memory only the library can make: its data must be NULL", index);
    if (tensor->shape.rank < 1) return no_axis(index, error);
    hp_array wanted = output_array(tensor, items);
    if (!array->data) {
        size_t bytes = hp_dtype_size(wanted.dtype);
        for (int i = 0; i < wanted.rank; i++)
            HP_FAIL_IF(!hp_size_mul(bytes, (size_t)wanted.shape[i], &bytes), error, HP_ERROR_NO_MEMORY, NULL,
                "output %zu is larger than the address space", index);
        wanted.data = wanted.owner = hp_alloc_aligned(bytes ? bytes : 1);
        HP_ALLOCATED(wanted.data, error);
        *array = wanted;
        return HP_OK;
    }
    char found[160], expected[160];
    bool fits =
        array->rank == wanted.rank && !memcmp(array->shape, wanted.shape, (size_t)wanted.rank * sizeof(int64_t));
    HP_FAIL_IF(!fits, error, HP_ERROR_SHAPE, NULL, "output %zu has room for shape %s; the model gives %s", index,
        shape_text(array->rank, array->shape, found, sizeof found),
        shape_text(wanted.rank, wanted.shape, expected, sizeof expected));
    HP_FAIL_IF(array->dtype != wanted.dtype, error, HP_ERROR_SHAPE, NULL, "output %zu is %s; the model gives %s", index,
        hp_dtype_name(array->dtype), hp_dtype_name(wanted.dtype));
    HP_FAIL_IF(!hp_array_is_c_order(array), error, HP_ERROR_ARGUMENT, NULL, "output %zu is not in C order", index);
    return HP_OK;
}

/* The outputs of a graph that mixes rows: per batch as many items as its plan says. */
static hp_status batch_outputs(
    hp_model *model, const hp_shape *shapes, int64_t rows, int64_t batch, hp_array *outputs, hp_error *error) {
    hp_shared_plan *plans[2] = {NULL, NULL};
    int64_t other =
        rows >= 0 ? rows % batch : 2 * batch; /* the last batch; another, to see whether items grow with it */
    HP_TRY(hp_model_plan(model, shapes, 0, batch, 1, NULL, &plans[0], error));
    hp_status status = other ? hp_model_plan(model, shapes, 0, other, 1, NULL, &plans[1], error) : HP_OK;
    if (rows < 0) status = HP_OK; /* a batch of fixed size is the only one there is */
    for (size_t i = 0; status == HP_OK && i < model->output_count; i++) {
        const hp_tensor *tensor = &plans[0]->outputs[i];
        int64_t items = tensor->shape.dims[0], other_items = plans[1] ? plans[1]->outputs[i].shape.dims[0] : 0;
        bool grows = items % batch == 0 && (!plans[1] || other_items == 2 * items);
        outputs[i] = output_array(tensor, rows >= 0 ? rows / batch * items + other_items : grows ? -items / batch : 0);
    }
    for (size_t i = 0; status == HP_OK && rows < 0 && plans[1] && i < model->output_count; i++)
        for (int d = 1; d < outputs[i].rank; d++)
            if (plans[1]->outputs[i].shape.dims[d] != outputs[i].shape[d]) outputs[i].shape[d] = -1;
    hp_shared_plan_release(plans[0]);
    hp_shared_plan_release(plans[1]);
    return status;
}

hp_status hp_signature_of(
    const hp_model *model, const hp_io_view *views, size_t count, hp_shape **shapes, hp_error *error) {
    hp_bound_input *bound = hp_alloc_array(count, sizeof *bound);
    size_t wanted = hp_model_signature_count(model);
    int64_t rows;
    *shapes = hp_alloc_array(wanted, sizeof **shapes);
    hp_status status = bound && *shapes ? HP_OK : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (status == HP_OK) status = hp_bind_inputs(model, views, count, bound, *shapes, &rows, error);
    for (size_t i = hp_model_input_count(model); status == HP_OK && i < wanted; i++)
        (*shapes)[i] = (hp_shape){.rank = 1, .dims = {1}};
    hp_free(bound);
    if (status == HP_OK) return HP_OK;
    hp_free(*shapes);
    *shapes = NULL;
    return status;
}

hp_status hp_output_shapes(
    hp_model *model, const hp_io_view *views, size_t input_count, hp_array *outputs, hp_error *error) {
    hp_shape *shapes;
    hp_array wanted[HP_MOST_TENSORS];
    hp_shared_plan *shared = NULL;
    HP_TRY(hp_signature_of(model, views, input_count, &shapes, error));
    hp_status status = HP_OK;
    int64_t rows = input_count ? views[0].dims[0] : 0, batch = hp_model_batch(model);
    if (rows >= 0 && hp_network_measure_count(model->network) > 0)
        status =
            hp_error_set(error, HP_ERROR_UNSUPPORTED, NULL, "the outputs' shapes depend on the values of the inputs");
    if (status == HP_OK && batch > 0) {
        status = batch_outputs(model, shapes, rows, batch, wanted, error);
    } else if (status == HP_OK) {
        status = hp_model_plan(model, shapes, 0, 0, 1, NULL, &shared, error);
        for (size_t i = 0; status == HP_OK && i < model->output_count; i++)
            wanted[i] = output_array(&shared->outputs[i], rows * shared->outputs[i].shape.dims[0]);
    }
    for (size_t i = 0; status == HP_OK && i < model->output_count; i++) {
        outputs[i].dtype = wanted[i].dtype;
        outputs[i].rank = wanted[i].rank;
        memcpy(outputs[i].shape, wanted[i].shape, sizeof wanted[i].shape);
        if (wanted[i].rank < 1) status = no_axis(i, error);
    }
    hp_shared_plan_release(shared);
    hp_free(shapes);
    return status;
}

hp_status hp_model_output_shape(hp_model *model, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, hp_error *error) {
    HP_FAIL_IF(!model || !inputs || !outputs, error, HP_ERROR_ARGUMENT, NULL, "model, inputs or outputs is NULL");
    HP_FAIL_IF(output_count != model->output_count, error, HP_ERROR_ARGUMENT, NULL,
        "%zu outputs were given; the model has %zu", output_count, model->output_count);
    hp_io_view views[HP_MOST_TENSORS];
    HP_TRY(hp_array_views(model, inputs, input_count, views, error));
    return hp_output_shapes(model, views, input_count, outputs, error);
}
