/* cmd_diff.c: hornpipe diff: predictions against a stored reference, with Keras's tolerance. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    hp_model_arguments model;
    hp_number rtol, atol;
    int64_t jobs;
    bool json;
} options;

static const hp_option table[] = {
    {"rtol", 0, HP_OPTION_NUMBER, offsetof(options, rtol), "R", "allowed error, relative to the largest value (2e-5)"},
    {"atol", 0, HP_OPTION_NUMBER, offsetof(options, atol), "A", "allowed error beside that (1e-6)"},
    {"jobs", 'j', HP_OPTION_COUNT, offsetof(options, jobs), "N", "threads; default: all cores that may be used"},
    {"json", 0, HP_OPTION_FLAG, offsetof(options, json), NULL, "one JSON object per output"},
    HP_MODEL_OPTIONS(options),
    HP_OPTIONS_END,
};

static int64_t elements(const hp_array *array) {
    int64_t count = 1;
    for (int i = 0; i < array->rank; i++) count *= array->shape[i];
    return count;
}

/* "(100, 10)" */
static const char *shape_text(const hp_array *array, char *text, size_t size) {
    size_t n = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < array->rank && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, i ? ", " : "", array->shape[i]);
    if (n < size) snprintf(text + n, size - n, array->rank == 1 ? ",)" : ")");
    return text;
}

typedef struct difference {
    double largest;        /* |got - wanted| */
    double scale;          /* largest |wanted| */
    int64_t at;            /* element with the largest difference; -1: none */
    int64_t unlike;        /* elements of which one is not finite and the other differs */
    int64_t other_classes; /* rows whose largest value stands elsewhere */
} difference;

static void compare(const hp_array *got, const hp_array *wanted, difference *d) {
    *d = (difference){.at = -1};
    int64_t count = elements(got), classes = got->rank > 1 ? got->shape[got->rank - 1] : 1;
    int64_t best_got = 0, best_wanted = 0;
    for (int64_t i = 0; i < count; i++) {
        double a = hp_array_number(got, i), b = hp_array_number(wanted, i), error = fabs(a - b);
        int64_t first = i - i % classes;
        if (i == first) best_got = best_wanted = i;
        if (a > hp_array_number(got, best_got)) best_got = i;
        if (b > hp_array_number(wanted, best_wanted)) best_wanted = i;
        if (i == first + classes - 1) d->other_classes += best_got != best_wanted;
        if (isfinite(b) && fabs(b) > d->scale) d->scale = fabs(b);
        if (!isfinite(a) || !isfinite(b)) {
            bool same = a == b || (isnan(a) && isnan(b));
            d->unlike += !same;
            if (!same && d->at < 0) d->at = i;
        } else if (error > d->largest || d->at < 0) {
            d->largest = error;
            d->at = i;
        }
    }
}

/* "[3, 7]": the place of element `at`. */
static const char *place_text(const hp_array *array, int64_t at, char *text, size_t size) {
    int64_t index[HP_MAX_RANK];
    for (int i = array->rank - 1; i >= 0; i--) {
        index[i] = array->shape[i] ? at % array->shape[i] : 0;
        at /= array->shape[i] ? array->shape[i] : 1;
    }
    size_t n = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < array->rank && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, i ? ", " : "", index[i]);
    if (n < size) snprintf(text + n, size - n, "]");
    return text;
}

/* [100, 10] */
static void json_shape(const char *key, const hp_array *array) {
    printf(", \"%s\": [", key);
    for (int i = 0; i < array->rank; i++) printf("%s%" PRId64, i ? ", " : "", array->shape[i]);
    putchar(']');
}

static void other_shape(const char *name, const hp_array *got, const hp_array *wanted, const char *path, bool json) {
    char a[160], b[160];
    if (json) {
        fputs("{\"output\": ", stdout);
        hp_cli_json_text(stdout, name);
        json_shape("shape", got);
        json_shape("reference_shape", wanted);
        puts(", \"same\": false}");
    } else {
        printf("%s: the prediction's shape is %s, that of %s is %s\n", name, shape_text(got, a, sizeof a), path,
            shape_text(wanted, b, sizeof b));
    }
}

/* Complex numbers as real ones with one axis more. */
static hp_array parts_of(const hp_array *array) {
    hp_array parts = *array;
    bool complex = array->dtype == HP_COMPLEX64 || array->dtype == HP_COMPLEX128;
    if (!complex || array->rank == HP_MAX_RANK) return parts;
    parts.dtype = array->dtype == HP_COMPLEX64 ? HP_FLOAT32 : HP_FLOAT64;
    parts.shape[parts.rank++] = 2;
    return parts;
}

