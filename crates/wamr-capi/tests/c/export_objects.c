/* Objects of the GC proposal: types, structs, arrays, functions, values of the host, and what
   keeps them. */
#include "export_check.h"
#include "gc_export.h"

static int finalized;

static void
finalize(const wasm_obj_t obj, void *data)
{
    (void)obj;
    finalized += *(int *)data;
}

static void
types(wasm_module_t module)
{
    CHECK(wasm_get_defined_type_count(module) >= 3);
    wasm_defined_type_t point = wasm_get_defined_type(module, 0);
    wasm_defined_type_t bytes = wasm_get_defined_type(module, 1);
    wasm_defined_type_t twice = wasm_get_defined_type(module, 2);
    CHECK(wasm_defined_type_is_struct_type(point) && !wasm_defined_type_is_array_type(point));
    CHECK(wasm_defined_type_is_array_type(bytes) && wasm_defined_type_is_func_type(twice));
    CHECK(wasm_defined_type_equal(point, point, module));
    CHECK(!wasm_defined_type_is_subtype_of(bytes, point, module));
    bool is_mutable = false;
    CHECK(wasm_struct_type_get_field_count((wasm_struct_type_t)point) == 3);
    wasm_ref_type_t field =
        wasm_struct_type_get_field_type((wasm_struct_type_t)point, 2, &is_mutable);
    wasm_ref_type_t any, defined;
    wasm_ref_type_set_heap_type(&any, true, HEAP_TYPE_ANY);
    wasm_ref_type_set_type_idx(&defined, false, 0);
    CHECK(is_mutable && wasm_ref_type_equal(&field, &any, module));
    CHECK(wasm_ref_type_is_subtype_of(&defined, &any, module));
    wasm_array_type_get_elem_type((wasm_array_type_t)bytes, &is_mutable);
    CHECK(is_mutable);
    wasm_ref_type_t param = wasm_func_type_get_param_type((wasm_func_type_t)twice, 0);
    wasm_ref_type_t result = wasm_func_type_get_result_type((wasm_func_type_t)twice, 0);
    CHECK(param.value_type == VALUE_TYPE_I32 && result.value_type == VALUE_TYPE_I32);
}

static void
objects(wasm_module_t module, wasm_module_inst_t inst, wasm_exec_env_t env)
{
    wasm_value_t value = { .i32 = 77 };
    wasm_struct_obj_t point = wasm_struct_obj_new_with_typeidx(env, 0);
    CHECK(point != NULL && wasm_struct_obj_get_field_count(point) == 3);
    wasm_struct_obj_set_field(point, 0, &value);
    wasm_struct_obj_t inner = wasm_struct_obj_new_with_type(
        env, (wasm_struct_type_t)wasm_get_defined_type(module, 0));
    value.gc_obj = (wasm_obj_t)inner;
    wasm_struct_obj_set_field(point, 2, &value);
    wasm_struct_obj_get_field(point, 2, false, &value);
    CHECK(value.gc_obj == (wasm_obj_t)inner);
    wasm_val_t arg = { .kind = WASM_EXTERNREF, .of.foreign = (uintptr_t)point }, result;
    CHECK(wasm_runtime_call_wasm_a(env, wasm_runtime_lookup_function(inst, "x"), 1, &result, 1,
                                   &arg));
    CHECK(result.of.i32 == 77);

    wasm_obj_t obj = (wasm_obj_t)point;
    wasm_ref_type_t is_struct;
    wasm_ref_type_set_heap_type(&is_struct, false, HEAP_TYPE_STRUCT);
    CHECK(wasm_obj_is_struct_obj(obj) && !wasm_obj_is_array_obj(obj) && wasm_obj_is_eq_obj(obj));
    CHECK(wasm_obj_is_internal_obj(obj) && wasm_obj_is_instance_of_ref_type(obj, &is_struct));
    CHECK(wasm_obj_get_defined_type(obj) == wasm_get_defined_type(module, 0));
    CHECK(wasm_obj_get_defined_type_idx(module, obj) == 0);
    CHECK(wasm_obj_is_instance_of_type_idx(obj, 0, module));
    CHECK(!wasm_obj_is_instance_of_defined_type(obj, wasm_get_defined_type(module, 1), module));

    value.i32 = 3;
    wasm_array_obj_t bytes = wasm_array_obj_new_with_typeidx(env, 1, 8, &value);
    wasm_array_obj_t more = wasm_array_obj_new_with_type(
        env, (wasm_array_type_t)wasm_get_defined_type(module, 1), 4, &value);
    CHECK(wasm_array_obj_length(bytes) == 8 && wasm_array_obj_length(more) == 4);
    value.i32 = 255;
    wasm_array_obj_set_elem(more, 1, &value);
    wasm_array_obj_copy(bytes, 4, more, 0, 4);
    wasm_array_obj_get_elem(bytes, 5, true, &value);
    CHECK(value.i32 == -1);
    uint8_t *first = wasm_array_obj_first_elem_addr(bytes);
    CHECK(first[5] == 255 && wasm_array_obj_elem_addr(bytes, 5) == first + 5);

    wasm_i31_obj_t small = wasm_i31_obj_new(5);
    CHECK(wasm_obj_is_i31_obj((wasm_obj_t)small) && wasm_i31_obj_get_value(small, true) == 5);
}

