/* build.c: a network from a spec: parse, try, bind; and its lowering for a signature of input shapes.
 *
 * Invariant: once hp_network_open has returned a network, neither it nor its layers change. */
#include "graph/build.h"

#include <stdio.h>
#include <string.h>
#include "graph/bind.h"
#include "graph/claim.h"
#include "graph/network.h"
#include "graph/paths.h"
#include "layers/custom.h"
#include "prims/builder_rows.h"

/* Calls of layers in one lowering: shared models inside shared models multiply, and a file of a kilobyte could ask
 * for 2^40 of them. */
enum { MAX_CALLS = 20000 };

/* Sizes to try for dims that are unknown until data comes, the likely ones first; the largest for layers that cut off
 * thousands of elements. */
static const int64_t trial_sizes[] = {32, 64, 16, 128, 224, 8, 7, 299, 256, 512, 4, 2, 1, 1024, 4096, 16384, 65536};

/* ---- lowering */

static bool emit_inputs(hp_builder *b, const hp_network *network, const hp_shape *shapes, size_t count,
    int64_t batch_rows, hp_value *values) {
    if (count != network->input_count + (network->trial_size > 0 ? 0 : network->measure_count)) {
        hp_builder_fail(b, HP_ERROR_SHAPE, "found %zu inputs, expected %zu", count, network->input_count);
        return false;
    }
    b->guess = network->trial_size;
    b->measured = network->trial_size > 0 ? NULL : shapes + network->input_count;
    b->measured_count = network->measure_count;
    for (size_t i = 0; i < network->input_count; i++) {
        const hp_input_spec *input = &network->inputs[i];
        bool fits = shapes[i].rank == input->rank;
        for (int k = 1; fits && k < input->rank; k++) fits = input->dims[k] < 0 || input->dims[k] == shapes[i].dims[k];
        hp_tensor tensor = {.dtype = input->dtype, .shape = shapes[i]};
        if (!fits) {
            char has[128], wants[128];
            hp_shape expected = {.rank = input->rank, .rows = true};
            tensor.shape.rows = true;
            tensor.shape.dims[0] = expected.dims[0] = 1;
            for (int k = 1; k < input->rank; k++) expected.dims[k] = input->dims[k];
            hp_builder_fail(b, HP_ERROR_SHAPE, "input \"%.64s\" has shape %s, expected %s (-1: any)", input->name,
                hp_shape_text(&tensor.shape, has, sizeof has), hp_shape_text(&expected, wants, sizeof wants));
            return false;
        }
        tensor.shape.rows = batch_rows == 0;
        int64_t own_rows = hp_network_input_rows(network, i);
        tensor.shape.dims[0] = batch_rows == 0 ? 1 : own_rows > 0 ? own_rows : batch_rows;
        values[i] = hp_emit_input(b, &tensor);
    }
    return b->status == HP_OK;
}

