//! Telling somebody who watches that something takes long.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What is done sooner is not told.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often the line is written anew.
const STEP: Duration = Duration::from_millis(200);

/// How much is done, of how much, where that is known.
type Share = dyn Fn() -> Option<(usize, usize)> + Send;

/// A line on a terminal that says what is done and for how long; gone with the value.
pub(crate) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// Begins to tell, if standard error is a terminal.
    pub(crate) fn start(program: &str, what: &str, file: &str) -> Self {
        Self::start_with(program, what, file, Box::new(|| None))
    }

    /// Begins to tell that something is compiled, and runs it.
    #[cfg(feature = "jit")]
    pub(crate) fn compiling<R>(
        program: &str,
        what: &str,
        file: &str,
        compile: impl FnOnce() -> R,
    ) -> R {
        let progress = wamr::CompileProgress::new();
        let asked = progress.clone();
        let _told = Self::start_with(program, what, file, Box::new(move || asked.functions()));
        progress.observe(compile)
    }

    /// Does as the other of this name, where nothing is compiled.
    #[cfg(not(feature = "jit"))]
    pub(crate) fn compiling<R>(
        program: &str,
        what: &str,
        file: &str,
        load: impl FnOnce() -> R,
    ) -> R {
        let _told = Self::start(program, what, file);
        load()
    }

    fn start_with(program: &str, what: &str, file: &str, share: Box<Share>) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let line = format!("{program}: {what} {}", file.escape_debug());
        let (done, is_done) = channel();
        let start = Instant::now();
        let tell = move || {
            let mut wait = PATIENCE;
            while is_done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let seconds = start.elapsed().as_secs();
                let share = told(share());
                let mut err = io::stderr().lock();
                let _ =
                    write!(err, "\r\x1b[K{line}: {seconds} s{share}").and_then(|()| err.flush());
                wait = STEP;
            }
            if wait == STEP {
                let mut err = io::stderr().lock();
                let _ = write!(err, "\r\x1b[K").and_then(|()| err.flush());
            }
        };
        let thread = std::thread::Builder::new().spawn(tell);
        Self(thread.ok().map(|thread| (done, thread)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.0.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}

/// What is told of a share.
fn told(share: Option<(usize, usize)>) -> String {
    let percent = |(done, all): (usize, usize)| {
        let share = done as f64 / all as f64 * 100.0;
        format!(", {share:.0} % of {all} functions")
    };
    share.map_or(String::new(), percent)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn shares_are_told_where_they_are_known() {
        assert_eq!(told(None), "");
        assert_eq!(told(Some((0, 3))), ", 0 % of 3 functions");
        assert_eq!(told(Some((2, 3))), ", 67 % of 3 functions");
        assert_eq!(told(Some((3, 3))), ", 100 % of 3 functions");
    }
}
