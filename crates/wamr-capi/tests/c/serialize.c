/* Modules as bytes, validation, names. */
#include "check.h"

int
main(void)
{
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_byte_vec_t binary, bytes;
    read_file("callback.wasm", &binary);
    CHECK(wasm_module_validate(store, &binary));
    wasm_module_t *module = wasm_module_new(store, &binary);
    CHECK(wasm_module_is_underlying_binary_freeable(module));
    memset(binary.data, 0, binary.size);
    CHECK(!wasm_module_validate(store, &binary) && wasm_module_new(store, &binary) == NULL);
    wasm_byte_vec_delete(&binary);

    wasm_module_serialize(module, &bytes);
    CHECK(bytes.size > 8);
    wasm_module_delete(module);
    module = wasm_module_deserialize(store, &bytes);
    CHECK(module != NULL);
    bytes.data[0] ^= 1;
    CHECK(wasm_module_deserialize(store, &bytes) == NULL);
    wasm_byte_vec_delete(&bytes);
    wasm_exporttype_vec_t exports;
    wasm_module_exports(module, &exports);
    CHECK(exports.size == 2);
    wasm_exporttype_vec_delete(&exports);

    CHECK(strcmp(wasm_module_get_name(module), "") == 0);
    CHECK(wasm_module_set_name(module, "renamed"));
    CHECK(strcmp(wasm_module_get_name(module), "renamed") == 0);
    wasm_module_delete(module);

    read_file("callback.wasm", &binary);
    LoadArgs args = { .name = (char *)"given", .clone_wasm_binary = true };
    module = wasm_module_new_ex(store, &binary, &args);
    wasm_byte_vec_delete(&binary);
    CHECK(module != NULL && strcmp(wasm_module_get_name(module), "given") == 0);
    wasm_module_delete(module);

    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return 0;
}
