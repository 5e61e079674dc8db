/* session.c: one caller's workspace, and the way of a call through it: check the arrays, find the plan, deal. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/dtype.h"
#include "exec/exec.h"

/* Work, in operations, that makes waking one more thread worth it (some 20 to 50 microseconds). */
static const double WORK_PER_THREAD = 2e6;

static hp_predict_options filled(const hp_predict_options *given) {
    hp_predict_options options = {.struct_size = sizeof options};
    if (given) memcpy(&options, given, given->struct_size < sizeof options ? given->struct_size : sizeof options);
    return options;
}

hp_status hp_session_open(hp_model *model, const hp_predict_options *given, hp_session **result, hp_error *error) {
    HP_FAIL_IF(!result, error, HP_ERROR_ARGUMENT, NULL, "session is NULL");
    *result = NULL;
    hp_predict_options options = filled(given);
    HP_FAIL_IF(!model, error, HP_ERROR_ARGUMENT, NULL, "model is NULL");
    HP_FAIL_IF(options.jobs < 0 || options.jobs > HP_CORES_MAX, error, HP_ERROR_ARGUMENT, NULL,
        "jobs is %d; it must be 0 (all cores) or from 1 to %d", options.jobs, HP_CORES_MAX);
    HP_FAIL_IF(options.batch_size < 0, error, HP_ERROR_ARGUMENT, NULL, "batch_size is %lld; it must not be negative",
        (long long)options.batch_size);
    hp_session *session = HP_NEW(hp_session);
    HP_ALLOCATED(session, error);
    session->model = model;
    session->jobs = options.jobs ? options.jobs : model->cores;
    session->nodes = hp_nodes_of_workers(session->jobs);
    session->batch_size = options.batch_size;
    session->progress = options.progress;
    session->progress_context = options.progress_context;
    size_t inputs = hp_model_input_count(model), jobs = (size_t)session->jobs;
    session->bound = hp_alloc_array(inputs, sizeof *session->bound);
    session->shapes = hp_alloc_array(hp_model_signature_count(model), sizeof *session->shapes);
    session->memory = hp_alloc_array(jobs, sizeof *session->memory);
    session->staging = hp_alloc_array(jobs, sizeof *session->staging);
    session->staging_bytes = hp_alloc_array(jobs, sizeof *session->staging_bytes);
    session->strings = hp_alloc_array(jobs, sizeof *session->strings);
    bool complete = session->bound && session->shapes && session->memory && session->staging &&
                    session->staging_bytes && session->strings;
    if (complete && session->jobs > 1) complete = (session->gang = hp_gang_new(session->jobs)) != NULL;
    if (!complete) hp_session_close(session);
    HP_ALLOCATED(complete ? session : NULL, error);
    *result = session;
    return HP_OK;
}

int hp_session_node(const hp_session *session, int worker) {
    return session->jobs > 1 ? hp_nodes_of_worker(worker, session->jobs) : session->node;
}

const hp_plan *hp_session_plan(const hp_session *session, int worker) {
    return session->shared->of_node[hp_session_node(session, worker)];
}

void hp_session_move(hp_session *session, int node) {
    session->node = node;
    session->nodes = (uint64_t)1 << node;
}

static void drop_memory(hp_session *session) {
    for (int w = 0; w < session->workers; w++) {
        hp_free(session->memory[w]);
        session->memory[w] = NULL;
    }
    session->workers = 0;
}

void hp_session_close(hp_session *session) {
    if (!session) return;
    hp_gang_free(session->gang);
    if (session->memory) drop_memory(session);
    for (int w = 0; session->staging && w < session->jobs; w++) hp_free(session->staging[w]);
    for (int w = 0; session->strings && w < session->jobs; w++) hp_arena_release(&session->strings[w]);
    for (size_t i = 0; i < 2 * session->state_count; i++) hp_free(session->states[i]);
    hp_free(session->states);
    hp_free(session->state_bytes);
    hp_shared_plan_release(session->shared);
    hp_free(session->bound);
    hp_free(session->shapes);
    hp_free(session->memory);
    hp_free(session->staging);
    hp_free(session->staging_bytes);
    hp_free(session->strings);
    hp_free(session);
}

