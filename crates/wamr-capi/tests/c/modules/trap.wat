(module $trapping
  (import "host" "fail" (func $fail (result i32)))
  (func $inner (result i32) (call $fail))
  (func (export "host") (result i32) (call $inner))
  (func $boom (unreachable))
  (func (export "own") (nop) (call $boom))
  (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 7) (local.get 0))))