/* Compares one output, prints what was found. True: within tolerance. */
static bool judge(const char *name, const hp_array *got, const hp_array *wanted, const char *path, double rtol,
    double atol, bool json) {
    char a[160], b[160];
    bool same_shape =
        got->rank == wanted->rank && !memcmp(got->shape, wanted->shape, (size_t)got->rank * sizeof(int64_t));
    if (!same_shape) return other_shape(name, got, wanted, path, json), false;
    difference d;
    compare(got, wanted, &d);
    double allowed = rtol * d.scale + atol;
    bool fine = d.largest <= allowed && d.unlike == 0;
    if (json) {
        fputs("{\"output\": ", stdout);
        hp_cli_json_text(stdout, name);
        printf(", \"largest_error\": %.9g, \"largest_value\": %.9g, \"allowed\": %.9g, "
               "\"rows_with_other_argmax\": %" PRId64 ", \"not_finite_unlike\": %" PRId64 ", \"same\": %s}\n",
            d.largest, d.scale, allowed, d.other_classes, d.unlike, fine ? "true" : "false");
        return fine;
    }
    printf("%s: %s %s, largest error %.3g", name, fine ? "same" : "DIFFERENT", shape_text(got, a, sizeof a), d.largest);
    if (d.at >= 0)
        printf(" at %s (%.9g, reference %.9g)", place_text(got, d.at, b, sizeof b), hp_array_number(got, d.at),
            hp_array_number(wanted, d.at));
    printf("; largest value %.3g, allowed %.3g", d.scale, allowed);
    if (d.unlike) printf("; %" PRId64 " values are NaN or infinite in one of them only", d.unlike);
    if (got->rank > 1 && got->shape[got->rank - 1] > 1) printf("; argmax differs in %" PRId64 " rows", d.other_classes);
    putchar('\n');
    return fine;
}

/* Loads the inputs by place or name, predicts, compares with the references. */
static int diff(hp_model *model, const options *o, char **files, double rtol, double atol) {
    hp_array inputs[HP_TEXTS_MOST] = {{0}}, outputs[HP_TEXTS_MOST] = {{0}};
    size_t input_count = hp_model_input_count(model), output_count = hp_model_output_count(model);
    hp_error error;
    hp_status status = hp_cli_load_inputs(model, files, inputs, &error);
    hp_predict_options how = {.struct_size = sizeof how, .jobs = (int)o->jobs};
    if (status == HP_OK) status = hp_model_predict(model, inputs, input_count, outputs, output_count, &how, &error);
    bool fine = true;
    for (size_t i = 0; i < output_count && status == HP_OK; i++) {
        hp_array reference;
        hp_tensor_info info;
        const char *path = files[input_count + i];
        status = hp_array_load(&(hp_file){.path = path}, &reference, &error);
        if (status != HP_OK) break;
        hp_model_output(model, i, &info, NULL);
        hp_array got = parts_of(&outputs[i]), wanted = parts_of(&reference);
        fine &= judge(info.name, &got, &wanted, path, rtol, atol, o->json);
        hp_array_free(&reference);
    }
    hp_cli_free_arrays(inputs, input_count);
    hp_cli_free_arrays(outputs, output_count);
    return status != HP_OK ? hp_cli_error(&error) : fine ? EXIT_DONE : EXIT_FAILED;
}

static int run(void *opaque, char **arguments, int count) {
    options *o = opaque;
    double rtol = o->rtol.given ? o->rtol.value : 2e-5, atol = o->atol.given ? o->atol.value : 1e-6;
    if (!(rtol >= 0) || !(atol >= 0))
        return hp_cli_usage("diff", "--rtol and --atol take numbers that are not negative");
    if (o->jobs > 4096) return hp_cli_usage("diff", "--jobs is too large");
    int code;
    hp_model *model = hp_cli_open(arguments[0], &o->model, &code);
    if (!model) return code;
    size_t inputs = hp_model_input_count(model), outputs = hp_model_output_count(model);
    if (inputs + outputs != (size_t)(count - 1) || inputs > HP_TEXTS_MOST || outputs > HP_TEXTS_MOST)
        code =
            hp_cli_usage("diff", "the model has %zu inputs and %zu outputs: that many files are needed, %d were given",
                inputs, outputs, count - 1);
    else
        code = diff(model, o, arguments + 1, rtol, atol);
    hp_model_close(model);
    return code;
}

const hp_command hp_command_diff = {
    .usage = "MODEL INPUT... REFERENCE...",
    .description = "Predicts and compares with references, one per model output: the largest error, where it is, and\n"
                   "whether it is within rtol * (largest reference value) + atol. Exit code 0: within; 1: not.",
    .options = table,
    .options_size = sizeof(options),
    .least_arguments = 3,
    .run = run,
};
