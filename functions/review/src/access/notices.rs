//! What is asked of the outside about what people were told, and about errors by their age: in one account, or in none.

use std::collections::BTreeMap;

use shared::domain::id::{AccountId, Timestamp};
use shared::fault::Unavailable;
use shared::state::deliveries::Delivery;
use shared::state::desk::WaitingCounts;
use shared::state::notices::{Shown, UNKNOWN_ACCOUNT};
use shared::state::{ErrorEntry, ErrorStatus, Page};
use uuid::Uuid;

use super::{Access, Seat};

/// A place in a list of errors by age.
type Age = (Timestamp, Uuid);

/// How much waits for a person, each number at most 10,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) conflicts: u64,
    pub(crate) errors: u64,
    pub(crate) questions: u64,
}

impl Waiting {
    /// All of it.
    pub(crate) fn all(self) -> u64 {
        self.conflicts + self.errors + self.questions
    }

    /// This, and that.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            conflicts: self.conflicts + other.conflicts,
            errors: self.errors + other.errors,
            questions: self.questions + other.questions,
        }
    }
}

/// The notices of one account, or of none.
#[derive(Clone)]
pub(crate) struct Told {
    seat: Seat,
    account: AccountId,
    /// None: what belongs to no account, and who asks is an admin everywhere.
    access: Option<Access>,
}

impl Seat {
    /// Where notices are that the person may look at: in each account, and what belongs to none for who is an admin
    /// everywhere.
    pub(crate) fn told(&self) -> Vec<Told> {
        let of = |access: Access| Told {
            seat: self.clone(),
            account: access.account.clone(),
            access: Some(access),
        };
        let unknown = AccountId::parse(UNKNOWN_ACCOUNT).ok().filter(|_| self.is_admin_everywhere());
        let unknown = unknown.map(|account| Told { seat: self.clone(), account, access: None });
        self.accounts().into_iter().map(of).chain(unknown).collect()
    }
}

impl Seat {
    /// Within how many ms an open error of this account should be seen to.
    pub(crate) fn error_sla_ms(&self, account: &str) -> i64 {
        let config = &self.ports.config;
        let account = AccountId::parse(account).ok().and_then(|id| config.accounts.get(&id));
        let rules = account.map_or(&config.notify, |account| &account.notify);
        i64::from(rules.error_sla_hours) * 3_600_000
    }
}

impl Told {
    /// The account's name.
    pub(crate) fn name(&self) -> &str {
        self.account.as_str()
    }

    /// What the person may do there; none where only an admin of every account comes.
    pub(crate) fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    /// The notices, the newest first.
    pub(crate) async fn notices(
        &self,
        unread: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Shown>, Unavailable> {
        self.seat.ports.state.notices(&self.account, unread, after, limit).await
    }

    /// How these notices got to people.
    pub(crate) async fn deliveries_of(
        &self,
        notices: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Vec<Delivery>>, Unavailable> {
        let mut found: BTreeMap<Uuid, Vec<Delivery>> = BTreeMap::new();
        if notices.is_empty() {
            return Ok(found);
        }
        for (notice, delivery) in self.seat.ports.state.deliveries_of(&self.account, notices).await? {
            found.entry(notice).or_default().push(delivery);
        }
        Ok(found)
    }

    /// Deliveries, the newest first; `in_trouble`: those alone that were tried in vain.
    pub(crate) async fn deliveries(
        &self,
        in_trouble: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Delivery>, Unavailable> {
        self.seat.ports.state.deliveries(&self.account, in_trouble, after, limit).await
    }

    /// Notes that the person has seen to it; `None`: there is no such notice.
    pub(crate) async fn acknowledge(&self, notice: Uuid) -> Result<Option<Shown>, Unavailable> {
        let by = self.seat.person().email();
        self.seat.ports.state.acknowledge(&self.account, notice, by, self.seat.now()).await
    }

    /// Within how many ms an open error should be seen to.
    pub(crate) fn error_sla_ms(&self) -> i64 {
        self.seat.error_sla_ms(self.name())
    }

    /// How much waits for a person.
    pub(crate) async fn waiting(&self) -> Result<Waiting, Unavailable> {
        let (state, account) = (&self.seat.ports.state, &self.account);
        let conflicts = state.conflict_counts(account, self.seat.now()).await?.open;
        let WaitingCounts { errors, questions } = state.waiting_counts(account).await?;
        Ok(Waiting { conflicts, errors, questions })
    }

    /// Open errors, the oldest first.
    pub(crate) async fn errors_by_age(
        &self,
        after: Option<Age>,
        limit: usize,
    ) -> Result<Vec<ErrorEntry>, Unavailable> {
        let until = Timestamp(i64::MAX);
        let state = &self.seat.ports.state;
        state.errors_by_age(&self.account, ErrorStatus::Open, after, until, limit).await
    }
}
