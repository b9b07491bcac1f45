//! The records of GeoIP files, in the two shapes they come in.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::territories::TERRITORIES;

/// Where an address is, as far as the file knows; a lookup that finds something knows at least one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeoLocation {
    /// ISO 3166-1 alpha-2 code as the file writes it.
    pub country_code: Option<String>,
    /// The file's English name, else CLDR's English name of `country_code`.
    pub country: Option<String>,
    /// The file's English name.
    pub city: Option<String>,
}

/// One record, borrowed from the file. Nested files (MaxMind) write `country: {iso_code, names: {en}}` and `city: {names: {en}}`,
/// flat ones (DB-IP, IPinfo) `country_code`, `country` or `country_name`, and `city` as texts.
#[derive(Deserialize)]
pub(crate) struct Record<'a> {
    #[serde(borrow, default)]
    country: GeoName<'a>,
    #[serde(default)]
    country_code: Option<&'a str>,
    #[serde(default)]
    country_name: Option<&'a str>,
    #[serde(borrow, default)]
    city: GeoName<'a>,
}

impl Record<'_> {
    /// The record's location, or `None` if it names neither country nor city.
    pub(crate) fn location(&self) -> Option<GeoLocation> {
        // A flat `country` is a name in some files and the code in others.
        let text = self.country.text;
        let text_is_code = self.country_code.is_none() && text.is_some_and(is_code);
        let code = self
            .country
            .code
            .or(self.country_code)
            .or(text.filter(|_| text_is_code))
            .filter(|code| !code.is_empty());
        let name = self
            .country
            .name
            .or(self.country_name)
            .or(text.filter(|_| !text_is_code))
            .filter(|name| !name.is_empty());
        let city = self.city.name.or(self.city.text).filter(|city| !city.is_empty());
        code.or(name).or(city)?; // nothing is known
        Some(GeoLocation {
            country_code: code.map(str::to_owned),
            country: name.or_else(|| code.and_then(territory_name)).map(str::to_owned),
            city: city.map(str::to_owned),
        })
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// CLDR's English name of a country code, case ignored.
fn territory_name(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_uppercase();
    let found = TERRITORIES.binary_search_by_key(&code.as_str(), |(code, _)| code);
    found.ok().map(|idx| TERRITORIES[idx].1)
}

/// A country or a city: a plain text, or a map with code and names.
#[derive(Default)]
struct GeoName<'a> {
    text: Option<&'a str>,
    code: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for GeoName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor)
    }
}

struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = GeoName<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, or a map with `iso_code` and `names`")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(GeoName { text: Some(text), ..GeoName::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut place = GeoName::default();
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "iso_code" => place.code = Some(map.next_value()?),
                "names" => place.name = map.next_value::<Names<'de>>()?.en,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(place)
    }
}

#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    en: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_cldr_names() {
        assert!(TERRITORIES.is_sorted());
        assert_eq!(territory_name("DE"), Some("Germany"));
        assert_eq!(territory_name("xk"), Some("Kosovo"));
        assert_eq!(territory_name("HK"), Some("Hong Kong SAR China"));
        assert_eq!(territory_name("ZZ"), None);
        assert_eq!(territory_name(""), None);
    }
}
