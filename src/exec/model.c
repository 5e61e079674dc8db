/* model.c: opening and describing a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"

static hp_model_options filled(const hp_model_options *given) {
    hp_model_options options = {.struct_size = sizeof options};
    if (given) memcpy(&options, given, given->struct_size < sizeof options ? given->struct_size : sizeof options);
    return options;
}

static hp_status choose_kernels(const char *isa, const hp_kernels **kernels, hp_error *error) {
    *kernels = hp_kernels_select(isa);
    if (*kernels) return HP_OK;
    char usable[160] = "";
    for (size_t i = 0; hp_kernels_isa_name(i); i++)
        if (hp_kernels_isa_usable(i))
            snprintf(
                usable + strlen(usable), sizeof usable - strlen(usable), "%s%s", i ? ", " : "", hp_kernels_isa_name(i));
    const char *told = isa ? NULL : getenv("HORNPIPE_ISA");
    HP_FAIL(error, HP_ERROR_ARGUMENT, told ? "HORNPIPE_ISA" : NULL,
        "ISA \"%s\" is not one that this machine and build have: %s",
        isa    ? isa
        : told ? told
               : "",
        usable);
}

size_t hp_model_signature_count(const hp_model *model) {
    return hp_network_input_count(model->network) + hp_network_measure_count(model->network);
}

/* Shapes of the inputs, with `unknown` in the place of dims that only data tells. */
static void trial_shapes(const hp_network *network, int64_t unknown, hp_shape *shapes) {
    for (size_t i = 0; i < hp_network_input_count(network); i++) {
        hp_tensor_info info = hp_network_input(network, i);
        shapes[i] = (hp_shape){.rank = info.rank, .rows = true};
        for (int d = 0; d < info.rank; d++)
            shapes[i].dims[d] = d == 0 ? 1 : info.shape[d] < 0 ? unknown : info.shape[d];
    }
    for (size_t i = 0; i < hp_network_measure_count(network); i++)
        shapes[hp_network_input_count(network) + i] = (hp_shape){.rank = 1, .dims = {unknown}};
}

int64_t hp_model_batch(const hp_model *model) {
    return hp_network_mixes_rows(model->network, NULL) ? hp_network_batch(model->network) : 0;
}

/* What an inner layer gives: lowered on trial; dims that change with the trial's size are known only with data. */
static hp_status describe_layer_outputs(hp_model *model, hp_error *error) {
    static const int64_t trials[] = {32, 64, 128, 224, 16, 8, 1024, 16384, 65536};
    hp_shape shapes[2 * HP_MOST_TENSORS];
    int64_t batch = hp_model_batch(model);
    hp_status status = HP_OK;
    int succeeded = 0;
    bool mixes;
    for (size_t t = 0; t < sizeof trials / sizeof *trials && succeeded < 2; t++) {
        hp_graph graph = {0};
        trial_shapes(model->network, trials[t], shapes);
        status = hp_network_lower(
            model->network, shapes, hp_model_signature_count(model), batch, model->output_layer, &graph, &mixes, error);
        if (mixes && batch == 0) { /* what comes behind the layer may keep the rows apart, and itself it does not */
            hp_graph_release(&graph);
            HP_TRY(hp_network_use_batches(
                model->network, "the rows of the layer asked for are not its first axis", error));
            return describe_layer_outputs(model, error);
        }
        if (status == HP_OK && !model->outputs) {
            size_t count = graph.output_count - graph.state_count;
            model->outputs = hp_alloc_array(count, sizeof *model->outputs);
            model->output_count = model->outputs ? count : 0;
            if (!model->outputs) status = HP_ERROR_NO_MEMORY;
        }
        for (size_t i = 0; status == HP_OK && i < model->output_count; i++) {
            const hp_tensor *tensor = &graph.values[graph.outputs[i]].tensor;
            hp_tensor_info *info = &model->outputs[i];
            info->name = model->output_layer;
            info->dtype = tensor->dtype;
            info->rank = tensor->shape.rank;
            for (int d = 0; d < info->rank; d++) {
                bool differs = succeeded && info->shape[d] != tensor->shape.dims[d];
                info->shape[d] = d == 0 || differs ? -1 : tensor->shape.dims[d];
            }
        }
        succeeded += status == HP_OK;
        hp_graph_release(&graph);
        if (status == HP_ERROR_ARGUMENT || status == HP_ERROR_NO_MEMORY) return status;
    }
    return succeeded ? HP_OK : status;
}

