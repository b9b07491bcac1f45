//! Money: decimals with a currency, never floats.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A decimal amount in a currency.
pub type Money = Decimal;

/// What an upstream system says an interaction cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The amount, in units of `currency` (not cents). Serialised as a decimal string.
    pub amount: Decimal,
    /// ISO 4217 code, such as `USD`.
    pub currency: String,
}
