//! Bytes as modules: valid ones, and such as were changed.

use wamr::{Config, Engine, Mode, Module, Validation};
use wamr_differential::{Kind, compare, has_floats, may_wait, mix, module_of};

use super::{NO_MODULE, mutate, same, seed_of};

/// Any bytes as a module, in every mode.
pub fn loader(bytes: &[u8]) -> &'static str {
    let mut valid = Vec::new();
    let mut refusal = "";
    for &mode in Mode::ALL {
        for validation in [Validation::Eager, Validation::Lazy] {
            let engine = Engine::new(Config::new().mode(mode).validation(validation));
            let engine = engine.expect("this build has the mode");
            let before = engine.types().len();
            match Module::new(&engine, bytes) {
                Ok(module) => {
                    valid.push((mode, validation));
                    // What is only looked at when it is needed.
                    let translated = module.translate(1.try_into().expect("not zero"));
                    if validation == Validation::Eager {
                        translated.expect("it was validated");
                    }
                    let _ = module.imports().count() + module.exports().count();
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(!text.is_empty());
                    // A compiler for a module's first function may fail after types are known.
                    assert_eq!(engine.types().len(), before, "types of what is refused: {text}");
                    refusal =
                        if text.contains("function") { "a bad body" } else { "a bad section" };
                }
            }
        }
    }
    // Everything that is valid at once is valid bit by bit.
    let is_valid = |mode, validation| valid.contains(&(mode, validation));
    for &mode in Mode::ALL {
        if is_valid(mode, Validation::Eager) {
            assert!(is_valid(mode, Validation::Lazy), "{mode}");
        }
    }
    if is_valid(Mode::ALL[0], Validation::Eager) { "valid" } else { refusal }
}

/// A changed module that is valid nevertheless, in every mode: generators write neither odd
/// encodings nor most of what can stand in code that is never reached.
pub fn mutated(bytes: &[u8]) -> &'static str {
    let Some(original) = module_of(Kind::Integers, bytes) else { return NO_MODULE };
    let engine = Engine::default();
    let seed = seed_of(bytes);
    let valid = (0..200).find_map(|attempt| {
        let mut module = original.clone();
        mutate(&mut module, mix(seed, attempt), attempt % 4 != 0);
        let is_new = module != original && !has_floats(&module);
        (is_new && Module::validate(&engine, &module).is_ok()).then_some(module)
    });
    match valid {
        Some(module) if may_wait(&module) => "waits",
        Some(module) => same(compare(&module, seed)),
        None => "no change is valid",
    }
}
