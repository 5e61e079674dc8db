/* prepare.h: the steps of a plan in the making get their kernels and packed weights. */
#ifndef HP_GRAPH_PREPARE_H
#define HP_GRAPH_PREPARE_H

#include "graph/plan.h"

/* Whether a step reads the data of a constant, by a value that has readers (readers[value], those that have packed it not
 * counted) or by another value of the same constant. */
bool hp_constant_is_read(const hp_graph *graph, const int32_t *readers, const hp_constant *constant);

/* Prepares all steps, whose nodes are there; options->workers workers share what packs weights, where those are many. Counts
 * readers down and drops folded weights that all of them have packed. On failure the states made are there; the error is that of
 * the first step that failed. */
hp_status hp_prepare_steps(hp_plan *plan, int32_t *readers, const hp_plan_options *options, hp_error *error);

#endif