static void
functions_and_foreign_values(wasm_module_t module, wasm_exec_env_t env)
{
    wasm_func_type_t type = (wasm_func_type_t)wasm_get_defined_type(module, 2);
    wasm_func_obj_t twice = wasm_func_obj_new_with_typeidx(env, 2, 0);
    CHECK(twice != NULL && wasm_func_obj_new_with_type(env, type, 0) == twice);
    CHECK(wasm_obj_is_func_obj((wasm_obj_t)twice));
    CHECK(wasm_func_obj_get_func_idx_bound(twice) == 0);
    CHECK(wasm_func_obj_get_func_type(twice) == type);
    uint32_t cells[1] = { 21 };
    wasm_val_t arg = { .kind = WASM_I32, .of.i32 = 4 }, result;
    CHECK(wasm_runtime_call_func_ref(env, twice, 1, cells) && cells[0] == 42);
    CHECK(wasm_runtime_call_func_ref_a(env, twice, 1, &result, 1, &arg) && result.of.i32 == 8);
    CHECK(wasm_runtime_call_func_ref_v(env, twice, 1, &result, 1, (int32_t)5));
    CHECK(result.of.i32 == 10);

    static int one = 1, two = 2;
    wasm_externref_obj_t external = wasm_externref_obj_new(env, &one);
    CHECK(wasm_obj_is_externref_obj((wasm_obj_t)external));
    CHECK(wasm_externref_obj_get_value(external) == &one);
    wasm_obj_t internal = wasm_externref_obj_to_internal_obj(external);
    CHECK(wasm_obj_is_anyref_obj(internal));
    CHECK(wasm_internal_obj_to_externref_obj(env, internal) == external);
    wasm_anyref_obj_t any = wasm_anyref_obj_new(env, &two);
    CHECK(wasm_anyref_obj_get_value(any) == &two);
    CHECK(wasm_obj_set_gc_finalizer(env, (wasm_obj_t)external, finalize, &one));
    wasm_obj_unset_gc_finalizer(env, external);
    CHECK(wasm_obj_set_gc_finalizer(env, (wasm_obj_t)any, finalize, &two));

    CHECK(wasm_runtime_pin_object(env, (wasm_obj_t)any));
    CHECK(wasm_runtime_unpin_object(env, (wasm_obj_t)any));
    wasm_local_obj_ref_t local[2] = { { .val = (wasm_obj_t)any }, { .val = internal } };
    wasm_runtime_push_local_obj_ref(env, &local[0]);
    wasm_runtime_push_local_obj_ref(env, &local[1]);
    CHECK(wasm_runtime_get_cur_local_obj_ref(env) == &local[1]);
    CHECK(wasm_runtime_pop_local_obj_ref(env) == &local[1]);
    wasm_runtime_pop_local_obj_refs(env, 1);
    CHECK(wasm_runtime_get_cur_local_obj_ref(env) == NULL);
}

int
main(void)
{
    CHECK(wasm_runtime_init());
    set_mode();
    wasm_module_t module = load_module("export_objects.wasm");
    char error[128];
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 8192);
    CHECK(inst != NULL && env != NULL);
    types(module);
    objects(module, inst, env);
    functions_and_foreign_values(module, env);
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    CHECK(finalized == 2);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
