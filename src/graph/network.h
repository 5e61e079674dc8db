/* network.h: the inside of a network, for the files that make it (build.c, table.c, bind.c). */
#ifndef HP_GRAPH_NETWORK_H
#define HP_GRAPH_NETWORK_H

#include "graph/build.h"
#include "graph/models.h"

struct hp_network {
    hp_arena arena; /* layers, names, tables */
    const hp_model_spec *spec;
    hp_constants *constants;
    hp_layer *root; /* the model: its class is_model */
    hp_input_spec *inputs;
    size_t input_count;
    hp_tensor_info *outputs;
    size_t output_count;
    hp_layer **layers; /* of the table, by index - 1 */
    hp_layer_info *infos;
    size_t layer_count;
    hp_measure *measures; /* sizes that the rows of a batch tell */
    size_t measure_count;
    int64_t trial_size; /* while it is opened: what stands for such a size */
    bool mixes_rows;
    const char *mixes_rows_where;
    bool *claimed; /* by number of the weight: a layer with code of its own has it (claim.h); NULL: none is */
    void **owned;  /* weights that could not be used in place */
    size_t owned_count, owned_capacity;
};

/* What a trial lowering learned: outputs of the model and of every layer of the table, with their shapes. */
typedef struct hp_probe {
    hp_graph graph;
    hp_call_record *records; /* layer_count + 1 */
    hp_reasons reasons;      /* all that stand against these sizes */
} hp_probe;

/* table.c: gives the layers of models their places in the table. HP_ERROR_NO_MEMORY. */
hp_status hp_network_number_layers(hp_network *network, hp_error *error);
/* Fills outputs and layer infos from one trial, or two with different sizes (second NULL: all sizes are known). */
hp_status hp_network_fill_tables(hp_network *network, const hp_probe *first, const hp_probe *second, hp_error *error);
/* The layer of that name or path; NULL when there is none. */
const hp_layer *hp_network_find_layer(const hp_network *network, const char *name);

#endif
