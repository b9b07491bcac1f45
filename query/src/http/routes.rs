//! Defines routes. Each states what its caller needs; there is no way to add one that does not.
//!
//! A route is one line here and one argument to its handler:
//!
//! ```ignore
//! Routes::new().post("/v1/things", Needs::Permission(Permission::Erase), things)
//!
//! async fn things(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
//!     state.reader().search(&request(caller.access().clone()))
//! }
//! ```
//!
//! Before the handler runs, the caller is known and has what the route needs: without a valid key they were answered
//! 401, without the permission 403, and what another site's page made a browser send was refused. The handler passes
//! [`Caller::access`] with every query, because the index demands it, and calls [`Caller::require`] for what depends on
//! the request. The request goes into the audit log, if there is one; a handler that only learns the caller or the
//! object itself adds the [`Caller`] or an [`AuditObject`](crate::audit::AuditObject) to the extensions of its answer.
//! A streamed body ends by itself when the caller's key does.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use futures::{StreamExt as _, stream};
use percent_encoding::percent_decode_str;

use super::caller::Caller;
use super::proxies::Peer;
use super::request_id::RequestId;
use crate::audit::{self, AuditEntry, PendingEntry};
use crate::keys::{Permission, now};
use crate::problem::Problem;
use crate::state::AppState;

/// What a route requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it reveals only what is public. Its handler gets no [`Caller`].
    Nothing,
    /// A key, whatever it permits.
    Key,
    /// This permission.
    Permission(Permission),
    /// A signature, which the handler checks, or, where none is required, a key with this permission, which the handler
    /// requires. Its handler gets no [`Caller`].
    SignatureOr(Permission),
    /// Any of these; the handler shows less to callers with fewer.
    AnyOf(&'static [Permission]),
}

impl Needs {
    /// Searches, and everything built on them.
    pub const SEARCH: Needs = Needs::AnyOf(&[Permission::Search, Permission::Metadata]);
    /// One interaction.
    pub const READ: Needs = Needs::AnyOf(&[Permission::Read, Permission::Metadata]);
    /// Tools that search and read; each requires what it needs.
    pub const MCP: Needs = Needs::AnyOf(&[Permission::Search, Permission::Read, Permission::Metadata]);
}

/// One route with one method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The method.
    pub method: Method,
    /// What a caller needs.
    pub needs: Needs,
}

/// How a route tells a caller that it refuses to answer.
pub type Refusal = fn(Problem, &Parts) -> Response;

/// Routes and what they need.
pub struct Routes {
    paths: BTreeMap<&'static str, MethodRouter<AppState>>,
    table: Vec<Route>,
    refusal: Refusal,
    /// How pages refuse, if there are pages.
    pages: Option<Refusal>,
}

impl Default for Routes {
    fn default() -> Self {
        Routes::new()
    }
}

impl Routes {
    /// Routes that refuse with a problem.
    pub fn new() -> Self {
        let refusal: Refusal = |problem, _| problem.into_response();
        Routes { paths: BTreeMap::new(), table: Vec::new(), refusal, pages: None }
    }

    /// The routes of pages, which refuse in their own way. A browser that asks for an unknown address gets the same
    /// kind of refusal.
    pub fn pages(refusal: Refusal) -> Self {
        Routes { refusal, pages: Some(refusal), ..Routes::new() }
    }

    /// A route for GET, which also answers HEAD.
    pub fn get<H: Handler<T, AppState>, T: 'static>(
        self,
        path: &'static str,
        needs: Needs,
        handler: H,
    ) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, needs, handler)
    }

    /// A route for POST.
    pub fn post<H: Handler<T, AppState>, T: 'static>(
        self,
        path: &'static str,
        needs: Needs,
        handler: H,
    ) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, needs, handler)
    }

    /// A route for PATCH.
    pub fn patch<H: Handler<T, AppState>, T: 'static>(
        self,
        path: &'static str,
        needs: Needs,
        handler: H,
    ) -> Self {
        self.add(Method::PATCH, MethodFilter::PATCH, path, needs, handler)
    }

    /// A route for DELETE.
    pub fn delete<H: Handler<T, AppState>, T: 'static>(
        self,
        path: &'static str,
        needs: Needs,
        handler: H,
    ) -> Self {
        self.add(Method::DELETE, MethodFilter::DELETE, path, needs, handler)
    }

    /// Both sets of routes.
    pub fn merge(mut self, other: Routes) -> Self {
        for (path, methods) in other.paths {
            self.put(path, methods);
        }
        self.table.extend(other.table);
        self.pages = self.pages.or(other.pages);
        self
    }

    /// Every route.
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    fn add<H: Handler<T, AppState>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        needs: Needs,
        handler: H,
    ) -> Self {
        let refusal = self.refusal;
        let admit = move |request, next| admit(path, needs, refusal, request, next);
        self.put(path, on(filter, handler).route_layer(middleware::from_fn(admit)));
        self.table.push(Route { path, method, needs });
        self
    }

    fn put(&mut self, path: &'static str, methods: MethodRouter<AppState>) {
        let known = self.paths.remove(path);
        self.paths.insert(path, known.unwrap_or_default().merge(methods));
    }

    /// How pages refuse; `None` if there are no pages.
    pub(super) fn refusal_of_pages(&self) -> Option<Refusal> {
        self.pages
    }

    /// Converts them for axum. Other methods are answered by `otherwise`.
    pub(super) fn router<H: Handler<T, AppState> + Copy, T: 'static>(self, otherwise: H) -> Router<AppState> {
        self.paths
            .into_iter()
            .fold(Router::new(), |router, (path, methods)| router.route(path, methods.fallback(otherwise)))
    }
}

