/* A heap that two instances and the host share, alone and behind a buffer of the host's. */
#include "export_check.h"

static _Alignas(4096) char buffer[8192];

static uint32_t
call(wasm_module_inst_t inst, const char *name, uint32_t arg)
{
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst);
    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, name);
    uint32_t cells[1] = { arg };
    CHECK(wasm_runtime_call_wasm(env, func, wasm_func_get_param_count(func, inst), cells));
    return cells[0];
}

int
main(void)
{
    char error[128];
    CHECK(wasm_runtime_init());
    set_mode();
    wasm_module_t module = load_module("export_heap.wasm");
    wasm_module_inst_t a = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    wasm_module_inst_t b = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    CHECK(a != NULL && b != NULL);

    SharedHeapInitArgs args = { .size = 65536 };
    wasm_shared_heap_t managed = wasm_runtime_create_shared_heap(&args);
    args = (SharedHeapInitArgs){ .size = sizeof buffer, .pre_allocated_addr = buffer };
    strcpy(buffer, "the host's");
    wasm_shared_heap_t own = wasm_runtime_create_shared_heap(&args);
    CHECK(managed != NULL && own != NULL && strcmp(buffer, "the host's") == 0);
    CHECK(wasm_runtime_chain_shared_heaps(own, managed) == own);
    CHECK(wasm_runtime_attach_shared_heap(a, own) && wasm_runtime_attach_shared_heap(b, own));
    CHECK(!wasm_runtime_attach_shared_heap(a, own));

    uint32_t at = call(a, "produce", 0);
    char *text = wasm_runtime_addr_app_to_native(a, at);
    CHECK(strcmp(text, "from memory") == 0);
    CHECK(text == wasm_runtime_addr_app_to_native(b, at));
    CHECK(wasm_runtime_addr_native_to_app(b, text) == at);
    CHECK(wasm_runtime_validate_app_addr(a, at, 32));
    text[0] = 'F';
    CHECK(call(b, "first", at) == 'F');
    uint32_t host = (uint32_t)wasm_runtime_addr_native_to_app(a, buffer);
    CHECK(host != 0 && call(b, "first", host) == 't');
    call(b, "free", at);

    void *native;
    at = (uint32_t)wasm_runtime_shared_heap_malloc(a, 100, &native);
    CHECK(at != 0 && native != NULL);
    wasm_runtime_shared_heap_free(a, at);
    CHECK(!wasm_runtime_reset_shared_heap_chain(own));
    wasm_runtime_detach_shared_heap(a);
    wasm_runtime_deinstantiate(b);
    CHECK(wasm_runtime_reset_shared_heap_chain(own) && buffer[0] == 0);
    CHECK(wasm_runtime_unchain_shared_heaps(own, true) == managed);
    wasm_runtime_deinstantiate(a);
    wasm_runtime_unload(module);
    strcpy(buffer, "still there");
    wasm_runtime_destroy();
    CHECK(strcmp(buffer, "still there") == 0);
    buffer[0] = 'S';
    return 0;
}
