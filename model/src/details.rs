//! What people paste to find an interaction, other than what was said in it: an order number, a telephone number, an address.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::field::METADATA_PREFIX;
use crate::{Interaction, Scalar};

/// The details of an interaction: `user_id`, `caller`, `url`, `rating_comment` and every value of its metadata. Words
/// without a scope search their words.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Details {
    user_id: Option<String>,
    caller: Option<String>,
    url: Option<String>,
    rating_comment: Option<String>,
    metadata: BTreeMap<String, Scalar>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail<'i> {
    /// Its field: `caller`, `metadata.order`.
    pub field: Cow<'i, str>,
    /// Its value, as a facet shows it.
    pub text: Cow<'i, str>,
}

impl Details {
    /// Those that there are, metadata last.
    pub fn iter(&self) -> impl Iterator<Item = Detail<'_>> {
        let Details { user_id, caller, url, rating_comment, metadata } = self;
        listed([user_id, caller, url, rating_comment], metadata)
    }
}

impl From<&Interaction> for Details {
    fn from(interaction: &Interaction) -> Details {
        Details {
            user_id: interaction.user_id.clone(),
            caller: interaction.caller.clone(),
            url: interaction.url.clone(),
            rating_comment: interaction.rating_comment.clone(),
            metadata: interaction.metadata.clone(),
        }
    }
}

impl Interaction {
    /// Its [`Details`].
    pub fn details(&self) -> impl Iterator<Item = Detail<'_>> {
        listed([&self.user_id, &self.caller, &self.url, &self.rating_comment], &self.metadata)
    }
}

fn listed<'i>(
    texts: [&'i Option<String>; 4],
    metadata: &'i BTreeMap<String, Scalar>,
) -> impl Iterator<Item = Detail<'i>> {
    let named = ["user_id", "caller", "url", "rating_comment"].into_iter().zip(texts);
    let texts = named.filter_map(|(field, text)| {
        Some(Detail { field: Cow::Borrowed(field), text: Cow::Borrowed(text.as_deref()?) })
    });
    texts.chain(metadata.iter().map(|(key, value)| Detail {
        field: Cow::Owned(format!("{METADATA_PREFIX}{key}")),
        text: value.text(),
    }))
}
