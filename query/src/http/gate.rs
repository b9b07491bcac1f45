//! Authentication: turns a request's key or session into its [`Caller`], and refuses what another site's page made a
//! browser send.
//!
//! - With keys, a request carries one in `Authorization: Bearer`, or the cookie of a session that was started with one.
//!   A page of another site cannot set the header, and browsers do not send the cookie for it (`SameSite=Strict`);
//!   requests that change something have their origin checked as well.
//! - Where a trusted proxy signs users on, its requests name them instead ([`super::sign_on`]); the proxy has cookies
//!   of its own, so every request has its origin checked.
//! - Without keys, anyone who reaches the server may do everything, and it listens on loopback only. Pages of other
//!   sites are kept out by their origin, and pages whose own host name was made to point here (DNS rebinding) by that
//!   name.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, header};

use super::attempts::Attempts;
use super::caller::Caller;
use super::proxies::Peer;
use super::sessions::Sessions;
use super::sign_on::SignOn;
use crate::keys::{LiveKeys, id_of, now};
use crate::problem::Problem;

/// The cookie that holds a session.
const COOKIE: &str = "hearken_session";

/// Identifies who sent a request.
#[derive(Debug, Default)]
pub struct Gate {
    keys: Option<LiveKeys>,
    /// Host names by which a server without keys may be reached, besides those of loopback.
    hosts: Vec<String>,
    sign_on: Option<SignOn>,
    sessions: Sessions,
    attempts: Attempts,
}

impl Gate {
    /// Everyone may do everything, under a loopback name, the listen address or one of `hosts`.
    pub fn without_keys(listen: SocketAddr, hosts: &[String]) -> Self {
        let hosts = hosts.iter().cloned().chain([listen.ip().to_string()]);
        Gate { hosts: hosts.map(|host| host.to_ascii_lowercase()).collect(), ..Gate::default() }
    }

    /// Holders of a key may do what it permits.
    pub fn with_keys(keys: LiveKeys) -> Self {
        Gate { keys: Some(keys), ..Gate::default() }
    }

    /// Lets trusted proxies name their users, who then need no key.
    pub fn signed_on_by_proxy(self, sign_on: Option<SignOn>) -> Self {
        Gate { sign_on, ..self }
    }

    /// Whether callers need keys.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Who sent this request.
    ///
    /// # Errors
    /// `unauthorized`, `too_many_attempts`, `cross_origin`, `unknown_host`.
    pub fn caller(&self, parts: &Parts) -> Result<Caller, Problem> {
        let Some(keys) = &self.keys else {
            self.refuse_other_hosts(parts)?;
            refuse_other_sites(parts)?;
            return Ok(Caller::anybody());
        };
        if let Some(token) = bearer(&parts.headers) {
            let token = token.ok_or_else(|| self.failure(parts, None))?;
            return self.holder(keys, parts, token);
        }
        if let Some(sign_on) = &self.sign_on
            && let Some(caller) = sign_on.caller(parts.extensions.get::<Peer>(), &parts.headers)?
        {
            refuse_other_sites(parts)?;
            return Ok(caller);
        }
        let session = cookie(&parts.headers).and_then(|token| self.sessions.resume(token, Instant::now()));
        let holder = session.and_then(|(key_id, guard)| Some((keys.current().get(&key_id, now())?, guard)));
        let (key, guard) = holder.ok_or_else(|| {
            let hint = match keys.current().is_empty() {
                true => "there are no keys yet: create one with `hearken keys create`",
                false => "send `Authorization: Bearer <key>`",
            };
            let problem = Problem::new("unauthorized", "this needs a key");
            Problem { hint: Some(hint.to_owned()), ..problem }
        })?;
        refuse_other_sites(parts)?;
        keys.used(&key);
        Ok(Caller::holding(key, keys.clone(), Some(guard)))
    }

