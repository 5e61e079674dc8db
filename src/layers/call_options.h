/* call_options.h: arguments of a call that are options, not tensors. */
#ifndef HP_LAYERS_CALL_OPTIONS_H
#define HP_LAYERS_CALL_OPTIONS_H

#include "layers/support.h"

/* The bool of that keyword; `fallback` when it is absent or None. Fails when it is anything else. */
bool hp_call_flag(hp_builder *b, const hp_call *call, const char *keyword, bool fallback);
/* Fails where the call asks for the random behaviour of training from a layer with this rate of dropout. */
void hp_call_refuse_training(hp_builder *b, const hp_call *call, double dropout);

#endif
