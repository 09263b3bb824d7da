//! The shortest way to a result: text, module, instance, call.

use std::error::Error;

use wamr::{Engine, Instance, Module, Store};

fn main() -> Result<(), Box<dyn Error>> {
    // An engine is made once and shared by all modules and stores.
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (func (export "greatest_common_divisor") (param $a i64) (param $b i64) (result i64)
                (loop $again
                    (if (i64.ne (local.get $b) (i64.const 0))
                        (then
                            (i64.rem_u (local.get $a) (local.get $b))
                            (local.set $a (local.get $b))
                            (local.set $b)
                            (br $again))))
                (local.get $a)))"#,
    )?;
    // A store owns instances, and data of the embedder: none here.
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    // The types are checked here, once, and not at each call.
    let gcd = instance.get_typed_func::<(i64, i64), i64>(&mut store, "greatest_common_divisor")?;
    let result = gcd.call(&mut store, (1071, 462))?;
    println!("gcd(1071, 462) = {result}");
    assert_eq!(result, 21);
    Ok(())
}
