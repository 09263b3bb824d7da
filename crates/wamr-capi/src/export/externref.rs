//! Numbers that stand for pointers of the host, for programs that pass those to wasm by number.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::handle::{self, Name};
use super::instance::Inst;
use super::text;

type Cleanup = extern "C" fn(*mut c_void);

struct Entry {
    inst: usize,
    pointer: usize,
    retained: bool,
    cleanup: Option<Cleanup>,
}

#[derive(Default)]
struct Table {
    next: u32,
    by_number: HashMap<u32, Entry>,
    by_pointer: HashMap<(usize, usize), u32>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// What no reference has.
const NULL_REF: u32 = u32::MAX;

struct Locked(MutexGuard<'static, Option<Table>>);

impl Locked {
    fn table(&mut self) -> &mut Table {
        self.0.get_or_insert_default()
    }
}

fn lock() -> Locked {
    Locked(TABLE.lock().unwrap_or_else(PoisonError::into_inner))
}

fn pointer(address: usize) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(address)
}

impl Entry {
    fn clean_up(self) {
        if let Some(cleanup) = self.cleanup {
            cleanup(pointer(self.pointer));
        }
    }
}

/// Deletes the numbers of an instance that ends, but those that are retained.
pub(crate) fn forget(inst: Name) {
    let mut locked = lock();
    let table = locked.table();
    let of_inst = |entry: &Entry| entry.inst == inst.addr() && !entry.retained;
    let numbers: Vec<u32> = table
        .by_number
        .iter()
        .filter(|(_, entry)| of_inst(entry))
        .map(|(number, _)| *number)
        .collect();
    let gone: Vec<Entry> =
        numbers.iter().filter_map(|number| table.by_number.remove(number)).collect();
    table.by_pointer.retain(|(owner, _), _| *owner != inst.addr());
    drop(locked);
    gone.into_iter().for_each(Entry::clean_up);
}

c_api! {
    fn wasm_externref_obj2ref(inst: Name, object: *mut c_void, out: *mut u32) -> bool {
        if handle::get::<Inst>(inst).is_none() || out.is_null() {
            return false;
        }
        if object.is_null() {
            return text::write(out, NULL_REF);
        }
        let mut locked = lock();
        let table = locked.table();
        let key = (inst.addr(), object.expose_provenance());
        if let Some(number) = table.by_pointer.get(&key) {
            return text::write(out, *number);
        }
        // Numbers begin at 1 and are not given out twice while one is in use.
        loop {
            table.next = table.next.wrapping_add(1);
            if table.next != 0 && table.next != NULL_REF
                && !table.by_number.contains_key(&table.next)
            {
                break;
            }
        }
        let number = table.next;
        let entry = Entry { inst: key.0, pointer: key.1, retained: false, cleanup: None };
        table.by_number.insert(number, entry);
        table.by_pointer.insert(key, number);
        text::write(out, number)
    }

    fn wasm_externref_objdel(inst: Name, object: *mut c_void) -> bool {
        let mut locked = lock();
        let table = locked.table();
        let number = table.by_pointer.remove(&(inst.addr(), object.addr()));
        let entry = number.and_then(|number| table.by_number.remove(&number));
        drop(locked);
        let Some(entry) = entry else { return false };
        entry.clean_up();
        true
    }

    fn wasm_externref_set_cleanup(
        inst: Name,
        object: *mut c_void,
        cleanup: Option<Cleanup>,
    ) -> bool {
        let mut locked = lock();
        let table = locked.table();
        let number = table.by_pointer.get(&(inst.addr(), object.addr())).copied();
        let Some(entry) = number.and_then(|number| table.by_number.get_mut(&number)) else {
            return false;
        };
        entry.cleanup = cleanup;
        true
    }

    fn wasm_externref_ref2obj(number: u32, out: *mut *mut c_void) -> bool {
        if number == NULL_REF {
            return text::write(out, std::ptr::null_mut());
        }
        let found = lock().table().by_number.get(&number).map(|entry| entry.pointer);
        found.is_some_and(|found| text::write(out, pointer(found)))
    }

    fn wasm_externref_retain(number: u32) -> bool {
        let mut locked = lock();
        let Some(entry) = locked.table().by_number.get_mut(&number) else { return false };
        entry.retained = true;
        true
    }
}
