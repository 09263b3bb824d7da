//! Which clause catches an exception. The table that says so is compiled into this test by itself,
//! since nothing outside of the crate can see it.

/// What the table takes from the crate.
mod op {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Slot(pub(crate) i32);
}

#[allow(dead_code, reason = "what a clause does is the interpreter's business")]
#[path = "../src/handlers.rs"]
mod handlers;

use handlers::{Action, Clause, Handlers, Region};
use op::Slot;
use wamr_runtime::rt::Keep;

fn clause(tag: Option<u32>, target: usize) -> Clause {
    Clause { tag, payload: Slot(0), reference: None, keep: Keep::Nothing, target }
}

fn target(handlers: &Handlers, position: usize, tag: u32) -> Option<usize> {
    handlers.find(position, |index| index == tag).map(|clause| clause.target)
}

#[test]
fn inner_regions_come_first_whatever_their_order() {
    let catch = |tag, target| Action::Catch(vec![clause(Some(tag), target)]);
    let handlers = Handlers::new(vec![
        Region { start: 0, end: 30, depth: 1, action: catch(7, 100) },
        Region { start: 10, end: 30, depth: 2, action: catch(7, 200) },
        Region { start: 40, end: 50, depth: 1, action: catch(8, 300) },
    ]);
    assert_eq!(target(&handlers, 5, 7), Some(100));
    assert_eq!(target(&handlers, 10, 7), Some(200));
    assert_eq!(target(&handlers, 29, 7), Some(200));
    assert_eq!(target(&handlers, 30, 7), None);
    assert_eq!(target(&handlers, 29, 8), None);
    assert_eq!(target(&handlers, 35, 8), None, "between two regions");
    assert_eq!(target(&handlers, 45, 8), Some(300));
    assert_eq!(target(&handlers, 50, 8), None);
}

#[test]
fn delegation_passes_over_the_blocks_between() {
    let all = |target| Action::Catch(vec![clause(None, target)]);
    let handlers = Handlers::new(vec![
        Region { start: 0, end: 40, depth: 1, action: all(100) },
        Region { start: 0, end: 30, depth: 2, action: all(200) },
        Region { start: 10, end: 20, depth: 3, action: Action::Delegate(1) },
        Region { start: 22, end: 24, depth: 3, action: Action::Delegate(0) },
    ]);
    assert_eq!(target(&handlers, 5, 0), Some(200));
    assert_eq!(target(&handlers, 15, 0), Some(100));
    assert_eq!(target(&handlers, 22, 0), None);
}
