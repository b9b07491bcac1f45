//! Billable units and costs (docs/reference.md#billing), as pure functions.
//!
//! Nothing here is a float but the duration that comes in, nothing unknown is 0, and every result depends only
//! on the folded interaction, never on the order or the repetition of its events.
//!
//! In reading order:
//!
//! - [`bill`]: one interaction in, its [`Bill`] out.
//! - [`units`]: how many messages or minutes are billable.
//! - [`prices`]: dated prices of models, the operator's above the built-in table.
//! - `names`: which parts of a model's name may be ignored to find its price.
//!
//! The built-in table is `prices/litellm.tsv`, made by `cargo run -p hearken-billing --example update_prices`.
//!
//! ```
//! use hearken_billing::{Billing, BillingInput, BillingMessage, BillingSettings};
//! use hearken_model::{InteractionType, Role, Timestamp};
//!
//! let said = |role| BillingMessage { role, billable: None, llm_model: None, usage: None, at: Timestamp::EPOCH };
//! let bill = Billing::new(BillingSettings::default()).bill(&BillingInput {
//!     interaction_type: Some(InteractionType::TextChat),
//!     messages: vec![said(Role::Assistant), said(Role::User), said(Role::Assistant)],
//!     ..BillingInput::default()
//! });
//! assert_eq!(bill.billable_messages, Some(1), "the welcome is free");
//! assert_eq!(bill.total_costs.amount, None, "nothing has a price");
//! ```

pub mod bill;
mod names;
pub mod prices;
pub mod units;

pub use bill::{AnalysisUsage, Bill, Billing, BillingInput, BillingMessage, BillingSettings};
pub use prices::{ModelPrice, OwnPrice};
pub use units::MinuteRounding;
