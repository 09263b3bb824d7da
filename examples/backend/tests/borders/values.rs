//! Values arrive exact, whatever border they cross and however many they are.

use wamr_runtime::{Extern, ExternRef, Func, Val};
use wamr_types::{Feature, ValType};

use crate::support::{GUESTS, MODES, Mode, WAYS, World, func_type, local_gets};

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;
const F32: ValType = ValType::F32;
const F64: ValType = ValType::F64;

/// Parameters on both sides of where registers end.
fn shapes() -> Vec<Vec<ValType>> {
    let cycle = |types: &[ValType], count| types.iter().copied().cycle().take(count).collect();
    vec![
        vec![],
        vec![I32],
        vec![F64],
        cycle(&[I64], 4),
        cycle(&[F64], 8),
        cycle(&[I32, I64], 9),
        cycle(&[F64, F32], 13),
        [cycle(&[I64], 4), cycle(&[F64], 8), vec![I32, F32]].concat(),
        cycle(&[F32, I32, F64, I64], 26),
        cycle(&[ValType::FUNCREF, I32, ValType::EXTERNREF, F64], 14),
        cycle(&[I64, F64, I32], 70),
    ]
}

/// A value of a type that no other position has. Numbers have all their upper bits set, floats
/// are signalling NaNs with a payload.
fn sample(world: &mut World, ty: ValType, position: usize) -> Val {
    let at = position as u32 + 1;
    match ty {
        ValType::I32 => Val::I32((0x8000_0000 | at) as i32),
        ValType::I64 => Val::I64((0xfedc_ba98_0000_0000 | u64::from(at)) as i64),
        ValType::F32 => Val::F32(0xffa0_0000 | at),
        ValType::F64 => Val::F64(0xfff4_0000_0000_0000 | u64::from(at)),
        ValType::V128 => Val::V128(0xfedc_ba98_7654_3210 << 64 | u128::from(at)),
        ValType::FUNCREF if position.is_multiple_of(8) => Val::FuncRef(None),
        ValType::FUNCREF => world.host((&[], &[]), |_, _, _| panic!("nobody calls it")).into(),
        _ => ExternRef::new(&mut world.store, at).expect("a reference").into(),
    }
}

fn same(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::FuncRef(Some(a)), Val::FuncRef(Some(b))) => Func::same(a, b),
        (Val::FuncRef(None), Val::FuncRef(None)) => true,
        (Val::ExternRef(Some(a)), Val::ExternRef(Some(b))) => ExternRef::same(a, b),
        _ => a.ty() == b.ty() && format!("{a:?}") == format!("{b:?}"),
    }
}

