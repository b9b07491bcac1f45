//! Passes events received over HTTP from the API to ingest, which do not know each other.

use hearken_ingest::{Incoming, Intake, Sender, Taken};
use hearken_query::events::{Accepting, EventItem, EventSink, EventsAnswer, NotDurable, RejectedItem};
use hearken_query::http::Caller;
use hearken_query::keys::Permission;
use tracing::warn;

/// The API's sink, which is ingest's intake.
pub(crate) struct HttpEvents(pub(crate) Intake);

impl EventSink for HttpEvents {
    fn accept<'a>(&'a self, events: Vec<EventItem>, caller: &'a Caller) -> Accepting<'a> {
        let sender = Sender { access: caller.access().clone(), may_erase: caller.may(Permission::Erase) };
        let events = events.into_iter().map(|item| Incoming {
            value: item.value,
            headers: item.headers,
            timestamp: item.accepted_at,
        });
        let events: Vec<_> = events.collect();
        Box::pin(async move {
            match self.0.take(events, &sender).await {
                Ok(Taken { accepted, rejected }) => {
                    let rejected = rejected.into_iter().map(|(index, reason)| RejectedItem { index, reason });
                    Ok(EventsAnswer { accepted, rejected: rejected.collect() })
                }
                Err(error) => {
                    let cause = anyhow::Error::new(error);
                    warn!("events were not accepted: {cause:#}");
                    Err(NotDurable(public_reason(&cause)))
                }
            }
        })
    }
}

/// The error shown to senders, without file paths.
fn public_reason(cause: &anyhow::Error) -> String {
    match cause.downcast_ref::<hearken_ingest::IntakeError>() {
        Some(hearken_ingest::IntakeError::Log(hearken_ingest::LogError::Io { .. })) => {
            "the local log cannot be written; the cause is in the server's log".to_owned()
        }
        _ => cause.to_string(),
    }
}
