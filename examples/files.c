/* files.c: whole files, in bounded memory, with a progress callback.
 *
 *     files MODEL INPUT OUTPUT        (kinds by extension: .npy, .npz, .csv ...) */
#include <hornpipe.h>
#include <stdio.h>

static int show(void *context, int64_t done, int64_t total) {
    FILE *out = context;
    fprintf(out, "%lld of %lld rows\n", (long long)done, (long long)total);
    return 0; /* anything else stops the prediction */
}

int main(int argc, char **argv) {
    hp_error error;
    hp_model *model;
    int64_t rows = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: files MODEL INPUT OUTPUT\n");
        return 2;
    }
    hp_status status = hp_model_open(argv[1], NULL, &model, &error);
    if (status == HP_OK) {
        hp_file input = {.path = argv[2]}, output = {.path = argv[3]};
        hp_stream_options options = {.struct_size = sizeof options, .progress = show, .progress_context = stderr};
        status = hp_predict_files(model, &input, 1, &output, 1, &options, &rows, &error);
        hp_model_close(model);
    }
    if (status != HP_OK) {
        fprintf(stderr, "files: %s: %s\n", error.where, error.message);
        return 1;
    }
    printf("%lld rows\n", (long long)rows);
    return 0;
}
