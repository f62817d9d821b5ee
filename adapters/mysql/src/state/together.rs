//! What several callers ask for at one moment, done at once: one of them does it for all who wait.
//!
//! Nobody waits for company. While one round is under way, callers gather for the next; a commit costs the same
//! for one row and for a hundred. There is no worker to start and to end: the work is done by a caller. One that
//! goes away in the middle leaves those that it had taken along without an answer, and they ask again: what is
//! asked here may be done twice.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::{Either, select};
use shared::fault::Unavailable;
use tokio::sync::{Semaphore, oneshot};

/// Rounds under way at once: while one waits for its commit, the next is sent.
const ROUNDS: usize = 2;

/// Rows of one round, unless one caller has more.
const ROWS_MAX: usize = 128;

type Done<A> = Result<A, Unavailable>;

/// A caller's rows, and where to tell it what became of them.
pub(super) struct Asked<T, A = ()> {
    pub(super) rows: Vec<T>,
    answer: oneshot::Sender<Done<A>>,
}

impl<T, A> Asked<T, A> {
    /// Tells the caller, who may be gone.
    pub(super) fn tell(self, done: Done<A>) {
        let _ = self.answer.send(done);
    }
}

/// Callers that wait, each with rows `T`, for an answer `A`.
pub(super) struct Together<T, A = ()> {
    waiting: Mutex<VecDeque<Asked<T, A>>>,
    turns: Semaphore,
}

impl<T: Clone, A> Together<T, A> {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), turns: Semaphore::new(ROUNDS) }
    }

    /// Has `rows` written by `write`, which tells everybody whom it is given; answers what this caller was told.
    pub(super) async fn ask<W>(&self, rows: Vec<T>, write: impl Fn(Vec<Asked<T, A>>) -> W) -> Done<A>
    where
        W: Future<Output = ()>,
    {
        loop {
            let (answer, mut told) = oneshot::channel();
            self.waiting().push_back(Asked { rows: rows.clone(), answer });
            let told = loop {
                let turn = match select(&mut told, pin!(self.turns.acquire())).await {
                    Either::Left((told, _)) => break told,
                    Either::Right((turn, _)) => turn,
                };
                let round = self.round();
                if round.is_empty() {
                    // Somebody is at it.
                    drop(turn);
                    break told.await;
                }
                write(round).await;
            };
            // Without an answer, who had it in hand has gone away.
            if let Ok(done) = told {
                return done;
            }
        }
    }

    /// Those who have waited longest. Who has gone away asks again elsewhere, or not at all.
    fn round(&self) -> Vec<Asked<T, A>> {
        let (mut waiting, mut rows, mut round) = (self.waiting(), 0, Vec::new());
        while let Some(next) = waiting.pop_front() {
            if next.answer.is_closed() {
                continue;
            }
            if rows > 0 && rows + next.rows.len() > ROWS_MAX {
                waiting.push_front(next);
                break;
            }
            rows += next.rows.len();
            round.push(next);
        }
        round
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Asked<T, A>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    /// Writes after others had the chance to come, and keeps what was written together.
    async fn write(written: Arc<Mutex<Vec<usize>>>, round: Vec<Asked<u32>>) {
        tokio::task::yield_now().await;
        written.lock().unwrap().push(round.iter().map(|asked| asked.rows.len()).sum());
        round.into_iter().for_each(|asked| asked.tell(Ok(())));
    }

    #[tokio::test]
    async fn whoever_waits_is_taken_along_within_bounds() {
        let (together, written) = (Together::new(), Arc::<Mutex<Vec<usize>>>::default());
        let asked = (0..300).map(|n| together.ask(vec![n], |round| write(Arc::clone(&written), round)));
        assert!(join_all(asked).await.into_iter().all(|done| done.is_ok()));
        let written = written.lock().unwrap();
        assert_eq!(written.iter().sum::<usize>(), 300, "each once");
        assert!(written.len() <= 5 && written.iter().all(|rows| *rows <= ROWS_MAX), "{written:?}");
    }

    #[tokio::test]
    async fn a_caller_with_many_rows_is_not_cut() {
        let (together, written) = (Together::new(), Arc::<Mutex<Vec<usize>>>::default());
        together.ask(vec![7; 1_000], |round| write(Arc::clone(&written), round)).await.unwrap();
        assert_eq!(*written.lock().unwrap(), [1_000]);
    }

    #[tokio::test]
    async fn who_was_left_without_an_answer_asks_again() {
        let (together, written) = (Together::new(), Arc::<Mutex<Vec<usize>>>::default());
        let mut first = Box::pin(together.ask(vec![1], |round| async move {
            std::future::pending::<()>().await;
            drop(round);
        }));
        // The second is taken along by the first, which then goes away with it.
        let (held, none) = (together.turns.try_acquire_many(2).unwrap(), first.as_mut().now_or_never());
        let mut second = Box::pin(together.ask(vec![2], |round| write(Arc::clone(&written), round)));
        assert!(none.is_none() && second.as_mut().now_or_never().is_none());
        drop(held);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none(), "it is in the first one's hands");
        drop(first);
        second.await.unwrap();
        assert_eq!(*written.lock().unwrap(), [1]);
    }
}