static hp_status describe_outputs(hp_model *model, const char *output_layer, hp_error *error) {
    if (output_layer) {
        HP_FAIL_IF(!hp_network_has_layer(model->network, output_layer), error, HP_ERROR_ARGUMENT, model->spec->name,
            "the model has no layer named \"%s\"", output_layer);
        model->output_layer = hp_strdup(output_layer);
        HP_ALLOCATED(model->output_layer, error);
        HP_TRY(describe_layer_outputs(model, error));
    } else {
        model->output_count = hp_network_output_count(model->network);
        model->outputs = hp_alloc_array(model->output_count, sizeof *model->outputs);
        HP_ALLOCATED(model->outputs, error);
        for (size_t i = 0; i < model->output_count; i++) model->outputs[i] = hp_network_output(model->network, i);
    }
    HP_FAIL_IF(model->output_count > HP_MOST_TENSORS, error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "the model has %zu outputs; at most %d can be used", model->output_count, HP_MOST_TENSORS);
    return HP_OK;
}

/* Where a model is opened from: a file, or its bytes in memory. */
typedef struct source {
    const char *path; /* with bytes: their name in messages */
    const void *data; /* NULL: a file */
    size_t size;
} source;

static hp_status open_spec(hp_model *model, source from, const hp_model_options *options, hp_error *error) {
    if (!from.data) model->path = hp_strdup(from.path);
    if (!from.data && options->weights) model->weights_path = hp_strdup(options->weights);
    HP_FAIL_IF(!from.data && (!model->path || (options->weights && !model->weights_path)), error, HP_ERROR_NO_MEMORY,
        NULL, "out of memory");
    if (!from.data) return hp_model_spec_open(from.path, options->weights, &model->spec, error);
    HP_FAIL_IF(options->weights, error, HP_ERROR_ARGUMENT, from.path,
        "a model in memory holds its own weights; a weights file cannot be given too");
    return hp_model_spec_open_memory(from.path, from.data, from.size, NULL, 0, &model->spec, error);
}

static hp_status open_parts(
    hp_model *model, source from, const hp_model_options *options, hp_reasons *reasons, hp_error *error) {
    HP_TRY(choose_kernels(options->isa, &model->kernels, error));
    HP_TRY(open_spec(model, from, options, error));
    model->constants[0] = hp_constants_new(0);
    HP_ALLOCATED(model->constants[0], error);
    HP_TRY(hp_network_open(model->spec, model->constants[0], options->custom_layers, options->custom_layer_count,
        reasons, &model->network, error));
    size_t inputs = hp_network_input_count(model->network);
    HP_FAIL_IF(inputs > HP_MOST_TENSORS || hp_network_measure_count(model->network) > HP_MOST_TENSORS, error,
        HP_ERROR_UNSUPPORTED, model->spec->name,
        "the model has %zu inputs and %zu sizes that the data tell; at most %d", inputs,
        hp_network_measure_count(model->network), HP_MOST_TENSORS);
    return describe_outputs(model, options->output_layer, error);
}

/* Opens as far as it goes; every reason against running the model is added to `reasons` (may be NULL). */
static hp_status open_model(
    source from, const hp_model_options *given, hp_reasons *reasons, hp_model **result, hp_error *error) {
    *result = NULL;
    HP_FAIL_IF(!from.path, error, HP_ERROR_ARGUMENT, NULL, "path is NULL");
    hp_model_options options = filled(given);
    hp_model *model = HP_NEW(hp_model);
    HP_ALLOCATED(model, error);
    hp_mutex_init(&model->lock);
    model->prefer = options.prefer;
    hp_caches_find(NULL, &model->caches);
    model->cores = hp_core_count();
    hp_status status = open_parts(model, from, &options, reasons, error);
    if (status != HP_OK)
        hp_model_close(model);
    else
        *result = model;
    return status;
}

