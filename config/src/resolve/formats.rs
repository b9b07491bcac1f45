//! Texts that must have a certain form: addresses, names, codes, days.

use std::net::SocketAddr;

use chrono::NaiveDate;
use url::Url;

use crate::reader::Complaint;

pub(super) fn server_address(text: &str) -> Result<(), Complaint> {
    let host_and_port = text.split_once("://").map_or(text, |(_, rest)| rest);
    let port = host_and_port.rsplit_once(':').filter(|(host, _)| !host.ends_with(':')).map(|(_, port)| port);
    let port_fits =
        port.is_none_or(|port| port.ends_with(']') || port.parse::<u16>().is_ok_and(|port| port > 0));
    match port_fits && !text.contains(char::is_whitespace) && !host_and_port.starts_with(':') {
        true => Ok(()),
        false => Err(("a broker's address".into(), "write host:port, such as \"localhost:9092\"".into())),
    }
}

/// Kafka's own rule for names.
pub(super) fn topic_name(text: &str) -> Result<&str, Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text.len() <= 249 && text.chars().all(fits) && !matches!(text, "." | "..") {
        true => Ok(text),
        false => Err((
            "a topic's name".into(),
            "use at most 249 letters, digits, dots, underscores and hyphens".into(),
        )),
    }
}

/// The name of an HTTP header, which has to be a token.
pub(super) fn header_name(text: &str) -> Result<String, Complaint> {
    match text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
        true => Ok(text.to_owned()),
        false => Err(("the name of a header".into(), "write it like \"X-Forwarded-User\"".into())),
    }
}

/// The name of a host in lower case, perhaps with `*.` in front or a port behind it: what a content security policy takes.
pub(super) fn host_pattern(text: &str) -> Option<String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let (name, port) = name.split_once(':').map_or((name, None), |(name, port)| (name, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let fits = name.split('.').all(is_label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    fits.then(|| text.to_ascii_lowercase())
}

pub(super) fn web_url(text: &str) -> Result<String, Complaint> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err(("a web address".into(), "write it like \"https://host:port\"".into()));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("free of credentials".into(), "put user name and password into their own keys".into()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Three capital letters; whether such a currency exists is the operator's business.
pub(super) fn currency(text: &str) -> Result<String, Complaint> {
    match text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase()) {
        true => Ok(text.to_owned()),
        false => Err(("an ISO 4217 code".into(), "write three capital letters, such as \"USD\"".into())),
    }
}

pub(super) fn date(text: &str) -> Result<NaiveDate, Complaint> {
    text.parse().map_err(|_| ("a day".into(), "write it like \"2026-05-01\"".into()))
}

/// An address, not a name, because a name may have several addresses. `localhost` is a name, too.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, Complaint> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| {
        (
            "an address to listen on".into(),
            "write an IP address and a port, such as \"127.0.0.1:8080\"".into(),
        )
    })
}

pub(super) fn log_level(text: &str) -> Result<String, Complaint> {
    let level = |level: &str| matches!(level, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let target = |target: &str| {
        !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
    };
    let directive = |directive: &str| match directive.trim().split_once('=') {
        Some((name, of_target)) => target(name) && level(of_target),
        None => level(directive.trim()),
    };
    match text.split(',').all(directive) {
        true => Ok(text.to_owned()),
        false => Err((
            "a log level".into(),
            "write off, error, warn, info, debug or trace, or such as \"info,hearken_ingest=debug\"".into(),
        )),
    }
}
