/* text.c: see text.h. */
#include "exec/text.h"

#include <stdatomic.h>
#include <string.h>

#include "base/dtype.h"
#include "io/csv_text.h"

enum { PARTS = 8 }; /* per worker */

/* In front of a part's text. */
typedef struct head {
    int64_t rows; /* of the chunk */
    size_t bytes;
} head;

/* ---- what writers get */

size_t hp_chunk_data(
    const hp_work *work, const hp_chunk *chunk, int output, int64_t first, const void *data[2 * HP_MOST_TENSORS]) {
    const hp_io_output *selected = work->selected;
    size_t count = 0;
    for (size_t i = 0; i < work->output_count; i++)
        for (int j = 0; j < work->selected_count[i]; j++, selected++) {
            if (output != HP_ALL_OUTPUTS && i != (size_t)output) continue;
            const unsigned char *values = work->selection->kind == HP_SELECT_NONE
                                              ? chunk->outputs[i].data
                                              : chunk->selected[2 * i + (size_t)j].data;
            size_t bytes = hp_dtype_size(selected->dtype);
            for (int d = 0; d < selected->rank; d++) bytes *= (size_t)selected->dims[d];
            data[count++] = first ? values + (size_t)(first * chunk->items[i]) * bytes : values;
        }
    return count;
}

hp_status hp_chunk_ids(const hp_work *work, const hp_chunk *chunk, int64_t first, int64_t rows,
    const hp_failures *failures, hp_arena *arena, hp_string **ids, hp_error *error) {
    *ids = NULL;
    if (work->id_count == 0) return HP_OK;
    const hp_io_batch *batch = &chunk->batches[work->id_input];
    size_t width = (size_t)work->id_count, f = 0;
    hp_string *made = hp_arena_alloc(arena, (size_t)rows * width * sizeof *made);
    HP_ALLOCATED(made, error);
    *ids = made;
    for (int64_t row = first, last = first + rows; row < last;) {
        while (f < failures->count && failures->at[f].first + failures->at[f].rows <= row) f++;
        const hp_failure *failure = f < failures->count && failures->at[f].first < last ? &failures->at[f] : NULL;
        int64_t good = (failure ? failure->first : last) - row;
        if (good > 0) {
            HP_TRY(hp_io_ids(batch, row, good, made + (size_t)(row - first) * width, arena, error));
            row += good;
            continue;
        }
        hp_error ignored;
        hp_string *to = made + (size_t)(row - first) * width;
        if (hp_io_ids(batch, row, 1, to, arena, &ignored) != HP_OK) memset(to, 0, width * sizeof *to);
        row++;
    }
    return HP_OK;
}

/* ---- places */

size_t hp_text_bytes(const hp_work *work, size_t writer, int64_t rows, int64_t items, size_t input_bytes) {
    size_t room = work->writer_count ? hp_io_text_room(work->writers[writer]) : 0, bytes, ids;
    bool fits = hp_size_mul(room, (size_t)items, &bytes) && hp_size_add(bytes, sizeof(head), &bytes) &&
                hp_size_mul(bytes, (size_t)rows, &bytes) && hp_size_mul(input_bytes, work->id_count ? 2 : 0, &ids) &&
                hp_size_add(bytes, ids, &bytes);
    return room && fits ? bytes : 0;
}

static int64_t items_of(const hp_chunk *chunk, size_t writer) {
    return chunk->items[writer]; /* one writer takes outputs that are alike */
}

/* Bytes of text in front of row `row` of the input that has the ids. */
static size_t input_before(const hp_work *work, const hp_chunk *chunk, int64_t row) {
    const hp_io_text *text = work->id_count ? chunk->batches[work->id_input].view.text : NULL;
    return text ? text->starts[row] - text->starts[0] : 0;
}

static char *place_of(const hp_work *work, const hp_chunk *chunk, size_t writer, int64_t row) {
    size_t before = input_before(work, chunk, row);
    return (char *)chunk->texts[writer].data + hp_text_bytes(work, writer, row, items_of(chunk, writer), before);
}

void hp_text_prepare(const hp_work *work, hp_chunk *chunk) {
    chunk->as_text = work->writer_count > 0 && hp_chunk_divisible(work, chunk);
    for (size_t i = 0; i < work->writer_count && chunk->as_text; i++) {
        size_t bytes = hp_text_bytes(work, i, chunk->rows, items_of(chunk, i), input_before(work, chunk, chunk->rows));
        chunk->as_text = bytes > 0 && hp_buffer_reserve(&chunk->texts[i], bytes);
    }
}

/* ---- making and writing */

typedef struct making {
    const hp_work *work;
    hp_chunk *chunk;
    int64_t first, rows;
    const hp_failures *failures;
    atomic_int_least64_t next; /* row, counted from `first`, that is not taken yet; `step` rows are taken at a time */
    int64_t step;
    atomic_int failed; /* status of the first part that failed, whose error is here */
    hp_error error;
} making;

static hp_status make_part(making *m, int64_t first, int64_t rows, hp_error *error) {
    hp_arena arena = {0};
    hp_string *ids;
    const void *data[2 * HP_MOST_TENSORS];
    hp_status status = hp_chunk_ids(m->work, m->chunk, first, rows, m->failures, &arena, &ids, error);
    for (size_t i = 0; i < m->work->writer_count && status == HP_OK; i++) {
        char *place = place_of(m->work, m->chunk, i, first);
        hp_chunk_data(m->work, m->chunk, m->work->writer_count > 1 ? (int)i : HP_ALL_OUTPUTS, first, data);
        head at = {.rows = rows};
        at.bytes = hp_io_text_rows(m->work->writers[i], rows * items_of(m->chunk, i), data, ids, place + sizeof(head));
        memcpy(place, &at, sizeof at);
    }
    hp_arena_release(&arena);
    return status;
}

/* Parts are taken as they are done: a worker may have its core for itself or not. */
static void make_share(void *arg, int worker, int workers) {
    making *m = arg;
    (void)worker, (void)workers;
    for (;;) {
        hp_error error;
        int none = HP_OK;
        int64_t begin = atomic_fetch_add(&m->next, m->step), left = m->rows - begin;
        if (left <= 0) return;
        hp_status status = make_part(m, m->first + begin, left < m->step ? left : m->step, &error);
        if (status != HP_OK && atomic_compare_exchange_strong(&m->failed, &none, (int)status)) m->error = error;
    }
}

hp_status hp_text_make(const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows, const hp_failures *failures,
    hp_gang *gang, int workers, hp_error *error) {
    if (!chunk->as_text || rows == 0) return HP_OK;
    making m = {.work = work, .chunk = chunk, .first = first, .rows = rows, .step = rows, .failures = failures};
    if (gang && workers > 1) {
        m.step = rows / (workers * PARTS) + 1;
        hp_gang_run(gang, workers, make_share, &m);
    } else {
        make_share(&m, 0, 1);
    }
    hp_status status = (hp_status)atomic_load(&m.failed);
    if (status != HP_OK && error) *error = m.error;
    return status;
}

hp_status hp_text_write(const hp_work *work, const hp_chunk *chunk, size_t writer, hp_error *error) {
    for (int64_t row = 0; row < chunk->rows;) {
        head at;
        const char *place = place_of(work, chunk, writer, row);
        memcpy(&at, place, sizeof at);
        HP_TRY(hp_io_write_text(
            work->writers[writer], at.rows * items_of(chunk, writer), place + sizeof(head), at.bytes, error));
        row += at.rows;
    }
    return HP_OK;
}
