//! What operations functions become, for the shapes that translation has operations for. Names
//! end in where operands come from: a slot, a constant (`i`, or `n` if it is narrow), the
//! accumulator, or a sum that the operation computes.

use std::sync::Arc;

use wamr_interp::Interpreter;
use wamr_loader::WasmLoader;
use wamr_runtime::{Backend, Engine, MemoryKind, Tunables};
use wamr_types::{DefinedFuncIdx, LoadOptions, Loader, ModuleBytes, Validation};

/// The names of a function's operations, for instances whose memory is checked.
fn operations(func: &str) -> Vec<String> {
    operations_for(func, MemoryKind::Checked)
}

/// The names of a function's operations, for instances whose memory is of a kind.
fn operations_for(func: &str, memory: MemoryKind) -> Vec<String> {
    let text =
        format!("(module (memory 1) (tag $t) (global $g (mut i32) (i32.const 0)) (func {func}))");
    let engine = Engine::new(Tunables::default());
    let features = Interpreter.supported();
    let options = LoadOptions { features, supported: features, validation: Validation::Eager };
    let bytes = ModuleBytes::new(text.clone());
    let module = WasmLoader.load(bytes, engine.types(), &options).expect(&text);
    let func = DefinedFuncIdx::from_usize(0);
    let listing = Interpreter::listing(&engine, &Arc::new(module), func, memory).expect(&text);
    let name = |line: &str| {
        let name = line.split_whitespace().nth(1).expect("a position and a name");
        if line.contains("(quiet)") { format!("{name} quiet") } else { name.to_owned() }
    };
    listing.lines().skip(1).map(name).collect()
}

#[test]
fn locals_and_constants_are_operands() {
    let ops = operations(
        "(param i32) (result i32) (local i32)
        (local.set 1 (i32.mul (i32.sub (local.get 0) (i32.const 3)) (local.get 0)))
        (i32.xor (i32.const 7) (local.get 1))",
    );
    assert_eq!(ops, ["i32.sub_si quiet", "i32.mul_as", "i32.xor_ai", "return_one_a"]);
}

#[test]
fn a_loop_ends_in_one_operation() {
    let ops = operations(
        "(param $n i32) (result i32) (local $i i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum)
                (i32.load (i32.shl (local.get $i) (i32.const 2)))))
            (br_if $next (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
        (local.get $sum)",
    );
    let expected =
        ["i32.load_<< quiet", "i32.add_as", "step_i_jump_back_if_i32.lt_u_s", "return_one_s"];
    assert_eq!(ops, expected);
}

#[test]
fn a_step_is_not_taken_over_where_another_way_joins() {
    let ops = operations(
        "(param $n i32) (local $i i32)
        (loop $next
            (block $skip
                (br_if $skip (local.get $n))
                (local.set $i (i32.add (local.get $i) (i32.const 1))))
            (br_if $next (i32.lt_u (local.get $i) (local.get $n))))",
    );
    let expected = ["jump_if_i32.ne_si", "i32.add_si", "jump_back_if_i32.lt_u_ss", "return"];
    assert_eq!(ops, expected);
}

#[test]
fn sums_are_addresses() {
    let ops = operations(
        "(param $at i32) (param $i i32) (result i32)
        (i32.store8 (i32.add (local.get $at) (local.get $i)) (i32.const 1))
        (i32.store (i32.add (i32.shl (local.get $i) (i32.const 2)) (local.get $at))
            (local.get $i))
        (i32.load (i32.add (local.get $at) (i32.const 4)))",
    );
    let expected =
        ["i32.store8_+i", "i32.add_* quiet", "i32.store_as", "i32.load_+", "return_one_a"];
    assert_eq!(ops, expected);
}

#[test]
fn branches_take_comparisons_over() {
    let ops = operations(
        "(param f64 i32) (result i32)
        (if (i32.eqz (f64.lt (local.get 0) (f64.const 1)))
            (then (return (i32.const 1))))
        (if (i32.eqz (local.get 1)) (then (return (i32.const 2))))
        (i32.const 3)",
    );
    let expected =
        ["jump_if_f64.lt_si", "return_one_n", "jump_if_i32.ne_si", "return_one_n", "return_one_n"];
    assert_eq!(ops, expected);
}

