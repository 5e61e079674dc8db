/* layer.h: what a layer class is, and what a lower function is given.
 *
 * A layer does not compute: it lowers. Its file holds, per class, a struct of its config, a table of fields that
 * fills the struct from the model's config, and `lower`, which emits primitives through prims/builder.h. One line in
 * layers.def registers it: LAYER(Dense, "keras.layers", dense) declares `hp_layer_class hp_layer_Dense` in dense.c.
 *
 * The same lower function runs at load (to check the model and declare its weights) and again for every new
 * signature of input shapes; it must be a pure function of config and input shapes. */
#ifndef HP_LAYERS_LAYER_H
#define HP_LAYERS_LAYER_H

#include "base/json.h"
#include "base/weights.h"
#include "prims/builder.h"

typedef struct hp_layer hp_layer;
typedef struct hp_layer_scope hp_layer_scope;

/* ---- fields: the declarative table of a class's config keys ---------------------------------------------------- */

typedef enum hp_field_type {
    HP_FIELD_IGNORE, /* a key that does nothing at inference (initializers, regularizers ...): any value */
    HP_FIELD_BOOL,   /* bool */
    HP_FIELD_INT, /* int64_t in [min, max]; an integral float is taken; with fallback HP_NULL null is taken: HP_INT_NULL */
    HP_FIELD_FLOAT,      /* double in [min, max]; with fallback HP_NULL null is taken: then NaN */
    HP_FIELD_ENUM,       /* int: index into names[] */
    HP_FIELD_INTS,       /* hp_ints: one int or a list, each in [min, max] */
    HP_FIELD_ACTIVATION, /* hp_activation_spec: name, or serialised object with arguments; null = linear; absent: `says` */
    HP_FIELD_LAYER,      /* hp_layer *: an inner layer (wrappers, cells); its weights lie at <path>/<key> */
    HP_FIELD_LAYERS,     /* hp_layer_list: a list of them */
    HP_FIELD_STRING,     /* const char *; null = NULL */
    HP_FIELD_DTYPE,      /* hp_dtype; null = HP_DTYPE_NONE */
    HP_FIELD_JSON,       /* const hp_json *: as it is, for what the table cannot say; NULL when absent or null */
    HP_FIELD_FALSE,      /* must be false or null: true is refused, `says` why; has no place in the struct */
} hp_field_type;

typedef struct hp_ints {
    int count;
    bool scalar; /* was one int */
    int64_t at[HP_MAX_RANK];
} hp_ints;

typedef struct hp_field {
    const char *name; /* Keras's key */
    hp_field_type type;
    size_t offset;            /* in the config struct */
    bool required;            /* absent: an error; else `fallback` */
    bool null_ok;             /* null means absent */
    double fallback;          /* BOOL, INT, FLOAT, ENUM, DTYPE; INTS: one int, NaN: count 0 */
    double min, max;          /* INT, FLOAT, INTS */
    const char *const *names; /* ENUM: NULL-terminated */
    const char
        *says; /* JSON: what it holds, for the documentation, or NULL; FALSE: why true is refused; ACTIVATION: the
                         one where the key is absent, NULL: linear */
} hp_field;

/* Tables are written with these, and end with HP_FIELDS_END:
 *   static const hp_field fields[] = {
 *       HP_INT(dense, units, HP_REQUIRED, 1, HP_MAX_DIM),
 *       HP_ACTIVATION(dense, activation),
 *       HP_BOOL(dense, use_bias, true),
 *       HP_IGNORE("kernel_initializer"), ...
 *       HP_FIELDS_END}; */
#define HP_REQUIRED (-1e300) /* as a fallback: the key must be there */
#define HP_NULL (1e300)      /* as a fallback: absent and null are both allowed; see the type for what they give */
#define HP_INT_NULL INT64_MIN
#define HP_MAX_DIM 2147483647.0
#define HP_FIELD_(s, m, t, fb, lo, hi, nm)                                                                             \
    {                                                                                                                  \
        .name = #m, .type = (t), .offset = offsetof(s, m), .required = (fb) == HP_REQUIRED,                            \
        .null_ok = (fb) == HP_NULL, .fallback = (fb), .min = (lo), .max = (hi), .names = (nm)                          \
    }