/* Makes `shared` the session's plan (taking the reference over). */
static void use_plan(hp_session *session, hp_shared_plan *shared) {
    if (session->shared == shared) {
        hp_shared_plan_release(shared);
        return;
    }
    drop_memory(session);
    hp_shared_plan_release(session->shared);
    session->shared = shared;
}

static bool plan_fits(const hp_session *session, int64_t tile_rows, int64_t batch_rows) {
    const hp_shared_plan *shared = session->shared;
    if (!shared || shared->tile_rows != tile_rows || shared->batch_rows != batch_rows) return false;
    size_t count = hp_model_signature_count(session->model);
    for (size_t i = 0; i < count; i++)
        if (!hp_shape_equal(&shared->inputs[i], &session->shapes[i])) return false;
    return true;
}

static hp_status find_plan(hp_session *session, int64_t batch_rows, hp_error *error) {
    int64_t tile_rows = batch_rows > 0 ? 0 : session->batch_size;
    if (plan_fits(session, tile_rows, batch_rows)) return HP_OK;
    hp_shared_plan *shared;
    HP_TRY(hp_model_plan(
        session->model, session->shapes, tile_rows, batch_rows, session->nodes, session->gang, &shared, error));
    use_plan(session, shared);
    session->keeps_strings = false;
    for (size_t i = 0; i < session->model->output_count; i++)
        session->keeps_strings |= shared->outputs[i].dtype == HP_STRING;
    return HP_OK;
}

/* Bytes of one worker's converted inputs; laid out as deal.c's find_inputs does. */
static size_t staging_size(const hp_session *session, int64_t rows_per_unit) {
    size_t bytes = 0, count = hp_model_input_count(session->model);
    for (size_t i = 0; i < count; i++) {
        const hp_bound_input *bound = &session->bound[i];
        size_t rows = (size_t)(bound->own_rows ? bound->own_rows : session->shared->plan->block_rows * rows_per_unit);
        if (!bound->direct) bytes += (rows * bound->row_bytes + HP_ALIGNMENT - 1) / HP_ALIGNMENT * HP_ALIGNMENT;
    }
    return bytes;
}

static hp_status provide_memory(hp_session *session, int workers, int64_t rows_per_unit, hp_error *error) {
    const hp_plan *plan = session->shared->plan;
    for (; session->workers < workers; session->workers++) {
        void *memory = hp_alloc_aligned(hp_plan_memory(plan));
        HP_ALLOCATED(memory, error);
        session->memory[session->workers] = memory;
        hp_plan_bind(hp_session_plan(session, session->workers), memory);
    }
    size_t staging = staging_size(session, rows_per_unit);
    for (int w = 0; w < workers && staging > 0; w++) {
        if (session->staging_bytes[w] >= staging) continue;
        hp_free(session->staging[w]);
        session->staging[w] = hp_alloc_aligned(staging);
        session->staging_bytes[w] = session->staging[w] ? staging : 0;
        HP_ALLOCATED(session->staging[w], error);
    }
    return HP_OK;
}

void hp_session_reset(hp_session *session) {
    if (!session) return;
    for (size_t i = 0; i < session->state_count; i++) memset(session->states[2 * i], 0, session->state_bytes[i]);
}

static hp_status make_states(hp_session *session, size_t count, hp_error *error) {
    session->states = hp_alloc_array(2 * count, sizeof *session->states);
    session->state_bytes = hp_alloc_array(count, sizeof *session->state_bytes);
    HP_ALLOCATED(session->states, error);
    HP_ALLOCATED(session->state_bytes, error);
    session->state_count = count;
    return HP_OK;
}

/* Memory for the states of a stateful plan, zeros at first. */
static hp_status provide_states(hp_session *session, hp_error *error) {
    const hp_graph *graph = &session->shared->plan->graph;
    HP_FAIL_IF(graph->state_count > HP_MOST_TENSORS, error, HP_ERROR_UNSUPPORTED, NULL,
        "the model keeps %zu states; at most %d can be kept", graph->state_count, HP_MOST_TENSORS);
    if (graph->state_count > 0 && session->state_count == 0) HP_TRY(make_states(session, graph->state_count, error));
    for (size_t i = 0; i < graph->state_count; i++) {
        hp_value value = graph->inputs[graph->input_count - graph->state_count + i];
        size_t bytes = session->shared->plan->slots[value].row_bytes;
        for (size_t half = 0; half < 2 && !session->states[2 * i + half]; half++) {
            session->states[2 * i + half] = hp_alloc_aligned(bytes);
            HP_ALLOCATED(session->states[2 * i + half], error);
            memset(session->states[2 * i + half], 0, bytes);
            session->state_bytes[i] = bytes;
        }
        HP_FAIL_IF(session->state_bytes[i] != bytes, error, HP_ERROR_SHAPE, NULL,
            "the model keeps its state from batch to batch: its rows come in whole batches of %lld",
            (long long)hp_model_batch(session->model));
    }
    return HP_OK;
}

