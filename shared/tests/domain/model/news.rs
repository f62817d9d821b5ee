//! What is heard of the two systems: news made, polled, delivered late, taken in.

use shared::domain::absorb::absorb;
use shared::domain::id::{Revision, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::Span;
use uuid::Uuid;

use super::Run;
use super::words::{NOTHING, say};

impl Run {
    pub(super) fn news(&mut self, side: Side, fact: Fact, revision: Revision) -> News {
        self.next_cause += 1;
        let span = match side {
            Side::NetSuite => {
                Span { from: Timestamp(revision.0 * 1000), to: Timestamp(revision.0 * 1000 + 999) }
            }
            Side::SuiteX => Span::at(self.now),
        };
        let id = match &self.systems[side].row {
            Some(row) => row.id.clone(),
            None => SideId::parse("none").expect("a name"),
        };
        News {
            side,
            id,
            fact,
            revision: Some(revision),
            span,
            standing: Standing::Heard,
            operation: None,
            cause: Uuid::from_u128(self.next_cause),
        }
    }

    /// Always a full read, or the deletion; it may be delivered late.
    pub(super) fn poll(&mut self) {
        let system = &self.systems.netsuite;
        let (revision, gone) = (Revision(system.revision), system.deleted.last().cloned());
        if let Some(row) = &system.row {
            let values = row.values.iter().cloned().enumerate().collect();
            let since = self.record.sides.netsuite.seen.map_or(0, |r| r.0 * 1000);
            let mut news = self.news(Side::NetSuite, Fact::Holds { values, full: true }, revision);
            news.span.from = Timestamp(since).min(news.span.to);
            self.bus.netsuite.push(news);
        }
        if let Some((id, revision)) = gone {
            let news = News { id, ..self.news(Side::NetSuite, Fact::Deleted, revision) };
            self.bus.netsuite.push(news);
        }
    }

    pub(super) fn deliver(&mut self, side: Side) {
        let waiting = self.bus[side].len();
        if waiting == 0 {
            return;
        }
        let one = if self.faults { self.rng.usize(..waiting.min(3)) } else { 0 };
        // Else it will come again.
        let last = !self.chance(0.15);
        let news = if last { self.bus[side].remove(one) } else { self.bus[side][one].clone() };
        self.hear(news);
    }

    pub(super) fn hear(&mut self, news: News) {
        let known = &self.record.sides[news.side].id;
        let strange = known.as_ref().is_some_and(|id| *id != news.id);
        if self.retired.contains(&news.id) || strange {
            return; // identity's work: news about a retired id, or about another record
        }
        if news.fact == Fact::Deleted && known.is_none() {
            self.retired.push(news.id); // nobody knew it, and nobody shall
            return;
        }
        let report = self.commit(|record, surface| absorb(record, &news, surface));
        let told = self.show_report(&report);
        if self.faults || told != NOTHING {
            say!(self, "heard {} {} → {told}", news.side, self.show_news(&news));
        }
    }
}
