/* What the programs over wasm_export.h need. They run in the mode that WAMR_MODE names. */
#ifndef EXPORT_CHECK_H
#define EXPORT_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "aot_export.h"
#include "wasm_export.h"

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

static inline void
set_mode(void)
{
    const char *mode = getenv("WAMR_MODE");
    bool jit = mode && strcmp(mode, "jit") == 0;
    CHECK(wasm_runtime_set_default_running_mode(jit ? Mode_LLVM_JIT : Mode_Interp));
}

static inline uint8_t *
read_file(const char *name, uint32_t *size)
{
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long length = ftell(file);
    CHECK(length > 0 && fseek(file, 0, SEEK_SET) == 0);
    uint8_t *buffer = wasm_runtime_malloc((unsigned)length);
    CHECK(buffer != NULL && fread(buffer, 1, (size_t)length, file) == (size_t)length);
    fclose(file);
    *size = (uint32_t)length;
    return buffer;
}

/* A module, which keeps nothing of the buffer; where the mode is "aot", compiled ahead of time. */
static inline wasm_module_t
load_module(const char *name)
{
    char error[256];
    uint32_t size;
    uint8_t *buffer = read_file(name, &size);
    LoadArgs args = { .wasm_binary_freeable = true };
    wasm_module_t module = wasm_runtime_load_ex(buffer, size, &args, error, sizeof error);
    CHECK(module != NULL);
    wasm_runtime_free(buffer);
    const char *mode = getenv("WAMR_MODE");
    if (!mode || strcmp(mode, "aot") != 0) {
        return module;
    }
    aot_comp_data_t data = aot_create_comp_data(module, NULL, false);
    aot_comp_context_t context = aot_create_comp_context(data, NULL);
    buffer = aot_emit_aot_file_buf(context, data, &size);
    CHECK(buffer != NULL);
    wasm_runtime_unload(module);
    module = wasm_runtime_load_ex(buffer, size, &args, error, sizeof error);
    CHECK(module != NULL);
    aot_destroy_aot_file(buffer);
    aot_destroy_comp_context(context);
    aot_destroy_comp_data(data);
    return module;
}

/* The first import of a kind, or -1. */
static inline int32_t
find_import(wasm_module_t module, wasm_import_export_kind_t kind, wasm_import_t *type)
{
    int32_t count = wasm_runtime_get_import_count(module);
    for (int32_t i = 0; i < count; i++) {
        wasm_runtime_get_import_type(module, i, type);
        if (type->kind == kind) {
            return i;
        }
    }
    return -1;
}

#endif
