//! Making the index, and making another one in its place.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Request};
use super::error::{OpenSearchError, RequestError};
use super::mapping::{differences, mapping, settings};
use super::options::OpenSearchOptions;

/// What [`prepare`] found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The index behind the alias.
    pub index: String,
    /// Whether it was made now.
    pub is_new: bool,
}

/// Makes the template, the first index and its alias, unless they are there; what is there must fit.
///
/// # Errors
/// [`OpenSearchError`]; an index that does not fit is left as it is.
pub fn prepare(options: &OpenSearchOptions) -> Result<Prepared, OpenSearchError> {
    let client = Client::new(options)?;
    let alias = &options.index_prefix;
    match behind(&client, alias)? {
        Some(index) => {
            check(&client, &index)?;
            put_template(&client, options)?;
            Ok(Prepared { index, is_new: false })
        }
        None => {
            put_template(&client, options)?;
            let index = create(&client, options, 1)?;
            switch(&client, alias, None, &index)?;
            Ok(Prepared { index, is_new: true })
        }
    }
}

/// A new index that nobody reads yet, to be filled and then [put in the place](Rebuild::switch) of the one behind the alias.
pub struct Rebuild {
    client: Client,
    alias: String,
    old: Option<String>,
    /// Its name, an `index_prefix` to write to.
    pub index: String,
}

impl Rebuild {
    /// Makes the new index beside the old one.
    ///
    /// # Errors
    /// [`OpenSearchError`].
    pub fn begin(options: &OpenSearchOptions) -> Result<Rebuild, OpenSearchError> {
        let client = Client::new(options)?;
        put_template(&client, options)?;
        let alias = options.index_prefix.clone();
        let old = behind(&client, &alias)?;
        let number = |index: &String| index.rsplit('-').next()?.parse::<u64>().ok();
        let next = old.as_ref().and_then(number).unwrap_or(0) + 1;
        let index = create(&client, options, next)?;
        Ok(Rebuild { client, alias, old, index })
    }

    /// From now on the alias is the new index's, in one step. The old one stays, to be deleted by whoever is sure.
    ///
    /// # Errors
    /// [`OpenSearchError`]; the old one stays behind the alias then.
    pub fn switch(self) -> Result<(), OpenSearchError> {
        switch(&self.client, &self.alias, self.old.as_deref(), &self.index)
    }
}

/// The index behind the alias, or of just that name.
pub(crate) fn behind(client: &Client, alias: &str) -> Result<Option<String>, OpenSearchError> {
    let answer = client
        .send(Request::new(Method::GET, format!("/{alias}/_settings/index.uuid?flat_settings=true")))?;
    if answer.status == 404 {
        return Ok(None);
    }
    if answer.status >= 300 {
        return Err(answer.refusal().into());
    }
    let indices: BTreeMap<String, Value> = answer.read()?;
    Ok(indices.into_keys().next_back())
}

/// Whether an index has the fields that this version writes.
pub(crate) fn check(client: &Client, index: &str) -> Result<(), OpenSearchError> {
    #[derive(Deserialize)]
    struct Found {
        mappings: Value,
    }
    let found: BTreeMap<String, Found> =
        client.ask(Request::new(Method::GET, format!("/{index}/_mapping")))?;
    let differences = match found.get(index) {
        Some(found) => differences(&mapping(), &found.mappings),
        None => return Err(RequestError::Unreadable(format!("no mapping of `{index}`")).into()),
    };
    if differences.is_empty() {
        return Ok(());
    }
    Err(OpenSearchError::DoesNotFit { index: index.to_owned(), differences })
}

fn put_template(client: &Client, options: &OpenSearchOptions) -> Result<(), OpenSearchError> {
    let prefix = &options.index_prefix;
    let template = json!({
        "index_patterns": [format!("{prefix}-0*")],
        "template": {"settings": settings(options), "mappings": mapping()},
    });
    let _: Value =
        client.ask(Request::new(Method::PUT, format!("/_index_template/{prefix}")).json(&template))?;
    Ok(())
}

fn create(client: &Client, options: &OpenSearchOptions, number: u64) -> Result<String, OpenSearchError> {
    let index = format!("{}-{number:06}", options.index_prefix);
    let made: Result<Value, RequestError> = client.ask(Request::new(Method::PUT, format!("/{index}")));
    match made {
        // Another process made it in the same moment.
        Err(RequestError::Refused { kind, .. })
            if number == 1 && kind.contains("resource_already_exists") => {}
        made => drop(made?),
    }
    Ok(index)
}

fn switch(client: &Client, alias: &str, old: Option<&str>, new: &str) -> Result<(), OpenSearchError> {
    let mut actions: Vec<Value> =
        old.map(|old| json!({"remove": {"index": old, "alias": alias}})).into_iter().collect();
    actions.push(json!({"add": {"index": new, "alias": alias, "is_write_index": true}}));
    let _: Value = client.ask(Request::new(Method::POST, "/_aliases").json(&json!({"actions": actions})))?;
    Ok(())
}
