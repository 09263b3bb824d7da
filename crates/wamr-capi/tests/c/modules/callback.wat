(module
  (import "host" "twice" (func $twice (param i32) (result i32)))
  (import "host" "counter" (func $counter (result i64)))
  (func (export "run") (param i32 i32) (result i64)
    (i64.add
      (i64.extend_i32_s (call $twice (i32.add (local.get 0) (local.get 1))))
      (call $counter)))
  (func (export "square") (param i32) (result i32)
    (i32.mul (local.get 0) (local.get 0))))
