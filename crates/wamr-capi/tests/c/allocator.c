/* Memory that C gets comes from the embedder's allocator, and goes back there. */
#include "check.h"

static int allocated, freed;

static void *
count_malloc(unsigned int size)
{
    allocated++;
    return malloc(size);
}

static void *
count_realloc(void *block, unsigned int size)
{
    return realloc(block, size);
}

static void
count_free(void *block)
{
    freed++;
    free(block);
}

int
main(void)
{
    MemAllocOption option = { 0 };
    option.allocator.malloc_func = (void *)count_malloc;
    option.allocator.realloc_func = (void *)count_realloc;
    option.allocator.free_func = (void *)count_free;
    wasm_config_t *config = wasm_config_new();
    CHECK(wasm_config_set_mem_alloc_opt(config, Alloc_With_Allocator, &option) == config);
    CHECK(wasm_config_set_linux_perf_opt(config, true) == config && config->enable_linux_perf);
    CHECK(wasm_config_set_segue_flags(config, 0x1F1F) == config && config->segue_flags == 0x1F1F);
    CHECK(!wasm_config_set_mode(config, "none"));

    /* What came from elsewhere goes back there. */
    wasm_byte_vec_t before;
    wasm_byte_vec_new_uninitialized(&before, 10);
    CHECK(allocated == 0);
    wasm_engine_t *engine = wasm_engine_new_with_config(config);
    CHECK(engine != NULL);
    wasm_byte_vec_delete(&before);
    CHECK(freed == 0);
    wasm_store_t *store = wasm_store_new(engine);
    wasm_module_t *module = load(store, "finalize.wasm");
    CHECK(allocated == 1 && freed == 1);
    wasm_exporttype_vec_t exports;
    wasm_module_exports(module, &exports);
    CHECK(allocated > 1);
    wasm_module_delete(module);
    wasm_store_delete(store);
    wasm_engine_delete(engine);

    /* Others come from the system again. */
    option.allocator.free_func = NULL;
    config = wasm_config_new();
    wasm_config_set_mem_alloc_opt(config, Alloc_With_Allocator, &option);
    CHECK(wasm_engine_new_with_config(config) == NULL);
    wasm_config_delete(config);
    wasm_config_delete(config);
    config = wasm_config_new();
    engine = wasm_engine_new_with_config(config);
    int count = allocated;
    wasm_byte_vec_new_uninitialized(&before, 10);
    CHECK(allocated == count);
    wasm_byte_vec_delete(&before);
    wasm_exporttype_vec_delete(&exports);
    CHECK(allocated == freed);
    /* To delete it is allowed, and not needed. */
    wasm_config_delete(config);
    wasm_engine_delete(engine);
    return 0;
}
