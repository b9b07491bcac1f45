//! Billable units and costs: contract section 7, as pure functions.
//!
//! Nothing here is a float but the duration that comes in, nothing unknown is 0, and every result depends only
//! on the folded interaction, never on the order or the repetition of its events.
//!
//! In reading order:
//!
//! - [`bill`]: one interaction in, its [`Bill`] out.
//! - [`units`]: how many messages or minutes are billable.
//! - [`prices`]: dated prices of models, the operator's above the built-in table.
//! - `names`: what of a model's name may be ignored to find its price.
//!
//! The built-in table is `prices/litellm.tsv`, made by `cargo run -p hearken-billing --example update_prices`.

pub mod bill;
mod names;
pub mod prices;
pub mod units;

pub use bill::{AnalysisUsage, Bill, Billing, BillingInput, BillingMessage, BillingSettings};
pub use prices::{ModelPrice, OwnPrice};
pub use units::MinuteRounding;