static int workers_for(const hp_session *session, int64_t units) {
    double wanted = session->shared->work_per_row * (double)units / WORK_PER_THREAD;
    if (session->jobs < 2 || wanted < 2 || session->shared->plan->graph.state_count > 0) return 1;
    return wanted < session->jobs ? (int)wanted : session->jobs;
}

/* `units` units of `rows_per_unit` rows from `first_row` on, with the session's plan; places: of the outputs. */
static hp_status deal_units(hp_session *session, int64_t first_row, int64_t rows_per_unit, int64_t units,
    unsigned char *const *places, int64_t rows_total, hp_error *error) {
    const hp_shared_plan *shared = session->shared;
    int workers = workers_for(session, units);
    HP_TRY(provide_memory(session, workers, rows_per_unit, error));
    HP_TRY(provide_states(session, error));
    size_t unit_bytes[HP_MOST_TENSORS];
    for (size_t i = 0; i < session->model->output_count; i++)
        unit_bytes[i] = (size_t)hp_shape_elements(&shared->outputs[i].shape) * hp_dtype_size(shared->outputs[i].dtype);
    hp_deal deal = {.session = session,
        .plan = shared->plan,
        .first_row = first_row,
        .rows_per_unit = rows_per_unit,
        .units = units,
        .outputs = places,
        .output_unit_bytes = unit_bytes,
        .rows_done_before = first_row,
        .rows_total = rows_total};
    if (!session->profile) return hp_deal_run(&deal, workers, error);
    HP_TRY(hp_profile_begin(session, error));
    int64_t begin = hp_clock_now();
    hp_status status = hp_deal_run(&deal, workers, error);
    hp_profile_end(session, begin);
    return status;
}

/* Items on the first axis of each output: of one row, or of a whole batch where rows mix. */
static void add_items(const hp_session *session, int64_t units, int64_t *items) {
    for (size_t i = 0; i < session->model->output_count; i++)
        items[i] += units * session->shared->outputs[i].shape.dims[0];
}

static hp_status bind_outputs(
    const hp_session *session, hp_array *outputs, const int64_t *items, unsigned char **places, hp_error *error) {
    for (size_t i = 0; i < session->model->output_count; i++) {
        HP_TRY(hp_bind_output(&outputs[i], &session->shared->outputs[i], items[i], i, error));
        places[i] = outputs[i].data;
    }
    return HP_OK;
}

/* The last batch's results must be of the others' kind, or they cannot follow them. */
static hp_status check_rest(
    const hp_session *session, const hp_array *outputs, int64_t batch, int64_t rest, hp_error *error) {
    for (size_t i = 0; i < session->model->output_count; i++) {
        const hp_shape *shape = &session->shared->outputs[i].shape;
        size_t bytes = (size_t)(shape->rank - 1) * sizeof *shape->dims;
        HP_FAIL_IF(memcmp(shape->dims + 1, outputs[i].shape + 1, bytes) != 0, error, HP_ERROR_SHAPE, NULL,
            "output %zu has another shape for a batch of %lld rows than for the ones of %lld before: they cannot be "
            "joined",
            i, (long long)rest, (long long)batch);
    }
    return HP_OK;
}

/* A graph that mixes rows: whole batches, then the rest as a smaller batch with a plan of its own, as Keras does; their
 * results one behind the other, whatever their first axis is. */
