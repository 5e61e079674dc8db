/* spec_builder.c: see spec_builder.h. */
#include "format/spec_builder.h"

#include <stdio.h>
#include <string.h>

hp_status hp_spec_map(
    hp_model_spec *spec, int directory, const char *path, bool follow, hp_mapping *mapping, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_FAIL_IF(!HP_GROW(p->mappings, p->mapping_capacity, p->mapping_count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    HP_TRY(hp_mapping_open(directory, path, follow, mapping, error));
    p->mappings[p->mapping_count++] = *mapping;
    return HP_OK;
}

hp_status hp_spec_open_archive(
    hp_model_spec *spec, const void *data, size_t size, hp_archive **archive, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_FAIL_IF(!HP_GROW(p->archives, p->archive_capacity, p->archive_count + 1), error, HP_ERROR_NO_MEMORY, NULL,
        "out of memory");
    HP_TRY(hp_archive_open(data, size, archive, error));
    p->archives[p->archive_count++] = *archive;
    return HP_OK;
}

hp_status hp_spec_add_asset(hp_model_spec *spec, const char *path, const void *data, size_t size, hp_error *error) {
    hp_spec_private *p = spec->private_;
    HP_FAIL_IF(
        !HP_GROW(p->assets, p->asset_capacity, p->asset_count + 1), error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    const char *name = hp_arena_strdup(&p->arena, path);
    HP_ALLOCATED(name, error);
    p->assets[p->asset_count++] = (hp_model_asset){name, data, size};
    return HP_OK;
}

hp_status hp_spec_rename_assets(hp_model_spec *spec, hp_error *error) {
    hp_spec_private *p = spec->private_;
    for (size_t i = 0; i < p->asset_count; i++) {
        const char *inner = p->assets[i].path + strlen("assets/"), *renamed = NULL;
        size_t length = 0; /* of the longest group that the asset belongs to */
        for (size_t k = 0; k < p->store->rename_count; k++) {
            const hp_store_rename *rename = &p->store->renames[k];
            size_t n = strlen(rename->path);
            if (n <= length || strncmp(inner, rename->path, n) != 0 || inner[n] != '/') continue;
            length = n;
            renamed = rename->keras3;
        }
        if (!renamed) continue;
        p->assets[i].path = hp_arena_printf(&p->arena, "assets/%s%s", renamed, inner + length);
        HP_ALLOCATED(p->assets[i].path, error);
    }
    return HP_OK;
}

void hp_spec_set_version(hp_model_spec *spec, const char *text) {
    hp_keras_version version = {0};
    if (!text || sscanf(text, "%9d.%9d.%9d", &version.major, &version.minor, &version.patch) < 1) return;
    if (version.major < 0 || version.major > 3) return;
    version.family = version.major == 0 ? 1 : version.major;
    version.text = hp_arena_strdup(&spec->private_->arena, text);
    if (version.text) spec->version = version;
}

void hp_spec_take_version(hp_model_spec *spec, const hp_json *object) {
    const char *backend = hp_json_string(hp_json_get(object, "backend"));
    if (!spec->version.text) hp_spec_set_version(spec, hp_json_string(hp_json_get(object, "keras_version")));
    if (!spec->backend && backend) spec->backend = hp_arena_strdup(&spec->private_->arena, backend);
}
