/*
 * What memory an instance takes, by either API. The program uses nothing that WAMR lacks, so that
 * it measures WAMR's library as well:
 *
 *     cc -O2 instances.c $(pkg-config --cflags --libs iwasm) && ./a.out
 *     cc -O2 instances.c -I wamr/core/iwasm/include libiwasm.a -lm -lpthread -ldl && ./a.out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm_c_api.h"
#include "wasm_export.h"

enum { INSTANCES = 2000 };

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

/* Both have an exported function of no parameters that returns 7; one has a page of memory. */
static const uint8_t no_memory[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0,
    7, 5, 1, 1, 'f', 0, 0, 10, 6, 1, 4, 0, 0x41, 7, 0x0b,
};
static const uint8_t one_page[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1,
    7, 5, 1, 1, 'f', 0, 0, 10, 6, 1, 4, 0, 0x41, 7, 0x0b,
};
static const struct {
    const uint8_t *bytes;
    size_t size;
    const char *what;
} modules[] = { { no_memory, sizeof no_memory, "no memory" }, { one_page, sizeof one_page, "a page of memory" } };

static double
resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size, resident;
    CHECK(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2);
    fclose(file);
    return (double)resident * 4;
}

static void
report(const char *api, const char *what, const char *when, double before)
{
    printf("%s, an instance with %s, %s: %.1f KiB\n", api, what, when, (resident_kib() - before) / INSTANCES);
}

static void
with_export(size_t which)
{
    static wasm_module_inst_t instances[INSTANCES];
    static wasm_exec_env_t envs[INSTANCES];
    char error[128];
    uint8_t bytes[sizeof one_page];
    memcpy(bytes, modules[which].bytes, modules[which].size);
    wasm_module_t module = wasm_runtime_load(bytes, (uint32_t)modules[which].size, error, sizeof error);
    CHECK(module != NULL);
    double before = resident_kib();
    for (int i = 0; i < INSTANCES; i++) {
        instances[i] = wasm_runtime_instantiate(module, 8192, 0, error, sizeof error);
        CHECK(instances[i] != NULL);
    }
    report("wasm_export.h", modules[which].what, "made", before);
    for (int i = 0; i < INSTANCES; i++) {
        uint32_t cells[1] = { 0 };
        envs[i] = wasm_runtime_create_exec_env(instances[i], 8192);
        CHECK(envs[i] && wasm_runtime_call_wasm(envs[i], wasm_runtime_lookup_function(instances[i], "f"), 0, cells));
        CHECK(cells[0] == 7);
    }
    report("wasm_export.h", modules[which].what, "called once", before);
    for (int i = 0; i < INSTANCES; i++) {
        wasm_runtime_destroy_exec_env(envs[i]);
        wasm_runtime_deinstantiate(instances[i]);
    }
    wasm_runtime_unload(module);
}

static void
with_c_api(wasm_engine_t *engine, size_t which)
{
    static wasm_instance_t *instances[INSTANCES];
    wasm_store_t *store = wasm_store_new(engine);
    wasm_byte_vec_t binary;
    wasm_byte_vec_new(&binary, modules[which].size, (const char *)modules[which].bytes);
    wasm_module_t *module = wasm_module_new(store, &binary);
    wasm_byte_vec_delete(&binary);
    CHECK(module != NULL);
    wasm_extern_vec_t imports = WASM_EMPTY_VEC;
    double before = resident_kib();
    for (int i = 0; i < INSTANCES; i++) {
        instances[i] = wasm_instance_new(store, module, &imports, NULL);
        CHECK(instances[i] != NULL);
    }
    report("wasm_c_api.h", modules[which].what, "made", before);
    for (int i = 0; i < INSTANCES; i++) {
        wasm_extern_vec_t exports;
        wasm_instance_exports(instances[i], &exports);
        wasm_val_t value = WASM_INIT_VAL;
        wasm_val_vec_t none = WASM_EMPTY_VEC, results = { 1, &value, 1, sizeof value, NULL };
        CHECK(wasm_func_call(wasm_extern_as_func(exports.data[0]), &none, &results) == NULL);
        CHECK(value.of.i32 == 7);
        wasm_extern_vec_delete(&exports);
    }
    report("wasm_c_api.h", modules[which].what, "called once", before);
    for (int i = 0; i < INSTANCES; i++) {
        wasm_instance_delete(instances[i]);
    }
    wasm_module_delete(module);
    wasm_store_delete(store);
}

int
main(int argc, char **argv)
{
    /* Each in a process of its own, so that none reuses another's memory. */
    CHECK(argc == 3);
    size_t which = (size_t)(argv[2][0] == 'p');
    if (argv[1][0] == 'e') {
        CHECK(wasm_runtime_init());
        with_export(which);
        wasm_runtime_destroy();
    }
    else {
        wasm_engine_t *engine = wasm_engine_new();
        CHECK(engine != NULL);
        with_c_api(engine, which);
        wasm_engine_delete(engine);
    }
    return 0;
}
