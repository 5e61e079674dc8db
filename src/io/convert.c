/* convert.c: views: how to walk over their elements in C order, whatever their strides, and hp_io_convert.
 *
 * Axes that lie one in the other without gaps are merged first, so that a C-contiguous view is one run however many
 * axes it has. */
#include "io/convert.h"

#include <stdio.h>
#include <string.h>
#include "base/dtype.h"
#include "io/csv_text.h"
#include "io/number_text.h"
#include "io/utf8.h"

enum { BLOCK_BYTES = 8 << 10 };

hp_io_view hp_io_view_of(
    const char *name, const void *data, hp_dtype dtype, int64_t rows, int rank, const int64_t *dims) {
    hp_io_view view = {.name = name,
        .data = data,
        .storage = HP_IO_NUMBERS,
        .dtype = dtype,
        .item_size = hp_dtype_size(dtype),
        .rank = rank + 1};
    ptrdiff_t stride = (ptrdiff_t)view.item_size;
    for (int i = rank; i > 0; i--) {
        view.dims[i] = dims[i - 1];
        view.strides[i] = stride;
        stride *= (ptrdiff_t)dims[i - 1];
    }
    view.dims[0] = rows;
    view.strides[0] = stride;
    return view;
}

int64_t hp_io_row_elements(const hp_io_view *view) {
    int64_t elements = 1;
    for (int i = 1; i < view->rank; i++) elements *= view->dims[i];
    return elements;
}

static bool is_contiguous(const hp_io_view *view) {
    ptrdiff_t stride = (ptrdiff_t)view->item_size;
    for (int i = view->rank - 1; i >= 0; i--) {
        if (view->dims[i] != 1 && view->strides[i] != stride) return false;
        stride *= (ptrdiff_t)view->dims[i];
    }
    return true;
}

const void *hp_io_direct(const hp_io_view *view, hp_dtype dtype) {
    bool direct = view->storage == HP_IO_NUMBERS && view->dtype == dtype && dtype != HP_BOOL && !view->swapped &&
                  is_contiguous(view) && (dtype == HP_STRING || (uintptr_t)view->data % view->item_size == 0);
    return direct ? view->data : NULL;
}

bool hp_io_convertible(hp_dtype from, hp_dtype to) {
    bool complex = hp_dtype_is_complex(from) || hp_dtype_is_complex(to);
    return hp_dtype_size(from) > 0 && hp_dtype_size(to) > 0 && (from == HP_STRING || to != HP_STRING) &&
           (!complex || from == to);
}

hp_status hp_io_fail_value(const hp_io_view *view, int64_t row, int64_t element, const char *what, hp_error *error) {
    char place[160] = "";
    if (view->rank == 2) snprintf(place, sizeof place, "column %lld: ", (long long)element);
    if (view->rank > 2) {
        int64_t index[HP_MAX_RANK], rest = element;
        for (int i = view->rank - 1; i > 0; i--) {
            index[i] = rest % view->dims[i];
            rest /= view->dims[i];
        }
        int n = snprintf(place, sizeof place, "element [");
        for (int i = 1; i < view->rank; i++)
            n += snprintf(place + n, sizeof place - (size_t)n, i > 1 ? ", %lld" : "%lld", (long long)index[i]);
        snprintf(place + n, sizeof place - (size_t)n, "]: ");
    }
    hp_error_set(error, HP_ERROR_ROW, view->name, "%s%s", place, what);
    if (error) error->row = view->first_row + row; /* said with the message by whoever shows it */
    return HP_ERROR_ROW;
}

/* The axes of a view after merging, and walking over them. */
typedef struct walk {
    const char *data;
    int rank;
    int64_t dims[HP_MAX_RANK];
    ptrdiff_t strides[HP_MAX_RANK];
} walk;

static walk walk_of(const hp_io_view *view) {
    walk w = {.data = view->data};
    for (int i = 0; i < view->rank; i++) {
        int last = w.rank - 1;
        if (w.rank > 0 && w.strides[last] == view->strides[i] * (ptrdiff_t)view->dims[i]) {
            w.dims[last] *= view->dims[i];
            w.strides[last] = view->strides[i];
            continue;
        }
        w.dims[w.rank] = view->dims[i];
        w.strides[w.rank++] = view->strides[i];
    }
    return w;
}

/* Where element `flat` (counted in C order) lies, and how many follow it at the last axis's stride, it included. */
static const char *element_at(const walk *w, int64_t flat, int64_t *run) {
    const char *place = w->data;
    *run = w->dims[w->rank - 1] - flat % w->dims[w->rank - 1];
    for (int i = w->rank - 1; i >= 0; i--) {
        place += (ptrdiff_t)(flat % w->dims[i]) * w->strides[i];
        flat /= w->dims[i];
    }
    return place;
}

/* Copies `count` items of `size` bytes that lie `stride` apart, in native byte order. */
static void gather_run(char *to, const char *from, size_t count, size_t size, ptrdiff_t stride, bool swapped) {
    if (!swapped && stride == (ptrdiff_t)size) {
        memcpy(to, from, count * size);
        return;
    }
#define GATHER(type, swap)                                                                                             \
    for (size_t i = 0; i < count; i++, from += stride, to += sizeof(type)) {                                           \
        type item;                                                                                                     \
        memcpy(&item, from, sizeof item);                                                                              \
        if (swapped) item = swap(item);                                                                                \
        memcpy(to, &item, sizeof item);                                                                                \
    }                                                                                                                  \
    return
    switch (size) {
    case 1:
        GATHER(uint8_t, );
    case 2:
        GATHER(uint16_t, __builtin_bswap16);
    case 4:
        GATHER(uint32_t, __builtin_bswap32);
    case 8:
        GATHER(uint64_t, __builtin_bswap64);
    default: /* complex numbers, in native order */
        for (size_t i = 0; i < count; i++) memcpy(to + i * size, from + (ptrdiff_t)i * stride, size);
    }
#undef GATHER
}

