/* rearrange.c: axes taken apart, moved and joined by a pattern like "b (h h1) c -> b h (c h1)" (keras/src/ops/einops.py). */
#include <stdio.h>
#include <string.h>

#include "ops/op.h"

typedef struct axis {
    char name[48];
    int64_t size; /* -1: not known yet */
} axis;

/* One side of a pattern: its axes, and how many of them each group holds; an axis that stands alone is a group as well. */
typedef struct side {
    axis axes[HP_MAX_RANK];
    int axis_count;
    int members[HP_MAX_RANK];
    int group_count;
} side;

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool parse(const char *text, const char *end, side *s) {
    bool inside = false;
    *s = (side){0};
    for (const char *c = text; c < end; c++) {
        if (*c == ' ' || (*c >= '\t' && *c <= '\r')) continue;
        if (*c == '(' || *c == ')') {
            if (inside != (*c == ')')) return false;
            if (*c == '(' && s->group_count == HP_MAX_RANK) return false;
            if (*c == '(') s->members[s->group_count++] = 0;
            if (*c == ')' && s->members[s->group_count - 1] == 0) return false;
            inside = *c == '(';
            continue;
        }
        const char *name = c;
        while (c < end && is_word(*c)) c++;
        if (c == name || s->axis_count == HP_MAX_RANK || (!inside && s->group_count == HP_MAX_RANK)) return false;
        axis *a = &s->axes[s->axis_count++];
        if (c - name >= (ptrdiff_t)sizeof a->name) return false;
        memcpy(a->name, name, (size_t)(c - name));
        a->size = -1;
        if (!inside) s->members[s->group_count++] = 0;
        s->members[s->group_count - 1]++;
        c--;
    }
    return !inside;
}

/* The place of a name among the axes; -1: it is not there. */
static int place_of(const side *s, const char *name) {
    for (int i = 0; i < s->axis_count; i++)
        if (strcmp(s->axes[i].name, name) == 0) return i;
    return -1;
}

static bool same_axes(const side *from, const side *to) {
    for (int i = 0; i < to->axis_count; i++)
        if (place_of(from, to->axes[i].name) < 0 || place_of(to, to->axes[i].name) != i) return false;
    return from->axis_count == to->axis_count;
}

/* The sizes of a group's axes, which make `whole` together: those that the call names, and the one that is left. */
static bool measure(const hp_call *call, axis *axes, int count, int64_t whole) {
    int64_t known = 1;
    axis *left = count == 1 ? axes : NULL;
    for (int i = 0; count > 1 && i < count; i++) {
        const hp_json *size = hp_op_constant(call, -1, axes[i].name);
        if (!size) {
            if (left) return false;
            left = &axes[i];
            continue;
        }
        if (!hp_json_is(size, HP_JSON_INT) || size->integer < 1 || size->integer > whole / known) return false;
        axes[i].size = size->integer;
        known *= size->integer;
    }
    if (left) left->size = whole / known;
    return left ? left->size * known == whole : known == whole;
}

static void lower(hp_builder *b, hp_layer *layer, hp_call *call) {
    (void)layer;
    hp_value x = hp_op_operand(b, call, 0, "tensor");
    const char *pattern = hp_json_string(hp_op_constant(call, 1, "pattern"));
    const char *arrow = pattern ? strstr(pattern, "->") : NULL;
    side from, to;
    if (!arrow || strstr(arrow + 2, "->") || !parse(pattern, arrow, &from) ||
        !parse(arrow + 2, pattern + strlen(pattern), &to) || !same_axes(&from, &to)) {
        hp_builder_fail(b, HP_ERROR_UNSUPPORTED, "pattern: \"%.100s\" is not understood", pattern ? pattern : "");
        return;
    }
    hp_shape shape = *hp_builder_shape(b, x);
    if (b->status == HP_OK && shape.rank != from.group_count)
        hp_builder_fail(
            b, HP_ERROR_SHAPE, "pattern: \"%.100s\" has %d axes, the tensor %d", pattern, from.group_count, shape.rank);
    if (b->status == HP_OK && shape.rows && from.members[0] > 1) hp_builder_mixes_rows(b, "the batch is taken apart");
    if (b->status != HP_OK) return;
    for (int group = 0, first = 0; group < from.group_count; first += from.members[group++])
        if (!measure(call, &from.axes[first], from.members[group], shape.dims[group])) {
            hp_builder_fail(b, HP_ERROR_SHAPE, "pattern: \"%.100s\": axis %d of %lld cannot be taken apart", pattern,
                group, (long long)shape.dims[group]);
            return;
        }
    int64_t apart[HP_MAX_RANK], joined[HP_MAX_RANK];
    int order[HP_MAX_RANK];
    for (int i = 0; i < from.axis_count; i++) {
        apart[i] = from.axes[i].size;
        order[i] = place_of(&from, to.axes[i].name);
    }
    for (int group = 0, at = 0; group < to.group_count; group++) {
        joined[group] = 1;
        for (int i = 0; i < to.members[group]; i++) joined[group] *= apart[order[at++]];
    }
    x = hp_emit_transpose(b, hp_emit_reshape(b, x, from.axis_count, apart), order);
    hp_call_output(b, call, hp_emit_reshape(b, x, to.group_count, joined));
}

const hp_op_class hp_op_Rearrange = HP_OP("Rearrange", "keras.src.ops.einops", hp_op_no_fields, hp_op_none, lower);
