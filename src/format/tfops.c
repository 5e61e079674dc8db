/* tfops.c: TensorFlow functions in graphs of Keras 2 (TFOpLambda, SlicingOpLambda, TensorFlowOpLayer) as the operations
 * of keras.ops that they are, by the table tfops.def.
 *
 * Invariant: a layer is either changed as a whole or left as it is; what is left is refused later, by its own name. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "format/fixups.h"
#include "format/json.h"
#include "format/tfraw.h"

typedef struct tf_op {
    const char *function, *raw, *class_name, *module, *parameters;
} tf_op;

static const tf_op tf_ops[] = {
#define TFOP(function, raw, class_name, module, parameters) {function, raw, class_name, module, parameters},
#include "format/tfops.def"
#undef TFOP
};

/* One parameter of the table. */
typedef struct parameter {
    char name[48], target[48], value[48];
    char
        kind; /* '>' argument, '=' config key, '@' config key or argument, '%' config key of spatial sizes, ':' config key of its own,
                  '?' must be `value` or nothing, '!' must be `value`, '*' all arguments from here on, '~' anything, '\0' must be absent */
} parameter;

/* The next word of `text`; NULL: there is none. */
static const char *next_parameter(const char *text, parameter *p) {
    memset(p, 0, sizeof *p);
    while (*text == ' ') text++;
    if (!*text) return NULL;
    size_t length = strcspn(text, " "), name = strcspn(text, " >=?!*~@%");
    const char *end = text + length;
    if (*text == ':') {
        size_t key = strcspn(text + 1, ":");
        snprintf(p->target, sizeof p->target, "%.*s", (int)key, text + 1);
        snprintf(p->value, sizeof p->value, "%.*s", (int)(length - key - 2), text + key + 2);
        p->kind = ':';
        return end;
    }
    if (name > length) name = length;
    snprintf(p->name, sizeof p->name, "%.*s", (int)name, text);
    if (name == length) return end;
    p->kind = text[name];
    const char *rest = text + name + 1;
    size_t target = p->kind == '=' ? strcspn(rest, " :") : (size_t)(end - rest);
    snprintf(p->kind == '?' || p->kind == '!' ? p->value : p->target, sizeof p->target, "%.*s", (int)target, rest);
    if (p->kind == '=' && rest[target] == ':')
        snprintf(p->value, sizeof p->value, "%.*s", (int)(end - rest - (ptrdiff_t)target - 1), rest + target + 1);
    return end;
}

typedef struct conversion {
    const hp_fixup *f;
    const tf_op *op;
    hp_json *config; /* of the operation */
    bool fits;
} conversion;

static hp_status parse_value(const conversion *c, const char *text, hp_json **value, hp_error *error) {
    return hp_json_parse(c->f->arena, "tfops.def", text, strlen(text), value, error);
}

static bool is_nothing(const hp_json *value) {
    return hp_json_is_null(value) || (value->type == HP_JSON_BOOL && !value->boolean);
}

