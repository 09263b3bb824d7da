//! Values that embedders attach to entities.

use std::sync::{Arc, Weak};

use wamr::{Extern, Func, Global, GlobalType, Instance, Memory, MemoryType, Store, Val, ValType};

use crate::support::{each_mode, module};

#[test]
fn attachments_are_found_through_any_handle_and_go_with_the_entity() {
    each_mode(|engine| {
        let module = module(engine, r#"(module (func (export "f")) (memory (export "m") 1))"#);
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let func = instance.get_func(&mut store, "f").unwrap();
        let tokens: Vec<Arc<u32>> = (0..3).map(Arc::new).collect();
        let weak: Vec<Weak<u32>> = tokens.iter().map(Arc::downgrade).collect();
        let mut tokens = tokens.into_iter();
        let mut next = || tokens.next().unwrap();
        assert!(func.attach(&mut store, next()).unwrap().is_none());
        assert!(instance.attach(&mut store, next()).unwrap().is_none());
        let host = Func::wrap(&mut store, || ());
        host.attach(&mut store, next()).unwrap();
        drop(func);
        store.gc();
        let again = instance.get_func(&mut store, "f").unwrap();
        let found = again.attachment(&store).unwrap().unwrap();
        assert_eq!(found.downcast_ref::<u32>(), Some(&0));
        assert!(
            instance.get_memory(&mut store, "m").unwrap().attachment(&store).unwrap().is_none()
        );
        drop((found, again, host));
        store.gc();
        assert_eq!(weak.iter().filter(|weak| weak.upgrade().is_some()).count(), 2);
        let func: Extern = instance.get_export(&mut store, "f").unwrap();
        drop(instance);
        store.gc();
        assert_eq!(weak.iter().filter(|weak| weak.upgrade().is_some()).count(), 2);
        drop(func);
        store.gc();
        assert_eq!(weak.iter().filter(|weak| weak.upgrade().is_some()).count(), 0);
    });
}

#[test]
fn attachments_follow_joins_and_end_with_the_store() {
    each_mode(|engine| {
        let (mut a, mut b) = (Store::new(engine, ()), Store::new(engine, ()));
        let ty = GlobalType { content: ValType::I32, mutable: true };
        let global = Global::new(&mut b, ty, Val::I32(1)).unwrap();
        let memory = Memory::new(&mut a, MemoryType::new(1, None)).unwrap();
        let (of_global, of_memory) = (Arc::new("global"), Arc::new("memory"));
        global.attach(&mut b, of_global.clone()).unwrap();
        memory.attach(&mut a, of_memory.clone()).unwrap();
        assert!(global.attach(&mut a, of_memory.clone()).is_err());
        a.join(b).unwrap();
        let found = global.attachment(&a).unwrap().unwrap();
        assert_eq!(found.downcast_ref::<&str>(), Some(&"global"));
        drop((found, a));
        assert_eq!((Arc::strong_count(&of_global), Arc::strong_count(&of_memory)), (1, 1));
    });
}
