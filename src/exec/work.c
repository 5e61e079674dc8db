/* work.c: what a run makes of its chunks: see hp_work in chunk.h. */
#include "exec/chunk.h"

/* Operations that are worth the way to a worker process and back (some 20 microseconds), many times over. */
static const double WORK_PER_PART = 2e7;

hp_status hp_work_fill(hp_work *work, hp_model *model, int jobs, int64_t batch_size, hp_error *error) {
    HP_FAIL_IF(jobs < 0 || jobs > HP_CORES_MAX, error, HP_ERROR_ARGUMENT, NULL,
        "jobs is %d; it must be 0 (all cores) or from 1 to %d", jobs, HP_CORES_MAX);
    HP_FAIL_IF(batch_size < 0, error, HP_ERROR_ARGUMENT, NULL, "batch_size is %lld; it must not be negative",
        (long long)batch_size);
    int64_t batch = hp_model_batch(model);
    *work = (hp_work){.model = model,
        .jobs = jobs ? jobs : model->cores,
        .batch_size = batch_size,
        .unit = batch == 0       ? 1
                : batch_size > 0 ? batch_size
                                 : batch,
        .input_count = hp_model_input_count(model),
        .output_count = model->output_count,
        .least_part = 1};
    return HP_OK;
}

hp_status hp_work_plan(hp_work *work, const hp_io_view *views, hp_error *error) {
    hp_model *model = work->model;
    hp_shape *shapes;
    hp_shared_plan *shared;
    HP_TRY(hp_signature_of(model, views, work->input_count, &shapes, error));
    bool mixes = hp_model_batch(model) > 0;
    hp_gang *gang = hp_gang_new(work->jobs); /* for this alone: without threads, unless there is much to pack */
    hp_status status = hp_model_plan(model, shapes, mixes ? 0 : work->batch_size, mixes ? work->unit : 0,
        hp_nodes_of_workers(work->jobs), gang, &shared, error);
    hp_gang_free(gang);
    hp_free(shapes);
    if (status != HP_OK) return status;
    work->stateful = shared->plan->graph.state_count > 0;
    work->strings = false;
    for (size_t i = 0; i < model->output_count; i++) work->strings |= shared->outputs[i].dtype == HP_STRING;
    double rows = shared->work_per_row > 0 ? WORK_PER_PART / shared->work_per_row : 1e6;
    work->least_part = rows > 1e6 ? 1000000 : rows < 1 ? 1 : (int64_t)rows;
    hp_shared_plan_release(shared);
    return HP_OK;
}

hp_status hp_work_check_processes(const hp_work *work, bool known, hp_error *error) {
    const hp_model *model = work->model;
    HP_FAIL_IF(!known, error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "the outputs' shapes depend on the data: worker processes cannot be used (--backend threads)");
    HP_FAIL_IF(work->stateful, error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "the model keeps its state from batch to batch: worker processes cannot be used (--backend threads)");
    HP_FAIL_IF(work->strings, error, HP_ERROR_UNSUPPORTED, model->spec->name,
        "the model gives strings, which stay in their process: worker processes cannot be used (--backend threads)");
    return HP_OK;
}
