//! Code whose shape invites a translator to fold operations into each other.

use wamr::Store;

use crate::support::{call, each_config, instantiate};

const FOLDINGS: &str = r#"(module (memory 1) (tag $t)
    (data (i32.const 0) "\00\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f")
    (func (export "product and sum as an address") (param i32) (result i32)
        (i32.load8_u (i32.add (i32.mul (local.get 0) (i32.const 2)) (i32.const 1))))
    (func (export "the other way round") (param i32) (result i32)
        (i32.load8_u (i32.add (i32.const 1) (i32.mul (local.get 0) (i32.const 2)))))
    (func (export "a sum out of a block") (param i32) (result i32)
        (block (result i32) (i32.add (local.get 0) (local.get 0)))
        (drop (i32.const 9)) (i32.load8_u))
    (func (export "a sum that is used again") (param i32) (result i32) (local i32)
        (i32.add
            (i32.load8_u (local.tee 1 (i32.add (local.get 0) (i32.const 4))))
            (local.get 1)))
    (func (export "negations before an if") (param i32) (result i32)
        (local.get 0)
        (i32.eqz (i32.eqz (i32.lt_s (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))
        (if (param i32) (result i32) (then (i32.const 10) (i32.add))
            (else (i32.const 20) (i32.add))))
    (func (export "a handler behind a jump") (param i32) (result i32) (local $x i32)
        try (result i32)
            (local.set $x (i32.mul (local.get 0) (i32.const 3)))
            (if (local.get 0) (then (throw $t)))
            (local.set $x (i32.add (local.get $x) (i32.const 1)))
            (i32.const 0)
        catch_all
            (i32.mul (local.get $x) (i32.const 2))
        end)
    (func (export "values through a table of labels") (param i32) (result i32)
        (block $a (result i32)
            (block $b (result i32)
                (i32.mul (local.get 0) (i32.const 7))
                (br_table $a $b $a $b (local.get 0)))
            (i32.const 100) (i32.add)))
    (func (export "swapped locals in a loop") (param $n i32) (result i32)
        (local $a i32) (local $b i32) (local $c i32)
        (local.set $b (i32.const 1))
        (loop $again
            (local.set $c (local.get $a))
            (local.set $a (local.get $b))
            (local.set $b (i32.add (local.get $c) (local.get $b)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $a))
    (func (export "floats and addresses") (param f64) (result f64)
        (f64.store (i32.shl (i32.trunc_f64_s (local.get 0)) (i32.const 3))
            (f64.mul (local.get 0) (f64.const 1)))
        (f64.add (f64.load (i32.const 16)) (f64.sub (local.get 0) (f64.load (i32.const 16)))))
    (func (export "shifted operands") (param i32) (result i32)
        (i32.xor
            (i32.add
                (i32.rotl (local.get 0) (i32.const 35))
                (i32.shr_u (local.get 0) (i32.const 1)))
            (i32.or (i32.shl (local.get 0) (i32.const 4)) (local.get 0))))
    (func (export "wide shifted operands") (param i32) (result i32) (local $x i64)
        (local.set $x (i64.mul (i64.extend_i32_u (local.get 0)) (i64.const 0x1_0000_0001)))
        (i32.wrap_i64 (i64.add
            (i64.xor (i64.rotl (local.get $x) (i64.const 33)) (i64.shr_u (local.get $x) (i64.const 32)))
            (i64.or (i64.shl (local.get $x) (i64.const 65)) (local.get $x)))))
    (func (export "loaded operands") (param $i i32) (result i32)
        (i32.sub
            (i32.xor
                (i32.add
                    (i32.mul (local.get $i) (local.get $i))
                    (i32.load8_u (i32.add (local.get $i) (i32.const 4))))
                (i32.load8_u offset=1 (i32.add (i32.shl (local.get $i) (i32.const 1)) (local.get $i))))
            (i32.or (i32.load8_u (i32.mul (local.get $i) (i32.const 5))) (local.get $i))))
    (func (export "a loaded operand and a local that changes") (param $i i32) (result i32)
        (i32.add
            (local.get $i)
            (i32.load8_u (local.tee $i (i32.add (local.get $i) (i32.const 2))))))
    (func (export "steps in a loop") (param $n i32) (result i32)
        (local $p i32) (local $q i32) (local $by i32) (local $sum i32)
        (local.set $by (i32.const 2))
        (loop $again
            (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $p))))
            (local.set $p (i32.add (local.get $p) (i32.const 1)))
            (local.set $q (i32.add (local.get $p) (i32.const 1)))
            (br_if $again (local.tee $n (i32.add (local.get $n) (i32.const -1)))))
        (loop $by_two
            (local.set $sum (i32.add (local.get $sum) (local.get $q)))
            (br_if $by_two (i32.lt_s
                (local.tee $p (i32.add (local.get $p) (local.get $by))) (i32.const 9))))
        (local.get $sum))
    (func (export "operators on floats") (param $i i32) (result i32)
        (local $x f64) (local $y f64) (local $z f32)
        (local.set $x (f64.convert_i32_s (local.get $i)))
        (local.set $y (f64.const 0.5))
        (local.set $x (f64.sub
            (f64.mul (local.get $x) (f64.add (local.get $x) (local.get $y)))
            (f64.sub (local.get $y) (f64.mul (f64.add (local.get $x) (local.get $x)) (local.get $y)))))
        (local.set $z (f32.demote_f64 (local.get $x)))
        (local.set $z (f32.add
            (f32.mul (f32.sub (local.get $z) (f32.const 1)) (local.get $z))
            (f32.sub (local.get $z) (f32.add (local.get $z) (local.get $z)))))
        (i32.trunc_f32_s (f32.mul (local.get $z) (f32.const 16))))
    (func (export "branches on loads") (param $i i32) (result i32) (local $found i32)
        (loop $next
            (if (i32.eqz (i32.load8_u (i32.shl (local.get $i) (i32.const 1))))
                (then (local.set $found (i32.or (local.get $found) (i32.const 1)))))
            (if (i32.ne (i32.load8_u offset=2 (local.get $i)) (local.get $i))
                (then (local.set $found (i32.or (local.get $found) (i32.const 2)))))
            (block $skip
                (br_if $skip (i32.eq (i32.const 9) (i32.load8_u (i32.mul (local.get $i) (i32.const 3)))))
                (local.set $found (i32.or (local.get $found) (i32.const 4))))
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (br_if $next (i32.load8_u (i32.add (local.get $i) (local.get $i)))))
        (i32.add (i32.shl (local.get $i) (i32.const 8)) (local.get $found)))
    (func (export "a step and another condition") (param $i i32) (result i32) (local $more i32)
        (loop $next
            (local.set $more (i32.load8_u (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $more) (i32.const 7))))
        (local.set $i (i32.add (local.get $i) (i32.const 100)))
        (if (result i32) (i32.gt_u (local.get $i) (i32.const 107))
            (then (local.get $i)) (else (local.get $more))))
    (func (export "all bits of a wide use") (result i64) (local i32)
        (drop (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
        (i64.extend_i32_u (local.get 0))))"#;

#[test]
fn folded_operations_compute_the_same() {
    for guard in [true, false] {
        each_config(
            |config| {
                config.memory_guard(guard);
            },
            |engine| {
                let mut store = Store::new(engine, ());
                let instance = instantiate(engine, &mut store, FOLDINGS, &[]);
                let cases = [
                    ("product and sum as an address", 3, 7),
                    ("the other way round", 3, 7),
                    ("a sum out of a block", 3, 6),
                    ("a sum that is used again", 3, 14),
                    ("negations before an if", 0, 10),
                    ("negations before an if", 1, 21),
                    ("a handler behind a jump", 5, 30),
                    ("a handler behind a jump", 0, 0),
                    ("values through a table of labels", 0, 0),
                    ("values through a table of labels", 1, 107),
                    ("values through a table of labels", 2, 14),
                    ("values through a table of labels", 9, 163),
                    ("swapped locals in a loop", 10, 55),
                    ("shifted operands", 0x2000_0003, 0x1000_001a ^ 0x2000_0033),
                    ("wide shifted operands", 3, (6 ^ 3) + (6 | 3)),
                    ("loaded operands", 3, ((9 + 7) ^ 10) - 15),
                    ("a loaded operand and a local that changes", 3, 8),
                    ("steps in a loop", 3, (1 + 2) + 3 * 4),
                    // 3 (3 + ½) - (½ - (3 + 3) ½) = 13, and (13 - 1) 13 + (13 - (13 + 13)) = 143.
                    ("operators on floats", 3, 16 * 143),
                    ("branches on loads", 3, 6),
                    ("a step and another condition", 0, 108),
                    ("a step and another condition", 7, 108),
                ];
                for (name, given, expected) in cases {
                    let result = call::<i32, i32>(&mut store, &instance, name, given);
                    assert_eq!(result.unwrap(), expected, "{name} of {given}");
                }
                let result = call::<f64, f64>(&mut store, &instance, "floats and addresses", 2.5);
                assert_eq!(result.unwrap(), 2.5);
                let result = call::<(), i64>(&mut store, &instance, "all bits of a wide use", ());
                assert_eq!(result.unwrap(), 0xffff_ffff);
            },
        );
    }
}
