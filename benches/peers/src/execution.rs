//! How fast programs run: thread CPU time from entry to end in a new instance, which for
//! interpreters includes translation at the first call. Engines take turns; results must agree.

use crate::engines::{Engine, Result};
use crate::measure::{Table, geometric_mean, median, show, thread_time};
use crate::programs::{Program, Work};

/// Runs all programs so many times and prints a table. The first engine is what others are
/// compared with.
pub fn run(title: &str, engines: &[Box<dyn Engine>], programs: &[Program], runs: usize) {
    if programs.is_empty() {
        return;
    }
    let mut headings = vec![title, "ms"];
    headings.extend(engines[1..].iter().map(|engine| engine.name()));
    let mut table = Table::new(headings);
    let mut ratios = vec![Vec::new(); engines.len()];
    for program in programs {
        let medians = medians(engines, program, runs);
        let ours = medians[0];
        let ratio = |other: &Option<f64>| Some((*other)? / ours?);
        let speeds: Vec<Option<f64>> = medians.iter().map(ratio).collect();
        let shown = speeds[1..].iter().map(|&speed| show(speed, 2));
        table.row(&program.name, [show(ours.map(|ms| ms * 1e3), 0)].into_iter().chain(shown));
        for (all, speed) in ratios.iter_mut().zip(&speeds) {
            all.extend(speed);
        }
    }
    let means = ratios[1..].iter().map(|all| show(geometric_mean(all.iter().copied()), 2));
    table.row("geometric mean", [String::new()].into_iter().chain(means));
    table.print(&format!(
        "Speed of `{}` in multiples of others' ({title}, median of {runs}, CPU time)",
        engines[0].name()
    ));
}

/// Seconds by engine; nothing where an engine cannot run the program.
fn medians(engines: &[Box<dyn Engine>], program: &Program, runs: usize) -> Vec<Option<f64>> {
    let loaded: Vec<_> = engines
        .iter()
        .map(|engine| {
            let loaded = engine.load(&[("main", &program.wasm)]);
            loaded.inspect_err(|error| eprintln!("{}, {}: {error}", program.name, engine.name()))
        })
        .collect();
    let mut seconds = vec![Vec::new(); engines.len()];
    let mut failed = vec![false; engines.len()];
    let mut expected: Option<Vec<u8>> = None;
    for _ in 0..runs {
        for (position, loaded) in loaded.iter().enumerate() {
            let Ok(loaded) = loaded else { continue };
            if failed[position] {
                continue;
            }
            match once(&**loaded, program) {
                Ok((time, result)) => {
                    seconds[position].push(time);
                    let name = engines[position].name();
                    let expected = expected.get_or_insert_with(|| result.clone());
                    assert!(*expected == result, "{}: {name} gives another result", program.name);
                }
                Err(error) => {
                    eprintln!("{}, {}: {error}", program.name, engines[position].name());
                    failed[position] = true;
                }
            }
        }
    }
    seconds.into_iter().map(median).collect()
}

fn once(program: &dyn crate::engines::Program, what: &Program) -> Result<(f64, Vec<u8>)> {
    let (args, n): ([&str; 2], i32) = match &what.work {
        Work::Start(arg) => ([&what.name, arg], 0),
        Work::Run(n) => (["", ""], *n),
    };
    let mut instance = program.instantiate(&args)?;
    let before = thread_time();
    let result = match what.work {
        Work::Start(_) => instance.start().map(|()| Vec::new()),
        Work::Run(_) => instance.run(n).map(|result| result.to_le_bytes().to_vec()),
    }?;
    let seconds = (thread_time() - before).as_secs_f64();
    Ok((seconds, [result, instance.output()].concat()))
}