#[test]
fn the_negation_of_an_order_of_floats_is_its_own() {
    let ops = operations(
        "(param f64 f64)
        (if (f64.lt (local.get 0) (local.get 1)) (then (global.set $g (i32.const 1))))",
    );
    assert_eq!(ops, ["jump_if_not_f64.lt_ss", "global.set_n", "return"]);
}

#[test]
fn a_table_of_jumps_takes_what_was_just_loaded() {
    let ops = operations(
        "(param i32)
        (block $a (block $b (br_table $a $b (i32.load8_u (local.get 0)))))",
    );
    assert_eq!(ops, ["i32.load8_u_s quiet", "jump_table_a", "return"]);
}

#[test]
fn vectors_are_taken_from_their_accumulator() {
    let ops = operations(
        "(param $at i32) (local $sum v128)
        (local.set $sum (f32x4.add (local.get $sum)
            (f32x4.mul (f32x4.abs (v128.load (local.get $at))) (local.get $sum))))
        (v128.store (local.get $at) (i32x4.shl (f32x4.splat (f32.const 1)) (i32.const 2)))",
    );
    let expected = [
        "v128.load_s",
        "f32x4.abs_a",
        "f32x4.mul_as",
        "f32x4.add_sa",
        "copy_n",
        "f32x4.splat_s",
        "i32x4.shl_ai",
        "v128.store_s_a",
        "return",
    ];
    assert_eq!(ops, expected);
}

#[test]
fn addresses_of_elements_are_operands() {
    let ops = operations(
        "(param $base i32) (param $i i32) (result i32)
        (i32.load offset=4
            (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 2))))",
    );
    assert_eq!(ops, ["i32.load_*", "return_one_a"]);
    let ops = operations(
        "(param $base i32) (param $i i32) (result f64)
        (f64.load (i32.add
            (i32.shl (i32.sub (local.get $i) (i32.const 1)) (i32.const 3))
            (local.get $base)))",
    );
    assert_eq!(ops, ["i32.sub_si quiet", "f64.load_*", "return_one_s"]);
    let ops = operations(
        "(param $base i32) (param $i i32) (param $value i32)
        (i32.store
            (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 2)))
            (local.get $value))",
    );
    assert_eq!(ops, ["i32.add_* quiet", "i32.store_as", "return"]);
}

#[test]
fn a_comparison_and_a_choice_are_one_operation() {
    let ops = operations(
        "(param i32 i32) (result i32)
        (select (i32.const 4) (i32.const 0) (i32.lt_s (local.get 0) (local.get 1)))",
    );
    assert_eq!(ops, ["select_nn_if_i32.lt_s_ss", "return_one_a"]);
    // A constant comes last.
    let ops = operations(
        "(param i32 i32) (result i32)
        (select (i32.const 4) (local.get 0) (i32.lt_s (local.get 0) (i32.const 9)))",
    );
    assert_eq!(ops, ["select_sn_if_i32.ge_s_si", "return_one_a"]);
    let ops = operations(
        "(param f64 i32) (result i32)
        (select (i32.const 4) (local.get 1) (f64.lt (local.get 0) (f64.const 9)))",
    );
    assert_eq!(ops, ["f64.lt_si", "select_isa", "return_one_a"]);
}

