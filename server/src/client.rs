//! A client of the HTTP API, for the commands that talk to a server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hearken_config::Secret;
use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use serde::Deserialize;

/// The default address of the server.
const URL_DEFAULT: &str = "http://127.0.0.1:8080";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for answers that are read whole.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// For erasures: the server waits up to five minutes for its files.
const ERASURE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The possible sources of a server's address: flags first, then the environment, a profile, the configuration.
#[derive(Debug, Default)]
pub struct Address {
    /// `--url` or `HEARKEN_URL`.
    pub url: Option<String>,
    /// `HEARKEN_KEY`.
    pub key: Option<Secret>,
    /// `--profile` or `HEARKEN_PROFILE`; otherwise the profile `default`, if it exists.
    pub profile: Option<String>,
    /// The profile file.
    pub profiles: Option<PathBuf>,
    /// Where the configured server listens, if there is a configuration.
    pub listen: Option<SocketAddr>,
    /// Whether that server encrypts connections.
    pub is_encrypted: bool,
}

/// One table of the profile file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    url: Option<String>,
    key_file: Option<PathBuf>,
}

/// A server, and the key for it.
pub struct Client {
    http: reqwest::blocking::Client,
    url: String,
    key: Option<Secret>,
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct ClientError {
    problem: String,
    /// Whether retrying later may help.
    pub is_passing: bool,
    /// How long to wait before that.
    pub retry_after: Option<Duration>,
}

/// The parts of an RFC 9457 problem that are shown.
#[derive(Default, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<usize>,
}

impl Client {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// The profile cannot be read, or the address is invalid.
    pub fn new(address: Address) -> anyhow::Result<Self> {
        let profile = profile(&address)?;
        let listen = address.listen.filter(|listen| listen.port() != 0).map(|listen| {
            // A server that listens on all addresses can be reached on loopback.
            let ip = if listen.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listen.ip() };
            let scheme = if address.is_encrypted { "https" } else { "http" };
            format!("{scheme}://{}", SocketAddr::new(ip, listen.port()))
        });
        let url = address.url.or(profile.url).or(listen).unwrap_or_else(|| URL_DEFAULT.to_owned());
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("`{url}` is not the address of a server; write one such as `{URL_DEFAULT}`");
        }
        let key = match (address.key, profile.key_file) {
            (Some(key), _) => Some(key),
            (None, Some(path)) => Some(
                Secret::from_file(&path)
                    .with_context(|| format!("cannot read the key `{}`", path.display()))?,
            ),
            (None, None) => None,
        };
        if key.is_some() && crate::app::is_open_to_readers(&url) {
            eprintln!("warning: the key goes to `{url}` without encryption; use https");
        }
        let http =
            reqwest::blocking::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(None).build()?;
        Ok(Client { http, url, key })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `GET`, for an answer to be read whole.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get(&self, path: &str, parameters: &[(String, String)]) -> Result<Response, ClientError> {
        self.send(self.http.get(self.address(path, parameters)).timeout(ANSWER_TIMEOUT))
    }

    /// `GET`, for an answer to be streamed, possibly without end.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn stream(
        &self,
        path: &str,
        parameters: &[(String, String)],
        last_event_id: Option<&str>,
    ) -> Result<Response, ClientError> {
        let mut request = self.http.get(self.address(path, parameters));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        self.send(request)
    }

    /// `POST`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn post(
        &self,
        path: &str,
        parameters: &[(String, String)],
        content_type: &str,
        encoding: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Response, ClientError> {
        let mut request = self.http.post(self.address(path, parameters)).timeout(ANSWER_TIMEOUT);
        request = request.header(CONTENT_TYPE, content_type);
        if let Some(encoding) = encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        self.send(request.body(body))
    }

    /// `POST /v1/erasures`, which may take as long as the server needs to find matches and rewrite files.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn erase(&self, what: &serde_json::Value, waits: bool) -> Result<Response, ClientError> {
        let parameters = [("wait".to_owned(), waits.to_string())];
        let request = self.http.post(self.address("/v1/erasures", &parameters)).timeout(ERASURE_TIMEOUT);
        self.send(request.header(CONTENT_TYPE, "application/json").body(what.to_string()))
    }

    /// `POST` of a JSON-RPC message. Any JSON answer counts as an answer, whatever its status.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn post_message(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        message: String,
    ) -> Result<Response, ClientError> {
        let mut request = self.http.post(self.address(path, &[])).timeout(ANSWER_TIMEOUT);
        request = request.header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.ask(request.body(message))?;
        let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        if is_json { Ok(response) } else { accepted(response) }
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn delete(&self, path: &str) -> Result<Response, ClientError> {
        self.send(self.http.delete(self.address(path, &[])).timeout(ANSWER_TIMEOUT))
    }

    fn address(&self, path: &str, parameters: &[(String, String)]) -> String {
        let query = serde_urlencoded::to_string(parameters).unwrap_or_default(); // string pairs can always be encoded
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{query}", self.url)
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        accepted(self.ask(request)?)
    }

    fn ask(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        };
        request.send().map_err(|error| ClientError {
            problem: format!(
                "cannot reach the server at `{}`: {:#}; is it running?",
                self.url,
                anyhow::Error::new(error)
            ),
            is_passing: true,
            retry_after: None,
        })
    }
}

/// The response, unless it is a problem.
fn accepted(response: Response) -> Result<Response, ClientError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = response.headers().get(RETRY_AFTER);
    let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let problem: Problem = response.json().unwrap_or_default();
    let mut text = match (problem.title, problem.detail) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => format!("the server answered {status}"),
    };
    if let Some(position) = problem.position {
        text += &format!(" (at character {})", position + 1);
    }
    if let Some(hint) = problem.hint {
        text += &format!("; {hint}");
    }
    Err(ClientError {
        problem: crate::terminal::clean(&text),
        is_passing: matches!(status.as_u16(), 429 | 502 | 503 | 504),
        retry_after,
    })
}

fn profile(address: &Address) -> anyhow::Result<Profile> {
    let Some(path) = &address.profiles else { return Ok(Profile::default()) };
    let name = address.profile.as_deref().unwrap_or("default");
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && address.profile.is_none() => {
            return Ok(Profile::default());
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the profiles in `{}`", path.display()));
        }
    };
    let mut profiles: std::collections::BTreeMap<String, Profile> =
        toml::from_str(&text).with_context(|| format!("`{}` holds no profiles", path.display()))?;
    match profiles.remove(name) {
        Some(profile) => Ok(profile),
        None if address.profile.is_none() => Ok(Profile::default()),
        None => {
            let names: Vec<_> = profiles.into_keys().collect();
            bail!(
                "there is no profile `{name}` in `{}`; the profiles are {}",
                path.display(),
                names.join(", ")
            )
        }
    }
}
