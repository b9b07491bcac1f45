//! The kinds of personal data that can be kept out of what is stored.

use std::fmt;

/// A kind of personal data that is recognised in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonalData {
    /// E-mail addresses.
    Email,
    /// Phone numbers.
    Phone,
    /// Numbers of payment cards.
    Card,
    /// International bank account numbers.
    Iban,
    /// Social security numbers of the United States.
    Ssn,
    /// IP addresses in texts; the address that an event gives of its customer is another matter.
    Ip,
}

impl PersonalData {
    /// Every kind.
    pub const ALL: [PersonalData; 6] = [
        PersonalData::Email,
        PersonalData::Phone,
        PersonalData::Card,
        PersonalData::Iban,
        PersonalData::Ssn,
        PersonalData::Ip,
    ];

    /// Its name in the configuration, and in brackets in a text that it was taken out of.
    pub const fn as_str(self) -> &'static str {
        match self {
            PersonalData::Email => "email",
            PersonalData::Phone => "phone",
            PersonalData::Card => "card",
            PersonalData::Iban => "iban",
            PersonalData::Ssn => "ssn",
            PersonalData::Ip => "ip",
        }
    }
}

impl fmt::Display for PersonalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