#define HP_BOOL(s, m, fb) HP_FIELD_(s, m, HP_FIELD_BOOL, fb, 0, 1, NULL)
#define HP_INT(s, m, fb, lo, hi) HP_FIELD_(s, m, HP_FIELD_INT, fb, lo, hi, NULL)
#define HP_FLOAT(s, m, fb, lo, hi) HP_FIELD_(s, m, HP_FIELD_FLOAT, fb, lo, hi, NULL)
#define HP_ENUM(s, m, fb, nm) HP_FIELD_(s, m, HP_FIELD_ENUM, fb, 0, 0, nm)
#define HP_INTS(s, m, fb, lo, hi) HP_FIELD_(s, m, HP_FIELD_INTS, fb, lo, hi, NULL)
#define HP_ACTIVATION(s, m) HP_FIELD_(s, m, HP_FIELD_ACTIVATION, HP_NULL, 0, 0, NULL)
#define HP_ACTIVATION_OR(s, m, name_)                                                                                  \
    { .name = #m, .type = HP_FIELD_ACTIVATION, .offset = offsetof(s, m), .null_ok = true, .says = (name_) }
#define HP_LAYER(s, m) HP_FIELD_(s, m, HP_FIELD_LAYER, HP_REQUIRED, 0, 0, NULL)
#define HP_OPTIONAL_LAYER(s, m) HP_FIELD_(s, m, HP_FIELD_LAYER, HP_NULL, 0, 0, NULL)
#define HP_LAYERS(s, m) HP_FIELD_(s, m, HP_FIELD_LAYERS, HP_REQUIRED, 0, 0, NULL)
#define HP_STRING_FIELD(s, m) HP_FIELD_(s, m, HP_FIELD_STRING, HP_NULL, 0, 0, NULL)
#define HP_DTYPE_FIELD(s, m) HP_FIELD_(s, m, HP_FIELD_DTYPE, HP_NULL, 0, 0, NULL)
#define HP_JSON_FIELD(s, m) HP_FIELD_(s, m, HP_FIELD_JSON, HP_NULL, 0, 0, NULL)
#define HP_JSON_OF(s, m, what)                                                                                         \
    { .name = #m, .type = HP_FIELD_JSON, .offset = offsetof(s, m), .null_ok = true, .says = (what) }
#define HP_FALSE(key, why)                                                                                             \
    { .name = (key), .type = HP_FIELD_FALSE, .null_ok = true, .says = (why) }
#define HP_IGNORE(key)                                                                                                 \
    { .name = (key), .type = HP_FIELD_IGNORE, .null_ok = true }
#define HP_FIELDS_END                                                                                                  \
    { .name = NULL }
/* {"valid", "same", ...} for HP_ENUM. */
#define HP_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
/* The usual training-only keys of layers with weights. */
#define HP_IGNORE_WEIGHT(kind)                                                                                         \
    HP_IGNORE(kind "_initializer"), HP_IGNORE(kind "_regularizer"), HP_IGNORE(kind "_constraint")

/* An activation as a layer sees it: one entry of activations.def with its arguments. */
typedef struct hp_activation_spec {
    const struct hp_activation_entry *entry; /* never NULL after parsing: linear when null */
    double params[4];
} hp_activation_spec;

typedef struct hp_layer_list {
    hp_layer **at;
    size_t count;
} hp_layer_list;

/* ---- weights --------------------------------------------------------------------------------------------------- */

typedef struct hp_weight_slot {
    const char *name; /* Keras's: "kernel"; "cell/kernel" for a variable of an attribute that is no layer here */
    bool trainable;   /* as created; a frozen layer makes all of its weights non-trainable */
    /* How a file holds it, for the few that are special; all false for the others. */
    bool only_in_paths;      /* another layer's variable: paths hold it here as well, ordered lists once */
    bool only_in_lists;      /* merged into another weight when paths are written: zeros there */
    const char *path_name;   /* in paths, where that is no number; NULL: one */
    size_t path_place;       /* its number among the paths of the layer, from 1; 0: as created, trainable ones first */
    bool frozen;             /* trainable as created, not any more: ordered lists have it behind the trainable ones */
    hp_constant *constant;   /* data bound by graph/ after the first lowering */
    const hp_weight *stored; /* where its data comes from; NULL until then */
} hp_weight_slot;

/* ---- layers ---------------------------------------------------------------------------------------------------- */

typedef enum hp_mask_policy {
    HP_MASK_STOP, /* the layer does not support masking: outputs have no mask */
    HP_MASK_PASS, /* supports_masking, default compute_mask: the first input's mask goes on to the outputs */
    HP_MASK_OWN,  /* lower sets (or leaves unset) the outputs' masks itself */
} hp_mask_policy;

/* What masked steps behind a row's own steps mean to a layer: whether its other results stay the same bits. */
typedef enum hp_padding {
    HP_PADDING_SEEN,     /* they may change results */
    HP_PADDING_INPUT,    /* is the model's input itself */
    HP_PADDING_STEPWISE, /* each step is worked on alone */
    HP_PADDING_SKIPPED,  /* recurrent: a masked step leaves the state as it is */
    HP_PADDING_WRAPPED,  /* as the layer in it, under the key "layer" */
    HP_PADDING_MARKED,   /* where the mask begins: of the keys mask_zero and mask_value */
} hp_padding;

/* An argument of a call: a tensor, a constant from the config, or a list or dict of such. */
typedef enum hp_arg_kind { HP_ARG_TENSOR, HP_ARG_CONSTANT, HP_ARG_LIST } hp_arg_kind;
typedef struct hp_arg {
    hp_arg_kind kind;
    const char *name; /* keyword or dict key; NULL for a positional one or a list's item */
    hp_value tensor;
    const hp_json *constant; /* null as well as numbers, strings, tagged objects */
    struct hp_arg *items;    /* LIST (dicts too: items with names, sorted by key as keras.tree does) */
    size_t item_count;
} hp_arg;

/* One call of a layer (a layer may be called many times). */
typedef struct hp_call {
    const hp_value *inputs; /* the tensors of the first positional argument, flattened */
    size_t input_count;
    bool input_is_list; /* the first argument was a list, tuple or dict */
    const hp_arg *args; /* all of them: positional first, then keywords */
    size_t arg_count;
    hp_value *outputs; /* hp_call_output appends */
    size_t output_count, output_capacity;
} hp_call;

/* Appends an output (flat order of Keras's output structure). */
void hp_call_output(hp_builder *b, hp_call *call, hp_value value);
/* The argument at `position` (0 = first positional) or of that keyword; NULL when absent or None, or a
 * list of None alone. */
const hp_arg *hp_call_arg(const hp_call *call, int position, const char *keyword);
/* Its tensor, or HP_NO_VALUE when it is absent; fails where it is something else. */
hp_value hp_call_tensor(hp_builder *b, const hp_call *call, int position, const char *keyword);

typedef struct hp_layer_class {
    const char *class_name, *module;
    const char *saved_name; /* of the Python class, where it is another: paths of weights are made from it; else NULL */
    const hp_field *fields;
    size_t config_size;
    hp_mask_policy masking;
    hp_padding padding;
    int min_inputs, max_inputs; /* of the first argument; max -1: any number */
    int spatial;                /* 2 for Conv2D: the axes beside rows and channels; 0: the class has no such number */
    /* Cross-checks after the fields are filled, and what a table cannot say (may be NULL). Reports every fault with
     * hp_layer_refuse; may complete the config (the one place that writes to it); knows no shapes. */
    void (*check)(hp_layer_scope *scope, hp_layer *layer, void *config);
    void (*lower)(hp_builder *b, hp_layer *layer, hp_call *call);
    /* The same where an argument is complex (hp_builder_complex); NULL: such calls are refused. */
    void (*lower_complex)(hp_builder *b, hp_layer *layer, hp_call *call);
    /* For layers that keep a file beside their weights (save_assets): its name, and what is called after all checks with
     * its bytes, which live as long as the layer; NULL: the model has no such file. */
    const char *asset;
    void (*read_asset)(hp_layer_scope *scope, hp_layer *layer, void *config, const char *data, size_t size);
    /* For layers that can stand as another's activation (ReLU, Softmax): the config as an activation; else NULL. */
    void (*activation)(const void *config, hp_activation_spec *spec);
    /* Names of the call's positional arguments behind the first, NULL-terminated; NULL: lower looks at their places. */
    const char *const *arguments;
    bool any_dtype;     /* takes every dtype policy (InputLayer); else float32 alone */
    bool float8;        /* and float8, whose numbers are carried as float32 */
    bool own_dtype;     /* outputs come as lower makes them: floats are not cast to the layer's dtype */
    bool no_autocast;   /* inputs come as they are, floats of another width are not cast to the layer's dtype */
    bool checks_always; /* `check` copes with a struct that faults left incomplete: it runs whatever else is wrong */
    bool is_model;      /* a container: Sequential, Functional; its children are layers of the model */
    bool is_operation;  /* a node of keras.ops: no layer, has no weights and no place in `layers` */
    bool own_code;      /* registered by the caller: any config, and whatever weights the file has (custom.h) */
} hp_layer_class;

struct hp_layer {
    const hp_layer_class *cls;
    const char *name;      /* Keras's, "dense_1" */
    const char *place;     /* for messages: `layers/3 "lstm_1" (LSTM)` */
    const char *attribute; /* child: the key it came from ("forward_layer", "cells", "layers"); else NULL */
    bool in_list;          /* that key holds a list */
    const void *config;    /* cls->config_size bytes, filled from the fields */
    const hp_json *json;   /* its whole serialised object */
    hp_dtype dtype;        /* compute dtype by its dtype policy */
    hp_dtype variables;    /* that policy's variable dtype */
    bool trainable;
    bool autocast_integers;  /* Keras 3: floats are cast to an integer compute dtype as well */
    hp_weight_slot *weights; /* in the order lower asked for them first, which must be Keras's creation order */
    size_t weight_count, weight_capacity;
    hp_layer **children; /* in creation order */
    size_t child_count, child_capacity;
    struct hp_layer *parent; /* of a child; a shared one keeps its first */
    size_t place_in_parent;  /* parent->children[place_in_parent] is this layer, for the first time */
    size_t index;            /* place in the network's table of layers, from 1; 0: it has none */
    bool visited;            /* for walks over layers that may be shared */
    hp_arena *arena;         /* the model's: lives as long as the layer */
};

/* The class as the file names it, without a package: that of a user's subclass where a model was saved as one. */
const char *hp_layer_class_name(const hp_layer *layer);

/* The weight `name` of this layer with these dims, as a constant value; declares it when it is asked for the first
 * time. Keras's creation order (build()) is the order of first calls: it is the order in the file. */
hp_value hp_layer_weight(
    hp_builder *b, hp_layer *layer, const char *name, bool trainable, int rank, const int64_t *dims);
/* The same, but not rounded to the layer's dtype, as a layer has it whose autocast is off: float32 under a mixed policy. */
hp_value hp_layer_variable(
    hp_builder *b, hp_layer *layer, const char *name, bool trainable, int rank, const int64_t *dims);
/* The slot of a weight that was asked for; NULL when there is none of that name. */
hp_weight_slot *hp_layer_weight_slot(hp_layer *layer, const char *name);
/* A new slot at the end, zeroed; NULL: out of memory. Only before the network is open. */
hp_weight_slot *hp_layer_add_weight_slot(hp_layer *layer);
#define HP_DIMS(...)                                                                                                   \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) {                                     \
        __VA_ARGS__                                                                                                    \
    }

/* Lowers an inner layer (a wrapper's, a cell's) on given inputs: as a call of it in the graph, its mask policy
 * included. Returns its first output; all of them in call->outputs when `call` is not NULL. */
hp_value hp_layer_call(hp_builder *b, hp_layer *layer, const hp_value *inputs, size_t input_count);
void hp_layer_call_full(hp_builder *b, hp_layer *layer, hp_call *call);

/* What Keras's Layer.__call__ gives a layer as its argument `mask`: the explicit one, or else the mask of the first
 * input, but only where no other argument holds tensors (an RNN called with initial states sees no mask).
 * HP_NO_VALUE: none. */
hp_value hp_call_mask(hp_builder *b, const hp_call *call);
/* What Keras gives compute_mask, for the mask of the outputs: the explicit argument, or else the first input's. */
hp_value hp_call_previous_mask(hp_builder *b, const hp_call *call);

/* x under an activation: one or several primitives. */
hp_value hp_emit_activation(hp_builder *b, hp_value x, const hp_activation_spec *activation);

/* ---- registry and parsing (registry.c, fields.c) ---------------------------------------------------------------- */

/* The class registered for this class name and module; NULL when there is none. A module of NULL or "" (old
 * files) finds keras.layers. */
const hp_layer_class *hp_layer_class_find(const char *class_name, const char *module);

/* Every reason why a model cannot be run is collected, not just the first. A zeroed one is empty. */
typedef struct hp_reasons {
    hp_error *at; /* HP_ERROR_UNSUPPORTED or HP_ERROR_FORMAT each; where = path, key */
    size_t count, capacity;
    bool out_of_memory;
} hp_reasons;
void hp_reasons_add(hp_reasons *reasons, hp_status status, const char *where, const char *format, ...) HP_PRINTF(4, 5);
void hp_reasons_release(hp_reasons *reasons);

/* The state of parsing one model. A zeroed one with arena and reasons set is good; released with
 * hp_layer_scope_release. */
struct hp_layer_scope {
    hp_arena *arena;
    hp_reasons *reasons;
    /* Finds a class before the registry does (graph/: models, operations); may be NULL. */
    const hp_layer_class *(*find)(const char *class_name, const char *module);
    int depth;                     /* of nesting; bounded */
    size_t faults_below;           /* how many of the reasons are faults of a model's layers, not of the model itself */
    int family;                    /* of the Keras that wrote the file: 1, 2 or 3; 0 is taken as 3 */
    const hp_custom_layer *custom; /* what the caller registered; found before all others */
    size_t custom_count;
    /* Layers that Keras shares between places of one config, by shared_object_id. */
    struct hp_shared_layer *shared;
    size_t shared_count, shared_capacity;
};
void hp_layer_scope_release(hp_layer_scope *scope);
/* Whether Keras 1 or 2 wrote the file. */
bool hp_layer_is_old(const hp_layer_scope *scope);

/* Makes a layer from its serialised object {module, class_name, config}: finds the class, fills the config, makes
 * its children. Faults (unknown class, key, value; a dtype policy that is not there yet ...) go to scope->reasons, all
 * of them, at `where` (`layers/3`; name and class are added); returns NULL then, or when out of memory; but a model that only lacks
 * layers with faults is returned, so that lowering can look for more. Lives in the arena. */
hp_layer *hp_layer_new(hp_layer_scope *scope, const hp_json *object, const char *where);
/* Adds a child; false: out of memory. For `check` of classes that make children themselves (models). */
bool hp_layer_add_child(hp_layer *layer, hp_layer *child, const char *attribute, bool in_list);
/* Reports a fault of this layer; `key` (may be NULL) is what it is about. */
void hp_layer_refuse(hp_layer_scope *scope, const hp_layer *layer, hp_status status, const char *key,
    const char *format, ...) HP_PRINTF(5, 6);

/* The dtype that a serialised dtype or DTypePolicy computes in; HP_DTYPE_NONE where it is not a plain one. *name is
 * its name for messages, "" where there is none. */
hp_dtype hp_layer_parse_dtype(const hp_json *value, const char **name);
/* The rounding of a float8 dtype, whose numbers are carried as float32: Keras has no operation on them but a cast back.
 * HP_UNARY_IDENTITY: it is none. */
hp_unary hp_float8_rounding(const char *name);
/* A serialised activation: a name, {"class_name": "function", "config" or "registered_name": name}, or an activation
 * layer {"class_name": "ReLU", "config": {...}}. Null is linear. False: the fault was added to the reasons, as one of
 * `layer`'s key. */
bool hp_activation_parse(
    hp_layer_scope *scope, const hp_layer *layer, const char *key, const hp_json *value, hp_activation_spec *spec);
/* The entry of that Keras name ("relu"); NULL when there is none. */
const struct hp_activation_entry *hp_activation_find(const char *name);
/* Sets the spec to the activation of that name, which must be in activations.def, with its default arguments. */
void hp_activation_by_name(hp_activation_spec *spec, const char *name);
/* Spec as one elementwise function, for primitives that fuse it. False: it is axis-wise. */
bool hp_activation_elementwise(const hp_activation_spec *spec, hp_activation *activation);

#define LAYER(class_name, module, file) extern const hp_layer_class hp_layer_##class_name;
#include "layers/layers.def"
#undef LAYER

#endif
