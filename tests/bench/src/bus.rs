//! The pump that pushes what the bus of this process carries.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use local::bus::Delivery;
use local::carrier::LocalBus;
use local::functions::PUSHES;

use crate::function::Fleet;

/// Pushes under way at once, all functions together.
const PUSHES_MAX: usize = 256;

/// Pushes until it is dropped.
pub(crate) async fn pump(bus: Arc<LocalBus>, fleet: Arc<Fleet>) {
    loop {
        for delivery in bus.deliveries(PUSHES_MAX).await {
            deliver(&bus, &fleet, delivery);
        }
    }
}

fn deliver(bus: &Arc<LocalBus>, fleet: &Fleet, delivery: Delivery) {
    let Delivery { id, subscription, body, .. } = delivery;
    let push = PUSHES.iter().find(|p| *p.subscription == *subscription).expect("one of the table");
    let request = Request::post(push.path).header("content-type", "application/json");
    let request = request.body(Body::from(body)).expect("a path of the table");
    let bus = Arc::clone(bus);
    let answered = fleet.get(push.function).start(request);
    fleet.get(push.function).spawn(async move {
        let acked = answered.await.is_success();
        bus.settle(id, acked);
    });
}
