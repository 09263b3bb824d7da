(module
  (import "env" "failure" (tag $failure (param i32)))
  (import "env" "risky" (func $risky (param i32)))
  (func (export "throw") (param i32) (throw $failure (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $caught (result i32)
      (try_table (catch $failure $caught) (call $risky (local.get 0)))
      (i32.const -1)))
  (export "failure" (tag $failure)))
