/* tfraw.h: TensorFlow's raw operations, as graphs of Keras 2 up to TensorFlow 2.3 hold them (TensorFlowOpLayer). */
#ifndef HP_FORMAT_TFRAW_H
#define HP_FORMAT_TFRAW_H

#include "format/fixups.h"

/* Brings a call of the layer with this config (node_def, constants) to the form of a call of a function: tensors and
 * constants as arguments in order, a list where the operation takes any number of them; attributes as keyword arguments,
 * dtypes and shapes of inputs left out. *fits becomes false where something cannot be told. */
hp_status hp_fix_tf_raw(const hp_fixup *f, const hp_json *config, hp_json *call, bool *fits, hp_error *error);

#endif
