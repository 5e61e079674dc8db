/* weights_file.c: a file of weights of any kind, told by its content: HDF5, npz, or the index of a sharded file.
 *
 * Invariant: a shard is a plain file (or member) beside its index, whose name has no folder in it; links are not
 * followed. */
#include <fcntl.h>
#include <string.h>
#include "format/json.h"
#include "format/spec_builder.h"

/* Whether `name` is not among the shards yet. */
static bool is_new_shard(const hp_json *shards, const char *name) {
    HP_JSON_EACH (shard, shards)
        if (strcmp(shard->string, name) == 0) return false;
    return true;
}

static hp_status add_shard_name(hp_arena *arena, hp_json *shards, const hp_json *value, hp_error *error) {
    const char *name = hp_json_string(value);
    HP_FAIL_IF(
        !name, error, HP_ERROR_FORMAT, "weight_map", "a shard's name was expected, found %s", hp_json_type_name(value));
    HP_FAIL_IF(!*name || *name == '.' || strchr(name, '/') || strchr(name, '\\'), error, HP_ERROR_FORMAT, "weight_map",
        "the shard \"%s\" is no plain file name", name);
    if (!is_new_shard(shards, name)) return HP_OK;
    hp_json *copy = hp_json_new_string(arena, name);
    HP_ALLOCATED(copy, error);
    hp_json_append(shards, copy);
    HP_FAIL_IF(shards->count > 4096, error, HP_ERROR_FORMAT, "weight_map", "more than 4096 shards");
    return HP_OK;
}

/* The names of all shards, each once. */
static hp_status list_shards(hp_arena *arena, const hp_json *index, hp_json **shards, hp_error *error) {
    const hp_json *map = hp_json_get(index, "weight_map");
    HP_FAIL_IF(!hp_json_is(map, HP_JSON_OBJECT), error, HP_ERROR_FORMAT, NULL,
        "JSON without a weight_map: not the index of sharded weights");
    *shards = hp_json_new(arena, HP_JSON_ARRAY);
    HP_ALLOCATED(*shards, error);
    HP_JSON_EACH (entry, map) {
        if (!hp_json_is(entry, HP_JSON_ARRAY)) {
            HP_TRY(add_shard_name(arena, *shards, entry, error));
            continue;
        }
        HP_JSON_EACH (name, entry) HP_TRY(add_shard_name(arena, *shards, name, error));
    }
    return HP_OK;
}

static hp_status open_shard(hp_model_spec *spec, const hp_model_place *place, const char *name, hp_error *error) {
    const void *bytes;
    size_t size;
    if (place->archive) {
        int64_t index = hp_archive_find(place->archive, name);
        HP_FAIL_IF(index < 0, error, HP_ERROR_FORMAT, NULL, "the archive has no such member");
        HP_TRY(hp_archive_read(place->archive, (size_t)index, &bytes, &size, error));
    } else {
        hp_mapping mapping;
        HP_TRY(hp_spec_map(spec, place->directory, name, false, &mapping, error));
        bytes = mapping.data;
        size = mapping.size;
    }
    HP_FAIL_IF(!hp_hdf5_is(bytes, size), error, HP_ERROR_FORMAT, NULL, "is no HDF5 file");
    return hp_keras_h5_open_weights(spec, bytes, size, error);
}

static hp_status open_shards(
    hp_model_spec *spec, const hp_model_place *place, const void *text, size_t size, hp_error *error) {
    hp_arena *arena = &spec->private_->arena;
    hp_json *index, *shards = NULL;
    HP_TRY(hp_json_parse(arena, NULL, text, size, &index, error));
    HP_TRY(list_shards(arena, index, &shards, error));
    HP_FAIL_IF(place->directory == -1 && !place->archive, error, HP_ERROR_UNSUPPORTED, NULL,
        "sharded weights are read from files, not from memory");
    HP_JSON_EACH (shard, shards) {
        hp_status status = open_shard(spec, place, shard->string, error);
        if (status == HP_OK && spec->private_->store->base.ordered)
            status = hp_error_set(error, HP_ERROR_FORMAT, NULL, "a shard in the legacy layout");
        if (status != HP_OK) {
            hp_error_prefix(error, "%s", shard->string);
            return status;
        }
    }
    return HP_OK;
}

hp_status hp_weights_file_open(
    hp_model_spec *spec, const hp_model_place *place, const void *data, size_t size, hp_error *error) {
    const char *text = data;
    size_t start = 0;
    if (hp_hdf5_is(data, size)) return hp_keras_h5_open_weights(spec, data, size, error);
    if (hp_archive_is(data, size)) return hp_npz_open(spec, data, size, error);
    while (start < size && start < 64 && strchr(" \t\r\n", text[start]) && text[start]) start++;
    if (start < size && text[start] == '{') return open_shards(spec, place, data, size, error);
    HP_FAIL(error, HP_ERROR_FORMAT, NULL, "%s",
        size == 0 ? "is empty; weights were expected"
                  : "no weights of a known kind (HDF5, npz, or the index of sharded HDF5 files)");
}
