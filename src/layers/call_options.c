/* call_options.c: see call_options.h. */
#include "layers/call_options.h"

bool hp_call_flag(hp_builder *b, const hp_call *call, const char *keyword, bool fallback) {
    const hp_arg *arg = hp_call_arg(call, -1, keyword);
    if (!arg) return fallback;
    if (arg->kind == HP_ARG_CONSTANT && hp_json_is(arg->constant, HP_JSON_BOOL)) return arg->constant->boolean;
    if (arg->kind == HP_ARG_CONSTANT && hp_json_is(arg->constant, HP_JSON_INT)) return arg->constant->integer != 0;
    hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "the argument %s is not true or false", keyword);
    return fallback;
}

void hp_call_refuse_training(hp_builder *b, const hp_call *call, double dropout) {
    if (dropout > 0 && hp_call_flag(b, call, "training", false))
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED,
            "the model calls it with training=True: dropout of %g makes its output random", dropout);
}