#[test]
fn two_steps_are_one_operation() {
    let body = |end: &str| {
        format!(
            "(param $p i32) (param $q i32) (param $n i32)
            (loop $next
                (i32.store (local.get $p) (local.get $n))
                (local.set $p (i32.add (local.get $p) (i32.const 4)))
                (local.set $q (i32.add (local.get $q) (i32.const 8)))
                (local.set $n (i32.add (local.get $n) (i32.const -1)))
                {end})"
        )
    };
    let ops = operations(&body("(br_if $next (i32.load (local.get $q)))"));
    let expected =
        ["i32.store_ss", "step_two", "i32.add_si", "i32.load_s quiet", "jump_back_if_i32.ne_ai"];
    assert_eq!(ops[..5], expected);
    // The end of the loop takes what is left.
    let ops = operations(&body("(br_if $next (local.get $n))"));
    assert_eq!(ops, ["i32.store_ss", "step_two", "step_i_jump_back_if_i32.ne_i", "return"]);
    let ops = operations(
        "(param $p i32) (param $n i32)
        (loop $next
            (i32.store (local.get $p) (local.get $n))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br_if $next
                (i32.lt_s (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 9))))",
    );
    assert_eq!(ops, ["i32.store_ss", "step_two_jump_back_if_i32.lt_s_i", "return"]);
    // What can be caught begins between them.
    let ops = operations(
        "(param $p i32) (param $q i32)
        (local.set $p (i32.add (local.get $p) (i32.const 4)))
        (block $caught
            (try_table (catch_all $caught)
                (local.set $q (i32.add (local.get $q) (i32.const 8)))
                (throw $t)))",
    );
    assert_eq!(ops[..2], ["i32.add_si", "i32.add_si"]);
    // A sum on the stack is not a step yet.
    let ops = operations(
        "(param i32) (result i32)
        (i32.add (local.get 0) (i32.const 4))
        (local.set 0 (i32.add (local.get 0) (i32.const 8)))
        (i32.mul (local.get 0))",
    );
    assert_eq!(ops, ["i32.add_si", "i32.add_si", "i32.mul_as", "return_one_a"]);
}

#[test]
fn a_step_by_a_local_ends_a_loop() {
    let ops = operations(
        "(param $i i32) (param $by i32) (param $n i32)
        (loop $next
            (i32.store8 (i32.add (local.get $i) (i32.const 64)) (i32.const 0))
            (br_if $next (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (local.get $by))) (local.get $n))))",
    );
    assert_eq!(ops, ["i32.store8_+i", "step_s_jump_back_if_i32.lt_u_s", "return"]);
}

#[test]
fn shifts_by_constants_are_operands() {
    let ops = operations(
        "(param i32) (result i32)
        (i32.xor
            (i32.xor (i32.rotl (local.get 0) (i32.const 7)) (i32.rotl (local.get 0) (i32.const 18)))
            (i32.shr_u (local.get 0) (i32.const 3)))",
    );
    assert_eq!(
        ops,
        ["i32.rotl_si quiet", "i32.xor_a(rotl) quiet", "i32.xor_a(shr_u)", "return_one_a"]
    );
    let ops = operations(
        "(param i64 i64) (result i64)
        (i64.or (i64.shl (local.get 0) (i64.const 32)) (local.get 1))",
    );
    assert_eq!(ops, ["i64.or_s(shl)", "return_one_a"]);
    // Not by what is no constant, nor of another width.
    let ops = operations(
        "(param i32 i32) (result i32)
        (i32.xor (local.get 1) (i32.shl (local.get 0) (local.get 1)))",
    );
    assert_eq!(ops, ["i32.shl_ss quiet", "i32.xor_as", "return_one_a"]);
}

#[test]
fn loads_of_guarded_memories_are_operands() {
    let operations = |func: &str| operations_for(func, MemoryKind::Guarded);
    let ops = operations(
        "(param $a i32) (param $b i32) (param $sum f64) (result f64)
        (f64.add (local.get $sum)
            (f64.mul
                (f64.load (i32.add (local.get $a) (i32.const 8)))
                (f64.load offset=8 (local.get $b))))",
    );
    let expected = [
        "f64.load_+_guarded quiet",
        "f64.mul_a_f64.load_s_guarded quiet",
        "f64.add_sa",
        "return_one_s",
    ];
    assert_eq!(ops, expected);
    // From either side, where that is the same.
    let ops = operations(
        "(param $at i32) (param $x i32) (result i32)
        (i32.or (i32.load8_u (local.get $at)) (local.get $x))",
    );
    assert_eq!(ops, ["i32.or_s_i32.load8_u_s_guarded", "return_one_a"]);
    let ops = operations(
        "(param $at i32) (param $x f64) (result f64)
        (f64.sub (f64.load (local.get $at)) (local.get $x))",
    );
    assert_eq!(ops, ["f64.load_s_guarded quiet", "f64.sub_as", "return_one_s"]);
    // An integer and its address cannot be in one accumulator.
    let ops = operations(
        "(param $at i32) (param $x i32) (result i32)
        (i32.add
            (i32.mul (local.get $x) (local.get $x))
            (i32.load (i32.mul (local.get $at) (i32.const 12))))",
    );
    let expected =
        ["i32.mul_ss", "i32.mul_si quiet", "i32.add_s_i32.load_a_guarded", "return_one_a"];
    assert_eq!(ops, expected);
}

