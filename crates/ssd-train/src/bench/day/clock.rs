//! The budget of a run: what does not fit any more is left out, by name.

/// By how many pieces the length of the next is guessed: the first of all compile kernels for the others.
const LAST: usize = 8;

/// The time since the run began, and how much there is of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    host: fn() -> f64,
    /// Milliseconds by `host`.
    start: f64,
    /// For the whole run, in seconds.
    pub(super) budget: f64,
}

impl Clock {
    /// Starts now; `host` returns milliseconds since some moment.
    pub(super) fn start(host: fn() -> f64, budget: f64) -> Self {
        Self { host, start: host(), budget }
    }

    /// Seconds since the start.
    pub(super) fn seconds(&self) -> f64 {
        ((self.host)() - self.start) / 1e3
    }

    /// A part of the run that has to end at this share of the budget.
    pub(super) fn part(self, until: f64) -> Part {
        Part { clock: self, until: until * self.budget, last: [0.0; LAST], pieces: 0 }
    }
}

/// A part of a run, piece by piece.
#[derive(Debug)]
pub(super) struct Part {
    clock: Clock,
    /// In seconds since the start.
    until: f64,
    /// Seconds of the last pieces, in turn.
    last: [f64; LAST],
    pieces: usize,
}

impl Part {
    /// Does a piece if there is time for one as long as the longest of those just before it.
    pub(super) fn piece<T>(&mut self, work: impl FnOnce() -> T) -> Option<T> {
        let begun = self.clock.seconds();
        let longest = self.last.iter().copied().fold(0.0, f64::max);
        if begun + longest >= self.until {
            return None;
        }
        let done = work();
        self.last[self.pieces % LAST] = self.clock.seconds() - begun;
        self.pieces += 1;
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static NOW_MS: Cell<f64> = const { Cell::new(5e3) };
    }

    fn work(seconds: f64) -> impl FnOnce() {
        move || NOW_MS.set(NOW_MS.get() + 1e3 * seconds)
    }

    #[test]
    fn a_slow_first_piece_is_forgotten() {
        let mut part = Clock::start(|| NOW_MS.get(), 20.0).part(1.0);
        assert!(part.piece(work(8.0)).is_some());
        assert!((0..LAST).all(|_| part.piece(work(0.25)).is_some()));
        assert!(part.piece(work(7.0)).is_some(), "10 and 0.25 are far from 20");
        assert!(part.piece(work(1.0)).is_none(), "17 and 7 are not");
    }

    #[test]
    fn a_piece_is_left_out_when_the_longest_before_it_would_not_fit() {
        let clock = Clock::start(|| NOW_MS.get(), 20.0);
        let mut part = clock.part(0.5);
        assert!(part.piece(work(2.0)).is_some() && part.piece(work(4.0)).is_some());
        assert_eq!(clock.seconds(), 6.0);
        assert!(part.piece(work(1.0)).is_none(), "6 and 4 are 10");
        // What one part leaves belongs to the next.
        let mut part = clock.part(1.0);
        assert!(part.piece(work(13.0)).is_some());
        assert!(part.piece(work(0.0)).is_none());
    }
}
