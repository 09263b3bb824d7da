/*
 * gc_export.h: objects of the GC proposal, for embedders.
 *
 * An object is held by a name that the host gets (wasm_obj_t). A native that got or made names
 * has them until it returns; outside of natives they last until the execution environment that
 * they were made with is destroyed. wasm_runtime_pin_object() and local references keep them
 * longer. Names of the same object are equal. Objects never move for the host.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef _GC_EXPORT_H
#define _GC_EXPORT_H

#include "wasm_export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A byte of the binary format that stands for a value type. */
typedef uint8_t wasm_value_type_t;

typedef enum wasm_value_type_enum {
    VALUE_TYPE_I32 = 0x7F,
    VALUE_TYPE_I64 = 0x7E,
    VALUE_TYPE_F32 = 0x7D,
    VALUE_TYPE_F64 = 0x7C,
    VALUE_TYPE_V128 = 0x7B,
    VALUE_TYPE_I8 = 0x78,
    VALUE_TYPE_I16 = 0x77,
    VALUE_TYPE_NULLFUNCREF = 0x73,
    VALUE_TYPE_NULLEXTERNREF = 0x72,
    VALUE_TYPE_NULLREF = 0x71,
    VALUE_TYPE_FUNCREF = 0x70,
    VALUE_TYPE_EXTERNREF = 0x6F,
    VALUE_TYPE_ANYREF = 0x6E,
    VALUE_TYPE_EQREF = 0x6D,
    VALUE_TYPE_I31REF = 0x6C,
    VALUE_TYPE_STRUCTREF = 0x6B,
    VALUE_TYPE_ARRAYREF = 0x6A,
    VALUE_TYPE_HT_NON_NULLABLE_REF = 0x64,
    VALUE_TYPE_HT_NULLABLE_REF = 0x63,
    VALUE_TYPE_STRINGREF = 0X67,
    VALUE_TYPE_STRINGVIEWWTF8 = 0x66,
    VALUE_TYPE_STRINGVIEWWTF16 = 0x62,
    VALUE_TYPE_STRINGVIEWITER = 0x61
} wasm_value_type_enum;

/* A heap type: an index of the module's types, or one of these. */
typedef int32_t wasm_heap_type_t;

typedef enum wasm_heap_type_enum {
    HEAP_TYPE_NOFUNC = -0x0D,
    HEAP_TYPE_NOEXTERN = -0x0E,
    HEAP_TYPE_NONE = -0x0F,
    HEAP_TYPE_FUNC = -0x10,
    HEAP_TYPE_EXTERN = -0x11,
    HEAP_TYPE_ANY = -0x12,
    HEAP_TYPE_EQ = -0x13,
    HEAP_TYPE_I31 = -0x14,
    HEAP_TYPE_STRUCT = -0x15,
    HEAP_TYPE_ARRAY = -0x16,
    HEAP_TYPE_STRINGREF = -0x19,
    HEAP_TYPE_STRINGVIEWWTF8 = -0x1A,
    HEAP_TYPE_STRINGVIEWWTF16 = -0x1E,
    HEAP_TYPE_STRINGVIEWITER = -0x1F
} wasm_heap_type_enum;

struct WASMObject;
typedef struct WASMObject *wasm_obj_t;

#ifndef WASM_VALUE_DEFINED
#define WASM_VALUE_DEFINED
typedef union V128 {
    int8_t i8x16[16];
    int16_t i16x8[8];
    int32_t i32x4[4];
    int64_t i64x2[2];
    float f32x4[4];
    double f64x2[2];
} V128;

/* A value of a field or element: the member of its type. */
typedef union WASMValue {
    int32_t i32;
    uint32_t u32;
    uint32_t global_index;
    uint32_t ref_index;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    V128 v128;
    wasm_obj_t gc_obj;
    uint32_t type_index;
    struct {
        uint32_t type_index;
        uint32_t length;
    } array_new_default;
    void *data;
} WASMValue;
#endif

