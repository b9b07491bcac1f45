//! Style sheet, scripts and icon: embedded, and cached for a year under a path that changes with their
//! content.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::handlers::CONTENT_SECURITY_POLICY;

/// Name, media type, content.
const ASSETS: &[(&str, &str, &str)] = &[
    ("hearken.css", "text/css; charset=utf-8", include_str!("../assets/hearken.css")),
    ("theme.js", "text/javascript; charset=utf-8", include_str!("../assets/theme.js")),
    ("common.js", "text/javascript; charset=utf-8", include_str!("../assets/common.js")),
    ("streams.js", "text/javascript; charset=utf-8", include_str!("../assets/streams.js")),
    ("list.js", "text/javascript; charset=utf-8", include_str!("../assets/list.js")),
    ("plots.js", "text/javascript; charset=utf-8", include_str!("../assets/plots.js")),
    ("facets.js", "text/javascript; charset=utf-8", include_str!("../assets/facets.js")),
    ("overview.js", "text/javascript; charset=utf-8", include_str!("../assets/overview.js")),
    ("suggest.js", "text/javascript; charset=utf-8", include_str!("../assets/suggest.js")),
    ("interaction.js", "text/javascript; charset=utf-8", include_str!("../assets/interaction.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// The address of an asset.
pub(crate) fn href(name: &str) -> String {
    debug_assert!(ASSETS.iter().any(|(known, ..)| *known == name), "there is no asset `{name}`");
    format!("/assets/{}/{name}", version())
}

/// Changes whenever any asset does.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        for (name, _, content) in ASSETS {
            hasher.write(name.as_bytes());
            hasher.write(content.as_bytes());
        }
        format!("{:016x}", hasher.finish())
    })
}

/// `GET /assets/{version}/{name}`. A page of an older build gets the current asset, but must revalidate it.
pub(crate) async fn serve(Path((asked, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some((_, media_type, content)) = ASSETS.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{}\"", version());
    let caching = if asked == version() { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == etag.as_bytes());
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { (*content).into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    // A worker is bound by the policy of its own response, not of its page: streams.js must reach the
    // streams.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}
