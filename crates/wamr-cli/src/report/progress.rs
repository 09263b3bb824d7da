//! Telling somebody who watches that something takes long.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What is done sooner is not told.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often the line is written anew.
const STEP: Duration = Duration::from_millis(200);

/// A line on a terminal that says what is done and for how long; gone with the value.
pub(crate) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// Begins to tell, if standard error is a terminal.
    pub(crate) fn start(program: &str, what: &str, file: &str) -> Self {
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
                let mut err = io::stderr().lock();
                let _ = write!(err, "\r\x1b[K{line}: {seconds} s").and_then(|()| err.flush());
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
