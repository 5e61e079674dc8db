/* fixups.h: what brings the configs of old files to Keras 3's form. fixups.c walks the config; rules.c changes keys by
 * a table; nodes.c the calls in a graph; tfops.c TensorFlow's functions; keras1.c what only Keras 1 had. */
#ifndef HP_FORMAT_FIXUPS_H
#define HP_FORMAT_FIXUPS_H

#include "base/error.h"
#include "base/json.h"

typedef struct hp_fixup {
    hp_arena *arena;
    int family;          /* 1, 2 or 3, as in hp_keras_version */
    int version;         /* major * 100 + minor */
    bool channels_first; /* family 1: the data format where a layer's config has none */
    bool tf_keras;       /* family 2, written by TensorFlow's Keras and not by the multi-backend one */
} hp_fixup;

/* A layer object while it is changed: `object` has class_name and config; `class_name` is what it is called by now. */
typedef struct hp_fix_layer {
    hp_json *object;
    hp_json *config; /* an object */
    const char *class_name;
} hp_fix_layer;

/* The member as something that may be changed; NULL when absent. */
hp_json *hp_fix_member(hp_json *object, const char *key);
/* Sets object[key] to a new value; `key` is a literal. */
hp_status hp_fix_set_string(const hp_fixup *f, hp_json *object, const char *key, const char *text, hp_error *error);

/* Whether a class (NULL: none) is one of "|A|B|". */
bool hp_fix_is_one_of(const char *class_name, const char *classes);

/* Changes class name and keys by the table of the family (rules.c). */
hp_status hp_fix_by_rules(const hp_fixup *f, hp_fix_layer *layer, hp_error *error);

/* Brings layers[].inbound_nodes, input_layers and output_layers of a Functional config to Keras 3's form, with node
 * numbers counted from 0 (nodes.c). Its layers have been fixed before. */
hp_status hp_fix_nodes(const hp_fixup *f, hp_json *config, hp_error *error);

/* A TensorFlow function in a graph as the operation of keras.ops that it is, where there is one (tfops.c). The layer's
 * calls have Keras 3's form by then. */
hp_status hp_fix_tf_op(const hp_fixup *f, hp_json *layer, hp_error *error);

/* Takes AddLoss and AddMetric out of a Functional config, and the functions that nothing else reads (losses.c). The calls
 * have Keras 3's form by then. */
hp_status hp_fix_losses(const hp_fixup *f, hp_json *config, hp_error *error);

/* Removes the member `key` from every object below `value`. */
void hp_fix_strip(hp_json *value, const char *key);

/* What Keras 1 had and no table can say: Merge, border modes, kernel sizes in pieces (keras1.c). */
hp_status hp_fix_keras1(const hp_fixup *f, hp_fix_layer *layer, hp_error *error);

/* Makes a Functional of a Sequential whose list begins with a Merge of branches (keras1_merge.c). */
hp_status hp_fix_merged_sequential(const hp_fixup *f, hp_json *object, hp_error *error);

#endif