typedef union WASMValue wasm_value_t;

/* A type of a value. For references to types of a module, `heap_type` is the type's index, which
   is negative where the type is asked for without a module. */
typedef struct wasm_ref_type_t {
    wasm_value_type_t value_type;
    bool nullable;
    int32_t heap_type;
} wasm_ref_type_t;

/* A place that keeps an object. It is part of a chain, which belongs to an environment. */
typedef struct WASMLocalObjectRef {
    struct WASMLocalObjectRef *prev;
    wasm_obj_t val;
} WASMLocalObjectRef, wasm_local_obj_ref_t;

struct WASMType;
struct WASMFuncType;
struct WASMStructType;
struct WASMArrayType;

/* Types of a module. A pointer to one may be cast to and from that of its kind. Equal types have
   equal pointers. */
typedef struct WASMType *wasm_defined_type_t;
typedef struct WASMFuncType *wasm_func_type_t;
typedef struct WASMStructType *wasm_struct_type_t;
typedef struct WASMArrayType *wasm_array_type_t;

struct WASMExternrefObject;
struct WASMAnyrefObject;
struct WASMStructObject;
struct WASMArrayObject;
struct WASMFuncObject;

/* Objects by kind; they may be cast to and from wasm_obj_t. */
typedef struct WASMExternrefObject *wasm_externref_obj_t;
typedef struct WASMAnyrefObject *wasm_anyref_obj_t;
typedef struct WASMStructObject *wasm_struct_obj_t;
typedef struct WASMArrayObject *wasm_array_obj_t;
typedef struct WASMFuncObject *wasm_func_obj_t;
typedef struct WASMStringrefObject *wasm_stringref_obj_t;
typedef uintptr_t wasm_i31_obj_t;

typedef void (*wasm_obj_finalizer_t)(const wasm_obj_t obj, void *data);

/*
 * Types
 */

WASM_RUNTIME_API_EXTERN uint32_t wasm_get_defined_type_count(const wasm_module_t module);
WASM_RUNTIME_API_EXTERN wasm_defined_type_t wasm_get_defined_type(const wasm_module_t module,
                                                                  uint32_t index);