    fn holder(&self, keys: &LiveKeys, parts: &Parts, token: &str) -> Result<Caller, Problem> {
        let key = keys.find(token, now()).ok_or_else(|| self.failure(parts, id_of(token)))?;
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address);
        self.attempts.succeeded(address, &key.id);
        keys.used(&key);
        Ok(Caller::holding(key, keys.clone(), None))
    }

    /// Starts a session with a key that somebody typed in; returns the cookie to set, and the caller that its requests
    /// act for.
    ///
    /// # Errors
    /// The key is not valid, there were too many failed attempts, or another site's page sent it.
    pub fn sign_in(&self, parts: &Parts, token: &str) -> Result<(HeaderValue, Caller), Problem> {
        refuse_other_sites(parts)?;
        let keys = self.keys.as_ref();
        let keys = keys.ok_or_else(|| Problem::new("not_found", "this server requires no keys"))?;
        let caller = self.holder(keys, parts, token.trim())?;
        let key_id = caller.key().map(|key| key.id.clone()).unwrap_or_default();
        let session = self.sessions.begin(&key_id, Instant::now());
        let session = session.map_err(|error| Problem::internal(&error))?;
        Ok((set_cookie(&session, "", is_encrypted(parts)), caller))
    }

    /// Ends the request's session; returns the cookie to set.
    pub fn sign_out(&self, parts: &Parts) -> HeaderValue {
        if let Some(token) = cookie(&parts.headers) {
            self.sessions.end(token);
        }
        set_cookie("", "; Max-Age=0", is_encrypted(parts))
    }

    /// The answer to an invalid key.
    fn failure(&self, parts: &Parts, key_id: Option<&str>) -> Problem {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address);
        if let Some(wait) = self.attempts.failed(address, key_id, Instant::now()) {
            let problem = Problem::new("too_many_attempts", "too many wrong keys; wait a little");
            let seconds = u16::try_from(wait.as_secs() + 1).unwrap_or(u16::MAX);
            return Problem { retry_after: Some(seconds), ..problem };
        }
        tracing::warn!(
            address = address.map(tracing::field::display),
            key = key_id,
            "a wrong key was refused"
        );
        let problem = Problem::new("unauthorized", "this key is unknown, revoked or expired");
        Problem { hint: Some("`hearken keys list` shows the existing keys".to_owned()), ..problem }
    }

    /// Refuses host names that somebody else may have pointed here.
    fn refuse_other_hosts(&self, parts: &Parts) -> Result<(), Problem> {
        let names = parts.headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
        for name in names.chain(parts.uri.authority().map(Authority::as_str)) {
            if !self.is_ours(name) {
                let shown: String = name.chars().take(100).collect();
                let problem = Problem::new("unknown_host", format!("this server is not `{shown}`"));
                let hint = "if it is, name it in `http.allowed_hosts`".to_owned();
                return Err(Problem { hint: Some(hint), ..problem });
            }
        }
        Ok(())
    }

    fn is_ours(&self, name: &str) -> bool {
        let Ok(authority) = name.parse::<Authority>() else { return false };
        let host = authority.host().to_ascii_lowercase();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
        is_loopback
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.hosts.iter().any(|ours| ours == host)
    }
}

/// The key in `Authorization: Bearer`; `Some(None)` if the header holds anything else.
fn bearer(headers: &HeaderMap) -> Option<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    let (scheme, token) =
        match (value.to_str().ok().and_then(|text| text.trim().split_once(' ')), values.next()) {
            (Some(parts), None) => parts,
            _ => return Some(None),
        };
    Some(scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut named = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('=').filter(|(name, _)| *name == COOKIE));
    named.next().map(|(_, value)| value)
}

fn set_cookie(value: &str, more: &str, is_encrypted: bool) -> HeaderValue {
    let secure = if is_encrypted { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static("")) // hexadecimal digits and the words above
}

fn is_encrypted(parts: &Parts) -> bool {
    parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_encrypted)
}

/// Refuses what another site's page made a browser send. Browsers say where a request comes from; other programs do
/// not, but a page cannot trick them. Following a link from elsewhere is allowed: the page with the link sees nothing
/// of the answer.
fn refuse_other_sites(parts: &Parts) -> Result<(), Problem> {
    let text = |name: &'static str| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_our_origin = text("origin").is_none_or(|origin| {
        let host = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        host.is_some_and(|host| text("host") == Some(host))
    });
    let is_ours = match text("sec-fetch-site") {
        Some("same-origin" | "none") => true,
        Some(_) => {
            let follows_link =
                text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document");
            follows_link && matches!(parts.method, Method::GET | Method::HEAD)
        }
        None => is_our_origin,
    };
    if is_ours {
        return Ok(());
    }
    let problem = Problem::new("cross_origin", "this request was sent by a page of another site");
    Err(Problem {
        hint: Some("send it from Hearken's own pages, or not from a browser".to_owned()),
        ..problem
    })
}
