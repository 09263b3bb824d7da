(module
  (type $point (struct (field i32) (field i32)))
  (func (export "make") (param i32 i32) (result anyref)
    (struct.new $point (local.get 0) (local.get 1)))
  (func (export "sum") (param anyref) (result i32)
    (i32.add
      (struct.get $point 0 (ref.cast (ref $point) (local.get 0)))
      (struct.get $point 1 (ref.cast (ref $point) (local.get 0))))))
