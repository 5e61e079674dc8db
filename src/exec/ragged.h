/* ragged.h: rows of different lengths: grouped by length, or padded where that cannot be told from the result. */
#ifndef HP_EXEC_RAGGED_H
#define HP_EXEC_RAGGED_H

#include "exec/chunk.h"

/* As hp_session_run for `rows` rows of views of which some have offsets; outputs[i] has its memory, and the same shape
 * for every length. `first_row`: the number of the first row, for errors. */
hp_status hp_run_ragged(hp_session *session, const hp_work *work, const hp_io_view *views, int64_t first_row,
    int64_t rows, const hp_array *outputs, hp_error *error);

/* Lengths that stand for any where a model leaves it open, to see what comes out of rows of different lengths. */
enum { HP_TRIAL_LENGTH = 16, HP_OTHER_LENGTH = 24 };

/* Whether rows of different lengths give results that have none: HP_ERROR_SHAPE names `input` where the outputs of rows like
 * `others` (rows -1, steps HP_OTHER_LENGTH) differ from `shapes`, HP_ERROR_UNSUPPORTED where the model mixes rows. */
hp_status hp_ragged_check(
    hp_model *model, const char *input, const hp_io_view *others, const hp_array *shapes, hp_error *error);

/* Whether padding the steps of the model's one input behind the last one leaves every result as it is, bit for bit: the
 * input goes through Masking or Embedding(mask_zero=True) and then, in a chain, through layers that work step by step
 * and recurrent ones that skip masked steps, until one of those gives its last step alone. *value is what to pad
 * with. HP_ERROR_UNSUPPORTED names the layer that stands against it. */
hp_status hp_pad_value(const hp_model *model, double *value, hp_error *error);

#endif