static hp_status predict_batches(hp_session *session, hp_array *outputs, int64_t rows, hp_error *error) {
    int64_t batch = session->batch_size > 0 ? session->batch_size : hp_model_batch(session->model);
    int64_t whole = rows / batch, rest = rows % batch, items[HP_MOST_TENSORS] = {0};
    unsigned char *places[HP_MOST_TENSORS];
    if (rest) {
        HP_TRY(find_plan(session, rest, error));
        add_items(session, 1, items);
    }
    if (whole || !rest) {
        HP_TRY(find_plan(session, batch, error));
        add_items(session, whole, items);
    }
    HP_TRY(bind_outputs(session, outputs, items, places, error));
    if (whole) HP_TRY(deal_units(session, 0, batch, whole, places, rows, error));
    if (!rest) return HP_OK;
    for (size_t i = 0; whole && i < session->model->output_count; i++) {
        const hp_tensor *tensor = &session->shared->outputs[i];
        places[i] += (size_t)(whole * hp_shape_elements(&tensor->shape)) * hp_dtype_size(tensor->dtype);
    }
    HP_TRY(find_plan(session, rest, error));
    HP_TRY(check_rest(session, outputs, batch, rest, error));
    return deal_units(session, whole * batch, rest, 1, places, rows, error);
}

/* The sizes that rows [first, first + rows) tell, into the signature. */
static hp_status measure(hp_session *session, int64_t first, int64_t rows, hp_error *error) {
    const hp_network *network = session->model->network;
    hp_arena strings = {0};
    hp_status status = HP_OK;
    for (size_t k = 0; status == HP_OK && k < hp_network_measure_count(network); k++) {
        const hp_measure *m = hp_network_measure(network, k);
        const hp_bound_input *bound = &session->bound[m->input];
        int64_t size = 1, count = rows * hp_io_row_elements(&bound->view);
        void *values = NULL;
        if (!bound->direct && rows > 0) {
            values = hp_alloc_aligned((size_t)rows * bound->row_bytes + 1);
            status = values ? hp_io_convert(&bound->view, first, rows, bound->dtype, values, &strings, error)
                            : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        }
        if (status == HP_OK && rows > 0)
            size = m->function(m->params, values ? values : bound->direct + (size_t)first * bound->row_bytes, count);
        hp_free(values);
        session->shapes[hp_network_input_count(network) + k] = (hp_shape){.rank = 1, .dims = {size > 0 ? size : 1}};
    }
    hp_arena_release(&strings);
    return status;
}

/* A graph with sizes that the rows of a batch tell: each batch has a plan for its own. */
static hp_status predict_measured(hp_session *session, hp_array *outputs, int64_t rows, hp_error *error) {
    int64_t batch = session->batch_size > 0 ? session->batch_size : hp_model_batch(session->model);
    int64_t items[HP_MOST_TENSORS] = {0};
    unsigned char *places[HP_MOST_TENSORS];
    for (int64_t first = 0; first < rows || first == 0; first += batch) {
        int64_t n = rows - first < batch ? rows - first : batch;
        HP_TRY(measure(session, first, n, error));
        HP_TRY(find_plan(session, n > 0 ? n : batch, error));
        for (size_t i = 0; i < session->model->output_count; i++) {
            const hp_shape *shape = &session->shared->outputs[i].shape;
            HP_FAIL_IF(shape->rank < 1 || shape->dims[0] != (n > 0 ? n : batch), error, HP_ERROR_UNSUPPORTED, NULL,
                "output %zu has sizes that depend on the data, and not one row for each row", i);
            items[i] = rows;
        }
        if (first == 0) HP_TRY(bind_outputs(session, outputs, items, places, error));
        if (n == 0) return HP_OK;
        HP_TRY(check_rest(session, outputs, batch, n, error));
        HP_TRY(deal_units(session, first, n, 1, places, rows, error));
        for (size_t i = 0; i < session->model->output_count; i++) {
            const hp_tensor *tensor = &session->shared->outputs[i];
            places[i] += (size_t)hp_shape_elements(&tensor->shape) * hp_dtype_size(tensor->dtype);
        }
    }
    return HP_OK;
}

static hp_status predict(hp_session *session, const hp_io_view *views, hp_array *outputs, hp_error *error) {
    hp_model *model = session->model;
    int64_t rows, items[HP_MOST_TENSORS] = {0};
    unsigned char *places[HP_MOST_TENSORS];
    size_t count = hp_model_input_count(model);
    HP_TRY(hp_bind_inputs(model, views, count, session->bound, session->shapes, &rows, error));
    if (hp_network_measure_count(model->network) > 0) return predict_measured(session, outputs, rows, error);
    if (hp_network_mixes_rows(model->network, NULL)) return predict_batches(session, outputs, rows, error);
    HP_TRY(find_plan(session, 0, error));
    add_items(session, rows, items);
    HP_TRY(bind_outputs(session, outputs, items, places, error));
    return rows > 0 ? deal_units(session, 0, 1, rows, places, rows, error) : HP_OK;
}

