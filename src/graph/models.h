/* models.h: Sequential and Functional as layer classes: a model inside a model is a layer whose lower inlines it.
 *
 * Invariant: a parsed model's nodes stand in an order in which every one comes after those it reads. */
#ifndef HP_GRAPH_MODELS_H
#define HP_GRAPH_MODELS_H

#include "layers/layer.h"

/* A tensor of a Functional graph: output `tensor` of its node `node`. */
typedef struct hp_tensor_ref {
    size_t node, tensor;
    const hp_json *told; /* what the file says of it: {"shape", "dtype"}; NULL: nothing */
} hp_tensor_ref;

/* One call of a layer in a Functional graph. Arguments of kind HP_ARG_TENSOR hold an index into `refs`. */
typedef struct hp_model_node {
    hp_layer *layer; /* NULL: one with faults */
    const hp_arg *args;
    size_t arg_count;
    size_t first_ref, ref_count; /* in hp_functional.refs: all tensors that the arguments hold */
} hp_model_node;

typedef struct hp_functional {
    const hp_json *layers, *input_layers, *output_layers; /* as in the config */
    hp_model_node *nodes;                                 /* by layer in the config's order, then by call */
    size_t node_count;
    size_t *first_node; /* per child: its first node; child_count + 1 of them */
    size_t *order;      /* of execution: nodes */
    hp_tensor_ref *refs;
    size_t ref_count, ref_capacity;
    hp_tensor_ref *inputs, *outputs; /* flattened in the order of keras.tree */
    size_t input_count, output_count;
} hp_functional;

typedef struct hp_sequential {
    const hp_json *layers, *build_input_shape;
    hp_layer **list; /* its layers in order; NULL: one with faults */
    size_t count;
} hp_sequential;

/* An input of a model. */
typedef struct hp_input_spec {
    const char *name;
    hp_dtype dtype;
    int rank;
    int64_t dims[HP_MAX_RANK]; /* -1: None; the batch too */
} hp_input_spec;

/* What lowering keeps track of; the builder's `user`. */
typedef struct hp_lowering {
    size_t calls_left;              /* bounds the work that a small config can ask for */
    struct hp_call_record *records; /* per layer of the table, by its index; NULL: none are kept */
    size_t record_count;
    /* Where each call that fails adds its reason, and the next ones follow; NULL: the first one ends it all. */
    hp_reasons *reasons;
    bool assets_missing; /* the layers' files were not read: layers that have one are not called */
    bool reported;       /* the builder's failure comes from calls whose reasons were added */
} hp_lowering;

/* The outputs of the first call of a layer. */
typedef struct hp_call_record {
    const hp_value *outputs;
    size_t count;
} hp_call_record;

/* The class for this name and module when it is a model or an operation: for hp_layer_scope.find. A subclass of Functional without
 * code of its own is none any more here: format/ has made it one. */
const hp_layer_class *hp_model_class_find(const char *class_name, const char *module);

/* The inputs of a model layer, from its InputLayers or what else says their shape. *inputs is in the layer's arena.
 * False: they cannot be known. */
bool hp_model_inputs(const hp_layer *model, hp_input_spec **inputs, size_t *count);
/* The layer that makes output `index` of a model; NULL when there is no such output. */
const hp_layer *hp_model_output_layer(const hp_layer *model, size_t index);

/* Parses the graph of a Functional; a check function of its class. */
void hp_functional_parse(hp_layer_scope *scope, hp_layer *layer, void *config);
/* Makes the children of a model from its list of layers, in order; NULL entries are those with faults (reported). */
hp_layer **hp_model_parse_layers(hp_layer_scope *scope, hp_layer *model, const hp_json *layers, size_t *count);

/* A call of a layer of a model: counted, recorded. layer may be NULL: one with faults, which are known. */
void hp_model_call(hp_builder *b, hp_layer *layer, hp_call *call);
/* After a failure, where all reasons are wanted: adds this one and makes the builder good again. False: it is the end. */
bool hp_model_go_on(hp_builder *b);
/* What stands for a tensor that a failed call would have made, of the shape and dtype that the file says; HP_NO_VALUE: it does not
 * say them. */
hp_value hp_model_stand_in(hp_builder *b, const hp_json *shape, hp_dtype dtype);
/* Fails, for want of the results of calls that failed. */
void hp_model_fail_reported(hp_builder *b);
/* x with the dtype of an InputLayer, its mask kept. */
hp_value hp_model_take(hp_builder *b, hp_value x, const hp_layer *input);

extern const hp_layer_class hp_model_class_Functional, hp_model_class_Sequential;

#endif