static void gather(const hp_io_view *view, const walk *w, int64_t first, size_t count, char *to) {
    for (size_t done = 0; done < count;) {
        int64_t run;
        const char *from = element_at(w, first + (int64_t)done, &run);
        size_t n = (size_t)run < count - done ? (size_t)run : count - done;
        gather_run(to + done * view->item_size, from, n, view->item_size, w->strides[w->rank - 1], view->swapped);
        done += n;
    }
}

static hp_status fail_number(const hp_io_view *view, int64_t flat, const char *value, hp_dtype dtype, hp_error *error) {
    char number[40], what[120];
    int64_t elements = hp_io_row_elements(view);
    hp_io_describe_number(value, view->dtype, number, sizeof number);
    snprintf(what, sizeof what, "%s does not fit into %s", number, hp_dtype_name(dtype));
    return hp_io_fail_value(view, flat / elements, flat % elements, what, error);
}

static hp_status convert_numbers(
    const hp_io_view *view, int64_t first, size_t count, hp_dtype dtype, char *dst, hp_error *error) {
    walk w = walk_of(view);
    if (view->dtype == dtype && dtype != HP_BOOL) {
        gather(view, &w, first, count, dst);
        return HP_OK;
    }
    uint64_t block[BLOCK_BYTES / sizeof(uint64_t)];
    size_t items = BLOCK_BYTES / view->item_size, bad = 0;
    for (size_t done = 0; done < count; done += items) {
        size_t n = count - done < items ? count - done : items;
        gather(view, &w, first + (int64_t)done, n, (char *)block);
        if (!hp_io_convert_numbers(block, view->dtype, n, dtype, dst + done * hp_dtype_size(dtype), &bad))
            return fail_number(
                view, first + (int64_t)(done + bad), (char *)block + bad * view->item_size, dtype, error);
    }
    return HP_OK;
}

/* A stored string as bytes; code points are written as UTF-8 into `arena`. False: out of memory. */
static bool string_at(const hp_io_view *view, const char *place, hp_arena *arena, hp_string *string) {
    if (view->storage == HP_IO_NUMBERS) {
        memcpy(string, place, sizeof *string);
        return true;
    }
    size_t size = view->item_size;
    if (view->storage == HP_IO_BYTES) {
        while (size > 0 && place[size - 1] == '\0') size--;
        *string = (hp_string){place, size};
        return true;
    }
    size_t points = size / 4, written = 0;
    uint32_t point;
    for (; points > 0; points--) { /* without the padding */
        memcpy(&point, place + 4 * (points - 1), 4);
        if (point) break;
    }
    char *text = hp_arena_alloc(arena, 4 * points + 1);
    if (!text) return false;
    for (size_t i = 0; i < points; i++) {
        memcpy(&point, place + 4 * i, 4);
        written += hp_io_utf8_put(view->swapped ? __builtin_bswap32(point) : point, text + written);
    }
    *string = (hp_string){text, written};
    return true;
}

static hp_status convert_strings(const hp_io_view *view, int64_t first, size_t count, hp_dtype dtype, char *dst,
    hp_arena *strings, hp_error *error) {
    walk w = walk_of(view);
    size_t size = hp_dtype_size(dtype);
    int64_t run, elements = hp_io_row_elements(view);
    hp_status status = HP_OK;
    hp_arena scratch = {0};
    for (size_t i = 0; i < count && status == HP_OK; i++) {
        hp_string string;
        const char *place = element_at(&w, first + (int64_t)i, &run);
        int64_t flat = first + (int64_t)i;
        if (!string_at(view, place, dtype == HP_STRING ? strings : &scratch, &string)) {
            status = hp_error_set(error, HP_ERROR_NO_MEMORY, view->name, "out of memory");
        } else if (dtype == HP_STRING) {
            memcpy(dst + i * size, &string, sizeof string);
        } else {
            char what[HP_IO_NUMBER_MESSAGE];
            if (!hp_io_number_from_text(string.data, string.size, dtype, dst + i * size, what))
                status = hp_io_fail_value(view, flat / elements, flat % elements, what, error);
            if (scratch.blocks && scratch.used > BLOCK_BYTES) hp_arena_release(&scratch);
        }
    }
    hp_arena_release(&scratch);
    return status;
}

hp_status hp_io_convert(const hp_io_view *view, int64_t first_row, int64_t rows, hp_dtype dtype, void *dst,
    hp_arena *strings, hp_error *error) {
    HP_FAIL_IF(!hp_io_convertible(view->dtype, dtype), error, HP_ERROR_SHAPE, view->name,
        "it holds %s, and %s is wanted", hp_dtype_name(view->dtype), hp_dtype_name(dtype));
    HP_FAIL_IF(first_row < 0 || rows < 0 || first_row > view->dims[0] - rows || (dtype == HP_STRING && !strings), error,
        HP_ERROR_ARGUMENT, view->name, "rows %lld to %lld cannot be converted", (long long)first_row,
        (long long)(first_row + rows));
    if (view->storage == HP_IO_TEXT) return hp_io_text_convert(view, first_row, rows, dtype, dst, strings, error);
    int64_t elements = hp_io_row_elements(view);
    if (rows == 0 || elements == 0) return HP_OK;
    size_t count = (size_t)rows * (size_t)elements;
    if (view->dtype == HP_STRING) return convert_strings(view, first_row * elements, count, dtype, dst, strings, error);
    return convert_numbers(view, first_row * elements, count, dtype, dst, error);
}
