//! Privacy: personal data is found in texts and replaced by the name of its kind, before anything is stored.
//!
//! [`Redactor::redact`] looks at one event and nothing else: the same event always gives the same result, in whatever order
//! events arrive, so that folding them stays a join. That is why a number split over two messages is recognised by the form
//! of each half (four digits, four digits, the end), not by what the other message says.
//!
//! `docs/privacy.md` measures what is recognised and what is not.
//!
//! ```
//! use hearken_model::PersonalData;
//! use hearken_privacy::Redactor;
//!
//! let redactor = Redactor::new([PersonalData::Email, PersonalData::Card]);
//! assert_eq!(redactor.text("I am jane@example.com, card 4111 1111 1111 1111"), "I am [email], card [card]");
//! ```

mod card;
mod context;
mod email;
mod event;
mod iban;
mod ip;
mod normalized;
mod numbers;
mod phone;
mod redactor;
mod ssn;

pub use redactor::Redactor;
