(module
  (type $point (sub (struct (field (mut i32)) (field (mut i8)) (field (mut anyref)))))
  (type $bytes (array (mut i8)))
  (type $double (func (param i32) (result i32)))
  (func $double (export "double") (type $double) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "x") (param (ref null $point)) (result i32)
    (struct.get $point 0 (local.get 0))))
