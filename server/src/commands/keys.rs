//! `hearken keys`: creates, lists and revokes API keys.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;
use hearken_config::Config;
use hearken_model::Timestamp;
use hearken_query::audit;
use hearken_query::keys::{self, Key, KeyFile, NewKey, Permission};
use serde_json::{Value, json};

/// A new key.
#[derive(Debug, Args)]
pub struct NewKeyArgs {
    /// A name for the key
    #[arg(long)]
    name: String,
    /// Whose interactions it may see: names joined by commas, or `*` for every organization
    #[arg(long, value_delimiter = ',', required = true, value_name = "NAME,…")]
    organizations: Vec<String>,
    /// What it permits, joined by commas: search, read, metadata (everything but the words people said), ingest, erase,
    /// metrics
    #[arg(long, value_delimiter = ',', required = true, value_name = "PERMISSION,…", value_parser = permission)]
    permissions: Vec<Permission>,
    /// When it expires: after a duration such as `90d`, or at a day or RFC 3339 time [default: never]
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<Timestamp>,
}

fn permission(name: &str) -> Result<Permission, String> {
    Permission::from_name(name.trim()).ok_or_else(|| {
        let names = Permission::ALL.map(Permission::name).join(", ");
        format!("the permissions are {names}")
    })
}

fn expiry(text: &str) -> Result<Timestamp, String> {
    let now = keys::now();
    let at = match humantime::parse_duration(text) {
        Ok(length) => now.plus_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)),
        Err(_) => Timestamp::parse(text)
            .or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z")))
            .map_err(|_| "write `90d`, `2027-01-31` or `2027-01-31T12:00:00Z`".to_owned())?,
    };
    if at > now { Ok(at) } else { Err("this time is not in the future".to_owned()) }
}

/// Creates a key. The key alone goes to stdout, so that a script can capture it; messages for people go to stderr.
///
/// # Errors
/// The key cannot be created as requested, or its file cannot be changed.
pub fn create(config: &Config, new: NewKeyArgs, as_json: bool) -> anyhow::Result<()> {
    let file = file(config)?;
    let NewKeyArgs { name, organizations, permissions, expires } = new;
    let organizations = organizations.into_iter().map(|name| name.trim().to_owned()).collect();
    let permissions = permissions.into_iter().collect();
    if let Some(path) = &config.http.audit_log {
        audit::append(path, &[])?; // check that it can be written before creating a key that would be lost
    }
    let (key, token) = file.create(NewKey { name, organizations, permissions, expires })?;
    note(config, "keys create", &key)?;
    eprintln!("created the key `{}`; this is the only time it is shown", key.id);
    let mut out = std::io::stdout().lock();
    if as_json {
        let mut shown = shown(&key, None);
        shown["key"] = Value::from(token.expose());
        writeln!(out, "{shown:#}")?;
    } else {
        writeln!(out, "{}", token.expose())?;
    }
    Ok(())
}

/// Prints every key.
///
/// # Errors
/// The file cannot be read.
pub fn list(config: &Config, as_json: bool) -> anyhow::Result<()> {
    let file = file(config)?;
    let keys = file.read()?.all();
    let last_uses = file.last_uses();
    let rows: Vec<Value> = keys.iter().map(|key| shown(key, last_uses.get(&key.id).copied())).collect();
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{:#}", Value::from(rows))?;
        return Ok(());
    }
    if keys.is_empty() {
        eprintln!("there are no keys in `{}`", file.path().display());
        return Ok(());
    }
    let day = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| at.to_string()[..10].to_owned());
    writeln!(
        out,
        "{:8}  {:24}  {:10}  {:10}  {:10}  {:28}  organizations",
        "id", "name", "created", "expires", "last used", "permissions"
    )?;
    for key in keys {
        let permissions: Vec<_> = key.permissions.iter().map(Permission::name).collect();
        let is_expired = !key.is_valid_at(keys::now());
        let expires = if is_expired { "expired".to_owned() } else { day(key.expires) };
        writeln!(
            out,
            "{:8}  {:24}  {:10}  {expires:10}  {:10}  {:28}  {}",
            key.id,
            key.name,
            day(Some(key.created)),
            day(last_uses.get(&key.id).copied()),
            permissions.join(","),
            key.organizations().join(","),
        )?;
    }
    Ok(())
}

/// Revokes a key.
///
/// # Errors
/// There is no such key, or its file cannot be changed.
pub fn revoke(config: &Config, id_or_name: &str) -> anyhow::Result<()> {
    let key = file(config)?.revoke(id_or_name)?;
    note(config, "keys revoke", &key)?;
    eprintln!("revoked the key `{}` ({}); running servers refuse it within seconds", key.id, key.name);
    Ok(())
}

/// Records a change of a key in the audit log.
fn note(config: &Config, action: &str, key: &Key) -> anyhow::Result<()> {
    let Some(path) = &config.http.audit_log else { return Ok(()) };
    Ok(audit::note(path, keys::now(), action, format!("{} ({})", key.id, key.name))?)
}

fn file(config: &Config) -> anyhow::Result<KeyFile> {
    let path = config.http.keys_file.as_ref().context(
        "there is no `http.keys_file`; name a file for the keys in the configuration, for instance \
         `keys_file = \"hearken-data/keys.toml\"` under `[http]`",
    )?;
    Ok(KeyFile::new(path))
}

fn shown(key: &Key, last_used: Option<Timestamp>) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "organizations": key.organizations(),
        "permissions": key.permissions.iter().map(Permission::name).collect::<Vec<_>>(),
        "created": key.created,
        "expires": key.expires,
        "last_used": last_used,
    })
}