/* NULL, and -1, for what is no struct, array or function. */
WASM_RUNTIME_API_EXTERN wasm_defined_type_t wasm_obj_get_defined_type(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN int32_t wasm_obj_get_defined_type_idx(const wasm_module_t module,
                                                              const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_is_func_type(const wasm_defined_type_t def_type);
WASM_RUNTIME_API_EXTERN bool
wasm_defined_type_is_struct_type(const wasm_defined_type_t def_type);
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_is_array_type(const wasm_defined_type_t def_type);
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_func_type_get_param_type(const wasm_func_type_t func_type, uint32_t param_idx);
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_func_type_get_result_type(const wasm_func_type_t func_type, uint32_t result_idx);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_struct_type_get_field_count(const wasm_struct_type_t struct_type);
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_struct_type_get_field_type(const wasm_struct_type_t struct_type, uint32_t field_idx,
                                bool *p_is_mutable);
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_array_type_get_elem_type(const wasm_array_type_t array_type, bool *p_is_mutable);
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_equal(const wasm_defined_type_t def_type1,
                                                     const wasm_defined_type_t def_type2,
                                                     const wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool
wasm_defined_type_is_subtype_of(const wasm_defined_type_t def_type1,
                                const wasm_defined_type_t def_type2, const wasm_module_t module);

WASM_RUNTIME_API_EXTERN void wasm_ref_type_set_type_idx(wasm_ref_type_t *ref_type, bool nullable,
                                                        int32_t type_idx);
WASM_RUNTIME_API_EXTERN void wasm_ref_type_set_heap_type(wasm_ref_type_t *ref_type,
                                                         bool nullable, int32_t heap_type);
WASM_RUNTIME_API_EXTERN bool wasm_ref_type_equal(const wasm_ref_type_t *ref_type1,
                                                 const wasm_ref_type_t *ref_type2,
                                                 const wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool wasm_ref_type_is_subtype_of(const wasm_ref_type_t *ref_type1,
                                                         const wasm_ref_type_t *ref_type2,
                                                         const wasm_module_t module);

/*
 * Structs and arrays. Fields and elements of numbers are zero at first, references null; a type
 * with references that may not be null cannot be made by wasm_struct_obj_new_*(). Setting what is
 * immutable, absent or of another type has no effect; getting it gives zeros.
 */

WASM_RUNTIME_API_EXTERN wasm_struct_obj_t
wasm_struct_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx);
WASM_RUNTIME_API_EXTERN wasm_struct_obj_t
wasm_struct_obj_new_with_type(wasm_exec_env_t exec_env, const wasm_struct_type_t type);
WASM_RUNTIME_API_EXTERN void wasm_struct_obj_set_field(wasm_struct_obj_t obj, uint32_t field_idx,
                                                       const wasm_value_t *value);
WASM_RUNTIME_API_EXTERN void wasm_struct_obj_get_field(const wasm_struct_obj_t obj,
                                                       uint32_t field_idx, bool sign_extend,
                                                       wasm_value_t *value);
WASM_RUNTIME_API_EXTERN uint32_t wasm_struct_obj_get_field_count(const wasm_struct_obj_t obj);

WASM_RUNTIME_API_EXTERN wasm_array_obj_t
wasm_array_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx, uint32_t length,
                                wasm_value_t *init_value);
WASM_RUNTIME_API_EXTERN wasm_array_obj_t
wasm_array_obj_new_with_type(wasm_exec_env_t exec_env, const wasm_array_type_t type,
                             uint32_t length, wasm_value_t *init_value);
WASM_RUNTIME_API_EXTERN void wasm_array_obj_set_elem(wasm_array_obj_t array_obj,
                                                     uint32_t elem_idx,
                                                     const wasm_value_t *value);
WASM_RUNTIME_API_EXTERN void wasm_array_obj_get_elem(const wasm_array_obj_t array_obj,
                                                     uint32_t elem_idx, bool sign_extend,
                                                     wasm_value_t *value);
WASM_RUNTIME_API_EXTERN void wasm_array_obj_copy(wasm_array_obj_t dst_obj, uint32_t dst_idx,
                                                 const wasm_array_obj_t src_obj,
                                                 uint32_t src_idx, uint32_t len);
WASM_RUNTIME_API_EXTERN uint32_t wasm_array_obj_length(const wasm_array_obj_t array_obj);
/* Where elements of numbers are, as long as the array lives; NULL for elements that are
   references. */
WASM_RUNTIME_API_EXTERN void *wasm_array_obj_first_elem_addr(const wasm_array_obj_t array_obj);
WASM_RUNTIME_API_EXTERN void *wasm_array_obj_elem_addr(const wasm_array_obj_t array_obj,
                                                       uint32_t elem_idx);

/*
 * Functions
 */

/* The instance's function of that index as an object; NULL if it is not of the type. */
WASM_RUNTIME_API_EXTERN wasm_func_obj_t
wasm_func_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx,
                               uint32_t func_idx_bound);
WASM_RUNTIME_API_EXTERN wasm_func_obj_t
wasm_func_obj_new_with_type(wasm_exec_env_t exec_env, wasm_func_type_t type,
                            uint32_t func_idx_bound);
/* UINT32_MAX for functions that are not one of the instance's. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_obj_get_func_idx_bound(const wasm_func_obj_t func_obj);
WASM_RUNTIME_API_EXTERN wasm_func_type_t
wasm_func_obj_get_func_type(const wasm_func_obj_t func_obj);
/* As wasm_runtime_call_wasm(), _a() and _v(). */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_func_ref(wasm_exec_env_t exec_env,
                                                        const wasm_func_obj_t func_obj,
                                                        uint32_t argc, uint32_t argv[]);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_func_ref_a(wasm_exec_env_t exec_env,
                                                          const wasm_func_obj_t func_obj,
                                                          uint32_t num_results,
                                                          wasm_val_t results[],
                                                          uint32_t num_args, wasm_val_t *args);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_func_ref_v(wasm_exec_env_t exec_env,
                                                          const wasm_func_obj_t func_obj,
                                                          uint32_t num_results,
                                                          wasm_val_t results[],
                                                          uint32_t num_args, ...);

/*
 * Values of the host, and small numbers
 */

WASM_RUNTIME_API_EXTERN wasm_externref_obj_t wasm_externref_obj_new(wasm_exec_env_t exec_env,
                                                                    const void *host_obj);
WASM_RUNTIME_API_EXTERN const void *
wasm_externref_obj_get_value(const wasm_externref_obj_t externref_obj);
WASM_RUNTIME_API_EXTERN wasm_anyref_obj_t wasm_anyref_obj_new(wasm_exec_env_t exec_env,
                                                              const void *host_obj);
WASM_RUNTIME_API_EXTERN const void *
wasm_anyref_obj_get_value(const wasm_anyref_obj_t anyref_obj);
WASM_RUNTIME_API_EXTERN wasm_obj_t
wasm_externref_obj_to_internal_obj(const wasm_externref_obj_t externref_obj);
WASM_RUNTIME_API_EXTERN wasm_externref_obj_t
wasm_internal_obj_to_externref_obj(wasm_exec_env_t exec_env, const wasm_obj_t internal_obj);
WASM_RUNTIME_API_EXTERN wasm_i31_obj_t wasm_i31_obj_new(uint32_t i31_value);
WASM_RUNTIME_API_EXTERN uint32_t wasm_i31_obj_get_value(wasm_i31_obj_t i31_obj,
                                                        bool sign_extend);

/*
 * What keeps objects
 */

WASM_RUNTIME_API_EXTERN bool wasm_runtime_pin_object(wasm_exec_env_t exec_env, wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_unpin_object(wasm_exec_env_t exec_env, wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN void
wasm_runtime_push_local_obj_ref(wasm_exec_env_t exec_env, wasm_local_obj_ref_t *local_obj_ref);
WASM_RUNTIME_API_EXTERN wasm_local_obj_ref_t *
wasm_runtime_pop_local_obj_ref(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN void wasm_runtime_pop_local_obj_refs(wasm_exec_env_t exec_env,
                                                             uint32_t n);
WASM_RUNTIME_API_EXTERN wasm_local_obj_ref_t *
wasm_runtime_get_cur_local_obj_ref(wasm_exec_env_t exec_env);
/* Values of the host that were made with wasm_externref_obj_new() or wasm_anyref_obj_new() have
   finalizers; other objects do not, and setting one fails. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_set_gc_finalizer(wasm_exec_env_t exec_env,
                                                       const wasm_obj_t obj,
                                                       wasm_obj_finalizer_t cb, void *data);
WASM_RUNTIME_API_EXTERN void wasm_obj_unset_gc_finalizer(wasm_exec_env_t exec_env, void *obj);

/*
 * What an object is
 */

WASM_RUNTIME_API_EXTERN bool wasm_obj_is_struct_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_array_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_func_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_i31_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_externref_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_anyref_obj(const wasm_obj_t obj);
/* Structs, arrays and i31. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_internal_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_eq_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool
wasm_obj_is_instance_of_defined_type(const wasm_obj_t obj, const wasm_defined_type_t defined_type,
                                     const wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_instance_of_type_idx(const wasm_obj_t obj,
                                                              uint32_t type_idx,
                                                              const wasm_module_t module);
/* For abstract types; types of a module are asked for with the functions above. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_instance_of_ref_type(const wasm_obj_t obj,
                                                              const wasm_ref_type_t *ref_type);

#ifdef __cplusplus
}
#endif

#endif /* _GC_EXPORT_H */
