(module
  (type $unary (func (param i32) (result i32)))
  (import "env" "table" (table 2 10 funcref))
  (func $double (param i32) (result i32) (i32.mul (i32.const 2) (local.get 0)))
  (func (export "size") (result i32) (table.size 0))
  (func (export "call") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 0) (local.get 1)))
  (elem (i32.const 0) $double))
