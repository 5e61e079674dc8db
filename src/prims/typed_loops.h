/* typed_loops.h: the loops of typed_*.c as macros: one per number of operands, each with the broadcast cases apart so
 * that the common ones vectorise. `p`, `q`, `s` are the operands' values in EXPRESSION. */
#ifndef HP_PRIMS_TYPED_LOOPS_H
#define HP_PRIMS_TYPED_LOOPS_H

#include "prims/typed.h"

#define HP_ROW(type, k) ((const type *)c->operands[k].data + r * c->operands[k].stride)

#define HP_LOOP_1(R, A, EXPRESSION)                                                                                    \
    for (size_t r = 0; r < c->rows; r++) {                                                                             \
        R *y = (R *)c->y + r * c->n;                                                                                   \
        const A *a = HP_ROW(A, 0);                                                                                     \
        size_t step = c->operands[0].step;                                                                             \
        if (step == 1)                                                                                                 \
            for (size_t i = 0; i < c->n; i++) {                                                                        \
                A p = a[i];                                                                                            \
                y[i] = (R)(EXPRESSION);                                                                                \
            }                                                                                                          \
        else                                                                                                           \
            for (size_t i = 0; i < c->n; i++) {                                                                        \
                A p = a[i * step];                                                                                     \
                y[i] = (R)(EXPRESSION);                                                                                \
            }                                                                                                          \
    }

#define HP_LOOP_2(R, A, B, EXPRESSION)                                                                                 \
    for (size_t r = 0; r < c->rows; r++) {                                                                             \
        R *y = (R *)c->y + r * c->n;                                                                                   \
        const A *a = HP_ROW(A, 0);                                                                                     \
        const B *b = HP_ROW(B, 1);                                                                                     \
        size_t a_step = c->operands[0].step, b_step = c->operands[1].step;                                             \
        if (a_step == 1 && b_step == 1)                                                                                \
            for (size_t i = 0; i < c->n; i++) {                                                                        \
                A p = a[i];                                                                                            \
                B q = b[i];                                                                                            \
                y[i] = (R)(EXPRESSION);                                                                                \
            }                                                                                                          \
        else if (a_step == 1 && c->n > 0) {                                                                            \
            B q = b[0];                                                                                                \
            for (size_t i = 0; i < c->n; i++) {                                                                        \
                A p = a[i];                                                                                            \
                y[i] = (R)(EXPRESSION);                                                                                \
            }                                                                                                          \
        } else                                                                                                         \
            for (size_t i = 0; i < c->n; i++) {                                                                        \
                A p = a[i * a_step];                                                                                   \
                B q = b[i * b_step];                                                                                   \
                y[i] = (R)(EXPRESSION);                                                                                \
            }                                                                                                          \
    }

#define HP_LOOP_3(R, A, B, EXPRESSION)                                                                                 \
    for (size_t r = 0; r < c->rows; r++) {                                                                             \
        R *y = (R *)c->y + r * c->n;                                                                                   \
        const A *a = HP_ROW(A, 0);                                                                                     \
        const B *b = HP_ROW(B, 1), *d = HP_ROW(B, 2);                                                                  \
        size_t a_step = c->operands[0].step, b_step = c->operands[1].step, d_step = c->operands[2].step;               \
        for (size_t i = 0; i < c->n; i++) {                                                                            \
            A p = a[i * a_step];                                                                                       \
            B q = b[i * b_step], s = d[i * d_step];                                                                    \
            y[i] = (R)(EXPRESSION);                                                                                    \
        }                                                                                                              \
    }

#endif
