/* tfops.c: TensorFlow functions in graphs of Keras 2 (TFOpLambda, SlicingOpLambda, TensorFlowOpLayer) as the operations
 * of keras.ops that they are, by the table tfops.def.
 *
 * Invariant: a layer is either changed as a whole or left as it is; what is left is refused later, by its own name. */
#include <stdio.h>
#include <stdlib.h>
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
    bool needed;
    /* '>' argument, '<' one by name, '=' config key, '$' text, '@' config key or argument, '%' config key of spatial sizes,
     * ':' config key of its own, '?' must be `value` or nothing, '!' must be `value`, '*' all arguments from here on,
     * '~' anything, '\0' must be absent, '^' no parameter: the file must be of this version of Keras or one before. */
    char kind;
} parameter;

/* The next word of `text`; NULL: there is none. */
static const char *next_parameter(const char *text, parameter *p) {
    memset(p, 0, sizeof *p);
    while (*text == ' ') text++;
    if (!*text) return NULL;
    size_t length = strcspn(text, " "), name = strcspn(text, " ><=$?!*~@%");
    const char *end = text + length;
    if (*text == '^') {
        p->kind = '^';
        snprintf(p->value, sizeof p->value, "%.*s", (int)length - 1, text + 1);
        return end;
    }
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
    bool valued = p->kind == '=' || p->kind == '%' || p->kind == '$';
    size_t target = valued ? strcspn(rest, " :") : (size_t)(end - rest);
    snprintf(p->kind == '?' || p->kind == '!' ? p->value : p->target, sizeof p->target, "%.*s", (int)target, rest);
    if (valued && rest[target] == ':')
        snprintf(p->value, sizeof p->value, "%.*s", (int)(end - rest - (ptrdiff_t)target - 1), rest + target + 1);
    char *mark = p->kind == '>' ? strchr(p->target, '!') : NULL;
    p->needed = mark != NULL;
    if (mark) *mark = '\0';
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
        for (char *letter = text; *letter; letter++) /* tolower has no i for I in a Turkish locale */
            if (*letter >= 'A' && *letter <= 'Z') *letter = (char)(*letter - 'A' + 'a');
        copy->string = text;
    }
    hp_json_set(object, name, copy);
    return HP_OK;
}

