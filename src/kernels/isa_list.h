/* isa_list.h: the table of every ISA of this build, by name. Only dispatch.c and isa.c include it. */
#ifndef HP_KERNELS_ISA_LIST_H
#define HP_KERNELS_ISA_LIST_H

#include "kernels/kernels.h"

#if defined(__x86_64__)
#define ISA_LIST "kernels/isa_x86.def"
#elif defined(__aarch64__)
#define ISA_LIST "kernels/isa_arm.def"
#else
#define ISA_LIST "kernels/isa_other.def"
#endif

#define ISA(name, bytes, automatic, needs, flags) extern const hp_kernels hp_kernels_##name;
#include ISA_LIST
#undef ISA

#endif
