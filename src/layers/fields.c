/* fields.c: fills a layer's config struct from the model's config by the class's field table.
 *
 * Invariant: every key of the config is either in the table, or one that all layers have, or reported. All faults are
 * reported, none stops the rest. */
#include "layers/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/dtype.h"

/* Keys that any layer of any version may have, without meaning for inference (or read before the table). */
static const char *const common_keys[] = {"name", "trainable", "dtype", "activity_regularizer", "batch_shape",
    "batch_input_shape", "input_shape", "input_dtype", "autocast", "dynamic", NULL};

/* Keys that must be null: what they ask for changes the numbers. */
static const char *const null_keys[] = {"quantization_config", "lora_rank", "lora_alpha", NULL};

static bool listed(const char *const *names, const char *name) {
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* NumPy scalars and arrays are written as tagged objects; their value counts. Keras 2.0 had {"type": "ndarray"}. */
static const hp_json *plain(const hp_json *value) {
    const char *type = hp_json_string(hp_json_get(value, "type"));
    if (type && strcmp(type, "ndarray") == 0 && hp_json_get(value, "value")) return hp_json_get(value, "value");
    const char *tag = hp_json_string(hp_json_get(value, "class_name"));
    if (!tag || (strcmp(tag, "__numpy__") != 0 && strcmp(tag, "__tensor__") != 0)) return value;
    const hp_json *inner = hp_json_get(hp_json_get(value, "config"), "value");
    return inner ? inner : value;
}

/* A value of the right type that Keras may have is not supported; others are faults of the file. */
static void wrong(
    hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, const hp_json *value, const char *expected) {
    char text[80];
    bool name = field->type == HP_FIELD_ENUM && hp_json_is(value, HP_JSON_STRING);
    hp_layer_refuse(scope, layer, name ? HP_ERROR_UNSUPPORTED : HP_ERROR_FORMAT, field->name, "found %s, expected %s",
        hp_json_describe(value, text, sizeof text), expected);
}

/* "an integer from 1 to 8", for messages. */
static const char *range_text(const hp_field *field, const char *what, char *text, size_t size) {
    int n = snprintf(text, size, "%s from %.10g", what, field->min);
    if (n > 0 && (size_t)n < size && field->max < HP_MAX_DIM)
        snprintf(text + n, size - (size_t)n, " to %.10g", field->max);
    return text;
}

static bool integer(const hp_field *field, const hp_json *value, int64_t *result) {
    if (hp_json_is(value, HP_JSON_INT))
        *result = value->integer;
    else if (hp_json_is(value, HP_JSON_DOUBLE) && value->number == floor(value->number) && fabs(value->number) < 9e15)
        *result = (int64_t)value->number;
    else
        return false;
    return (double)*result >= field->min && (double)*result <= field->max;
}

static void fill_int(
    hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, const hp_json *value, int64_t *to) {
    char text[80];
    if (!integer(field, value, to))
        wrong(scope, layer, field, value, range_text(field, "an integer", text, sizeof text));
}

static void fill_float(
    hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, const hp_json *value, double *to) {
    char text[80];
    bool number = hp_json_is(value, HP_JSON_INT) || hp_json_is(value, HP_JSON_DOUBLE);
    if (number) *to = value->number;
    if (!number || !(*to >= field->min && *to <= field->max))
        wrong(scope, layer, field, value, range_text(field, "a number", text, sizeof text));
}

static void fill_enum(
    hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, const hp_json *value, int *to) {
    const char *name = hp_json_string(value);
    for (int i = 0; name && field->names[i]; i++)
        if (strcmp(field->names[i], name) == 0) {
            *to = i;
            return;
        }
    char expected[200] = "one of";
    for (int i = 0; field->names[i]; i++) {
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s \"%s\"", i ? "," : "", field->names[i]);
    }
    wrong(scope, layer, field, value, expected);
}

