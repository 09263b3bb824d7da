//! Types that hosts make: whatever they say, values stay what their types say.

use wamr::types::{
    AbstractHeapType, CompositeType, FieldType, FuncType, HeapType, RecGroup, RefType,
    RegistryError, StorageType, StructType, SubType, TypeId, ValType,
};
use wamr::{AnyRef, Func, Store, Tag, Val};

use crate::support::{call, each_mode, instantiate};

/// A function type's reference to itself, by its position.
fn own() -> ValType {
    ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(TypeId::in_group(0)) })
}

#[test]
fn a_function_that_takes_functions_of_its_own_type_gets_functions() {
    each_mode(|engine| {
        let mut store = Store::new(engine, 0);
        let host = Func::new(&mut store, FuncType::new([own()], []), |mut caller, params, _| {
            let Val::FuncRef(Some(_)) = &params[0] else { panic!("{:?}", params[0]) };
            *caller.data_mut() += 1;
            Ok(())
        });
        let wat = r#"(module (type $f (func (param (ref null $f))))
            (import "" "" (func $h (type $f))) (elem declare func $h)
            (func (export "run") (call $h (ref.func $h))))"#;
        let instance = instantiate(engine, &mut store, wat, &[host.unwrap().into()]);
        call::<(), ()>(&mut store, &instance, "run", ()).unwrap();
        assert_eq!(*store.data(), 1);
    });
}

#[test]
fn a_tag_that_carries_functions_of_its_own_type_carries_functions() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let tag = Tag::new(&mut store, FuncType::new([own()], [])).unwrap();
        let wat = r#"(module (type $f (func (param (ref null $f))))
            (import "" "" (tag $t (type $f))) (func $h (type $f)) (elem declare func $h)
            (func (export "run") (throw $t (ref.func $h))))"#;
        let instance = instantiate(engine, &mut store, wat, &[tag.into()]);
        let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
        store.gc();
        let fields = error.exception().unwrap().fields(&mut store).unwrap();
        assert!(matches!(fields[..], [Val::FuncRef(Some(_))]), "{fields:?}");
    });
}

#[test]
fn objects_are_of_no_type_of_another_hierarchy() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let func = engine.types().register_func(&FuncType::new([], [])).unwrap();
        let number = AnyRef::from_i31(&mut store, 1);
        use AbstractHeapType as H;
        for (heap, is) in [
            (HeapType::Concrete(func), false),
            (HeapType::Concrete(TypeId::in_group(0)), false),
            (HeapType::Abstract(H::Func), false),
            (HeapType::Abstract(H::Extern), false),
            (HeapType::Abstract(H::Exn), false),
            (HeapType::Abstract(H::Struct), false),
            (HeapType::Abstract(H::I31), true),
            (HeapType::Abstract(H::Any), true),
        ] {
            assert_eq!(number.is(&mut store, heap).unwrap(), is, "{heap:?}");
        }
    });
}

#[test]
fn what_is_no_subtype_cannot_be_registered_as_one() {
    each_mode(|engine| {
        let object = |storage, supertype| SubType {
            is_final: false,
            supertype,
            composite: CompositeType::Struct(StructType {
                fields: [FieldType { storage: StorageType::Val(storage), mutable: true }].into(),
            }),
        };
        let register = |ty| engine.types().register(RecGroup { types: [ty].into() });
        let externref =
            RefType { nullable: true, heap: HeapType::Abstract(AbstractHeapType::Extern) };
        let good = register(object(ValType::Ref(externref), None)).unwrap();
        // An object of it would pass a number off as a reference.
        let bad = register(object(ValType::I32, Some(good)));
        assert!(matches!(bad, Err(RegistryError::InvalidSubtype(_))), "{bad:?}");
    });
}
