//! One text: what is found in it, and what replaces it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hearken_model::PersonalData;

use crate::context::FieldHint;
use crate::normalized::NormalizedText;
use crate::{card, email, iban, ip, phone, ssn};

/// Fewest digits of any kind except addresses.
const DIGITS_MIN: usize = 5;
/// Times that a text is read. What is replaced may leave a number standing alone that was part of a longer one before;
/// few texts need a second time, and hostile ones get no more than this.
const PASSES_MAX: usize = 4;
/// Replaces a text that could not be processed to its end.
const UNREADABLE: &str = "[redacted]";

/// Replaces personal data of the chosen kinds by the kind's name in brackets, such as `[email]`.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    kinds: BTreeSet<PersonalData>,
}

impl Redactor {
    /// Looks for these kinds; for none it changes nothing.
    pub fn new(kinds: impl IntoIterator<Item = PersonalData>) -> Self {
        Redactor { kinds: kinds.into_iter().collect() }
    }

    /// Whether it looks for anything.
    pub fn is_active(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// The text without personal data; borrowed when there is none. Redacting twice changes nothing.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.text_as(text, FieldHint::default())
    }

    pub(crate) fn text_as<'t>(&self, text: &'t str, hint: FieldHint) -> Cow<'t, str> {
        if !self.may_hold_any(text) {
            return Cow::Borrowed(text);
        }
        // Numbering plans are third-party code: a text that makes it panic must not get through unredacted.
        match catch_unwind(AssertUnwindSafe(|| self.replaced(text, hint))) {
            Ok(replaced) => replaced,
            Err(_) => {
                tracing::error!(
                    bytes = text.len(),
                    "a text could not be searched for personal data and is left out"
                );
                Cow::Borrowed(UNREADABLE)
            }
        }
    }

    /// What is found, by kind and place in bytes, in the order of the text; no two overlap.
    pub fn find(&self, text: &str) -> Vec<(PersonalData, Range<usize>)> {
        self.find_as(text, FieldHint::default())
    }

    pub(crate) fn looks_for(&self, kind: PersonalData) -> bool {
        self.kinds.contains(&kind)
    }

    /// A quick scan of the bytes, which almost every text gets by with.
    fn may_hold_any(&self, text: &str) -> bool {
        if !self.is_active() {
            return false;
        }
        let mut num_digits = 0;
        let mut may_be_address = false;
        for c in text.chars() {
            num_digits += usize::from(c.is_numeric());
            may_be_address |= matches!(c, '@' | '\u{ff20}' | '%' | ':' | '.');
        }
        num_digits >= DIGITS_MIN
            || text.contains(['@', '\u{ff20}', '%'])
            || may_be_address && self.looks_for(PersonalData::Ip) && text.contains("::")
            || may_be_address && num_digits >= 4 && self.looks_for(PersonalData::Ip)
            || self.looks_for(PersonalData::Email) && email::may_be_spoken(text)
    }

    fn find_as(&self, text: &str, hint: FieldHint) -> Vec<(PersonalData, Range<usize>)> {
        let mut normalized = NormalizedText::new(text);
        let mut found = Vec::new();
        // The most specific first: a card's digits are not considered as a phone number again. Kinds that are kept are
        // searched too, or their digits would be taken for another kind.
        for kind in [
            PersonalData::Email,
            PersonalData::Iban,
            PersonalData::Card,
            PersonalData::Ssn,
            PersonalData::Ip,
            PersonalData::Phone,
        ] {
            let before = found.len();
            let mut take = |range: Range<usize>| found.push((kind, range));
            match kind {
                PersonalData::Email => email::find(&normalized, &mut take),
                PersonalData::Iban => iban::find(&normalized, &mut take),
                PersonalData::Card => card::find(&normalized, hint, &mut take),
                PersonalData::Ssn => ssn::find(&normalized, hint, &mut take),
                PersonalData::Ip => ip::find(&normalized, &mut take),
                PersonalData::Phone if self.looks_for(kind) => phone::find(&normalized, hint, &mut take),
                PersonalData::Phone => {}
            }
            for (_, range) in &found[before..] {
                normalized.blank(range.clone());
            }
        }
        found.retain(|(kind, _)| self.looks_for(*kind));
        found.sort_unstable_by_key(|(_, range)| range.start);
        let bytes = |range: Range<usize>| normalized.byte(range.start)..normalized.byte(range.end);
        let mut apart: Vec<(PersonalData, Range<usize>)> = Vec::with_capacity(found.len());
        for (kind, range) in found {
            let range = bytes(range);
            match apart.last_mut() {
                // Addresses may share a part: `a@b.example@c.example`.
                Some((_, last)) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push((kind, range)),
            }
        }
        apart
    }

    fn replaced<'t>(&self, text: &'t str, hint: FieldHint) -> Cow<'t, str> {
        let Cow::Owned(mut replaced) = self.replaced_once(text, hint) else { return Cow::Borrowed(text) };
        for _ in 1..PASSES_MAX {
            let Cow::Owned(again) = self.replaced_once(&replaced, hint) else { break };
            replaced = again;
        }
        Cow::Owned(replaced)
    }

    fn replaced_once<'t>(&self, text: &'t str, hint: FieldHint) -> Cow<'t, str> {
        let found = self.find_as(text, hint);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut replaced = String::with_capacity(text.len());
        let mut shown = 0;
        for (kind, range) in found {
            replaced.push_str(&text[shown..range.start]);
            replaced.push('[');
            replaced.push_str(kind.as_str());
            replaced.push(']');
            shown = range.end;
        }
        replaced.push_str(&text[shown..]);
        Cow::Owned(replaced)
    }
}
