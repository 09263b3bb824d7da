(module
  (import "host" "turn" (func $turn (param i32 i64 f32 f64 i32) (result i32 f64 f32 i64 i32)))
  (func (export "turn") (param i32 i64 f32 f64 i32) (result i32 f64 f32 i64 i32)
    (call $turn (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
  (func (export "many") (param i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
    (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9)))
