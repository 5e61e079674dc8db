/* attention.h: the inputs of the primitive `attention`, in order, and its parameters. */
#ifndef HP_PRIMS_ATTENTION_H
#define HP_PRIMS_ATTENTION_H

#include "prims/params.h"

typedef enum hp_attention_input {
    HP_ATTENTION_QUERY, /* [batch, queries, ...]: a head's part of the last axis begins at offset + head * size */
    HP_ATTENTION_KEY,   /* [batch, keys, ...] */
    HP_ATTENTION_VALUE, /* [batch, keys, ...] */
    HP_ATTENTION_MASK,  /* optional: bool [batch or 1, heads or 1, queries or 1, keys], false: hidden */
    HP_ATTENTION_INPUTS
} hp_attention_input;

#endif
