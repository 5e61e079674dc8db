/* elementwise.h: the program of an `elementwise` node, as emitters write it and passes rewrite it.
 *
 * A program is a list of steps; step i computes one value per element of the output's shape from node inputs and
 * results of earlier steps. The last step's result is the output. Inputs are broadcast (NumPy's rules) against each
 * other; the output has the broadcast shape. Plain bytes without pointers: two programs are equal when their bytes
 * are. To fuse a producer into its consumer, put the producer's steps first and renumber. */
#ifndef HP_PRIMS_ELEMENTWISE_H
#define HP_PRIMS_ELEMENTWISE_H

#include "prims/params.h"
#include "prims/graph.h"

typedef enum hp_elementwise_kind {
    HP_STEP_UNARY,   /* op: hp_unary, params; from == dtype */
    HP_STEP_BINARY,  /* op: hp_binary; from == dtype */
    HP_STEP_COMPARE, /* op: hp_compare_op; dtype is bool */
    HP_STEP_LOGICAL, /* op: hp_logical_op; from and dtype are bool */
    HP_STEP_SELECT,  /* operands: condition (bool), x, y (both of `from` == dtype) */
    HP_STEP_CAST,    /* from -> dtype */
} hp_elementwise_kind;

enum { HP_MAX_ELEMENTWISE_STEPS = 64, HP_MAX_ELEMENTWISE_INPUTS = 64 };

typedef struct hp_elementwise_step {
    uint8_t kind, op;
    uint8_t from, dtype; /* hp_dtype of the operands and of the result */
    int16_t operands[3]; /* i >= 0: node input i; i < 0: the result of step -1 - i; unused ones 0 */
    int16_t zero;
    double params[4]; /* of a unary function; else 0 */
} hp_elementwise_step;

typedef struct hp_elementwise_params {
    int32_t step_count, zero;
    hp_elementwise_step steps[]; /* step_count of them */
} hp_elementwise_params;

/* Operands that a step of this kind and op reads. */
int hp_elementwise_operands(const hp_elementwise_step *step);
/* Bytes of params with this many steps. */
size_t hp_elementwise_size(int step_count);

#endif
