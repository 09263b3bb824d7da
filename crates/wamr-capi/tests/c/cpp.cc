// The headers and the library from C++: handles that delete themselves, a callback that throws
// nothing but traps.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "wasm.h"

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                        \
        }                                                                        \
    } while (0)

template <auto Delete> struct Deleter {
    template <typename T> void operator()(T *object) const { Delete(object); }
};
using Engine = std::unique_ptr<wasm_engine_t, Deleter<wasm_engine_delete>>;
using Store = std::unique_ptr<wasm_store_t, Deleter<wasm_store_delete>>;
using Module = std::unique_ptr<wasm_module_t, Deleter<wasm_module_delete>>;
using Instance = std::unique_ptr<wasm_instance_t, Deleter<wasm_instance_delete>>;
using Func = std::unique_ptr<wasm_func_t, Deleter<wasm_func_delete>>;
using FuncType = std::unique_ptr<wasm_functype_t, Deleter<wasm_functype_delete>>;
using Trap = std::unique_ptr<wasm_trap_t, Deleter<wasm_trap_delete>>;

int main()
{
    Engine engine(wasm_engine_new());
    Store store(wasm_store_new(engine.get()));
    std::ifstream file("callback.wasm", std::ios::binary);
    std::vector<char> bytes{ std::istreambuf_iterator<char>(file), {} };
    wasm_byte_vec_t binary;
    wasm_byte_vec_new(&binary, bytes.size(), bytes.data());
    Module module(wasm_module_new(store.get(), &binary));
    wasm_byte_vec_delete(&binary);
    CHECK(module);

    FuncType unary(wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32()));
    FuncType getter(wasm_functype_new_0_1(wasm_valtype_new_i64()));
    Func twice(wasm_func_new(store.get(), unary.get(),
                             [](const wasm_val_vec_t *args, wasm_val_vec_t *results) {
                                 results->data[0].of.i32 = 2 * args->data[0].of.i32;
                                 return static_cast<wasm_trap_t *>(nullptr);
                             }));
    auto count = std::make_unique<int64_t>(40);
    Func counter(wasm_func_new_with_env(
        store.get(), getter.get(),
        [](void *env, const wasm_val_vec_t *, wasm_val_vec_t *results) {
            results->data[0].of.i64 = ++*static_cast<int64_t *>(env);
            return static_cast<wasm_trap_t *>(nullptr);
        },
        count.release(), [](void *env) { delete static_cast<int64_t *>(env); }));

    wasm_extern_t *externs[] = { wasm_func_as_extern(twice.get()),
                                 wasm_func_as_extern(counter.get()) };
    wasm_extern_vec_t imports = WASM_ARRAY_VEC(externs), exports;
    Instance instance(wasm_instance_new(store.get(), module.get(), &imports, nullptr));
    CHECK(instance);
    wasm_instance_exports(instance.get(), &exports);
    wasm_val_t args[2] = {}, results[1] = {};
    args[0].kind = args[1].kind = WASM_I32;
    args[0].of.i32 = 3;
    args[1].of.i32 = 4;
    wasm_val_vec_t from = WASM_ARRAY_VEC(args), to = WASM_ARRAY_VEC(results);
    Trap trap(wasm_func_call(wasm_extern_as_func(exports.data[0]), &from, &to));
    CHECK(!trap && results[0].kind == WASM_I64 && results[0].of.i64 == 14 + 41);
    wasm_extern_vec_delete(&exports);
    return 0;
}
