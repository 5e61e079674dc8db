/* isa.c: all kernels for one ISA. Compiled once per line of isa_*.def with that line's flags and
 *   -DISA_NAME=<name> -DISA_VECTOR_BYTES=<bytes>
 *
 * Invariant: everything is static but one table, hp_kernels_<name> (a test checks it with nm): a function shared with
 * another compilation of this file could be linked into the wrong one and run instructions that a CPU lacks. So no
 * inline function of a header outside this folder may be used here either. */
#include "base/special.h"
#include "kernels/isa_list.h"
#include "kernels/vec.h"

#include "kernels/math.inc"
#include "kernels/tanh.inc"
#include "kernels/gelu.inc"
#include "kernels/powers.inc"
#include "kernels/unary.inc"
#include "kernels/binary.inc"
#include "kernels/move.inc"
#include "kernels/tile.inc"
#include "kernels/gemm.inc"
#include "kernels/conv_rules.inc"
#include "kernels/conv_narrow.inc"
#include "kernels/conv.inc"
#include "kernels/winograd.inc"
#include "kernels/winograd_deep.inc"
#include "kernels/winograd_weights.inc"
#include "kernels/winograd_strided.inc"
#include "kernels/depthwise.inc"
#include "kernels/depthwise_plane.inc"
#include "kernels/pool.inc"
#include "kernels/reduce.inc"
#include "kernels/softmax.inc"
#include "kernels/attention.inc"
#include "kernels/attention_head.inc"
#include "kernels/norm.inc"
#include "kernels/gates.inc"
#include "kernels/rnn.inc"
#include "kernels/gru.inc"
#include "kernels/text.inc"
#include "kernels/text_put.inc"
#include "kernels/peak.inc"

#define PASTE(a, b) a##b
#define TABLE_OF(name) PASTE(hp_kernels_, name)
#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)

const hp_kernels TABLE_OF(ISA_NAME) = {
    .isa = TEXT_OF(ISA_NAME),
    .vector_floats = VL,
    .gemm_mr = TILE_ROWS(TILE_VECTORS),
    .gemm_nr = TILE_VECTORS * VL,
#define KERNEL(returned, name, arguments) .name = name,
#include "kernels/kernels.def"
#undef KERNEL
};
