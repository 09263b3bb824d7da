//! Growth, by anyone and seen by all.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use wamr::{Instance, ResourceLimiter, Store};

use super::{World, each_world};

#[test]
fn growth_is_seen_without_a_call() {
    each_world(|world| {
        thread::scope(|scope| {
            let users: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| world.user().call::<_, i32>("use_second_page", ())))
                .collect();
            // Time for them to enter their loops; whoever is late finds the memory grown.
            thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!(world.user().call::<_, i32>("grow", 1), 1);
            world.user().call::<_, ()>("atomic_store", (0, 1));
            for user in users {
                assert!([5, 7, 9].contains(&user.join().expect("no trap")));
            }
        });
        assert_eq!((world.memory.size(), world.memory.data().len()), (2, 2 << 16));
    });
}

#[test]
fn every_page_is_handed_out_once() {
    each_world(|world| {
        let pages = Mutex::new(Vec::new());
        let base = world.memory.data().as_ptr();
        world.on_threads(4, |number, user| {
            loop {
                let page = if number == 0 {
                    world.memory.grow(1).map_or(-1, |page| page as i32)
                } else {
                    user.call::<_, i32>("grow", 1)
                };
                if page < 0 {
                    return assert_eq!(user.call::<_, i32>("size", ()), 16);
                }
                user.call::<_, ()>("store", (page << 16, page));
                user.call::<_, ()>("store", ((page << 16) + 65_532, page));
                pages.lock().unwrap().push(page);
            }
        });
        let mut pages = pages.into_inner().unwrap();
        pages.sort_unstable();
        assert_eq!(pages, (1..16).collect::<Vec<_>>());
        assert!(pages.iter().all(|&page| world.word((page as usize) << 16) == page as u32));
        assert_eq!(world.memory.data().as_ptr(), base, "it never moves");
        assert_eq!(world.memory.ty().limits.min, 16);
        assert!(world.memory.grow(1).is_err() && world.memory.grow(u64::MAX).is_err());
    });
}

/// Allows memories of up to so many bytes, and counts the questions.
struct Limiter(u64, AtomicU32);

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        assert!(current <= desired && maximum == Some(16 << 16));
        self.1.fetch_add(1, Ordering::Relaxed);
        desired <= self.0
    }

    fn table_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> bool {
        true
    }
}

#[test]
fn the_limiter_of_the_store_that_grows_is_asked() {
    each_world(|world: &World| {
        let mut store = Store::new(&world.engine, Limiter(3 << 16, AtomicU32::new(0)));
        store.limiter(|limiter| limiter);
        let memory = world.memory.to_memory(&mut store).unwrap();
        let instance = Instance::new(&mut store, &world.module, &[memory.clone().into()]).unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&mut store, "grow").unwrap();
        assert_eq!(grow.call(&mut store, 2).unwrap(), 1);
        assert_eq!(grow.call(&mut store, 1).unwrap(), -1);
        assert!(memory.grow(&mut store, 1).is_err());
        assert_eq!(store.data().1.load(Ordering::Relaxed), 3);
        // A store without a limiter may go on, and the first store sees it.
        assert_eq!(world.user().call::<_, i32>("grow", 1), 3);
        assert_eq!(memory.size(&store).unwrap(), 4);
    });
}
