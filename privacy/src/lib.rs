//! Privacy: personal data is found in texts and replaced by the name of its kind, before anything is stored.
//!
//! [`Redactor::redact`] reads one event and nothing else: the same event always becomes the same, in whatever order events
//! come, so that folding them stays a join. That is why a number that is cut in two by messages is recognised by each
//! half's form (four digits, four digits, the end), not by what the other message says.
//!
//! What is recognised and what is not is measured: `docs/privacy.md`.

mod card;
mod context;
mod email;
mod event;
mod folded;
mod iban;
mod ip;
mod numbers;
mod phone;
mod redactor;
mod ssn;

pub use redactor::Redactor;
