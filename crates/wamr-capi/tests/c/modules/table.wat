(module
  (type $unary (func (param i32) (result i32)))
  (table (export "table") 2 10 funcref)
  (func (export "call") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 0) (local.get 1)))
  (func $identity (export "identity") (param i32) (result i32) (local.get 0))
  (func (export "negate") (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
  (elem (i32.const 1) $identity))
