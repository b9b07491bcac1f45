//! Making the index, and replacing it with another one.

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

/// Makes the template, the first index and its alias, unless they exist; an index that exists must fit.
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
/// Nothing can be written to the old one meanwhile: it would be lost. Whoever tries waits, and writes to the new one then.
pub struct Rebuild {
    client: Client,
    alias: String,
    old: Option<String>,
    /// Its name, an `index_prefix` to write to.
    pub index: String,
}

impl Rebuild {
    /// Makes the new index beside the old one, which from now on is only read.
    ///
    /// # Errors
    /// [`OpenSearchError`]; the old one is left as it was.
    pub fn begin(options: &OpenSearchOptions) -> Result<Rebuild, OpenSearchError> {
        let client = Client::new(options)?;
        put_template(&client, options)?;
        let alias = options.index_prefix.clone();
        let old = behind(&client, &alias)?;
        let number = |index: &String| index.rsplit('-').next()?.parse::<u64>().ok();
        let next = old.as_ref().and_then(number).unwrap_or(0) + 1;
        let index = create(&client, options, next)?;
        let rebuild = Rebuild { client, alias, old, index };
        match rebuild.block_writes() {
            Ok(()) => Ok(rebuild),
            Err(error) => {
                rebuild.give_up();
                Err(error.into())
            }
        }
    }

    /// Returns when every write that had begun is in the old index.
    fn block_writes(&self) -> Result<(), RequestError> {
        let Some(old) = &self.old else { return Ok(()) };
        let _: Value = self.client.ask(Request::new(Method::PUT, format!("/{old}/_block/write")))?;
        Ok(())
    }

    /// Deletes the new index and lets the old one be written to again.
    pub fn give_up(self) {
        let deleted = Request::new(Method::DELETE, format!("/{}", self.index));
        let writable = self.old.as_ref().map(|old| {
            Request::new(Method::PUT, format!("/{old}/_settings")).json(&json!({"index.blocks.write": null}))
        });
        for request in [deleted].into_iter().chain(writable) {
            if let Err(error) = self.client.ask::<Value>(request) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    index = self.index,
                    "the cluster does not clear up after a rebuild; run it again"
                );
            }
        }
    }

    /// Points the alias to the new index, in one step. The old one stays, for the operator to delete.
    ///
    /// # Errors
    /// [`OpenSearchError`]; the alias still points to the old one then.
    pub fn switch(self) -> Result<(), OpenSearchError> {
        switch(&self.client, &self.alias, self.old.as_deref(), &self.index)
    }
}

/// The index behind the alias, or the index of that very name.
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
        Err(RequestError::Refused { kind, .. }) if kind.contains("resource_already_exists") => {
            // The first is made by another process in the same moment.
            if number > 1 {
                return Err(OpenSearchError::LeftBehind(index));
            }
        }
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
