/* profile.c: notes of a session's steps, as hornpipe.h tells them.
 *
 * Invariant: a profile notes one plan, the first that its session runs, and holds a reference to it. Memory for its notes
 * is there before a deal begins: workers only add. */
#include "base/clock.h"
#include "exec/exec.h"

typedef struct step_text {
    char algorithm[96], shape[160];
} step_text;

struct hp_profile {
    hp_session *session;
    hp_shared_plan *shared; /* NULL until the first prediction */
    hp_recorder *recorders; /* per worker of the session */
    step_text *texts;       /* per step */
    size_t calls;
    int64_t opened, wall; /* nanoseconds */
};

hp_status hp_profile_open(hp_session *session, size_t calls, hp_profile **result, hp_error *error) {
    HP_FAIL_IF(!result, error, HP_ERROR_ARGUMENT, NULL, "profile is NULL");
    *result = NULL;
    HP_FAIL_IF(!session, error, HP_ERROR_ARGUMENT, NULL, "session is NULL");
    HP_FAIL_IF(session->profile, error, HP_ERROR_ARGUMENT, NULL, "the session has a profile already");
    hp_profile *profile = HP_NEW(hp_profile);
    HP_ALLOCATED(profile, error);
    profile->session = session;
    profile->calls = calls;
    profile->opened = hp_clock_now();
    session->profile = profile;
    *result = profile;
    return HP_OK;
}

static void free_notes(hp_profile *profile) {
    for (int w = 0; profile->recorders && w < profile->session->jobs; w++) {
        hp_free(profile->recorders[w].sums);
        hp_free(profile->recorders[w].events);
    }
    hp_free(profile->recorders);
    hp_free(profile->texts);
    profile->recorders = NULL;
    profile->texts = NULL;
}

void hp_profile_close(hp_profile *profile) {
    if (!profile) return;
    profile->session->profile = NULL;
    profile->session->recorders = NULL;
    free_notes(profile);
    hp_shared_plan_release(profile->shared);
    hp_free(profile);
}

static hp_status make_recorder(const hp_profile *profile, size_t steps, hp_recorder *recorder, hp_error *error) {
    recorder->sums = hp_alloc_array(steps, sizeof *recorder->sums);
    HP_ALLOCATED(recorder->sums, error);
    if (profile->calls == 0) return HP_OK;
    recorder->events = hp_alloc_array(profile->calls, sizeof *recorder->events);
    HP_ALLOCATED(recorder->events, error);
    recorder->event_capacity = profile->calls;
    return HP_OK;
}

static void describe(const hp_plan *plan, const hp_step *step, step_text *text) {
    if (step->prim->describe) step->prim->describe(step->state, text->algorithm, sizeof text->algorithm);
    if (step->output_count == 0) return;
    const hp_shape *shape = &plan->graph.values[step->node->outputs[0]].tensor.shape;
    hp_shape_text(shape, text->shape, sizeof text->shape);
}

static hp_status make_notes(hp_profile *profile, hp_error *error) {
    const hp_plan *plan = profile->session->shared->plan;
    int workers = profile->session->jobs;
    profile->texts = hp_alloc_array(plan->step_count, sizeof *profile->texts);
    profile->recorders = hp_alloc_array((size_t)workers, sizeof *profile->recorders);
    HP_ALLOCATED(profile->texts, error);
    HP_ALLOCATED(profile->recorders, error);
    for (size_t s = 0; s < plan->step_count; s++) describe(plan, &plan->steps[s], &profile->texts[s]);
    for (int w = 0; w < workers; w++) HP_TRY(make_recorder(profile, plan->step_count, &profile->recorders[w], error));
    return HP_OK;
}

hp_status hp_profile_begin(hp_session *session, hp_error *error) {
    hp_profile *profile = session->profile;
    if (!profile->shared) {
        hp_status status = make_notes(profile, error);
        if (status != HP_OK) free_notes(profile);
        HP_TRY(status);
        profile->shared = session->shared;
        atomic_fetch_add(&profile->shared->references, 1);
    }
    session->recorders = profile->shared == session->shared ? profile->recorders : NULL;
    return HP_OK;
}

void hp_profile_end(hp_session *session, int64_t begin) {
    if (session->recorders) session->profile->wall += hp_clock_now() - begin;
    session->recorders = NULL;
}

/* ---- what it noted */

size_t hp_profile_step_count(const hp_profile *profile) {
    return profile->shared ? profile->shared->plan->step_count : 0;
}

