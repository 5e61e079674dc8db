/* pickle.c: see pickle.h. A stack machine, as pickle's own, whose calls only make notes. */
#include "format/pickle.h"

#include <string.h>

/* The opcodes that protocols 2 to 5 write for data. */
enum opcode {
    MARK = '(',
    STOP = '.',
    POP = '0',
    POP_MARK = '1',
    DUP = '2',
    BINFLOAT = 'G',
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    NONE = 'N',
    REDUCE = 'R',
    BINSTRING = 'T',
    SHORT_BINSTRING = 'U',
    BINUNICODE = 'X',
    APPEND = 'a',
    BUILD = 'b',
    GLOBAL = 'c',
    DICT = 'd',
    EMPTY_DICT = '}',
    APPENDS = 'e',
    BINGET = 'h',
    LONG_BINGET = 'j',
    LIST = 'l',
    EMPTY_LIST = ']',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    SETITEM = 's',
    TUPLE = 't',
    EMPTY_TUPLE = ')',
    SETITEMS = 'u',
    BINBYTES = 'B',
    SHORT_BINBYTES = 'C',
    PROTO = 0x80,
    NEWOBJ = 0x81,
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    LONG1 = 0x8A,
    SHORT_BINUNICODE = 0x8C,
    BINUNICODE8 = 0x8D,
    BINBYTES8 = 0x8E,
    EMPTY_SET = 0x8F,
    ADDITEMS = 0x90,
    FROZENSET = 0x91,
    NEWOBJ_EX = 0x92,
    STACK_GLOBAL = 0x93,
    MEMOIZE = 0x94,
    FRAME = 0x95,
    BYTEARRAY8 = 0x96
};

typedef struct machine {
    hp_arena *arena;
    const unsigned char *start, *at, *end;
    hp_pickle **stack;
    size_t depth, stack_capacity;
    size_t *marks;
    size_t mark_count, mark_capacity;
    hp_pickle **memo;
    size_t memo_count, memo_capacity;
    hp_error *error;
} machine;

static hp_status damaged(const machine *m) {
    HP_FAIL(m->error, HP_ERROR_FORMAT, NULL, "the pickle is damaged near its byte %zu", (size_t)(m->at - m->start));
}

