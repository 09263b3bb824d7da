/* Types and vectors: making, copying, converting, deleting. */
#include "check.h"

static void
check_externtype(wasm_externtype_t *type, wasm_externkind_t kind)
{
    CHECK(type != NULL && wasm_externtype_kind(type) == kind);
    CHECK((wasm_externtype_as_functype(type) != NULL) == (kind == WASM_EXTERN_FUNC));
    CHECK((wasm_externtype_as_globaltype(type) != NULL) == (kind == WASM_EXTERN_GLOBAL));
    CHECK((wasm_externtype_as_tabletype(type) != NULL) == (kind == WASM_EXTERN_TABLE));
    CHECK((wasm_externtype_as_memorytype(type) != NULL) == (kind == WASM_EXTERN_MEMORY));
    CHECK((wasm_externtype_as_tagtype(type) != NULL) == (kind == WASM_EXTERN_TAG));
    CHECK((wasm_externtype_as_functype_const(type) != NULL) == (kind == WASM_EXTERN_FUNC));
    wasm_externtype_t *copy = wasm_externtype_copy(type);
    CHECK(copy != type && wasm_externtype_kind(copy) == kind);
    wasm_externtype_delete(copy);
}

int
main(void)
{
    wasm_valkind_t kinds[] = { WASM_I32, WASM_I64, WASM_F32, WASM_F64, WASM_V128, WASM_EXTERNREF,
                               WASM_FUNCREF };
    wasm_valtype_vec_t params, results, copies;
    wasm_valtype_vec_new_uninitialized(&params, 7);
    CHECK(params.size == 7 && params.data[0] == NULL);
    for (size_t i = 0; i < 7; i++) {
        params.data[i] = wasm_valtype_new(kinds[i]);
        CHECK(wasm_valtype_kind(params.data[i]) == kinds[i]);
        CHECK(wasm_valtype_is_ref(params.data[i]) == (kinds[i] >= WASM_EXTERNREF));
        CHECK(wasm_valkind_is_num(kinds[i]) == wasm_valtype_is_num(params.data[i]));
    }
    wasm_valtype_vec_copy(&copies, &params);
    CHECK(copies.size == 7 && copies.data[3] != params.data[3]);
    CHECK(wasm_valtype_kind(copies.data[6]) == WASM_FUNCREF);
    wasm_valtype_vec_delete(&copies);
    CHECK(copies.size == 0 && copies.data == NULL);
    wasm_valtype_vec_new_empty(&results);

    wasm_functype_t *func = wasm_functype_new(&params, &results);
    CHECK(wasm_functype_params(func)->size == 7 && wasm_functype_results(func)->size == 0);
    wasm_functype_t *copy = wasm_functype_copy(func);
    wasm_functype_delete(func);
    CHECK(wasm_valtype_kind(wasm_functype_params(copy)->data[1]) == WASM_I64);
    check_externtype(wasm_functype_as_externtype(copy), WASM_EXTERN_FUNC);

    wasm_limits_t limits = { 2, 5 };
    wasm_globaltype_t *global = wasm_globaltype_new(wasm_valtype_new_f64(), WASM_VAR);
    wasm_tabletype_t *table = wasm_tabletype_new(wasm_valtype_new_anyref(), &limits);
    wasm_memorytype_t *memory = wasm_memorytype_new(&limits);
    wasm_tagtype_t *tag = wasm_tagtype_new(wasm_functype_new_1_0(wasm_valtype_new_i32()));
    limits.min = 0;
    CHECK(wasm_memorytype_limits(memory)->min == 2 && wasm_tabletype_limits(table)->max == 5);
    check_externtype(wasm_globaltype_as_externtype(global), WASM_EXTERN_GLOBAL);
    check_externtype(wasm_tabletype_as_externtype(table), WASM_EXTERN_TABLE);
    check_externtype(wasm_memorytype_as_externtype(memory), WASM_EXTERN_MEMORY);
    check_externtype(wasm_tagtype_as_externtype(tag), WASM_EXTERN_TAG);
    wasm_globaltype_delete(global);
    wasm_tabletype_delete(table);
    wasm_tagtype_delete(tag);

    wasm_name_t module, name;
    wasm_name_new_from_string(&module, "env");
    wasm_name_new_from_string_nt(&name, "item");
    CHECK(module.size == 3 && name.size == 5 && name.data[4] == 0);
    wasm_importtype_t *import =
        wasm_importtype_new(&module, &name, wasm_memorytype_as_externtype(memory));
    CHECK(wasm_importtype_module(import)->size == 3 && wasm_importtype_name(import)->size == 5);
    wasm_importtype_t *import_copy = wasm_importtype_copy(import);
    wasm_importtype_delete(import);
    CHECK(wasm_externtype_kind(wasm_importtype_type(import_copy)) == WASM_EXTERN_MEMORY);
    wasm_importtype_vec_t imports;
    wasm_importtype_vec_new(&imports, 1, &import_copy);
    wasm_importtype_vec_delete(&imports);
    wasm_name_new_from_string(&name, "out");
    wasm_exporttype_t *export = wasm_exporttype_new(&name, wasm_functype_as_externtype(copy));
    CHECK(memcmp(wasm_exporttype_name(export)->data, "out", 3) == 0);
    CHECK(wasm_externtype_kind(wasm_exporttype_type(export)) == WASM_EXTERN_FUNC);
    wasm_exporttype_delete(export);

    wasm_functype_t *shorthand =
        wasm_functype_new_3_2(wasm_valtype_new_i32(), wasm_valtype_new_i64(),
                              wasm_valtype_new_f32(), wasm_valtype_new_v128(),
                              wasm_valtype_new_funcref());
    CHECK(wasm_functype_params(shorthand)->size == 3 && wasm_functype_results(shorthand)->size == 2);
    wasm_functype_delete(shorthand);

    wasm_val_t value;
    wasm_val_init_ptr(&value, &limits);
    CHECK(wasm_val_ptr(&value) == &limits);
    wasm_val_vec_t values, values_copy;
    wasm_val_vec_new(&values, 1, &value);
    wasm_val_vec_copy(&values_copy, &values);
    CHECK(values_copy.size == 1 && wasm_val_ptr(&values_copy.data[0]) == &limits);
    wasm_val_vec_delete(&values);
    wasm_val_vec_delete(&values_copy);

    wasm_byte_vec_t bytes;
    wasm_byte_vec_new_uninitialized(&bytes, SIZE_MAX);
    CHECK(bytes.size == 0 && bytes.data == NULL);
    return 0;
}