hp_status hp_model_open(const char *path, const hp_model_options *options, hp_model **model, hp_error *error) {
    HP_FAIL_IF(!model, error, HP_ERROR_ARGUMENT, NULL, "model is NULL");
    return open_model((source){.path = path}, options, NULL, model, error);
}

hp_status hp_model_open_memory(const char *name, const void *data, size_t size, const hp_model_options *options,
    hp_model **model, hp_error *error) {
    HP_FAIL_IF(!model, error, HP_ERROR_ARGUMENT, NULL, "model is NULL");
    *model = NULL;
    HP_FAIL_IF(!data, error, HP_ERROR_ARGUMENT, NULL, "data is NULL");
    return open_model((source){name ? name : "model", data, size}, options, NULL, model, error);
}

void hp_model_close(hp_model *model) {
    if (!model) return;
    for (size_t i = 0; i < HP_SESSIONS_KEPT; i++) hp_session_close(atomic_exchange(&model->idle[i], NULL));
    hp_model_drop_plans(model);
    hp_network_close(model->network);
    for (int node = HP_NODES_MOST; node-- > 0;) hp_constants_free(model->constants[node]);
    hp_model_spec_close(model->spec);
    hp_mutex_release(&model->lock);
    hp_free(model->outputs);
    hp_free(model->output_layer);
    hp_free(model->path);
    hp_free(model->weights_path);
    hp_free(model);
}

size_t hp_model_input_count(const hp_model *model) {
    return model ? hp_network_input_count(model->network) : 0;
}

size_t hp_model_output_count(const hp_model *model) {
    return model ? model->output_count : 0;
}

hp_status hp_model_input(const hp_model *model, size_t index, hp_tensor_info *info, hp_error *error) {
    HP_FAIL_IF(!model || !info, error, HP_ERROR_ARGUMENT, NULL, "model or info is NULL");
    HP_FAIL_IF(index >= hp_model_input_count(model), error, HP_ERROR_ARGUMENT, NULL,
        "there is no input %zu; the model has %zu", index, hp_model_input_count(model));
    *info = hp_network_input(model->network, index);
    return HP_OK;
}

hp_status hp_model_output(const hp_model *model, size_t index, hp_tensor_info *info, hp_error *error) {
    HP_FAIL_IF(!model || !info, error, HP_ERROR_ARGUMENT, NULL, "model or info is NULL");
    HP_FAIL_IF(index >= model->output_count, error, HP_ERROR_ARGUMENT, NULL,
        "there is no output %zu; the model has %zu", index, model->output_count);
    *info = model->outputs[index];
    return HP_OK;
}

size_t hp_model_layer_count(const hp_model *model) {
    return model ? hp_network_layer_count(model->network) : 0;
}

hp_status hp_model_layer(const hp_model *model, size_t index, hp_layer_info *info, hp_error *error) {
    HP_FAIL_IF(!model || !info, error, HP_ERROR_ARGUMENT, NULL, "model or info is NULL");
    const hp_layer_info *layer = hp_network_layer(model->network, index);
    HP_FAIL_IF(!layer, error, HP_ERROR_ARGUMENT, NULL, "there is no layer %zu; the model has %zu", index,
        hp_model_layer_count(model));
    *info = *layer;
    return HP_OK;
}

/* Floating-point operations of a row, where the shapes are known without data. */
static double flops_per_row(hp_model *model) {
    hp_shape shapes[2 * HP_MOST_TENSORS];
    trial_shapes(model->network, -1, shapes);
    for (size_t i = 0; i < hp_model_signature_count(model); i++)
        for (int d = 0; d < shapes[i].rank; d++)
            if (shapes[i].dims[d] < 0) return (double)NAN;
    int64_t batch = hp_model_batch(model);
    hp_shared_plan *shared;
    if (hp_model_plan(model, shapes, 0, batch, 1, NULL, &shared, NULL) != HP_OK) return (double)NAN;
    double flops = shared->plan->flops / (double)(batch ? batch : 1);
    hp_shared_plan_release(shared);
    return flops;
}