#[test]
fn loads_of_floats_are_operands_in_any_case() {
    let func = "(param $at i32) (param $x f64) (result f64)
        (f64.mul (local.get $x) (f64.load offset=16 (local.get $at)))";
    assert_eq!(operations(func), ["f64.mul_s_f64.load_s", "return_one_s"]);
    let guarded = operations_for(func, MemoryKind::Guarded);
    assert_eq!(guarded, ["f64.mul_s_f64.load_s_guarded", "return_one_s"]);
    let func = "(param $at i32) (param $x i32) (result i32)
        (i32.xor (local.get $x) (i32.load (local.get $at)))";
    assert_eq!(operations(func), ["i32.load_s quiet", "i32.xor_as", "return_one_a"]);
}

#[test]
fn branches_take_loads_of_guarded_memories_over() {
    let operations = |func: &str| operations_for(func, MemoryKind::Guarded);
    let ops = operations(
        "(param $p i32) (param $x i32)
        (loop $next
            (if (i32.eq (i32.load8_u offset=4 (local.get $p)) (local.get $x))
                (then (global.set $g (i32.const 1))))
            (br_if $next (i32.load (i32.add (local.get $p) (local.get $x)))))",
    );
    let expected = [
        "jump_if_i32.ne_i32.load8_u_ss_guarded",
        "global.set_n",
        "jump_back_if_i32.ne_i32.load_+i_guarded",
        "return",
    ];
    assert_eq!(ops, expected);
    // What the block leaves is copied in between.
    let ops = operations(
        "(param $p i32) (param $x i32)
        (local.get $x)
        (if (param i32) (i32.eqz (i32.load (local.get $p)))
            (then (global.set $g))
            (else drop))",
    );
    assert_eq!(ops[..3], ["i32.load_s_guarded", "copy_s", "jump_if_i32.ne_ai"]);
}

#[test]
fn a_loop_ends_in_a_step_and_a_branch_on_another_local() {
    let ops = operations(
        "(param $p i32) (param $more i32)
        (loop $next
            (local.set $more (i32.load (local.get $p)))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br_if $next (local.get $more)))",
    );
    assert_eq!(ops, ["i32.load_s", "step_i_jump_back_if_i32.ne_si", "return"]);
    let ops = operations(
        "(param $p i32)
        (block $out
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            (br_if $out (i32.eq (local.get $p) (i32.const 8)))
            (global.set $g (i32.const 1)))",
    );
    assert_eq!(ops, ["step_i_jump_if_i32.eq_i", "global.set_n", "return"]);
}

#[test]
fn operators_on_floats_are_operands() {
    let ops = operations(
        "(param $x f64) (param $y f64) (param $z f64) (result f64)
        (f64.add
            (f64.mul (local.get $x) (local.get $x))
            (f64.sub (f64.mul (local.get $y) (local.get $z)) (local.get $x)))",
    );
    assert_eq!(ops, ["f64.mul_ss", "f64.sub_(mul_ss)s quiet", "f64.add_sa", "return_one_s"]);
    let ops = operations(
        "(param $x f32) (param $y f32) (result f32)
        (f32.sub
            (f32.mul (local.get $x) (local.get $x))
            (f32.mul (local.get $y) (local.get $y)))",
    );
    assert_eq!(ops, ["f32.mul_ss quiet", "f32.sub_a(mul_ss)", "return_one_s"]);
    // A product that is wanted again stays one.
    let ops = operations(
        "(param $x f64) (result f64) (local $y f64)
        (f64.add (local.tee $y (f64.mul (local.get $x) (local.get $x))) (local.get $y))",
    );
    assert_eq!(ops, ["f64.mul_ss", "f64.add_sa", "return_one_s"]);
}
