/* keras_v3.c: the layout of `.keras` files, zipped or unpacked: metadata.json, config.json, model.weights.*, assets/.
 *
 * Invariant: from an unpacked directory only plain files with the layout's own names are opened, and no link in it is
 * followed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "format/json.h"
#include "format/spec_builder.h"

enum { MAX_ASSET_DEPTH = 64, MAX_ASSETS = 1 << 16 };

static const char *const weight_names[] = {"model.weights.h5", "model.weights.npz", "model.weights.json"};
enum { WEIGHT_NAMES = sizeof weight_names / sizeof *weight_names };

static hp_status take_config(hp_model_spec *spec, const void *text, size_t size, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_TRY(hp_json_parse(&p->arena, "config.json", text, size, &p->config, error));
    hp_spec_take_version(spec, p->config);
    return HP_OK;
}

static hp_status take_metadata(hp_model_spec *spec, const void *text, size_t size, hp_error *error) {
    hp_json *metadata;
    HP_TRY(hp_json_parse(&spec->private_->arena, "metadata.json", text, size, &metadata, error));
    hp_spec_take_version(spec, metadata);
    return HP_OK;
}

/* ---- zipped -------------------------------------------------------------------------------------------------- */

static hp_status read_member(
    hp_archive *archive, const char *name, bool must, const void **bytes, size_t *size, hp_error *error) {
    int64_t index = hp_archive_find(archive, name);
    *bytes = NULL;
    HP_FAIL_IF(index < 0 && must, error, HP_ERROR_FORMAT, NULL,
        "a zip archive without %s: not a Keras model (they hold config.json, metadata.json, model.weights.h5)", name);
    return index < 0 ? HP_OK : hp_archive_read(archive, (size_t)index, bytes, size, error);
}

static hp_status open_zipped_weights(hp_model_spec *spec, hp_archive *archive, hp_error *error) {
    const void *bytes;
    size_t size;
    for (int i = 0; i < WEIGHT_NAMES; i++) {
        HP_TRY(read_member(archive, weight_names[i], false, &bytes, &size, error));
        if (!bytes) continue;
        hp_model_place place = {.directory = -1, .name = weight_names[i], .archive = archive};
        hp_status status = hp_weights_file_open(spec, &place, bytes, size, error);
        if (status != HP_OK) hp_error_prefix(error, "%s", weight_names[i]);
        return status;
    }
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "the archive has no model.weights.h5 and no model.weights.npz");
}

hp_status hp_keras_v3_open(hp_model_spec *spec, const void *data, size_t size, bool with_weights, hp_error *error) {
    hp_archive *archive;
    const void *bytes;
    size_t n = 0;
    HP_TRY(hp_spec_open_archive(spec, data, size, &archive, error));
    HP_TRY(read_member(archive, "config.json", true, &bytes, &n, error));
    HP_TRY(take_config(spec, bytes, n, error));
    HP_TRY(read_member(archive, "metadata.json", false, &bytes, &n, error));
    if (bytes) HP_TRY(take_metadata(spec, bytes, n, error));
    for (size_t i = 0; i < hp_archive_count(archive); i++) {
        const char *name = hp_archive_name(archive, i);
        if (strncmp(name, "assets/", 7) != 0 || name[strlen(name) - 1] == '/') continue;
        HP_TRY(hp_archive_read(archive, i, &bytes, &n, error));
        HP_TRY(hp_spec_add_asset(spec, name, bytes, n, error));
    }
    return with_weights ? open_zipped_weights(spec, archive, error) : HP_OK;
}

/* ---- unpacked ------------------------------------------------------------------------------------------------ */

static bool is_there(int directory, const char *name) {
    struct stat about;
    return fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
}

static hp_status add_assets(
    hp_model_spec *spec, int parent, const char *name, const char *path, int depth, hp_error *error);

static hp_status add_asset(
    hp_model_spec *spec, int directory, const char *name, const char *parent, int depth, hp_error *error) {
    struct stat about;
    hp_mapping mapping;
    const char *path = hp_arena_printf(&spec->private_->arena, "%s/%s", parent, name);
    HP_ALLOCATED(path, error);
    HP_FAIL_IF(fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0, error, HP_ERROR_IO, path,
        "cannot be read: %s", strerror(errno));
    if (S_ISDIR(about.st_mode)) return add_assets(spec, directory, name, path, depth + 1, error);
    HP_FAIL_IF(spec->private_->asset_count >= MAX_ASSETS, error, HP_ERROR_FORMAT, path, "more than %d asset files",
        MAX_ASSETS);
    hp_status status = hp_spec_map(spec, directory, name, false, &mapping, error);
    if (status != HP_OK) {
        hp_error_prefix(error, "%s", parent);
        return status;
    }
    return hp_spec_add_asset(spec, path, mapping.data, mapping.size, error);
}

static hp_status add_assets(
    hp_model_spec *spec, int parent, const char *name, const char *path, int depth, hp_error *error) {
    HP_FAIL_IF(
        depth > MAX_ASSET_DEPTH, error, HP_ERROR_FORMAT, path, "folders are nested deeper than %d", MAX_ASSET_DEPTH);
    int file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = file < 0 ? NULL : fdopendir(file);
    if (!directory) {
        int problem = errno;
        if (file >= 0) close(file);
        HP_FAIL(error, HP_ERROR_IO, path, "cannot be opened: %s", strerror(problem));
    }
    hp_status status = HP_OK;
    for (struct dirent *entry; status == HP_OK && (entry = readdir(directory));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = add_asset(spec, file, entry->d_name, path, depth, error);
    closedir(directory);
    return status;
}

static hp_status open_unpacked_weights(hp_model_spec *spec, int directory, hp_error *error) {
    for (int i = 0; i < WEIGHT_NAMES; i++) {
        if (!is_there(directory, weight_names[i])) continue;
        hp_mapping mapping;
        hp_model_place place = {.directory = directory, .name = weight_names[i]};
        HP_TRY(hp_spec_map(spec, directory, weight_names[i], false, &mapping, error));
        hp_status status = hp_weights_file_open(spec, &place, mapping.data, mapping.size, error);
        if (status != HP_OK) hp_error_prefix(error, "%s", weight_names[i]);
        return status;
    }
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "the directory has no model.weights.h5 and no model.weights.npz");
}

hp_status hp_keras_v3_open_directory(hp_model_spec *spec, int directory, bool with_weights, hp_error *error) {
    hp_mapping mapping;
    HP_FAIL_IF(is_there(directory, "saved_model.pb"), error, HP_ERROR_UNSUPPORTED, NULL,
        "is a TensorFlow SavedModel; load it with Keras and save it as .keras");
    HP_FAIL_IF(!is_there(directory, "config.json"), error, HP_ERROR_FORMAT, NULL,
        "a directory without config.json: not an unpacked Keras model");
    HP_TRY(hp_spec_map(spec, directory, "config.json", false, &mapping, error));
    HP_TRY(take_config(spec, mapping.data, mapping.size, error));
    if (is_there(directory, "metadata.json")) {
        HP_TRY(hp_spec_map(spec, directory, "metadata.json", false, &mapping, error));
        HP_TRY(take_metadata(spec, mapping.data, mapping.size, error));
    }
    if (is_there(directory, "assets")) HP_TRY(add_assets(spec, directory, "assets", "assets", 0, error));
    return with_weights ? open_unpacked_weights(spec, directory, error) : HP_OK;
}