hp_status hp_session_run(hp_session *session, const hp_io_view *views, hp_array *outputs, hp_error *error) {
    hp_array given[HP_MOST_TENSORS]; /* what we allocate is freed on failure; the caller's arrays stay as they are */
    size_t count = session->model->output_count;
    memcpy(given, outputs, count * sizeof *outputs);
    hp_status status = predict(session, views, given, error);
    for (size_t i = 0; status == HP_OK && i < count; i++)
        if (given[i].dtype == HP_STRING) status = hp_array_own_strings(&given[i], error);
    for (int w = 0; w < session->jobs; w++) hp_arena_release(&session->strings[w]);
    for (size_t i = 0; i < count; i++) {
        if (status == HP_OK)
            outputs[i] = given[i];
        else if (!outputs[i].data)
            hp_array_free(&given[i]);
    }
    return status;
}

hp_status hp_name_model(const hp_model *model, hp_status status, hp_error *error) {
    if (status != HP_OK && error && !error->where[0]) hp_error_prefix(error, "%s", model->spec->name);
    return status;
}

static hp_status predict_arrays(hp_session *session, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, hp_error *error) {
    HP_FAIL_IF((!inputs && input_count) || !outputs, error, HP_ERROR_ARGUMENT, NULL, "inputs or outputs is NULL");
    HP_FAIL_IF(output_count != session->model->output_count, error, HP_ERROR_ARGUMENT, NULL,
        "%zu outputs were given; the model has %zu", output_count, session->model->output_count);
    hp_io_view views[HP_MOST_TENSORS];
    HP_TRY(hp_array_views(session->model, inputs, input_count, views, error));
    return hp_session_run(session, views, outputs, error);
}

hp_status hp_session_predict(hp_session *session, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, hp_error *error) {
    HP_FAIL_IF(!session, error, HP_ERROR_ARGUMENT, NULL, "session is NULL");
    hp_status status = predict_arrays(session, inputs, input_count, outputs, output_count, error);
    return hp_name_model(session->model, status, error);
}

/* An idle session of the model with these options, or a new one. */
static hp_status take_session(
    hp_model *model, const hp_predict_options *options, hp_session **session, hp_error *error) {
    int jobs = options->jobs ? options->jobs : model->cores;
    for (size_t i = 0; i < HP_SESSIONS_KEPT; i++) {
        hp_session *idle = atomic_exchange(&model->idle[i], NULL);
        if (!idle) continue;
        if (idle->jobs == jobs) {
            idle->batch_size = options->batch_size;
            idle->progress = options->progress;
            idle->progress_context = options->progress_context;
            *session = idle;
            return HP_OK;
        }
        hp_session *none = NULL;
        if (!atomic_compare_exchange_strong(&model->idle[i], &none, idle)) hp_session_close(idle);
    }
    return hp_session_open(model, options, session, error);
}

static void return_session(hp_model *model, hp_session *session) {
    for (size_t i = 0; i < HP_SESSIONS_KEPT; i++) {
        hp_session *none = NULL;
        if (atomic_compare_exchange_strong(&model->idle[i], &none, session)) return;
    }
    hp_session_close(session);
}

hp_status hp_model_predict(hp_model *model, const hp_array *inputs, size_t input_count, hp_array *outputs,
    size_t output_count, const hp_predict_options *given, hp_error *error) {
    HP_FAIL_IF(!model, error, HP_ERROR_ARGUMENT, NULL, "model is NULL");
    hp_predict_options options = filled(given);
    HP_FAIL_IF(options.batch_size < 0, error, HP_ERROR_ARGUMENT, NULL, "batch_size is %lld; it must not be negative",
        (long long)options.batch_size);
    hp_session *session;
    HP_TRY(take_session(model, &options, &session, error));
    hp_session_reset(session); /* stateful models: each call begins with zeros */
    hp_status status = hp_session_predict(session, inputs, input_count, outputs, output_count, error);
    return_session(model, session);
    return status;
}
