//! What several callers ask for at one moment, done at once, in one round for all who wait.
//!
//! Nobody waits for company. While one round is under way, callers gather for the next; a commit costs the same
//! for one row and for a hundred. A round is a task of its own, begun by a caller: others' rows are in it, and they
//! must learn what became of them when that caller goes away.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{Either, select};
use shared::fault::Unavailable;
use tokio::sync::{Semaphore, oneshot};

use super::WHAT;

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
    turns: Arc<Semaphore>,
}

impl<T, A> Together<T, A> {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), turns: Arc::new(Semaphore::new(ROUNDS)) }
    }

    /// Has `rows` written by `write`, which tells everybody whom it is given; answers what this caller was told.
    pub(super) async fn ask<W>(&self, rows: Vec<T>, write: impl Fn(Vec<Asked<T, A>>) -> W) -> Done<A>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (answer, mut told) = oneshot::channel();
        self.waiting().push_back(Asked { rows, answer });
        let told = loop {
            let turn = match select(&mut told, pin!(Arc::clone(&self.turns).acquire_owned())).await {
                Either::Left((told, _)) => break told,
                Either::Right((turn, _)) => turn,
            };
            let round = self.round();
            if round.is_empty() {
                // Somebody is at it.
                drop(turn);
                break told.await;
            }
            begin(write(round), turn);
        };
        // Only who fails in the middle, or is stopped with the process, leaves a caller without an answer.
        told.unwrap_or_else(|_| Err(Unavailable::new(WHAT, "what became of the rows is not known")))
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

/// Has a round go on by itself until it is written, which has its turn until then.
#[expect(
    clippy::disallowed_methods,
    reason = "it is as short as a transaction, and who stops waits for its callers"
)]
fn begin(written: impl Future<Output = ()> + Send + 'static, turn: impl Send + 'static) {
    tokio::spawn(async move {
        written.await;
        drop(turn);
    });
}

#[cfg(test)]
mod tests {
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
    async fn who_goes_away_takes_nobody_along() {
        let (together, written) = (Together::new(), Arc::<Mutex<Vec<usize>>>::default());
        let mut first = Box::pin(together.ask(vec![1], |round| write(Arc::clone(&written), round)));
        // The second is taken along by the first, which then goes away.
        let (held, none) =
            (together.turns.try_acquire_many(ROUNDS as u32).unwrap(), first.as_mut().now_or_never());
        let mut second = Box::pin(together.ask(vec![2], |round| write(Arc::clone(&written), round)));
        assert!(none.is_none() && second.as_mut().now_or_never().is_none());
        drop(held);
        assert!(first.as_mut().now_or_never().is_none(), "both are in its round");
        drop(first);
        second.await.unwrap();
        assert_eq!(*written.lock().unwrap(), [2]);
    }

    #[tokio::test]
    async fn who_gets_no_answer_is_told_so() {
        let together: Together<u32> = Together::new();
        let lost = together.ask(vec![1], |round| async move { drop(round) }).await;
        assert!(lost.unwrap_err().to_string().contains("not known"));
        let written = Arc::<Mutex<Vec<usize>>>::default();
        together.ask(vec![2], |round| write(Arc::clone(&written), round)).await.unwrap();
        assert_eq!(*written.lock().unwrap(), [1], "the next has its turn");
    }
}
