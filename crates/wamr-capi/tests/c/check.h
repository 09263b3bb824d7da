/* What all programs here need: checks, modules from files, exports by position, calls. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "wasm_c_api.h"

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

static inline void
read_file(const char *name, wasm_byte_vec_t *out)
{
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    CHECK(size > 0 && fseek(file, 0, SEEK_SET) == 0);
    wasm_byte_vec_new_uninitialized(out, (size_t)size);
    CHECK(out->size == (size_t)size);
    CHECK(fread(out->data, 1, out->size, file) == out->size);
    fclose(file);
}

static inline wasm_module_t *
load(wasm_store_t *store, const char *name)
{
    wasm_byte_vec_t binary;
    read_file(name, &binary);
    wasm_module_t *module = wasm_module_new(store, &binary);
    wasm_byte_vec_delete(&binary);
    CHECK(module != NULL);
    return module;
}

/* An instance of the module in a file. */
static inline wasm_instance_t *
instantiate(wasm_store_t *store, const char *name, wasm_extern_t **externs, size_t count)
{
    wasm_module_t *module = load(store, name);
    wasm_extern_vec_t imports = { count, externs, count, sizeof *externs, NULL };
    wasm_trap_t *trap = NULL;
    wasm_instance_t *instance = wasm_instance_new(store, module, &imports, &trap);
    CHECK(instance != NULL && trap == NULL);
    wasm_module_delete(module);
    return instance;
}

/* Has the function be called, which must return; `result` may be NULL. */
static inline void
call(const wasm_func_t *func, wasm_val_t *args, size_t arg_count, wasm_val_t *results,
     size_t result_count)
{
    wasm_val_vec_t from = { arg_count, args, arg_count, sizeof *args, NULL };
    wasm_val_vec_t to = { result_count, results, result_count, sizeof *results, NULL };
    wasm_trap_t *trap = wasm_func_call(func, &from, &to);
    if (trap) {
        wasm_message_t message;
        wasm_trap_message(trap, &message);
        fprintf(stderr, "trap: %s\n", message.data);
    }
    CHECK(trap == NULL);
}

static inline int32_t
call_i32(const wasm_extern_vec_t *exports, size_t at, int32_t a, int32_t b, size_t arg_count)
{
    wasm_val_t args[2] = { WASM_I32_VAL(a), WASM_I32_VAL(b) }, results[1] = { WASM_INIT_VAL };
    const wasm_func_t *func = wasm_extern_as_func(exports->data[at]);
    CHECK(func != NULL);
    call(func, args, arg_count, results, wasm_func_result_arity(func));
    return results[0].of.i32;
}

/* Whether the trap says something, which is deleted. */
static inline int
trap_says(wasm_trap_t *trap, const char *what)
{
    CHECK(trap != NULL);
    wasm_message_t message;
    wasm_trap_message(trap, &message);
    CHECK(message.size > 0 && message.data[message.size - 1] == 0);
    int says = strstr(message.data, what) != NULL;
    if (!says) {
        fprintf(stderr, "the trap says: %s\n", message.data);
    }
    wasm_byte_vec_delete(&message);
    wasm_trap_delete(trap);
    return says;
}

#endif
