(module
  (func (export "f"))
  (func (export "g"))
  (memory (export "m") 0))