/* The outputs, and behind them what states become. */
static void set_outputs(hp_builder *b, const hp_value *values, size_t count) {
    hp_graph *graph = b->graph;
    if (b->status != HP_OK) return;
    hp_value *outputs = hp_arena_alloc(&graph->arena, (count + graph->state_count + 1) * sizeof *outputs);
    if (!outputs) {
        hp_builder_fail(b, HP_ERROR_NO_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        outputs[i] = hp_emit_joined_parts(b, values[i]);
        if (hp_builder_any_moved(b, &outputs[i], 1)) hp_builder_moved_mixes(b, outputs[i]);
    }
    for (size_t i = 0; i < graph->state_count; i++) outputs[count + i] = graph->next_states[i];
    graph->outputs = outputs;
    graph->output_count = count + graph->state_count;
}

/* Lowers for these shapes, with lowering->records and ->reasons (may be NULL) as the caller wants them. *where is the first place
 * that mixes rows, NULL: it is not asked for. */
static hp_status lower(const hp_network *network, const hp_shape *inputs, size_t input_count, int64_t batch_rows,
    const char *output_layer, hp_lowering *lowering, hp_graph *graph, bool *mixes_rows, char where[256],
    hp_error *error) {
    hp_builder b = {.graph = graph, .constants = network->constants, .layer = "inputs", .user = lowering};
    lowering->calls_left = MAX_CALLS;
    lowering->record_count = network->layer_count + 1;
    graph->batch_rows = batch_rows;
    const hp_layer *wanted = output_layer ? hp_network_find_layer(network, output_layer) : NULL;
    HP_FAIL_IF(output_layer && !wanted, error, HP_ERROR_ARGUMENT, network->spec->name,
        "there is no layer \"%.64s\" in the model", output_layer);
    hp_value *values = hp_arena_alloc(&graph->arena, (network->input_count + 1) * sizeof *values);
    hp_arg *args = hp_arena_alloc(&graph->arena, (network->input_count + 1) * sizeof *args);
    HP_ALLOCATED(values, error);
    HP_ALLOCATED(args, error);
    hp_call call = {.inputs = values, .input_count = network->input_count, .input_is_list = true};
    if (emit_inputs(&b, network, inputs, input_count, batch_rows, values)) {
        b.layer = network->root->place;
        hp_layer_call_full(&b, network->root, &call);
    }
    if (!wanted)
        set_outputs(&b, call.outputs, call.output_count);
    else if (b.status == HP_OK)
        set_outputs(&b, lowering->records[wanted->index].outputs, lowering->records[wanted->index].count);
    hp_builder_check_row_counts(&b);
    if (b.status == HP_OK && graph->output_count == graph->state_count)
        hp_builder_fail(&b, HP_ERROR_FORMAT, "there is no output: the layer is never called");
    if (mixes_rows) *mixes_rows = b.status != HP_OK && b.mixes_rows;
    if (where) memcpy(where, b.mixes_rows_where, sizeof b.mixes_rows_where);
    hp_reasons *reasons = lowering->reasons;
    if (reasons && b.status != HP_OK && !lowering->reported)
        hp_reasons_add(reasons, b.status, b.error.where, "%s", b.error.message);
    if (reasons && reasons->count > 0 && b.status == HP_OK) b.status = reasons->at[0].status;
    if (b.status == HP_OK) return HP_OK;
    if (error) *error = b.error;
    hp_error_prefix(error, "%s", network->spec->name);
    return b.status;
}

hp_status hp_network_lower(const hp_network *network, const hp_shape *inputs, size_t input_count, int64_t batch_rows,
    const char *output_layer, hp_graph *graph, bool *mixes_rows, hp_error *error) {
    hp_lowering lowering = {0};
    *graph = (hp_graph){0};
    if (mixes_rows) *mixes_rows = false;
    if (output_layer) {
        lowering.records = hp_arena_alloc(&graph->arena, (network->layer_count + 1) * sizeof *lowering.records);
        HP_ALLOCATED(lowering.records, error);
    }
    return lower(network, inputs, input_count, batch_rows, output_layer, &lowering, graph, mixes_rows, NULL, error);
}

int64_t hp_network_input_rows(const hp_network *network, size_t index) {
    int64_t first = network->inputs[0].dims[0], own = network->inputs[index].dims[0];
    return first > 0 && own > 0 && own != first ? own : 0;
}

int64_t hp_network_batch(const hp_network *network) {
    enum { KERAS_BATCH = 32 };
    int64_t fixed = hp_network_fixed_batch(network);
    return fixed > 0 ? fixed : KERAS_BATCH;
}

/* ---- trials */

static void forget_weights(hp_layer *layer) {
    if (layer->cls->own_code) return; /* the file says its weights, not a trial */
    for (size_t i = 0; i < layer->weight_count; i++) layer->weights[i].constant = NULL;
    layer->weight_count = 0;
    for (size_t i = 0; i < layer->child_count; i++)
        if (layer->children[i]->parent == layer) forget_weights(layer->children[i]);
}

/* Lowers with every unknown dim set to `size`; a graph that mixes rows a second time with Keras's batch. A failure's reasons are in the
 * probe, but for HP_ERROR_NO_MEMORY. refused: something stands against the model before. */
static hp_status try_size(hp_network *network, int64_t size, bool refused, hp_probe *probe, hp_error *error) {
    char where[256] = "";
    *probe = (hp_probe){0};
    hp_shape *shapes = hp_arena_alloc(&network->arena, (network->input_count + 1) * sizeof *shapes);
    probe->records = hp_arena_alloc(&network->arena, (network->layer_count + 1) * sizeof *probe->records);
    HP_ALLOCATED(shapes, error);
    HP_ALLOCATED(probe->records, error);
    for (size_t i = 0; i < network->input_count; i++) {
        shapes[i].rank = network->inputs[i].rank;
        for (int k = 1; k < shapes[i].rank; k++)
            shapes[i].dims[k] = network->inputs[i].dims[k] < 0 ? size : network->inputs[i].dims[k];
    }
    network->trial_size = size;
    bool mixes = network->mixes_rows;
    hp_status status = HP_OK;
    for (int pass = 0; pass < 2; pass++) {
        int64_t batch = network->mixes_rows ? hp_network_batch(network) : 0;
        hp_lowering lowering = {.records = probe->records, .reasons = &probe->reasons, .assets_missing = refused};
        status =
            lower(network, shapes, network->input_count, batch, NULL, &lowering, &probe->graph, &mixes, where, error);
        if (status == HP_OK || !mixes || network->mixes_rows) break;
        HP_TRY(hp_network_use_batches(network, where, error));
        memset(probe->records, 0, (network->layer_count + 1) * sizeof *probe->records);
        hp_graph_release(&probe->graph);
        hp_reasons_release(&probe->reasons);
        probe->graph = (hp_graph){0};
    }
    return probe->reasons.out_of_memory ? hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory") : status;
}

static bool has_unknown_dims(const hp_network *network) {
    for (size_t i = 0; i < network->input_count; i++)
        for (int k = 1; k < network->inputs[i].rank; k++)
            if (network->inputs[i].dims[k] < 0) return true;
    return false;
}

/* The network's own copy of what a trial asked for. */
static hp_status keep_measures(hp_network *network, const hp_graph *graph, hp_error *error) {
    network->measure_count = graph->measure_count;
    network->measures = hp_arena_alloc(&network->arena, (graph->measure_count + 1) * sizeof *network->measures);
    HP_ALLOCATED(network->measures, error);
    for (size_t i = 0; i < graph->measure_count; i++) {
        void *params = hp_arena_alloc(&network->arena, graph->measures[i].params_size + 1);
        HP_ALLOCATED(params, error);
        memcpy(params, graph->measures[i].params, graph->measures[i].params_size);
        network->measures[i] = graph->measures[i];
        network->measures[i].params = params;
    }
    return HP_OK;
}

enum { MAX_TRIALS = 28 };

/* Sizes to try: the usual ones, then those of known dims, which an unknown one may have to equal (a mask's, a
 * position table's). */
static size_t list_sizes(const hp_network *network, int64_t *sizes) {
    size_t count = sizeof trial_sizes / sizeof *trial_sizes;
    memcpy(sizes, trial_sizes, sizeof trial_sizes);
    for (size_t i = 0; i < network->input_count; i++)
        for (int k = 1; k < network->inputs[i].rank && count < MAX_TRIALS; k++) {
            bool known = network->inputs[i].dims[k] > 0;
            for (size_t s = 0; s < count; s++) known = known && sizes[s] != network->inputs[i].dims[k];
            if (known) sizes[count++] = network->inputs[i].dims[k];
        }
    return count;
}

/* Whether a trial has reasons that another size would not change. */
static bool is_settled(const hp_reasons *reasons) {
    for (size_t i = 0; i < reasons->count; i++)
        if (reasons->at[i].status != HP_ERROR_SHAPE) return true;
    return false;
}

/* What is to be told of a trial that failed: of sizes that were only tried nothing, where there is anything else. */
static void tell(hp_reasons *reasons, const hp_reasons *found, bool sizes_tried, bool settled) {
    settled = settled || is_settled(found);
    if (reasons->count > 0 && (!settled || is_settled(reasons))) return;
    hp_reasons_release(reasons);
    for (size_t i = 0; i < found->count; i++)
        if (!sizes_tried || !settled || found->at[i].status != HP_ERROR_SHAPE)
            hp_reasons_add(reasons, found->at[i].status, found->at[i].where, "%s", found->at[i].message);
}

/* Lowers on trial until one size (and, with unknown dims, a second) fits; the first declares the weights. Reasons: none does. Where there
 * are some before, more are looked for, and that is all. */
static hp_status try_sizes(hp_network *network, hp_reasons *reasons, hp_error *error) {
    hp_probe probes[2];
    memset(probes, 0, sizeof probes);
    int64_t sizes[MAX_TRIALS];
    bool unknown = has_unknown_dims(network), refused = reasons->count > 0;
    size_t done = 0, wanted = unknown ? 2 : 1, size_count = list_sizes(network, sizes);
    hp_status status = HP_OK;
    hp_reasons first = {0};
    for (size_t i = 0; i < size_count && done < wanted && status != HP_ERROR_NO_MEMORY; i++) {
        if (done == 0) forget_weights(network->root);
        status = try_size(network, sizes[i], refused, &probes[done], error);
        if (status == HP_OK && done == 0) status = keep_measures(network, &probes[0].graph, error);
        if (status == HP_OK) {
            if (network->measure_count > 0) wanted = 2;
            done++;
            continue;
        }
        bool settled = wanted == 1 || refused || is_settled(&probes[done].reasons);
        if (done == 0) tell(&first, &probes[0].reasons, unknown, refused);
        hp_graph_release(&probes[done].graph);
        hp_reasons_release(&probes[done].reasons);
        if (settled) break;
    }
    if (done && !refused) status = hp_network_fill_tables(network, &probes[0], done > 1 ? &probes[1] : NULL, error);
    for (size_t i = 0; !done && i < first.count; i++)
        hp_reasons_add(reasons, first.at[i].status, first.at[i].where, "%s", first.at[i].message);
    hp_reasons_release(&first);
    for (size_t i = 0; i < done; i++) hp_graph_release(&probes[i].graph);
    network->trial_size = 0;
    return reasons->count > 0 ? HP_OK : status;
}

size_t hp_network_measure_count(const hp_network *network) {
    return network->measure_count;
}

const hp_measure *hp_network_measure(const hp_network *network, size_t index) {
    return index < network->measure_count ? &network->measures[index] : NULL;
}

/* ---- opening */

typedef struct asset_visit {
    hp_network *network;
    hp_layer_scope *scope;
} asset_visit;

static hp_status read_asset(void *context, hp_layer *layer, const char *path) {
    asset_visit *v = context;
    if (!layer->cls->asset) return HP_OK;
    char name[1024];
    int size = snprintf(name, sizeof name, "assets/%s/%s", path, layer->cls->asset);
    const hp_model_asset *asset = NULL;
    if (size < (int)sizeof name) asset = hp_model_spec_asset(v->network->spec, name);
    layer->cls->read_asset(v->scope, layer, (void *)layer->config, asset ? asset->data : NULL, asset ? asset->size : 0);
    return HP_OK;
}

/* Files that belong to layers, saved beside their weights. */
static hp_status read_assets(hp_network *network, hp_layer_scope *scope, hp_error *error) {
    asset_visit visit = {network, scope};
    return hp_layers_walk_paths(network->root, read_asset, &visit, error);
}

static hp_status parse(
    hp_network *network, const hp_custom_layer *custom, size_t custom_count, hp_reasons *reasons, hp_error *error) {
    hp_layer_scope scope = {.arena = &network->arena,
        .reasons = reasons,
        .find = hp_model_class_find,
        .custom = custom,
        .custom_count = custom_count,
        .family = network->spec->version.family};
    hp_status status = HP_OK;
    network->root = hp_layer_new(&scope, network->spec->config, "model");
    if (network->root && reasons->count == 0) status = read_assets(network, &scope, error);
    hp_layer_scope_release(&scope);
    HP_TRY(status);
    HP_FAIL_IF(reasons->out_of_memory, error, HP_ERROR_NO_MEMORY, network->spec->name, "out of memory");
    if (!network->root) return HP_OK;
    if (!network->root->cls->is_model)
        hp_reasons_add(reasons, HP_ERROR_UNSUPPORTED, network->root->place, "the file holds a layer, not a model");
    else if (!hp_model_inputs(network->root, &network->inputs, &network->input_count) && reasons->count == 0)
        hp_reasons_add(reasons, HP_ERROR_UNSUPPORTED, network->root->place,
            "the file does not say the shape of the model's input");
    return HP_OK;
}

static hp_status make(
    hp_network *network, const hp_custom_layer *custom, size_t custom_count, hp_reasons *reasons, hp_error *error) {
    hp_custom_layer *copied;
    HP_TRY(hp_custom_layers_copy(&network->arena, custom, custom_count, &copied, error));
    HP_TRY(parse(network, copied, custom_count, reasons, error));
    if (reasons->count >
        0) /* lowering may find more, but not of layers whose code is the caller's: they would need their weights */
        return network->input_count > 0 && custom_count == 0 ? try_sizes(network, reasons, error) : HP_OK;
    HP_TRY(hp_network_number_layers(network, error));
    if (custom_count > 0) HP_TRY(hp_network_claim_weights(network, error));
    for (size_t i = 1; i < network->input_count; i++)
        if (hp_network_input_rows(network, i) > 0) {
            network->mixes_rows = true;
            network->mixes_rows_where = "inputs of unlike batch sizes";
        }
    HP_TRY(try_sizes(network, reasons, error));
    if (reasons->count > 0) return HP_OK;
    return hp_network_bind(network, reasons, error);
}

/* The first reason as an error, with the number of the others. */
static hp_status first_reason(const hp_model_spec *spec, const hp_reasons *reasons, hp_error *error) {
    const hp_error *first = &reasons->at[0];
    char more[64] = "";
    if (reasons->count > 1) snprintf(more, sizeof more, " (and %zu more reasons)", reasons->count - 1);
    hp_error_set(error, first->status, first->where, "%.440s%s", first->message, more);
    hp_error_prefix(error, "%s", spec->name);
    return first->status;
}

static void add_names(const hp_model_spec *spec, hp_reasons *reasons, size_t from) {
    for (size_t i = from; i < reasons->count; i++) hp_error_prefix(&reasons->at[i], "%s", spec->name);
}

hp_status hp_network_open(const hp_model_spec *spec, hp_constants *constants, const hp_custom_layer *custom,
    size_t custom_count, hp_reasons *reasons, hp_network **network, hp_error *error) {
    hp_reasons own = {0};
    *network = NULL;
    hp_network *n = HP_NEW(hp_network);
    HP_ALLOCATED(n, error);
    n->spec = spec;
    n->constants = constants;
    hp_status status = make(n, custom, custom_count, &own, error);
    if (status == HP_OK && own.count > 0) status = first_reason(spec, &own, error);
    if (status == HP_OK && own.out_of_memory)
        status = hp_error_set(error, HP_ERROR_NO_MEMORY, spec->name, "out of memory");
    add_names(spec, &own, 0);
    for (size_t i = 0; reasons && i < own.count; i++) {
        hp_reasons_add(reasons, own.at[i].status, own.at[i].where, "%s", own.at[i].message);
    }
    hp_reasons_release(&own);
    if (status == HP_OK)
        *network = n;
    else
        hp_network_close(n);
    return status;
}

void hp_network_close(hp_network *network) {
    if (!network) return;
    for (size_t i = 0; i < network->owned_count; i++) hp_free(network->owned[i]);
    hp_free(network->owned);
    hp_arena_release(&network->arena);
    hp_free(network);
}
