(module
  (import "env" "memory" (memory 3 5))
  (data (i32.const 100) "ceases to be a good measure\00")
  (func (export "goodhart_law")
    ;; What lies far up is there.
    (i32.store8 (i32.const 150000) (i32.const 0xee))
    (if (i32.ne (i32.load8_u (i32.const 150000)) (i32.const 0xee)) (then unreachable))
    (if (i32.ne (memory.grow (i32.const 1)) (i32.const 3)) (then unreachable))
    (i32.store8 (i32.const 200000) (i32.const 1))))
