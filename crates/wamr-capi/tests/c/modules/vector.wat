(module
  (func (export "take") (param v128))
  (func (export "give") (result v128) (v128.const i64x2 1 2))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