/// A function that returns its parameters in the opposite order.
fn reverser(world: &mut World, mode: Mode, params: &[ValType]) -> Func {
    let results: Vec<ValType> = params.iter().rev().copied().collect();
    if mode == Mode::Host {
        return world.host((params, &results), |_, args, out| {
            out.clone_from_slice(args);
            out.reverse();
            Ok(())
        });
    }
    let (ty, gets) = (func_type(params, &results), local_gets((0..params.len()).rev()));
    world.guest(mode, &format!(r#"(module (func (export "f") {ty} {gets}))"#), &[])
}

/// Calls a reverser through two others, and checks what each of the three says.
fn check(world: &mut World, modes: [Mode; 3], params: &[ValType]) {
    let results: Vec<ValType> = params.iter().rev().copied().collect();
    let values: Vec<Val> =
        params.iter().enumerate().map(|(at, &ty)| sample(world, ty, at)).collect();
    let reversed = values.iter().rev();
    let expected: Vec<&Val> = values.iter().chain(&values).chain(reversed).collect();
    for via in WAYS {
        let [outer, middle, inner] = modes;
        let callee = reverser(world, inner, params);
        let callee = world.relay(middle, via, (params, &results), &callee);
        let relayed = [params, &*results].concat();
        let callee = world.relay(outer, via, (params, &relayed), &callee);
        let found = world.call(&callee, &values).expect("values");
        assert_eq!(found.len(), expected.len());
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(
                same(found, expected),
                "{modes:?} via {via:?} of {params:?}: {found:?} at {at}, not {expected:?}"
            );
        }
    }
}

#[test]
fn every_mode_passes_every_shape_to_every_mode() {
    let mut world = World::new();
    for params in shapes() {
        for caller in MODES {
            for callee in MODES {
                // The third mode varies with the pair, so that all of them stand everywhere.
                check(&mut world, [callee, caller, callee], &params);
            }
        }
    }
}

#[test]
fn every_mode_that_has_vectors_passes_them() {
    let mut world = World::new();
    let vector = ValType::V128;
    let many = [I32, vector, F64].into_iter().cycle().take(21).collect();
    let modes = MODES.into_iter().filter(|mode| mode.supports(Feature::Simd));
    let pairs = modes.clone().flat_map(|a| modes.clone().map(move |b| [a, b]));
    for [caller, callee] in pairs {
        for params in [&vec![vector], &vec![I32, vector, vector], &many] {
            check(&mut world, [callee, caller, callee], params);
        }
    }
}

/// Parameters and results differ in number, so that neither's room suffices for the other.
#[test]
fn results_come_without_parameters_and_the_other_way_round() {
    let mut world = World::new();
    let types: Vec<ValType> = [I32, F64, I64].into_iter().cycle().take(20).collect();
    for callee in MODES {
        let many = if callee == Mode::Host {
            world.host((&[], &types), |_, _, results| {
                for (at, result) in results.iter_mut().enumerate() {
                    *result = match at % 3 {
                        0 => Val::I32(-(at as i32)),
                        1 => Val::from(at as f64),
                        _ => Val::I64(-(at as i64)),
                    };
                }
                Ok(())
            })
        } else {
            let constant = |(at, ty): (usize, &ValType)| {
                let sign = if *ty == F64 { "" } else { "-" };
                format!("{ty}.const {sign}{at} ")
            };
            let body: String = types.iter().enumerate().map(constant).collect();
            let ty = func_type(&[], &types);
            world.guest(callee, &format!(r#"(module (func (export "f") {ty} {body}))"#), &[])
        };
        for caller in MODES {
            for via in WAYS {
                let many = world.relay(caller, via, (&[], &types), &many);
                let results = world.call(&many, &[]).expect("numbers");
                for (at, result) in results.iter().enumerate() {
                    let found = match at % 3 {
                        0 => result.i32().map(|value| -value as usize),
                        1 => result.f64().map(|value| value as usize),
                        _ => result.i64().map(|value| -value as usize),
                    };
                    assert_eq!(found, Some(at), "{caller:?} {callee:?}");
                }

                let expected = format!("{results:?}");
                let sink = world.host((&types, &[]), move |_, args, _| {
                    assert_eq!(format!("{args:?}"), expected);
                    Ok(())
                });
                let sink = world.relay(callee, via, (&types, &[]), &sink);
                let sink = world.relay(caller, via, (&types, &types), &sink);
                let kept = world.call(&sink, &results).expect("numbers");
                assert_eq!(format!("{:?}", &kept[..20]), format!("{results:?}"));
            }
        }
    }
}

/// A function that calls `callee` in one of several ways, in an instance with a marker.
fn marked(world: &mut World, mode: Mode, marker: i32, call: &str, callee: &Func) -> Func {
    let text = format!(
        r#"(module (import "" "" (func $callee (result i32)))
          (global (export "marker") i32 (i32.const {marker})) (table funcref (elem $callee))
          (func (export "f") (result i32) ({call})))"#
    );
    world.guest(mode, &text, &[callee.clone().into()])
}

/// A host function sees which instance calls it, through any border and after tail calls.
#[test]
fn the_host_sees_who_calls() {
    let mut world = World::new();
    let seen = world.host((&[], &[I32]), |mut caller, _, results| {
        let marker = caller.get_export("marker").and_then(Extern::into_global);
        if let Some(marker) = marker {
            results[0] = marker.get(&mut caller)?;
        }
        Ok(())
    });
    assert_eq!(world.call(&seen, &[]).expect("a number")[0].i32(), Some(0));
    for inner in GUESTS {
        for call in [
            "call $callee",
            "return_call $callee",
            "call_indirect (result i32) (i32.const 0)",
            "return_call_indirect (result i32) (i32.const 0)",
        ] {
            let func = marked(&mut world, inner, 7, call, &seen);
            for outer in GUESTS {
                for tail in ["call $callee", "return_call $callee"] {
                    let func = marked(&mut world, outer, 8, tail, &func);
                    let found = world.call(&func, &[]).expect("a number");
                    assert_eq!(found[0].i32(), Some(7), "{outer:?} {tail}, {inner:?} {call}");
                }
            }
        }
    }
}
