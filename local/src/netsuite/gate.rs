//! How a call gets into an account and its answer out: the pool, the time it takes, and what goes wrong on
//! either way.
//!
//! NetSuite does not stop when the client goes away. A call whose handler is dropped before it was carried
//! out still lands at its time, and holds its place in the pool until then.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use shared::domain::id::Timestamp;
use shared::netsuite::wire::Call;

use super::account::{Account, State};
use super::reply::{Channel, Reply};
use super::{rest, restlet, scripts, suiteql};

/// A call to a deployed script.
pub(super) struct ScriptCall {
    pub(super) script: String,
    pub(super) deployment: String,
    pub(super) body: Bytes,
    /// How many writes it asks for.
    pub(super) writes: usize,
}

/// A call, read but not carried out.
pub(super) enum Request {
    /// To our RESTlet, which our own code stands in for.
    Restlet(Call),
    /// To a RESTlet of the account's own.
    Script(ScriptCall),
    /// To REST web services.
    Rest(rest::Request),
    /// To SuiteQL.
    SuiteQl(suiteql::Request),
    /// One whose form alone decides its answer; it goes through the gate all the same.
    Malformed(Channel, Reply),
}

impl Request {
    fn channel(&self) -> Channel {
        match self {
            Request::Restlet(_) | Request::Script(_) => Channel::Restlet,
            Request::Rest(_) | Request::SuiteQl(_) => Channel::Rest,
            Request::Malformed(channel, _) => *channel,
        }
    }

    /// How many writes it asks for.
    fn writes(&self) -> usize {
        match self {
            Request::Restlet(Call::Apply { writes }) => writes.len(),
            Request::Script(call) => call.writes,
            Request::Restlet(Call::Read { .. }) | Request::SuiteQl(_) | Request::Malformed(..) => 0,
            Request::Rest(request) => usize::from(request.writes()),
        }
    }

    /// Carries it out, short of what scripts do.
    pub(super) fn run(&self, state: &mut State) -> Reply {
        match self {
            Request::Restlet(call) => restlet::run(state, call),
            // Scripts take the account's lock themselves: [`carry_out`].
            Request::Script(_) => Reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
            Request::Rest(request) => rest::run(state, request),
            Request::SuiteQl(request) => suiteql::run(state, request),
            Request::Malformed(_, reply) => reply.clone(),
        }
    }
}

/// Answers a call, as well as the account's faults let it.
pub(super) async fn call(account: &Arc<Account>, request: Request) -> Reply {
    let mut slot = match Slot::claim(account, request) {
        Ok(slot) => slot,
        Err(reply) => return reply,
    };
    // The work is done half way through, so that others may change the record while the answer travels.
    slot.wait(slot.starts, slot.runs).await;
    let reply = slot.run().await;
    slot.wait(slot.runs, slot.ends).await;
    reply
}

/// Carries a call out, scripts and all, on the thread that it comes in on.
pub(super) fn carry_out(account: &Arc<Account>, request: &Request) -> Reply {
    match (request, &account.deployed) {
        (Request::Script(call), Some(deployed)) => {
            scripts::restlet(account, deployed, &call.script, &call.deployment, &call.body)
        }
        (
            Request::Script(_)
            | Request::Restlet(_)
            | Request::Rest(_)
            | Request::SuiteQl(_)
            | Request::Malformed(..),
            _,
        ) => account.act(|state| request.run(state)),
    }
}

/// A call's place in the pool.
struct Slot {
    account: Arc<Account>,
    request: Arc<Request>,
    starts: Timestamp,
    runs: Timestamp,
    ends: Timestamp,
    /// Taken along by the call while it is carried out.
    place: Option<Place>,
    carried_out: bool,
}

/// A place in the pool, free again when this is dropped: a script that its client no longer waits for holds it to its
/// end.
struct Place(Option<Arc<Account>>);

impl Place {
    /// Leaves the place to a call that lands later.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(account) = self.0.take() {
            account.enter().leave();
        }
    }
}

impl Slot {
    /// Takes a place, or says why the caller gets another answer.
    fn claim(account: &Arc<Account>, request: Request) -> Result<Self, Reply> {
        let mut state = account.enter();
        state.stats.calls += 1;
        if let Some(reply) = turned_away(&mut state, request.channel()) {
            return Err(reply);
        }
        state.occupy();
        let (starts, request) = (state.now, Arc::new(request));
        if state.strikes("late", |f| f.late) {
            let most = state.faults().late_max_ms.max(1).unsigned_abs();
            let delay = 1 + state.draw(most).cast_signed();
            state.postpone(starts.plus(delay), request);
            return Err(Reply::html(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"));
        }
        let takes = state.faults().latency(request.writes());
        let (runs, ends) = (starts.plus(takes / 2), starts.plus(takes));
        let (account, place) = (Arc::clone(account), Some(Place(Some(Arc::clone(account)))));
        Ok(Self { account, request, starts, runs, ends, place, carried_out: false })
    }

    async fn wait(&self, from: Timestamp, until: Timestamp) {
        if until > from {
            self.account.clock.sleep_until(until).await;
        }
    }

    async fn run(&mut self) -> Reply {
        self.carried_out = true;
        let reply = match &self.account.deployed {
            None => self.request.run(&mut self.account.enter()),
            Some(deployed) => {
                let (account, request) = (Arc::clone(&self.account), Arc::clone(&self.request));
                let place = self.place.take();
                let work = move || (carry_out(&account, &request), place);
                let ran = if deployed.waits { scripts::in_turn(work) } else { scripts::aside(work).await };
                let broken =
                    || (Reply::html(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"), None);
                let (reply, place) = ran.unwrap_or_else(broken);
                self.place = place;
                reply
            }
        };
        spoilt(&mut self.account.enter(), reply)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.carried_out {
            self.account.enter().postpone(self.runs, Arc::clone(&self.request));
            self.place.take().into_iter().for_each(Place::keep);
        }
    }
}

/// Why a call does not get in.
fn turned_away(state: &mut State, channel: Channel) -> Option<Reply> {
    if state.faults().down {
        state.count("down");
        return Some(Reply::maintenance());
    }
    if state.faults().auth {
        state.count("auth");
        return Some(Reply::unauthorised(channel));
    }
    if state.faults().moved {
        state.count("moved");
        return Some(Reply::moved());
    }
    if state.faults().foreign_domain {
        state.count("foreign_domain");
        return Some(Reply::html(StatusCode::FORBIDDEN, "Forbidden"));
    }
    if state.strikes("lost_request", |f| f.lost_request) {
        return Some(Reply::html(StatusCode::BAD_GATEWAY, "Bad Gateway"));
    }
    if !state.has_room() {
        state.stats.overloads_by_limit += 1;
        return Some(Reply::overload(channel));
    }
    state.strikes("overload", |f| f.overload).then(|| Reply::overload(channel))
}

/// What is left of an answer when it arrives.
fn spoilt(state: &mut State, reply: Reply) -> Reply {
    if state.strikes("lost_reply", |f| f.lost_reply) {
        return Reply::html(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout");
    }
    if !reply.is_success() {
        return reply;
    }
    if state.strikes("html", |f| f.html) {
        return reply.into_html();
    }
    if state.strikes("partial_content", |f| f.partial_content) {
        return reply.partial();
    }
    match state.strikes("truncated", |f| f.truncated) {
        true => reply.truncated(),
        false => reply,
    }
}