static void fill_ints(
    hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, const hp_json *value, hp_ints *to) {
    char text[80];
    *to = (hp_ints){0};
    bool good = true;
    if (hp_json_is(value, HP_JSON_ARRAY)) {
        good = value->count <= HP_MAX_RANK;
        HP_JSON_EACH (item, good ? value : NULL) good = integer(field, plain(item), &to->at[to->count++]) && good;
    } else {
        to->scalar = true;
        good = integer(field, value, &to->at[to->count++]);
    }
    if (!good)
        wrong(scope, layer, field, value, range_text(field, "an integer or a list of integers", text, sizeof text));
}

static void fill_layers(
    hp_layer_scope *scope, hp_layer *layer, const hp_field *field, const hp_json *value, hp_layer_list *to) {
    if (!hp_json_is(value, HP_JSON_ARRAY)) {
        wrong(scope, layer, field, value, "a list of layers");
        return;
    }
    *to = (hp_layer_list){.at = hp_arena_alloc(layer->arena, (value->count + 1) * sizeof *to->at)};
    if (!to->at) {
        scope->reasons->out_of_memory = true;
        return;
    }
    size_t i = 0;
    HP_JSON_EACH (item, value) {
        const char *where = hp_arena_printf(layer->arena, "%s/%s/%zu", layer->place, field->name, i++);
        hp_layer *child = where ? hp_layer_new(scope, item, where) : NULL;
        if (child && hp_layer_add_child(layer, child, field->name, true)) to->at[to->count++] = child;
    }
}

static void fill_layer(
    hp_layer_scope *scope, hp_layer *layer, const hp_field *field, const hp_json *value, hp_layer **to) {
    const char *where = hp_arena_printf(layer->arena, "%s/%s", layer->place, field->name);
    *to = where ? hp_layer_new(scope, value, where) : NULL;
    if (!where || (*to && !hp_layer_add_child(layer, *to, field->name, false))) scope->reasons->out_of_memory = true;
}

static void fill_dtype(
    hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, const hp_json *value, hp_dtype *to) {
    const char *name;
    *to = hp_layer_parse_dtype(value, &name);
    if (*to == HP_DTYPE_NONE) wrong(scope, layer, field, value, "a dtype");
}

/* What a key that is absent or null gives. */
static void fill_default(hp_layer_scope *scope, const hp_layer *layer, const hp_field *field, bool absent, char *to) {
    bool null = field->null_ok;
    switch (field->type) {
    case HP_FIELD_BOOL:
        *(bool *)to = !null && field->fallback != 0;
        break;
    case HP_FIELD_INT:
        *(int64_t *)to = null ? HP_INT_NULL : (int64_t)field->fallback;
        break;
    case HP_FIELD_FLOAT:
        *(double *)to = null ? (double)NAN : field->fallback;
        break;
    case HP_FIELD_ENUM:
        *(int *)to = null ? -1 : (int)field->fallback;
        break;
    case HP_FIELD_INTS:
        if (!null && !isnan(field->fallback))
            *(hp_ints *)to = (hp_ints){.count = 1, .scalar = true, .at = {(int64_t)field->fallback}};
        break;
    case HP_FIELD_ACTIVATION:
        hp_activation_parse(scope, layer, field->name, NULL, (hp_activation_spec *)to);
        if (absent && field->says) hp_activation_by_name((hp_activation_spec *)to, field->says);
        break;
    case HP_FIELD_DTYPE:
    case HP_FIELD_STRING:
    case HP_FIELD_JSON:
    case HP_FIELD_LAYER:
    case HP_FIELD_LAYERS:
    case HP_FIELD_FALSE:
    case HP_FIELD_IGNORE:
        break; /* the zeroed struct says it */
    }
}

