//! Runs of one module in every mode, side by side.

use std::fmt;

use crate::run::{Event, Run, Way, run, run_pair};

/// How runs of a module compare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All were the same; so many things were seen.
    Same(usize),
    /// All were the same up to where one of them ran out of some room.
    Undecided(usize),
    /// No mode can run it.
    Refused(String),
}

/// Two runs of a module that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disagreement {
    /// The two ways.
    pub ways: [String; 2],
    /// What was seen the one way and the other.
    pub seen: [String; 2],
    /// What was seen before, the same both ways.
    pub before: Vec<String>,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in self.before.iter().rev().take(6).rev() {
            writeln!(f, "  {event}")?;
        }
        for (way, seen) in self.ways.iter().zip(&self.seen) {
            writeln!(f, "  {way}: {seen}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Disagreement {}

/// Runs a module in every mode.
///
/// # Errors
/// If two modes disagree.
pub fn compare(module: &[u8], seed: u64) -> Result<Outcome, Box<Disagreement>> {
    let runs = Way::ALL.iter().map(|&way| (way.to_string(), events(run(way, module, seed))));
    compare_runs(runs)
}

/// Runs two modules, the second of which imports from the first, each in every mode.
///
/// # Errors
/// If modes disagree.
pub fn compare_pair(modules: [&[u8]; 2], seed: u64) -> Result<Outcome, Box<Disagreement>> {
    compare_runs(Way::pairs().into_iter().map(|ways| {
        let label = format!("{} + {}", ways[0], ways[1]);
        (label, events(run_pair(ways, modules, seed)))
    }))
}

/// Compares runs with the first of them.
fn compare_runs(
    mut runs: impl Iterator<Item = (String, Vec<Event>)>,
) -> Result<Outcome, Box<Disagreement>> {
    let Some((first, expected)) = runs.next() else { return Ok(Outcome::Same(0)) };
    let mut seen = expected.len();
    for (way, found) in runs {
        let undecided = |events: &[Event]| {
            let position = events.iter().position(|event| matches!(event, Event::Undecided(_)));
            position.unwrap_or(events.len())
        };
        let decided = [&expected, &found].iter().any(|events| undecided(events) < events.len());
        let end = undecided(&expected).min(undecided(&found));
        let len = if decided { end } else { expected.len().max(found.len()) };
        for position in 0..len {
            let events = [expected.get(position), found.get(position)];
            if events[0] != events[1] {
                let text = |event: Option<&Event>| match event {
                    Some(event) => String::from(event.clone()),
                    None => "nothing more".to_owned(),
                };
                return Err(Box::new(Disagreement {
                    ways: [first, way],
                    seen: events.map(text),
                    before: expected[..position].iter().map(|event| text(Some(event))).collect(),
                }));
            }
        }
        seen = seen.min(len);
    }
    Ok(match (&expected[..], seen) {
        ([Event::Seen(text)], _) if text.starts_with(REFUSED) => Outcome::Refused(text.clone()),
        (all, seen) if seen == all.len() => Outcome::Same(seen),
        (_, seen) => Outcome::Undecided(seen),
    })
}

const REFUSED: &str = "refused: ";

fn events(run: Result<Run, String>) -> Vec<Event> {
    match run {
        Ok(run) => run.events,
        Err(error) => vec![Event::Seen(format!("{REFUSED}{error}"))],
    }
}
