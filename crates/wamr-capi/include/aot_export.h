/*
 * aot_export.h: compiling modules ahead of time.
 *
 * `wasm_module` is a wasm_module_t. Code is for this machine; of the options none has an effect
 * yet. Files are this runtime's own, and nobody else's: no other runtime loads them, and
 * wasm_runtime_load() loads no other runtime's. It trusts them.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef _AOT_EXPORT_H
#define _AOT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include "aot_comp_option.h"

#ifdef __cplusplus
extern "C" {
#endif

struct AOTCompData;
typedef struct AOTCompData *aot_comp_data_t;

struct AOTCompContext;
typedef struct AOTCompContext *aot_comp_context_t;

struct AOTObjectData;
typedef struct AOTObjectData *aot_obj_data_t;

/* Forms of output. */
enum {
    AOT_FORMAT_FILE,
    AOT_OBJECT_FILE,
    AOT_LLVMIR_UNOPT_FILE,
    AOT_LLVMIR_OPT_FILE,
};

bool aot_compiler_init(void);
void aot_compiler_destroy(void);

aot_comp_data_t aot_create_comp_data(void *wasm_module, const char *target_arch, bool gc_enabled);
void aot_destroy_comp_data(aot_comp_data_t comp_data);

aot_comp_context_t aot_create_comp_context(aot_comp_data_t comp_data, aot_comp_option_t option);
void aot_destroy_comp_context(aot_comp_context_t comp_ctx);
bool aot_compile_wasm(aot_comp_context_t comp_ctx);

aot_obj_data_t aot_obj_data_create(aot_comp_context_t comp_ctx);
void aot_obj_data_destroy(aot_obj_data_t obj_data);

uint32_t aot_get_aot_file_size(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                               aot_obj_data_t obj_data);
uint8_t *aot_emit_aot_file_buf(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                               uint32_t *p_aot_file_size);
bool aot_emit_aot_file_buf_ex(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                              aot_obj_data_t obj_data, uint8_t *aot_file_buf,
                              uint32_t aot_file_size);
bool aot_emit_llvm_file(aot_comp_context_t comp_ctx, const char *file_name);
bool aot_emit_object_file(aot_comp_context_t comp_ctx, const char *file_name);
bool aot_emit_aot_file(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                       const char *file_name);
void aot_destroy_aot_file(uint8_t *aot_file);

/* Why the last function that failed on this thread did; good until the next one does. */
char *aot_get_last_error(void);
/* Code has no table of stubs: 0. */
uint32_t aot_get_plt_table_size(void);

#ifdef __cplusplus
}
#endif

#endif /* _AOT_EXPORT_H */