static const hp_json *given(const hp_json *call, size_t position, const char *name) {
    const hp_json *kwargs = hp_json_get(call, "kwargs"), *args = hp_json_get(call, "args");
    return position < args->count ? hp_json_at(args, position) : hp_json_get(kwargs, name);
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

/* A key of the config: the same in all calls, for the layer has one config. */
static hp_status set_config(conversion *c, const parameter *p, const hp_json *value, hp_error *error) {
    hp_json *fallback = NULL;
    if (hp_json_is_null(value)) {
        if (!p->value[0]) return HP_OK;
        HP_TRY(parse_value(c, p->value, &fallback, error));
        value = fallback;
    }
    if (holds_tensor(value)) c->fits = false;
    const hp_json *before = hp_json_get(c->config, p->target);
    if (before && before->type != HP_JSON_STRING && !hp_json_equal(before, value)) c->fits = false;
    return set(c, c->config, p->target, value, error);
}

/* 1, or no padding on either side. */
static bool is_neutral(const hp_json *item) {
    if (!hp_json_is(item, HP_JSON_ARRAY)) return hp_json_is(item, HP_JSON_INT) && item->integer == 1;
    HP_JSON_EACH (side, item)
        if (!hp_json_is(side, HP_JSON_INT) || side->integer != 0) return false;
    return true;
}

/* Sizes of spatial axes, without those of the batch and of the channels, which are neutral. Lists of three are of
 * one axis in functions of one, else of three. */
static hp_status set_spatial(conversion *c, const parameter *p, const hp_json *value, hp_error *error) {
    size_t least = strstr(c->op->function, "1d") ? 3 : 4;
    if (!hp_json_is(value, HP_JSON_ARRAY) || value->count < least) return set_config(c, p, value, error);
    hp_json *spatial = hp_json_new(c->f->arena, HP_JSON_ARRAY);
    HP_ALLOCATED(spatial, error);
    for (size_t i = 0; i < value->count; i++) {
        const hp_json *item = hp_json_at(value, i);
        bool end = i == 0 || i == value->count - 1;
        if (end && !is_neutral(item)) c->fits = false;
        hp_json *copy = end ? NULL : hp_json_copy(c->f->arena, item);
        if (end) continue;
        HP_ALLOCATED(copy, error);
        hp_json_append(spatial, copy);
    }
    return set_config(c, p, spatial, error);
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
    const hp_json *old = hp_json_get(call, "kwargs"); /* NULL: a call in Keras 3's form may leave it out */
    for (const char *text = c->op->parameters; (text = next_parameter(text, &p));) {
        bool is_given = p.kind != ':' && p.kind != '^';
        const hp_json *value = is_given ? given(call, position, p.name) : NULL;
        if (is_given) known += hp_json_get(old, p.name) != NULL;
        if (is_given) position++;
        hp_json *wanted = NULL;
        switch (p.kind) {
        case '~':
            break;
        case '^':
            c->fits = c->fits && c->f->version <= atoi(p.value);
            break;
        case '*':
            c->fits = c->fits && hp_json_get(call, "args")->count >= position;
            for (position--; position < hp_json_get(call, "args")->count; position++) {
                const hp_json *rest = hp_json_at(hp_json_get(call, "args"), position);
                HP_TRY(append_operands(c, rest, args, error));
            }
            break;
        case '>':
        case '<':
            if (p.needed && !value) c->fits = false;
            if (hp_json_is_null(value)) break;
            if (p.kind == '<' || unnamed++ > 0) {
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
        case '$':
            if (value && value->type != HP_JSON_STRING) c->fits = false;
            HP_TRY(set_config(c, &p, value, error));
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
    if (hp_json_get(call, "args")->count > position || known != (old ? old->count : 0)) c->fits = false;
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

static hp_status convert_slicing(conversion *c, const hp_json *call, hp_json *args, hp_json *kwargs, hp_error *error) {
    const hp_json *spec = hp_json_get(hp_json_get(call, "kwargs"), "slice_spec"),
                  *x = hp_json_at(hp_json_get(call, "args"), 0);
    c->fits = x && spec;
    if (!c->fits) return HP_OK;
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

static bool names(const tf_op *op, bool is_raw, const char *name) {
    const char *own = is_raw ? op->raw : op->function;
    return name && *own && strcmp(own, name) == 0;
}

static hp_status convert(conversion *c, const hp_json *old_config, hp_json *call, hp_error *error) {
    hp_json *args = hp_json_new(c->f->arena, HP_JSON_ARRAY), *kwargs = hp_json_new(c->f->arena, HP_JSON_OBJECT);
    HP_FAIL_IF(!args || !kwargs, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    bool slices = strcmp(c->op->class_name, "GetItem") == 0;
    if (hp_json_get(old_config, "node_def")) HP_TRY(hp_fix_tf_raw(c->f, old_config, call, &c->fits, error));
    if (!c->fits) return HP_OK;
    HP_TRY(slices ? convert_slicing(c, call, args, kwargs, error) : convert_call(c, call, args, kwargs, error));
    hp_json_set(call, "args", args);
    hp_json_set(call, "kwargs", kwargs);
    return HP_OK;
}

/* The layer as this operation, where all of its calls fit. */
static hp_status convert_layer(conversion *c, const hp_json *old_config, hp_json *layer, hp_error *error) {
    const char *name = hp_json_string(hp_json_get(layer, "name"));
    hp_json *calls = hp_json_copy(c->f->arena, hp_json_get(layer, "inbound_nodes"));
    char module[64];
    c->config = hp_json_new(c->f->arena, HP_JSON_OBJECT);
    c->fits = true;
    HP_FAIL_IF(!c->config || !calls, error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    HP_TRY(hp_fix_set_string(c->f, c->config, "name", name ? name : "", error));
    for (hp_json *call = calls->first; call && c->fits; call = call->next) HP_TRY(convert(c, old_config, call, error));
    if (!c->fits) return HP_OK;
    snprintf(module, sizeof module, "keras.src.ops.%s", c->op->module);
    HP_TRY(hp_fix_set_string(c->f, layer, "class_name", c->op->class_name, error));
    HP_TRY(hp_fix_set_string(c->f, layer, "module", hp_arena_strdup(c->f->arena, module), error));
    HP_TRY(hp_fix_set_string(c->f, layer, "tensorflow", c->op->function, error)); /* lists of numbers are its own */
    hp_json_set(layer, "config", c->config);
    hp_json_set(layer, "inbound_nodes", calls);
    return HP_OK;
}

/* A function that is known and a call that is not: the name says so in messages. */
static hp_status mark_call(const hp_fixup *f, hp_json *layer, bool is_raw, const char *name, hp_error *error) {
    char text[128];
    hp_json *config = hp_fix_member(layer, "config");
    snprintf(text, sizeof text, "%.64s, called as it is here,", name);
    hp_json *holder = is_raw ? hp_fix_member(config, "node_def") : config;
    return hp_fix_set_string(f, holder, is_raw ? "op" : "function", hp_arena_strdup(f->arena, text), error);
}

hp_status hp_fix_tf_op(const hp_fixup *f, hp_json *layer, hp_error *error) {
    const char *class_name = hp_json_string(hp_json_get(layer, "class_name"));
    const hp_json *old_config = hp_json_get(layer, "config");
    bool is_raw = class_name && strcmp(class_name, "TensorFlowOpLayer") == 0;
    if (!class_name || (!is_raw && strcmp(class_name, "TFOpLambda") && strcmp(class_name, "SlicingOpLambda")))
        return HP_OK;
    const char *name = hp_json_string(
        is_raw ? hp_json_get(hp_json_get(old_config, "node_def"), "op") : hp_json_get(old_config, "function"));
    conversion c = {.f = f};
    bool known = false;
    for (size_t i = 0; i < sizeof tf_ops / sizeof *tf_ops && !c.fits; i++) {
        c.op = &tf_ops[i];
        if (!names(c.op, is_raw, name)) continue;
        HP_TRY(convert_layer(&c, old_config, layer, error));
        known = true;
    }
    return known && !c.fits ? mark_call(f, layer, is_raw, name, error) : HP_OK;
}
