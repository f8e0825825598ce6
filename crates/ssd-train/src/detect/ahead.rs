//! Threads that work ahead of the network: pictures are read and decoded while it computes, and arrive in order.
//!
//! Memory is bounded: no more results exist at once than are asked for, however many pictures there are.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Most threads. Eight decode as many pictures of a camera as a large graphics card detects in, and each holds one.
const THREADS: usize = 8;

/// How many threads work ahead on this machine.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(THREADS)
}

/// The index of something to do, and where its result goes.
type Job<T> = (usize, SyncSender<T>);

/// Calls `work` with each index below `count` on [`threads`] threads, and `take` with the results, which come in order.
/// Up to `ahead` of them are waiting or under way, and one for each thread in any case. Whatever `take` leaves is not
/// begun.
pub fn in_order<T: Send, R>(
    (count, ahead): (usize, usize),
    work: impl Fn(usize) -> T + Sync,
    take: impl FnOnce(&mut InOrder<T>) -> R,
) -> R {
    let threads = threads().min(count);
    let (jobs, queue) = channel();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, result)) = next(&queue) {
                    // Nobody may want it any more.
                    let _ = result.send(work(index));
                }
            });
        }
        // Dropped at the end of the scope, which ends the threads.
        let mut results = InOrder { jobs, waiting: VecDeque::new(), begun: 0, count, ahead: ahead.max(threads) };
        take(&mut results)
    })
}

/// The next job; `None` when there will be no other. The queue is locked no longer than it takes to get it.
fn next<T>(queue: &Mutex<Receiver<Job<T>>>) -> Option<Job<T>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Results in their order, by [`in_order`].
pub struct InOrder<T> {
    jobs: Sender<Job<T>>,
    /// Of the jobs that were begun, oldest first.
    waiting: VecDeque<Receiver<T>>,
    begun: usize,
    count: usize,
    ahead: usize,
}

impl<T> Iterator for InOrder<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        while self.waiting.len() < self.ahead && self.begun < self.count {
            let (result, arriving) = sync_channel(1);
            // It fails when all threads have panicked, and then so does waiting for the result.
            let _ = self.jobs.send((self.begun, result));
            self.waiting.push_back(arriving);
            self.begun += 1;
        }
        // A thread that panicked sends nothing, and the scope passes its panic on.
        self.waiting.pop_front()?.recv().ok()
    }
}

/// Calls `finish` with all that was begun, in order, each once `depth` of them are under way or nothing more begins.
///
/// # Errors
/// The first of either, after which nothing is begun or finished.
pub fn overlapped<T, E>(
    depth: usize,
    begun: impl Iterator<Item = Result<T, E>>,
    mut finish: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let mut under_way = VecDeque::new();
    for begun in begun {
        under_way.push_back(begun?);
        if under_way.len() >= depth {
            under_way.pop_front().map_or(Ok(()), &mut finish)?;
        }
    }
    under_way.into_iter().try_for_each(finish)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_whichever_is_done_first() {
        let slow_first = |index: usize| {
            thread::sleep(Duration::from_millis(if index.is_multiple_of(3) { 4 } else { 0 }));
            index
        };
        let all = in_order((50, 4), slow_first, |results| results.collect::<Vec<_>>());
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        assert_eq!(in_order((0, 4), slow_first, |results| results.count()), 0);
    }

    #[test]
    fn what_was_begun_is_finished_in_order_with_so_many_under_way() {
        let log = RefCell::new(String::new());
        let begun = (0..4).map(|index| {
            log.borrow_mut().push_str(&format!("+{index}"));
            if index == 3 { Err("3") } else { Ok(index) }
        });
        let finish = |index: i32| {
            log.borrow_mut().push_str(&format!("-{index}"));
            Ok::<_, &str>(())
        };
        assert_eq!(overlapped(2, begun.clone().take(3), finish), Ok(()));
        assert_eq!(log.take(), "+0+1-0+2-1-2");
        assert_eq!(overlapped(1, begun, finish), Err("3"));
        assert_eq!(log.take(), "+0-0+1-1+2-2+3");
    }

    #[test]
    fn no_more_is_begun_than_the_queue_holds_and_nothing_after_the_end() {
        let (begun, ahead) = (AtomicUsize::new(0), threads().max(3));
        in_order(
            (1000, 3),
            |_| begun.fetch_add(1, Ordering::SeqCst),
            |results| {
                for taken in 1..=20 {
                    assert!(results.next().is_some());
                    thread::sleep(Duration::from_millis(1));
                    let begun = begun.load(Ordering::SeqCst);
                    assert!(begun < taken + ahead, "{begun} were begun when {taken} had been taken");
                }
            },
        );
        assert!(begun.into_inner() < 20 + ahead);
    }
}
