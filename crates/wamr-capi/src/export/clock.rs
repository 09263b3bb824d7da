//! A clock that takes little time to read, for what reports tell of the time that calls took.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Readings of both clocks at the same time.
static START: OnceLock<(Instant, u64)> = OnceLock::new();

/// The least time that readings are compared over.
const LEAST: Duration = Duration::from_millis(1);

/// What the clock shows. Ticks mean nothing by themselves; see [`duration`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every processor of this kind has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// What the clock shows. Ticks mean nothing by themselves; see [`duration`].
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn ticks() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Begins to compare the clock with the system's. The earlier, the better.
pub(crate) fn start() {
    START.get_or_init(|| (Instant::now(), ticks()));
}

/// The time that so many ticks take.
pub(crate) fn duration(count: u64) -> Duration {
    let (then, first) = *START.get_or_init(|| (Instant::now(), ticks()));
    if then.elapsed() < LEAST {
        std::thread::sleep(LEAST);
    }
    let (elapsed, passed) = (then.elapsed().as_secs_f64(), ticks().saturating_sub(first).max(1));
    Duration::try_from_secs_f64(count as f64 * elapsed / passed as f64).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_times() {
        start();
        let (then, first) = (Instant::now(), ticks());
        std::thread::sleep(Duration::from_millis(20));
        let found = duration(ticks() - first);
        // What the machine did between the readings is in both or in one.
        assert!(found >= Duration::from_millis(15), "{found:?}");
        assert!(found <= then.elapsed() * 2, "{found:?}");
        assert_eq!(duration(0), Duration::ZERO);
    }
}