/* NULL, with *error, where there is none. */
static const hp_step *find_step(const hp_profile *profile, size_t index, hp_error *error) {
    if (index < hp_profile_step_count(profile)) return &profile->shared->plan->steps[index];
    hp_error_set(error, HP_ERROR_ARGUMENT, NULL, "there is no step %zu", index);
    return NULL;
}

static int64_t tile_rows(const hp_plan *plan, size_t step) {
    const hp_segment *segment = plan->segments;
    while (step >= segment->last) segment++;
    return segment->tile_rows;
}

/* A step's layers; `alone` is room for the one of a step that no pass has joined anything to. */
static const hp_origin *layers_of(const hp_step *step, hp_origin *alone) {
    if (step->node->origins) return step->node->origins;
    *alone = (hp_origin){.layer = step->layer};
    return step->layer && *step->layer ? alone : NULL;
}

hp_status hp_profile_step(const hp_profile *profile, size_t index, hp_step_info *info, hp_error *error) {
    HP_FAIL_IF(!info, error, HP_ERROR_ARGUMENT, NULL, "info is NULL");
    const hp_step *step = find_step(profile, index, error);
    if (!step) return HP_ERROR_ARGUMENT;
    const hp_plan *plan = profile->shared->plan;
    *info = (hp_step_info){.primitive = step->prim->name,
        .algorithm = profile->texts[index].algorithm,
        .output_shape = profile->texts[index].shape,
        .flops_per_row = step->flops,
        .tile_rows = tile_rows(plan, index)};
    hp_origin alone;
    for (const hp_origin *o = layers_of(step, &alone); o; o = o->next) info->layer_count++;
    for (int i = 0; i < step->input_count + step->output_count; i++) {
        if (step->slots[i] < 0) continue;
        const hp_slot *slot = &plan->slots[step->slots[i]];
        double *bytes = slot->kind == HP_SLOT_CONSTANT ? &info->weight_bytes : &info->bytes_per_row;
        *bytes += (double)slot->row_bytes;
    }
    return HP_OK;
}

const char *hp_profile_layer(const hp_profile *profile, size_t index, size_t layer) {
    const hp_step *step = find_step(profile, index, NULL);
    if (!step) return NULL;
    hp_origin alone;
    const hp_origin *origin = layers_of(step, &alone);
    for (; origin && layer > 0; layer--) origin = origin->next;
    return origin ? origin->layer : NULL;
}

int hp_profile_worker_count(const hp_profile *profile) {
    return profile->session->jobs;
}

hp_status hp_profile_time(const hp_profile *profile, size_t index, int worker, hp_step_time *time, hp_error *error) {
    HP_FAIL_IF(!time, error, HP_ERROR_ARGUMENT, NULL, "time is NULL");
    if (!find_step(profile, index, error)) return HP_ERROR_ARGUMENT;
    int workers = profile->session->jobs;
    HP_FAIL_IF(worker < -1 || worker >= workers, error, HP_ERROR_ARGUMENT, NULL, "there is no worker %d", worker);
    *time = (hp_step_time){0};
    for (int w = worker < 0 ? 0 : worker; w < (worker < 0 ? workers : worker + 1); w++) {
        const hp_step_sum *sum = &profile->recorders[w].sums[index];
        time->calls += sum->calls;
        time->rows += sum->rows;
        time->seconds += (double)sum->nanoseconds * 1e-9;
    }
    return HP_OK;
}

double hp_profile_seconds(const hp_profile *profile) {
    return (double)profile->wall * 1e-9;
}

size_t hp_profile_call_count(const hp_profile *profile, int worker) {
    if (!profile->recorders || worker < 0 || worker >= profile->session->jobs) return 0;
    return profile->recorders[worker].event_count;
}

hp_status hp_profile_call(const hp_profile *profile, int worker, size_t index, hp_step_call *call, hp_error *error) {
    HP_FAIL_IF(!call, error, HP_ERROR_ARGUMENT, NULL, "call is NULL");
    HP_FAIL_IF(index >= hp_profile_call_count(profile, worker), error, HP_ERROR_ARGUMENT, NULL,
        "worker %d has no call %zu", worker, index);
    const hp_step_event *event = &profile->recorders[worker].events[index];
    *call = (hp_step_call){.step = event->step,
        .rows = event->rows,
        .begin = (double)(event->begin - profile->opened) * 1e-9,
        .seconds = (double)(event->end - event->begin) * 1e-9};
    return HP_OK;
}