static hp_status no_memory(const machine *m) {
    HP_FAIL(m->error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
}

/* ---- the stack ---------------------------------------------------------------------------------------------------- */

static hp_status push(machine *m, hp_pickle *value) {
    if (!value || !HP_GROW(m->stack, m->stack_capacity, m->depth + 1)) return no_memory(m);
    m->stack[m->depth++] = value;
    return HP_OK;
}

static hp_pickle *new_value(machine *m, hp_pickle_kind kind) {
    hp_pickle *value = hp_arena_alloc(m->arena, sizeof *value);
    if (value) value->kind = kind;
    return value;
}

static hp_status push_new(machine *m, hp_pickle_kind kind) {
    return push(m, new_value(m, kind));
}

static hp_status push_integer(machine *m, hp_pickle_kind kind, int64_t integer) {
    hp_pickle *value = new_value(m, kind);
    if (value) value->integer = integer;
    return push(m, value);
}

/* The lowest place of the stack that an operation may take values from. */
static size_t floor_of(const machine *m) {
    return m->mark_count ? m->marks[m->mark_count - 1] : 0;
}

static hp_pickle *pop(machine *m) {
    return m->depth > floor_of(m) ? m->stack[--m->depth] : NULL;
}

static hp_pickle *top(machine *m) {
    return m->depth > floor_of(m) ? m->stack[m->depth - 1] : NULL;
}

static hp_status add(machine *m, hp_pickle *to, hp_pickle *item) {
    if (to->count == to->capacity) {
        size_t capacity = to->capacity ? 2 * to->capacity : 4;
        hp_pickle **items = hp_arena_alloc(m->arena, capacity * sizeof *items);
        if (!items) return no_memory(m);
        if (to->count) memcpy(items, to->items, to->count * sizeof *items);
        to->items = items;
        to->capacity = capacity;
    }
    to->items[to->count++] = item;
    return HP_OK;
}

/* Makes a value of the `count` uppermost ones. */
static hp_status gather(machine *m, hp_pickle_kind kind, size_t count) {
    hp_pickle *value = new_value(m, kind);
    if (!value) return no_memory(m);
    if (m->depth - floor_of(m) < count) return damaged(m);
    for (size_t i = m->depth - count; i < m->depth; i++) HP_TRY(add(m, value, m->stack[i]));
    m->depth -= count;
    return push(m, value);
}

/* Takes the last mark away; the values above it are `*count`. */
static hp_status unmark(machine *m, size_t *count) {
    if (m->mark_count == 0) return damaged(m);
    *count = m->depth - m->marks[--m->mark_count];
    return HP_OK;
}

static hp_status gather_to_mark(machine *m, hp_pickle_kind kind) {
    size_t count = 0;
    HP_TRY(unmark(m, &count));
    return gather(m, kind, count);
}

/* Adds the `count` uppermost values to the one below them. */
static hp_status extend(machine *m, size_t count) {
    if (m->depth - floor_of(m) < count + 1) return damaged(m);
    hp_pickle *to = m->stack[m->depth - count - 1];
    for (size_t i = m->depth - count; i < m->depth; i++) HP_TRY(add(m, to, m->stack[i]));
    m->depth -= count;
    return HP_OK;
}

static hp_status extend_to_mark(machine *m) {
    size_t count = 0;
    HP_TRY(unmark(m, &count));
    return extend(m, count);
}

/* ---- arguments of opcodes ------------------------------------------------------------------------------------------- */

static bool take_number(machine *m, size_t bytes, uint64_t *number) {
    *number = 0;
    if ((size_t)(m->end - m->at) < bytes) return false;
    for (size_t i = 0; i < bytes; i++) *number |= (uint64_t)m->at[i] << (8 * i);
    m->at += bytes;
    return true;
}

static hp_status push_data(machine *m, hp_pickle_kind kind, size_t length_bytes) {
    uint64_t length;
    hp_pickle *value = new_value(m, kind);
    if (!take_number(m, length_bytes, &length) || length > (size_t)(m->end - m->at)) return damaged(m);
    if (value) {
        value->data = (const char *)m->at;
        value->size = (size_t)length;
    }
    m->at += length;
    return push(m, value);
}

static hp_status push_number(machine *m, size_t bytes, bool with_sign) {
    uint64_t number;
    if (!take_number(m, bytes, &number)) return damaged(m);
    if (with_sign && bytes < 8 && bytes > 0 && number >> (8 * bytes - 1)) number |= UINT64_MAX << (8 * bytes);
    return push_integer(m, HP_PICKLE_INT, (int64_t)number);
}

static hp_status push_long(machine *m) {
    uint64_t bytes;
    if (!take_number(m, 1, &bytes)) return damaged(m);
    if (bytes <= 8) return push_number(m, (size_t)bytes, true);
    if (bytes > (size_t)(m->end - m->at)) return damaged(m);
    m->at += bytes; /* no number of ours is that long */
    return push_new(m, HP_PICKLE_NONE);
}

/* A line of GLOBAL's text. */
static hp_status push_line(machine *m) {
    const unsigned char *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
    hp_pickle *value = new_value(m, HP_PICKLE_TEXT);
    if (!end) return damaged(m);
    if (value) {
        value->data = (const char *)m->at;
        value->size = (size_t)(end - m->at);
    }
    m->at = end + 1;
    return push(m, value);
}

static hp_status put(machine *m, size_t index) {
    hp_pickle *value = top(m);
    if (!value || index > (size_t)(m->end - m->start)) return damaged(m);
    if (!HP_GROW(m->memo, m->memo_capacity, index + 1)) return no_memory(m);
    m->memo[index] = value;
    if (index >= m->memo_count) m->memo_count = index + 1;
    return HP_OK;
}

static hp_status put_numbered(machine *m, size_t bytes) {
    uint64_t index;
    return take_number(m, bytes, &index) ? put(m, (size_t)index) : damaged(m);
}

static hp_status get(machine *m, size_t bytes) {
    uint64_t index;
    if (!take_number(m, bytes, &index) || index >= m->memo_count || !m->memo[index]) return damaged(m);
    return push(m, m->memo[index]);
}

/* callee, arguments -> object; NEWOBJ_EX has a dict more, which says nothing about arrays. */
static hp_status make_object(machine *m, bool with_dict) {
    if (with_dict && !pop(m)) return damaged(m);
    hp_pickle *arguments = pop(m), *callee = pop(m), *value = new_value(m, HP_PICKLE_OBJECT);
    if (!arguments || !callee) return damaged(m);
    if (value) {
        value->callee = callee;
        value->arguments = arguments;
    }
    return push(m, value);
}

static hp_status build(machine *m) {
    hp_pickle *state = pop(m), *object = top(m);
    if (!state || !object) return damaged(m);
    object->state = state;
    return HP_OK;
}

static hp_status mark(machine *m) {
    if (!HP_GROW(m->marks, m->mark_capacity, m->mark_count + 1)) return no_memory(m);
    m->marks[m->mark_count++] = m->depth;
    return HP_OK;
}

static hp_status skip(machine *m, size_t bytes) {
    if ((size_t)(m->end - m->at) < bytes) return damaged(m);
    m->at += bytes;
    return HP_OK;
}

static hp_status pop_to_mark(machine *m) {
    size_t count = 0;
    HP_TRY(unmark(m, &count));
    m->depth -= count;
    return HP_OK;
}

static hp_status push_global(machine *m) {
    HP_TRY(push_line(m));
    HP_TRY(push_line(m));
    return gather(m, HP_PICKLE_NAME, 2);
}

/* ---- the machine ------------------------------------------------------------------------------------------------------ */

/* Values and their containers. */
static hp_status run_value(machine *m, enum opcode code) {
    switch (code) {
    case NONE:
        return push_new(m, HP_PICKLE_NONE);
    case NEWTRUE:
        return push_integer(m, HP_PICKLE_BOOL, 1);
    case NEWFALSE:
        return push_integer(m, HP_PICKLE_BOOL, 0);
    case BININT:
        return push_number(m, 4, true);
    case BININT1:
        return push_number(m, 1, false);
    case BININT2:
        return push_number(m, 2, false);
    case LONG1:
        return push_long(m);
    case BINFLOAT:
        HP_TRY(skip(m, 8));
        return push_new(m, HP_PICKLE_FLOAT);
    case SHORT_BINUNICODE:
        return push_data(m, HP_PICKLE_TEXT, 1);
    case BINUNICODE:
        return push_data(m, HP_PICKLE_TEXT, 4);
    case BINUNICODE8:
        return push_data(m, HP_PICKLE_TEXT, 8);
    case SHORT_BINBYTES:
    case SHORT_BINSTRING:
        return push_data(m, HP_PICKLE_BYTES, 1);
    case BINBYTES:
    case BINSTRING:
        return push_data(m, HP_PICKLE_BYTES, 4);
    case BINBYTES8:
    case BYTEARRAY8:
        return push_data(m, HP_PICKLE_BYTES, 8);
    case EMPTY_TUPLE:
    case EMPTY_LIST:
    case EMPTY_SET:
        return push_new(m, HP_PICKLE_LIST);
    case EMPTY_DICT:
        return push_new(m, HP_PICKLE_DICT);
    case TUPLE1:
        return gather(m, HP_PICKLE_LIST, 1);
    case TUPLE2:
        return gather(m, HP_PICKLE_LIST, 2);
    case TUPLE3:
        return gather(m, HP_PICKLE_LIST, 3);
    case TUPLE:
    case LIST:
    case FROZENSET:
        return gather_to_mark(m, HP_PICKLE_LIST);
    case DICT:
        return gather_to_mark(m, HP_PICKLE_DICT);
    case GLOBAL:
        return push_global(m);
    case STACK_GLOBAL:
        return gather(m, HP_PICKLE_NAME, 2);
    default:
        return damaged(m);
    }
}

static hp_status run(machine *m, enum opcode code) {
    switch (code) {
    case PROTO:
        return skip(m, 1);
    case FRAME:
        return skip(m, 8);
    case MARK:
        return mark(m);
    case POP:
        return pop(m) ? HP_OK : damaged(m);
    case POP_MARK:
        return pop_to_mark(m);
    case DUP:
        return top(m) ? push(m, top(m)) : damaged(m);
    case APPEND:
        return extend(m, 1);
    case SETITEM:
        return extend(m, 2);
    case APPENDS:
    case SETITEMS:
    case ADDITEMS:
        return extend_to_mark(m);
    case BINPUT:
        return put_numbered(m, 1);
    case LONG_BINPUT:
        return put_numbered(m, 4);
    case MEMOIZE:
        return put(m, m->memo_count);
    case BINGET:
        return get(m, 1);
    case LONG_BINGET:
        return get(m, 4);
    case REDUCE:
    case NEWOBJ:
        return make_object(m, false);
    case NEWOBJ_EX:
        return make_object(m, true);
    case BUILD:
        return build(m);
    default:
        return run_value(m, code);
    }
}

hp_status hp_pickle_read(hp_arena *arena, const void *bytes, size_t size, const hp_pickle **value, hp_error *error) {
    machine m = {
        .arena = arena, .start = bytes, .at = bytes, .end = (const unsigned char *)bytes + size, .error = error};
    hp_status status = HP_OK;
    bool stopped = false;
    while (status == HP_OK && !stopped) {
        if (m.at == m.end)
            status = damaged(&m);
        else if (*m.at == STOP)
            stopped = true;
        else
            status = run(&m, (enum opcode) * m.at++);
    }
    if (status == HP_OK && m.depth != 1) status = damaged(&m);
    if (status == HP_OK) *value = m.stack[0];
    hp_free(m.stack);
    hp_free(m.marks);
    hp_free(m.memo);
    return status;
}

const hp_pickle *hp_pickle_item(const hp_pickle *list, size_t index) {
    return list && index < list->count ? list->items[index] : NULL;
}

bool hp_pickle_is_text(const hp_pickle *value, const char *text) {
    return value && value->kind == HP_PICKLE_TEXT && value->size == strlen(text) &&
           memcmp(value->data, text, value->size) == 0;
}

const hp_pickle *hp_pickle_get(const hp_pickle *dict, const char *key) {
    if (!dict || dict->kind != HP_PICKLE_DICT) return NULL;
    for (size_t i = 0; i + 1 < dict->count; i += 2)
        if (hp_pickle_is_text(dict->items[i], key)) return dict->items[i + 1];
    return NULL;
}

bool hp_pickle_is_name(const hp_pickle *value, const char *name) {
    return value && value->kind == HP_PICKLE_NAME && hp_pickle_is_text(hp_pickle_item(value, 1), name);
}