void hp_model_describe(const hp_model *model, hp_model_info *info) {
    if (!info) return;
    *info = (hp_model_info){
        .name = "", .class_name = "", .format = "", .keras_version = "", .isa = "", .mixes_rows_where = ""};
    if (!model) return;
    const hp_keras_version *version = &model->spec->version;
    const char *where = "";
    info->name = hp_network_name(model->network);
    info->class_name = hp_network_class_name(model->network);
    info->format = model->spec->weights->ordered ? "hdf5" : "keras";
    info->keras_version = version->text ? version->text : "";
    info->isa = model->kernels->isa;
    info->parameters = hp_network_parameters(model->network, false);
    info->trainable_parameters = hp_network_parameters(model->network, true);
    info->flops_per_row = flops_per_row((hp_model *)model); /* the cache of plans is not part of what is const */
    info->mixes_rows = hp_network_mixes_rows(model->network, &where);
    info->mixes_rows_where = where ? where : "";
}

/* ---- reports */

struct hp_report {
    hp_reasons reasons;
    char notes[2][512];
    size_t note_count;
};

static hp_status open_report(source from, const hp_model_options *options, hp_report **result, hp_error *error) {
    HP_FAIL_IF(!result, error, HP_ERROR_ARGUMENT, NULL, "report is NULL");
    *result = NULL;
    hp_report *report = HP_NEW(hp_report);
    HP_ALLOCATED(report, error);
    hp_model *model;
    hp_error first;
    hp_status status = open_model(from, options, &report->reasons, &model, &first);
    const char *where;
    if (status == HP_OK && hp_network_mixes_rows(model->network, &where))
        snprintf(report->notes[report->note_count++], sizeof report->notes[0],
            "rows of a batch are mixed by %s: it runs in batches of %lld, as Keras's", where,
            (long long)hp_model_batch(model));
    const char *subclass = status == HP_OK ? hp_network_subclass(model->network) : NULL;
    if (subclass)
        snprintf(report->notes[report->note_count++], sizeof report->notes[0],
            "%s was saved as a model of layers and is run as one: a call of its own is not in the file", subclass);
    hp_model_close(model);
    if (status == HP_ERROR_UNSUPPORTED && report->reasons.count == 0)
        hp_reasons_add(&report->reasons, status, first.where, "%s", first.message);
    if (status != HP_OK && (report->reasons.count == 0 || report->reasons.out_of_memory)) {
        hp_report_close(report);
        if (error) *error = first;
        return status == HP_OK ? HP_ERROR_NO_MEMORY : status;
    }
    *result = report;
    return HP_OK;
}

hp_status hp_report_open(const char *path, const hp_model_options *options, hp_report **report, hp_error *error) {
    return open_report((source){.path = path}, options, report, error);
}

hp_status hp_report_open_memory(const char *name, const void *data, size_t size, const hp_model_options *options,
    hp_report **report, hp_error *error) {
    if (report) *report = NULL;
    HP_FAIL_IF(!data, error, HP_ERROR_ARGUMENT, NULL, "data is NULL");
    return open_report((source){name ? name : "model", data, size}, options, report, error);
}

size_t hp_report_count(const hp_report *report) {
    return report ? report->reasons.count : 0;
}

const hp_error *hp_report_reason(const hp_report *report, size_t index) {
    return report && index < report->reasons.count ? &report->reasons.at[index] : NULL;
}

const char *hp_report_note(const hp_report *report, size_t index) {
    return report && index < report->note_count ? report->notes[index] : NULL;
}

void hp_report_close(hp_report *report) {
    if (!report) return;
    hp_reasons_release(&report->reasons);
    hp_free(report);
}