/* A copy of value under `key` of `object`; strings in small letters, as keras.ops has its modes. */
static hp_status set(const conversion *c, hp_json *object, const char *key, const hp_json *value, hp_error *error) {
    hp_json *copy = hp_json_copy(c->f->arena, value);
    char *name = hp_arena_strdup(c->f->arena, key);
    HP_FAIL_IF(!copy || !name, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (object == c->config && copy->type == HP_JSON_STRING && strcmp(key, "subscripts") != 0) {
        char *text = hp_arena_strdup(c->f->arena, copy->string);
        HP_ALLOCATED(text, error);
        for (char *letter = text; *letter; letter++) *letter = (char)tolower((unsigned char)*letter);
        copy->string = text;
    }
    hp_json_set(object, name, copy);
    return HP_OK;
}

static const hp_json *given(const hp_json *call, size_t position, const char *name) {
    const hp_json *kwargs = hp_json_get(call, "kwargs"), *args = hp_json_get(call, "args");
    return position < args->count ? hp_json_at(args, position) : hp_json_get(kwargs, name);
}

/* A key of the config: the same in all calls, for the layer has one config. */
static hp_status set_config(conversion *c, const parameter *p, const hp_json *value, hp_error *error) {
    hp_json *fallback = NULL;
    if (hp_json_is_null(value)) {
        if (!p->value[0]) return HP_OK;
        HP_TRY(parse_value(c, p->value, &fallback, error));
        value = fallback;
    }
    const hp_json *before = hp_json_get(c->config, p->target);
    if (before && before->type != HP_JSON_STRING && !hp_json_equal(before, value)) c->fits = false;
    return set(c, c->config, p->target, value, error);
}

/* Sizes of spatial axes, without those of the batch and of the channels, which are 1; NULL: a window over these. Lists of three are of
 * one axis in functions of one, else of three. */
static hp_status set_spatial(conversion *c, const parameter *p, const hp_json *value, hp_error *error) {
    size_t least = strstr(c->op->function, "1d") ? 3 : 4;
    if (!hp_json_is(value, HP_JSON_ARRAY) || value->count < least) return set_config(c, p, value, error);
    hp_json *spatial = hp_json_new(c->f->arena, HP_JSON_ARRAY);
    HP_ALLOCATED(spatial, error);
    for (size_t i = 0; i < value->count; i++) {
        const hp_json *item = hp_json_at(value, i);
        bool end = i == 0 || i == value->count - 1, one = hp_json_is(item, HP_JSON_INT) && item->integer == 1;
        if (end && !one) c->fits = false;
        hp_json *copy = end ? NULL : hp_json_copy(c->f->arena, item);
        if (end) continue;
        HP_ALLOCATED(copy, error);
        hp_json_append(spatial, copy);
    }
    return set_config(c, p, spatial, error);
}

/* Whether there is a tensor of the graph in it. */
static bool holds_tensor(const hp_json *value) {
    const char *name = hp_json_string(hp_json_get(value, "class_name"));
    if (name && strcmp(name, "__keras_tensor__") == 0) return true;
    if (!hp_json_is(value, HP_JSON_ARRAY)) return false;
    HP_JSON_EACH (item, value)
        if (holds_tensor(item)) return true;
    return false;
}

/* An argument, or each of a list of them. */
static hp_status append_operands(const conversion *c, const hp_json *given_, hp_json *args, hp_error *error) {
    bool list = hp_json_is(given_, HP_JSON_ARRAY);
    for (const hp_json *item = list ? given_->first : given_; item; item = list ? item->next : NULL) {
        hp_json *operand = hp_json_copy(c->f->arena, item);
        HP_ALLOCATED(operand, error);
        hp_json_append(args, operand);
    }
    return HP_OK;
}

static hp_status convert_call(conversion *c, const hp_json *call, hp_json *args, hp_json *kwargs, hp_error *error) {
    parameter p;
    size_t position = 0, known = 0, unnamed = 0;
    const hp_json *old = hp_json_get(call, "kwargs");
    for (const char *text = c->op->parameters; (text = next_parameter(text, &p));) {
        const hp_json *value = p.kind == ':' ? NULL : given(call, position, p.name);
        if (p.kind != ':') known += hp_json_get(old, p.name) != NULL;
        if (p.kind != ':') position++;
        hp_json *wanted = NULL;
        switch (p.kind) {
        case '~':
            break;
        case '*':
            for (position--; position < hp_json_get(call, "args")->count; position++) {
                const hp_json *rest = hp_json_at(hp_json_get(call, "args"), position);
                HP_TRY(append_operands(c, rest, args, error));
            }
            break;
        case '>':
            if (hp_json_is_null(value)) break;
            if (unnamed++ > 0) {
                HP_TRY(set(c, kwargs, p.target, value, error));
            } else {
                hp_json *first = hp_json_copy(c->f->arena, value);
                HP_ALLOCATED(first, error);
                hp_json_append(args, first);
            }
            break;
        case '@':
            if (holds_tensor(value)) {
                HP_TRY(set(c, kwargs, p.target, value, error));
                break;
            }
            HP_TRY(set_config(c, &p, value, error));
            break;
        case '%':
            HP_TRY(set_spatial(c, &p, value, error));
            break;
        case '=':
        case ':':
            HP_TRY(set_config(c, &p, value, error));
            break;
        case '!':
            HP_TRY(parse_value(c, p.value, &wanted, error));
            if (!value || !hp_json_equal(value, wanted)) c->fits = false;
            break;
        case '?':
            HP_TRY(parse_value(c, p.value, &wanted, error));
            if (!is_nothing(value) && !hp_json_equal(value, wanted)) c->fits = false;
            break;
        default:
            if (!is_nothing(value)) c->fits = false;
        }
    }
    known += hp_json_get(old, "name") != NULL;
    if (hp_json_get(call, "args")->count > position || known != old->count) c->fits = false;
    return HP_OK;
}

/* ---- x[...] */

/* {start, stop, step} of Keras 2 as a tagged slice; the others as they are. */
static hp_status convert_subscript(const conversion *c, const hp_json *item, hp_json **result, hp_error *error) {
    *result = hp_json_copy(c->f->arena, item);
    HP_ALLOCATED(*result, error);
    if (!hp_json_is(item, HP_JSON_OBJECT) || !hp_json_get(item, "start")) return HP_OK;
    hp_json *config = *result;
    *result = hp_json_new(c->f->arena, HP_JSON_OBJECT);
    HP_ALLOCATED(*result, error);
    HP_TRY(hp_fix_set_string(c->f, *result, "class_name", "__slice__", error));
    hp_json_set(*result, "config", config);
    return HP_OK;
}

/* tf.slice: {begin, size} as subscripts; a size of -1 goes to the end. */
static hp_status convert_slice(conversion *c, const hp_json *call, hp_json *args, hp_json *kwargs, hp_error *error) {
    const hp_json *x = given(call, 0, "input_"), *begin = given(call, 1, "begin"), *size = given(call, 2, "size");
    hp_json *first = hp_json_copy(c->f->arena, x), *key = hp_json_new(c->f->arena, HP_JSON_ARRAY);
    c->fits = hp_json_is(begin, HP_JSON_ARRAY) && hp_json_is(size, HP_JSON_ARRAY) && begin->count == size->count;
    HP_FAIL_IF(!first || !key, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    hp_json_append(args, first);
    for (size_t i = 0; c->fits && i < begin->count; i++) {
        const hp_json *from = hp_json_at(begin, i), *count = hp_json_at(size, i);
        c->fits = hp_json_is(from, HP_JSON_INT) && hp_json_is(count, HP_JSON_INT) && from->integer >= 0 &&
                  from->integer <= INT32_MAX && count->integer >= -1 && count->integer <= INT32_MAX;
        if (!c->fits) break;
        int64_t end = from->integer + count->integer;
        hp_json *item = hp_json_new(c->f->arena, HP_JSON_OBJECT), *bounds = hp_json_new(c->f->arena, HP_JSON_OBJECT);
        hp_json *stop = count->integer < 0 ? hp_json_new(c->f->arena, HP_JSON_NULL) : hp_json_new_int(c->f->arena, end);
        hp_json *start = hp_json_copy(c->f->arena, from), *step = hp_json_new(c->f->arena, HP_JSON_NULL);
        HP_FAIL_IF(!item || !bounds || !stop || !start || !step, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
        hp_json_set(bounds, "start", start);
        hp_json_set(bounds, "stop", stop);
        hp_json_set(bounds, "step", step);
        HP_TRY(hp_fix_set_string(c->f, item, "class_name", "__slice__", error));
        hp_json_set(item, "config", bounds);
        hp_json_append(key, item);
    }
    hp_json_set(kwargs, "key", key);
    return HP_OK;
}

static hp_status convert_slicing(conversion *c, const hp_json *call, hp_json *args, hp_json *kwargs, hp_error *error) {
    const hp_json *spec = hp_json_get(hp_json_get(call, "kwargs"), "slice_spec"),
                  *x = hp_json_at(hp_json_get(call, "args"), 0);
    hp_json *first = hp_json_copy(c->f->arena, x), *key;
    HP_ALLOCATED(first, error);
    hp_json_append(args, first);
    if (!hp_json_is(spec, HP_JSON_ARRAY)) {
        HP_TRY(convert_subscript(c, spec, &key, error));
    } else {
        key = hp_json_new(c->f->arena, HP_JSON_ARRAY);
        HP_ALLOCATED(key, error);
        HP_JSON_EACH (item, spec) {
            hp_json *converted;
            HP_TRY(convert_subscript(c, item, &converted, error));
            converted->key = NULL;
            hp_json_append(key, converted);
        }
    }
    hp_json_set(kwargs, "key", key);
    return HP_OK;
}

/* ---- layers */

static const tf_op *find(const char *class_name, const hp_json *config) {
    static const tf_op slicing = {"__operators__.getitem", "StridedSlice", "GetItem", "numpy", ""};
    static const tf_op slice = {"slice", "Slice", "GetItem", "numpy", ""};
    const char *function = hp_json_string(hp_json_get(config, "function"));
    const char *raw = hp_json_string(hp_json_get(hp_json_get(config, "node_def"), "op"));
    bool is_raw = strcmp(class_name, "TensorFlowOpLayer") == 0, slices = strcmp(class_name, "SlicingOpLambda") == 0;
    if (!is_raw && !slices && strcmp(class_name, "TFOpLambda") != 0) return NULL;
    if (is_raw ? raw && strcmp(raw, slicing.raw) == 0 : function && strcmp(function, slicing.function) == 0)
        return &slicing;
    if (is_raw ? raw && strcmp(raw, slice.raw) == 0 : function && strcmp(function, slice.function) == 0) return &slice;
    for (size_t i = 0; i < sizeof tf_ops / sizeof *tf_ops; i++) {
        const tf_op *op = &tf_ops[i];
        if (is_raw ? raw && *raw && strcmp(op->raw, raw) == 0 : function && strcmp(op->function, function) == 0)
            return op;
    }
    return NULL;
}

static hp_status convert(conversion *c, const hp_json *old_config, hp_json *call, hp_error *error) {
    hp_json *args = hp_json_new(c->f->arena, HP_JSON_ARRAY), *kwargs = hp_json_new(c->f->arena, HP_JSON_OBJECT);
    HP_FAIL_IF(!args || !kwargs, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    bool raw = hp_json_get(old_config, "node_def"), one = strcmp(c->op->function, "slice") == 0;
    bool slices = !one && strcmp(c->op->class_name, "GetItem") == 0;
    if (raw) HP_TRY(hp_fix_tf_raw(c->f, old_config, call, &c->fits, error));
    if (raw && slices) HP_TRY(hp_fix_tf_strided_slice(c->f, call, &c->fits, error));
    if (!c->fits) return HP_OK;
    HP_TRY(one      ? convert_slice(c, call, args, kwargs, error)
           : slices ? convert_slicing(c, call, args, kwargs, error)
                    : convert_call(c, call, args, kwargs, error));
    hp_json_set(call, "args", args);
    hp_json_set(call, "kwargs", kwargs);
    return HP_OK;
}

hp_status hp_fix_tf_op(const hp_fixup *f, hp_json *layer, hp_error *error) {
    const char *class_name = hp_json_string(hp_json_get(layer, "class_name"));
    const hp_json *old_config = hp_json_get(layer, "config");
    conversion c = {.f = f, .op = class_name ? find(class_name, old_config) : NULL, .fits = true};
    hp_json *calls = hp_fix_member(layer, "inbound_nodes");
    if (!c.op) return HP_OK;
    hp_json *converted = hp_json_copy(f->arena, calls);
    const char *name = hp_json_string(hp_json_get(layer, "name"));
    char module[64];
    c.config = hp_json_new(f->arena, HP_JSON_OBJECT);
    HP_FAIL_IF(!c.config || !converted, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_TRY(hp_fix_set_string(f, c.config, "name", name ? name : "", error));
    for (hp_json *call = converted->first; call && c.fits; call = call->next)
        HP_TRY(convert(&c, old_config, call, error));
    if (!c.fits) return HP_OK;
    snprintf(module, sizeof module, "keras.src.ops.%s", c.op->module);
    HP_TRY(hp_fix_set_string(f, layer, "class_name", c.op->class_name, error));
    HP_TRY(hp_fix_set_string(f, layer, "module", hp_arena_strdup(f->arena, module), error));
    hp_json_set(layer, "config", c.config);
    hp_json_set(layer, "inbound_nodes", converted);
    return HP_OK;
}
