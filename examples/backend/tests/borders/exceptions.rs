//! Exceptions cross frames of modes that know nothing of them, and are caught beyond.

use wamr_runtime::{Error, ExnRef, ExternRef, Func, Tag, Val};
use wamr_types::{FuncType, TrapCode, ValType};

use crate::support::{Guard, Mode, NOTHING, Via, WAYS, World, chains};

/// A tag with a number and a reference for payload.
fn tag(world: &mut World) -> Tag {
    let payload = FuncType::new([ValType::I64, ValType::EXTERNREF], []);
    Tag::new(&mut world.store, payload).expect("a tag")
}

/// A function that throws a new exception each time.
fn thrower(world: &mut World, mode: Mode, tag: &Tag) -> Func {
    if mode == Mode::Host {
        let tag = tag.clone();
        return world.host(NOTHING, move |mut caller, _, _| {
            let reference = ExternRef::new(&mut caller, 42i64)?;
            let fields = [Val::I64(42), reference.into()];
            Err(Error::from(ExnRef::new(&mut caller, &tag, &fields)?))
        });
    }
    let make = world.host((&[], &[ValType::EXTERNREF]), |caller, _, results| {
        results[0] = ExternRef::new(caller, 42i64)?.into();
        Ok(())
    });
    let text = r#"(module (import "" "" (tag $t (param i64 externref)))
        (import "" "" (func $make (result externref)))
        (func (export "f") (throw $t (i64.const 42) (call $make))))"#;
    world.guest(mode, text, &[tag.clone().into(), make.into()])
}

/// A function that calls another and returns the payload of what that throws.
fn catcher(world: &mut World, tag: &Tag, callee: &Func) -> Func {
    let text = r#"(module (import "" "" (tag $t (param i64 externref)))
        (import "" "" (func $callee))
        (func (export "f") (result i64 externref)
          (block $caught (result i64 externref)
            (try_table (catch $t $caught) (call $callee))
            (i64.const -1) (ref.null extern))))"#;
    world.guest(Mode::Interp, text, &[tag.clone().into(), callee.clone().into()])
}

fn assert_payload(world: &World, values: &[Val]) {
    let [Val::I64(42), Val::ExternRef(Some(reference))] = values else { panic!("{values:?}") };
    let value = reference.data(&world.store).expect("this store's").expect("a host value");
    assert_eq!(value.downcast_ref(), Some(&42i64));
}

/// Who can throw.
const THROWERS: [Mode; 2] = [Mode::Interp, Mode::Host];

#[test]
fn they_cross_every_chain() {
    let mut world = World::new();
    let world = &mut world;
    for from in THROWERS {
        for modes in chains() {
            for via in WAYS {
                let tag = tag(world);
                let func = thrower(world, from, &tag);
                let func = world.chain(&modes, via, &func);
                let hosts = modes.iter().filter(|&&mode| mode == Mode::Host).count();

                let error = world.run(&func).expect_err("nobody catches it");
                let exception = error.exception().expect("an exception").clone();
                let found = exception.tag(&mut world.store).expect("the tag");
                assert!(Tag::same(&found, &tag), "{modes:?}");
                let fields = exception.fields(&mut world.store).expect("the payload");
                assert_payload(world, &fields);
                assert_eq!(Guard::take_dropped(), hosts, "{modes:?}");

                let func = catcher(world, &tag, &func);
                for _ in 0..2 {
                    let values = world.call(&func, &[]).expect("it is caught");
                    assert_payload(world, &values);
                }
                assert_eq!(Guard::take_dropped(), 2 * hosts, "{modes:?}");
            }
        }
    }
}

/// Another tag with the same payload does not catch it.
#[test]
fn tags_keep_their_identity() {
    let mut world = World::new();
    let world = &mut world;
    for modes in chains() {
        let [thrown, other] = [tag(world), tag(world)];
        let func = thrower(world, Mode::Interp, &thrown);
        let func = world.chain(&modes, Via::Table, &func);
        let func = catcher(world, &other, &func);
        let middle =
            world.relay(modes[0], Via::Import, (&[], &[ValType::I64, ValType::EXTERNREF]), &func);
        let error = world.call(&middle, &[]).expect_err("nobody catches it");
        assert!(error.exception().is_some(), "{modes:?}");
    }
}

/// A host function takes an exception for an error, keeps it while others come and go, and
/// throws it on.
#[test]
fn the_host_holds_and_throws_them() {
    let mut world = World::new();
    let world = &mut world;
    for from in THROWERS {
        for between in [Mode::Interp, Mode::Compiled] {
            let tag = tag(world);
            let first = thrower(world, from, &tag);
            let first = world.chain(&[between], Via::Import, &first);
            let second = world.guest(between, r#"(module (func (export "f") unreachable))"#, &[]);
            let host = world.host(NOTHING, move |mut caller, _, _| {
                let held = first.call(&mut caller, &[], &mut []).expect_err("an exception");
                for _ in 0..3 {
                    let other = first.call(&mut caller, &[], &mut []).expect_err("an exception");
                    assert!(other.exception().is_some());
                    let trap = second.call(&mut caller, &[], &mut []).expect_err("a trap");
                    assert_eq!(trap.trap_code(), Some(TrapCode::Unreachable));
                }
                Err(held)
            });
            let func = world.chain(&[between, Mode::Host, between], Via::Table, &host);
            let func = catcher(world, &tag, &func);
            let values = world.call(&func, &[]).expect("it is caught");
            assert_payload(world, &values);
        }
    }
}

/// Traps and errors of the host pass handlers of exceptions by.
#[test]
fn nothing_else_is_caught() {
    let mut world = World::new();
    let world = &mut world;
    for modes in chains() {
        let trap = world.host(NOTHING, |_, _, _| Err(Error::from(TrapCode::Unreachable)));
        let func = world.chain(&modes, Via::Import, &trap);
        let text = r#"(module (import "" "" (func $callee))
            (func (export "f") (block $caught (try_table (catch_all $caught) (call $callee)))))"#;
        let func = world.guest(Mode::Interp, text, &[func.into()]);
        let error = world.run(&func).expect_err("a trap");
        assert_eq!(error.trap_code(), Some(TrapCode::Unreachable), "{modes:?}");
    }
}

/// Exceptions that come from tail calls between modes.
#[test]
fn they_come_back_through_tail_calls() {
    let mut world = World::new();
    let world = &mut world;
    let text = r#"(module (import "" "" (func $next)) (func (export "f") (return_call $next)))"#;
    for from in THROWERS {
        for modes in [[Mode::Interp, Mode::Compiled], [Mode::Compiled, Mode::Interp]] {
            let tag = tag(world);
            let mut func = thrower(world, from, &tag);
            for mode in [modes, modes].concat() {
                func = world.guest(mode, text, &[func.into()]);
            }
            let func = catcher(world, &tag, &func);
            for _ in 0..1000 {
                let values = world.call(&func, &[]).expect("it is caught");
                assert_payload(world, &values);
            }
        }
    }
}
