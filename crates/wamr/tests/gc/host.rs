//! Objects in the hands of hosts.

use wamr::{
    AbstractHeapType, AnyRef, ArrayType, CompositeType, Engine, ErrorKind, ExternRef, FieldType,
    HeapType, RecGroup, RefType, StorageType, Store, StructType, SubType, TypeId, Val, ValType,
};

use super::{MIB, engine};

const I8: FieldType = FieldType { storage: StorageType::I8, mutable: true };

fn field(ty: ValType, mutable: bool) -> FieldType {
    FieldType { storage: StorageType::Val(ty), mutable }
}

fn register(engine: &Engine, supertype: Option<TypeId>, composite: CompositeType) -> TypeId {
    let ty = SubType { is_final: false, supertype, composite };
    engine.types().register(RecGroup { types: [ty].into() }).unwrap()
}

fn structs(engine: &Engine) -> (TypeId, TypeId) {
    let any = field(ValType::Ref(RefType::nullable(AbstractHeapType::Any)), true);
    let fields = [I8, field(ValType::I64, false), any];
    let base =
        register(engine, None, CompositeType::Struct(StructType { fields: fields[..2].into() }));
    let sub =
        register(engine, Some(base), CompositeType::Struct(StructType { fields: fields.into() }));
    (base, sub)
}

#[test]
fn structs_have_fields() {
    let engine = engine(MIB);
    let mut store = Store::new(&engine, ());
    let (base, sub) = structs(&engine);
    let inner = AnyRef::new_struct(&mut store, base, &[Val::I32(0x1ff), Val::I64(-1)]).unwrap();
    let outer =
        AnyRef::new_struct(&mut store, sub, &[Val::I32(1), Val::I64(2), inner.clone().into()])
            .unwrap();
    assert_eq!(inner.field(&mut store, 0).unwrap().i32(), Some(0xff), "packed");
    assert_eq!(inner.field(&mut store, 1).unwrap().i64(), Some(-1));
    let Val::AnyRef(Some(found)) = outer.field(&mut store, 2).unwrap() else { panic!("a struct") };
    assert!(AnyRef::same(&found, &inner) && !AnyRef::same(&found, &outer));
    outer.set_field(&mut store, 0, &Val::I32(-2)).unwrap();
    assert_eq!(outer.field(&mut store, 0).unwrap().i32(), Some(0xfe));
    outer.set_field(&mut store, 2, &Val::AnyRef(None)).unwrap();
    assert!(matches!(outer.field(&mut store, 2).unwrap(), Val::AnyRef(None)));

    let wrong = [
        outer.set_field(&mut store, 1, &Val::I64(0)).unwrap_err(),
        outer.set_field(&mut store, 2, &Val::I32(0)).unwrap_err(),
        outer.field(&mut store, 3).unwrap_err(),
        outer.element(&mut store, 0).unwrap_err(),
        AnyRef::new_struct(&mut store, base, &[Val::I32(0)]).unwrap_err(),
        AnyRef::new_struct(&mut store, base, &[Val::I64(0), Val::I64(0)]).unwrap_err(),
        AnyRef::new_array(&mut store, base, &[]).unwrap_err(),
    ];
    for error in wrong {
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::InvalidType(_) | ErrorKind::TypeMismatch { .. }),
            "{error}"
        );
    }
    assert!(outer.len(&store).is_err());

    let is = |store: &mut Store<()>, heap| outer.is(store, heap).unwrap();
    assert!(is(&mut store, HeapType::Concrete(base)) && is(&mut store, HeapType::Concrete(sub)));
    assert!(!inner.is(&mut store, HeapType::Concrete(sub)).unwrap());
    assert!(is(&mut store, HeapType::Abstract(AbstractHeapType::Struct)));
    assert!(!is(&mut store, HeapType::Abstract(AbstractHeapType::Array)));
    assert!(!is(&mut store, HeapType::Abstract(AbstractHeapType::None)));
    assert_eq!(outer.type_id(&store).unwrap(), Some(sub));
}

#[test]
fn arrays_have_elements() {
    let engine = engine(MIB);
    let mut store = Store::new(&engine, ());
    let bytes = register(&engine, None, CompositeType::Array(ArrayType(I8)));
    let elements: Vec<Val> = (0..300).map(Val::I32).collect();
    let array = AnyRef::new_array(&mut store, bytes, &elements).unwrap();
    store.gc();
    assert_eq!(array.len(&store).unwrap(), 300);
    assert_eq!(array.element(&mut store, 299).unwrap().i32(), Some(299 - 256));
    array.set_element(&mut store, 299, &Val::I32(7)).unwrap();
    assert_eq!(array.element(&mut store, 299).unwrap().i32(), Some(7));
    assert!(array.element(&mut store, 300).is_err());
    assert!(array.set_element(&mut store, u32::MAX, &Val::I32(0)).is_err());
    assert!(array.field(&mut store, 0).is_err());

    let vectors =
        register(&engine, None, CompositeType::Array(ArrayType(field(ValType::V128, true))));
    let values = [Val::V128(1 << 100), Val::V128(u128::MAX)];
    let array = AnyRef::new_array(&mut store, vectors, &values).unwrap();
    assert!(matches!(array.element(&mut store, 0).unwrap(), Val::V128(x) if x == 1 << 100));
    assert!(matches!(array.element(&mut store, 1).unwrap(), Val::V128(u128::MAX)));
}

#[test]
fn small_integers_need_no_object() {
    let engine = engine(0);
    let mut store = Store::new(&engine, ());
    for value in [0, 1, -1, 0x3fff_ffff, -0x4000_0000] {
        let number = AnyRef::from_i31(&mut store, value);
        assert_eq!(number.as_i31(&store).unwrap(), Some(value));
        let i31 = HeapType::Abstract(AbstractHeapType::I31);
        assert!(number.is(&mut store, i31).unwrap());
        assert_eq!(number.type_id(&store).unwrap(), None);
        assert!(number.field(&mut store, 0).is_err() && number.len(&store).is_err());
    }
    store.gc();
    assert!(ExternRef::new(&mut store, ()).is_err(), "the heap is of no bytes");
}

#[test]
fn other_stores_know_them_not() {
    let engine = engine(MIB);
    let (mut store, mut other) = (Store::new(&engine, ()), Store::new(&engine, ()));
    let (base, sub) = structs(&engine);
    let object = AnyRef::new_struct(&mut store, base, &[Val::I32(1), Val::I64(2)]).unwrap();
    let fields = [Val::I32(1), Val::I64(2), object.clone().into()];
    let value = ExternRef::new(&mut other, 5).unwrap();
    let errors = [
        object.field(&mut other, 0).unwrap_err(),
        object.len(&other).unwrap_err(),
        object.is(&mut other, HeapType::Abstract(AbstractHeapType::Eq)).unwrap_err(),
        object.to_extern(&mut other).unwrap_err(),
        AnyRef::new_struct(&mut other, sub, &fields).unwrap_err(),
        AnyRef::from_extern(&mut store, &value).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error.kind(), ErrorKind::WrongStore), "{error}");
    }
    drop(store);
    assert!(object.len(&other).is_err());
}
