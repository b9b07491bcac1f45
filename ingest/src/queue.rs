//! The queue between a source's thread and the pipeline, bounded in items and in bytes.
//!
//! When it is full the source waits, its own prefetch queue fills, and the broker keeps the rest: back-pressure ends at
//! the broker. The bound holds by construction: at most one item beyond `bytes_max` is let in, so that a record larger
//! than the bound still passes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

struct QueueState<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    is_closed: bool,
    /// Waking a thread is a system call and costs more than everything else here, so only waiting threads are woken.
    is_receiver_waiting: bool,
    num_senders_waiting: usize,
}

struct Shared<T> {
    state: Mutex<QueueState<T>>,
    not_full: Condvar,
    not_empty: Condvar,
    items_max: usize,
    bytes_max: usize,
}

impl<T> Shared<T> {
    /// A panic while holding the lock leaves the queue itself intact: every change is a single push or pop.
    fn lock(&self) -> MutexGuard<'_, QueueState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source's end.
pub(crate) struct QueueSender<T>(Arc<Shared<T>>);

/// The pipeline's end. Dropping it closes the queue: senders stop waiting and fail.
pub(crate) struct QueueReceiver<T>(Arc<Shared<T>>);

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        QueueSender(Arc::clone(&self.0))
    }
}

/// The queue was closed by its receiver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

pub(crate) fn queue<T>(items_max: usize, bytes_max: usize) -> (QueueSender<T>, QueueReceiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(QueueState {
            items: VecDeque::new(),
            bytes: 0,
            is_closed: false,
            is_receiver_waiting: false,
            num_senders_waiting: 0,
        }),
        not_full: Condvar::new(),
        not_empty: Condvar::new(),
        items_max,
        bytes_max,
    });
    (QueueSender(Arc::clone(&shared)), QueueReceiver(shared))
}

impl<T> QueueSender<T> {
    /// Waits for room, then puts the item in.
    pub(crate) fn push(&self, item: T, size_bytes: usize) -> Result<(), Closed> {
        let queue = &*self.0;
        let mut state = queue.lock();
        while !state.is_closed && (state.items.len() >= queue.items_max || state.bytes >= queue.bytes_max) {
            state.num_senders_waiting += 1;
            state = queue.not_full.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.num_senders_waiting -= 1;
        }
        if state.is_closed {
            return Err(Closed);
        }
        state.bytes += size_bytes;
        state.items.push_back((item, size_bytes));
        if state.is_receiver_waiting {
            queue.not_empty.notify_one();
        }
        Ok(())
    }
}

impl<T> QueueReceiver<T> {
    /// Waits at most `patience` for an item.
    pub(crate) fn pop(&self, patience: Duration) -> Option<T> {
        let queue = &*self.0;
        let deadline = Instant::now() + patience;
        let mut state = queue.lock();
        loop {
            if let Some((item, size_bytes)) = state.items.pop_front() {
                state.bytes -= size_bytes;
                debug_assert!(!state.items.is_empty() || state.bytes == 0, "an empty queue has no bytes");
                // Only when half empty, so that a source that had to wait can add many items before it waits again.
                let has_room = state.items.len() <= queue.items_max / 2 && state.bytes <= queue.bytes_max / 2;
                if has_room && state.num_senders_waiting > 0 {
                    queue.not_full.notify_all();
                }
                return Some(item);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            state.is_receiver_waiting = true;
            state = queue.not_empty.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.is_receiver_waiting = false;
        }
    }
}

impl<T> Drop for QueueReceiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        state.items.clear();
        self.0.not_full.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts rather than clocks: whatever the scheduling, never more than the bound plus one item is inside.
    #[test]
    fn a_stalled_receiver_never_lets_the_queue_grow_beyond_its_bounds() {
        for (items_max, bytes_max) in [(10, usize::MAX), (usize::MAX, 1_000)] {
            let (tx, rx) = queue::<usize>(items_max, bytes_max);
            let pushed = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&pushed);
            let source = std::thread::spawn(move || {
                for item in 0..5_000 {
                    tx.push(item, 100).unwrap();
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            });
            for expected in 0..5_000 {
                assert_eq!(rx.pop(Duration::from_secs(60)), Some(expected));
                assert!(pushed.load(Ordering::SeqCst) <= expected + 1 + 10 + 1);
            }
            source.join().unwrap();
            assert_eq!(rx.pop(Duration::ZERO), None);
        }
    }

    #[test]
    fn a_receiver_that_goes_away_frees_a_waiting_source() {
        let (tx, rx) = queue::<u8>(1, 1);
        tx.push(1, 1).unwrap();
        let source = std::thread::spawn(move || tx.push(2, 1));
        drop(rx);
        assert_eq!(source.join().unwrap(), Err(Closed));
    }
}