static void fill(hp_layer_scope *scope, hp_layer *layer, const hp_field *field, const hp_json *value, char *to) {
    value = plain(value);
    switch (field->type) {
    case HP_FIELD_IGNORE:
        break;
    case HP_FIELD_BOOL:
        if (hp_json_is(value, HP_JSON_BOOL) || hp_json_is(value, HP_JSON_INT))
            *(bool *)to = value->type == HP_JSON_BOOL ? value->boolean : value->integer != 0;
        else
            wrong(scope, layer, field, value, "true or false");
        break;
    case HP_FIELD_INT:
        fill_int(scope, layer, field, value, (int64_t *)to);
        break;
    case HP_FIELD_FLOAT:
        fill_float(scope, layer, field, value, (double *)to);
        break;
    case HP_FIELD_ENUM:
        fill_enum(scope, layer, field, value, (int *)to);
        break;
    case HP_FIELD_INTS:
        fill_ints(scope, layer, field, value, (hp_ints *)to);
        break;
    case HP_FIELD_ACTIVATION:
        hp_activation_parse(scope, layer, field->name, value, (hp_activation_spec *)to);
        break;
    case HP_FIELD_LAYER:
        fill_layer(scope, layer, field, value, (hp_layer **)to);
        break;
    case HP_FIELD_LAYERS:
        fill_layers(scope, layer, field, value, (hp_layer_list *)to);
        break;
    case HP_FIELD_STRING:
        *(const char **)to = hp_json_string(value);
        if (!*(const char **)to) wrong(scope, layer, field, value, "a string");
        break;
    case HP_FIELD_DTYPE:
        fill_dtype(scope, layer, field, value, (hp_dtype *)to);
        break;
    case HP_FIELD_JSON:
        *(const hp_json **)to = value;
        break;
    case HP_FIELD_FALSE:
        break; /* in refuse_true */
    }
}

/* Of HP_FIELD_FALSE: the struct is whole even where it is refused. */
static void refuse_true(hp_layer_scope *scope, hp_layer *layer, const hp_field *field, const hp_json *value) {
    bool number = hp_json_is(value, HP_JSON_INT) && value->integer == 0;
    if (!value || hp_json_is_null(value) || number || (hp_json_is(value, HP_JSON_BOOL) && !value->boolean)) return;
    char text[80];
    hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, field->name, "found %s: %s",
        hp_json_describe(value, text, sizeof text), field->says);
}

static void report_unknown(hp_layer_scope *scope, const hp_layer *layer, const hp_json *config) {
    char text[80];
    HP_JSON_EACH (member, config) {
        const hp_field *field = layer->cls->fields;
        while (field && field->name && strcmp(field->name, member->key) != 0) field++;
        if ((field && field->name) || listed(common_keys, member->key)) continue;
        hp_json_describe(member, text, sizeof text);
        if (!listed(null_keys, member->key))
            hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, member->key, "unknown key, its value is %s", text);
        else if (!hp_json_is_null(member))
            hp_layer_refuse(scope, layer, HP_ERROR_UNSUPPORTED, member->key, "not supported yet: %s", text);
    }
}

bool hp_fields_fill(hp_layer_scope *scope, hp_layer *layer, const hp_json *config, void *to) {
    size_t faults = scope->reasons->count;
    for (const hp_field *field = layer->cls->fields; field && field->name; field++) {
        const hp_json *value = hp_json_get(config, field->name);
        char *place = (char *)to + field->offset;
        if (field->type == HP_FIELD_IGNORE || field->type == HP_FIELD_FALSE) continue;
        if (!value && field->required)
            hp_layer_refuse(scope, layer, HP_ERROR_FORMAT, field->name, "the key is missing");
        else if (!value || (hp_json_is_null(value) && field->null_ok))
            fill_default(scope, layer, field, !value, place);
        else
            fill(scope, layer, field, value, place);
    }
    bool whole = faults == scope->reasons->count && !scope->reasons->out_of_memory;
    for (const hp_field *field = layer->cls->fields; field && field->name; field++)
        if (field->type == HP_FIELD_FALSE) refuse_true(scope, layer, field, hp_json_get(config, field->name));
    report_unknown(scope, layer, config);
    return whole;
}