/// Passes a request to its handler if its caller has what the route needs, and records it in the audit log.
async fn admit(path: &'static str, needs: Needs, refusal: Refusal, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (caller, pending) = match admitted(path, needs, &parts).await {
        Ok(admitted) => admitted,
        Err(problem) => return refusal(problem, &parts),
    };
    if let Some(caller) = &caller {
        parts.extensions.insert(caller.clone());
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    if let Some(pending) = pending {
        let extensions = response.extensions();
        let status = response.status();
        let found = extensions.get::<Caller>();
        let is_nobody = caller.is_none() && found.is_none();
        match needs {
            Needs::Nothing if is_nobody => pending.forget(),
            _ if is_nobody && status == StatusCode::UNAUTHORIZED => pending.forget(),
            _ => pending.answered(status.as_u16(), found, extensions.get()),
        }
    }
    let is_stream = response.body().size_hint().exact().is_none();
    match caller {
        Some(caller) if is_stream => response.map(|body| ends_with(caller, body)),
        _ => response,
    }
}

/// A body that breaks off when its caller's key is revoked, expires or is narrowed, or when their session ends.
fn ends_with(caller: Caller, body: Body) -> Body {
    let under_way = Some((body.into_data_stream(), Box::pin(caller.dismissed())));
    let chunks = stream::unfold(under_way, |under_way| async {
        let (mut chunks, mut dismissed) = under_way?;
        tokio::select! {
            biased;
            () = &mut dismissed => Some((Err(axum::Error::new(Dismissed)), None)),
            chunk = chunks.next() => chunk.map(|chunk| (chunk, Some((chunks, dismissed)))),
        }
    });
    Body::from_stream(chunks.fuse()) // the compression layer polls once more after the end
}

#[derive(Debug, thiserror::Error)]
#[error("the request's key or session is no longer valid")]
struct Dismissed;

/// The caller, if the route needs one, and the audit entry to begin, if there is an audit log.
async fn admitted(
    path: &str,
    needs: Needs,
    parts: &Parts,
) -> Result<(Option<Caller>, Option<PendingEntry>), Problem> {
    let state = parts.extensions.get::<AppState>();
    let state = state.ok_or_else(|| Problem::internal(&std::io::Error::other("a route outside `finish`")))?;
    let caller = match needs {
        Needs::Nothing | Needs::SignatureOr(_) => None,
        Needs::Key | Needs::Permission(_) | Needs::AnyOf(_) => Some(state.gate().caller(parts)?),
    };
    let pending = match state.audit() {
        Some(log) if is_noted(needs, &parts.method) => {
            Some(log.begin(entry(path, parts, caller.as_ref())).await?)
        }
        _ => None,
    };
    let is_permitted = match (needs, &caller) {
        (Needs::Permission(permission), Some(caller)) => caller.require(permission),
        (Needs::AnyOf(permissions), Some(caller)) => caller.require_any(permissions),
        _ => Ok(()),
    };
    if let Err(problem) = is_permitted {
        if let Some(pending) = pending {
            pending.answered(problem.status.as_u16(), None, None);
        }
        return Err(problem);
    }
    Ok((caller, pending))
}

/// Whether such requests are in the audit log: not those that reveal nothing about people. Who signs in is only known
/// once they have.
fn is_noted(needs: Needs, method: &Method) -> bool {
    match needs {
        Needs::Nothing => method == Method::POST,
        Needs::Permission(permission) => permission != Permission::Metrics,
        Needs::Key | Needs::SignatureOr(_) | Needs::AnyOf(_) => true,
    }
}

/// The audit log's entry for a request.
fn entry(path: &str, parts: &Parts, caller: Option<&Caller>) -> AuditEntry {
    let base = path.split_once('{').map(|(base, _)| base);
    let object = base.and_then(|base| parts.uri.path().strip_prefix(base));
    let object = object.map(|object| audit::bounded(&percent_decode_str(object).decode_utf8_lossy()));
    let address = parts.extensions.get::<Peer>().map(|peer| peer.address.to_string());
    let request_id = parts.extensions.get::<RequestId>().map(|RequestId(id)| id.clone());
    let entry = audit::entry(now(), format!("{} {path}", parts.method), caller);
    AuditEntry { address, request_id, object, ..entry }
}
