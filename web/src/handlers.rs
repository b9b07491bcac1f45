//! The routes: parameters in, documents out. All data comes from the API's searches.

use std::time::SystemTime;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hearken_model::Timestamp;
use hearken_query::follow::point_now;
use hearken_query::http::{AskedId, Caller, Needs, Peer, Routes};
use hearken_query::index::query::Query;
use hearken_query::index::search::{Boundaries, RangeFacet, Selection};
use hearken_query::index::{self, Search};
use hearken_query::keys::Permission;
use hearken_query::parameters::{FACETS_MAX, SearchParameters, pairs_of_query};
use hearken_query::search::{self, SearchAnswer};
use hearken_query::{AppState, Problem, language, words};
use maud::Markup;
use percent_encoding::percent_decode_str;

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::interaction::{self, InteractionView};
use crate::interactions::{self, FACETS_SHOWN, ListView, WayOut};
use crate::location::{Location, is_parameter};
use crate::overview::{self, Comparison, OverviewView, Volume};
use crate::period::Period;
use crate::place::ListPosition;
use crate::{account, assets, erase, layout, paging, recording, views};

/// What pages may do: load the embedded assets, talk to this server, nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Values counted per facet: more than are shown, so that a chosen one keeps its count and a long facet is
/// known to be long.
const FACET_SIZE_COUNTED: usize = 101;

/// The routes of the pages, to be merged with those of the API before limits and headers are added.
pub fn routes() -> Routes {
    Routes::pages(account::refuse)
        .get("/signin", Needs::Nothing, account::ask)
        .post("/signin", Needs::Nothing, account::sign_in)
        .post("/signout", Needs::Key, account::sign_out)
        .get("/account", Needs::Key, account::show)
        .get("/", Needs::SEARCH, list)
        .get("/overview", Needs::SEARCH, show_overview)
        .get("/views", Needs::SEARCH, views::show_all)
        .post("/views", Needs::SEARCH, views::change)
        .get("/views/{name}", Needs::SEARCH, views::lead_to)
        .get("/interactions/", Needs::READ, show)
        .get("/interactions/{*id}", Needs::READ, show)
        .get("/erase", Needs::Permission(Permission::Erase), erase::ask)
        .post("/erase", Needs::Permission(Permission::Erase), erase::erase)
        .get("/erasures/{id}", Needs::Permission(Permission::Erase), erase::receipt)
        .get("/assets/{version}/{name}", Needs::Nothing, assets::serve)
}

/// What a request asks for.
struct Asked {
    location: Location,
    clock: Clock,
    period: Period,
    /// The search, or why there is none.
    parameters: Result<SearchParameters, Problem>,
}

impl Asked {
    fn new(query: &str, headers: &HeaderMap) -> Self {
        let location = Location::parse(query);
        let (clock, zone) = clock(&location, headers);
        let period = zone.and_then(|()| Period::parse(&location, &clock));
        let parameters = match &period {
            Ok(period) => parameters(query, &location, *period),
            Err(problem) => Err(problem.clone()),
        };
        Asked { location, clock, period: period.unwrap_or_default(), parameters }
    }
}

/// The clock in the zone named by the address, else by the browser's cookie, else in UTC.
pub(crate) fn clock(location: &Location, headers: &HeaderMap) -> (Clock, Result<(), Problem>) {
    let now = now();
    if let Some(zone) = location.get("tz") {
        return match Clock::in_zone(now, zone) {
            Some(clock) => (clock, Ok(())),
            None => {
                let shown: String = zone.chars().take(64).collect();
                let problem = Problem::new("invalid_parameter", format!("there is no time zone `{shown}`"));
                let hint = Some("write an IANA time zone name, for instance `Europe/Berlin`".to_owned());
                (Clock::utc(now), Err(Problem { parameter: Some("tz".into()), hint, ..problem }))
            }
        };
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let told =
        cookies.flat_map(|cookies| cookies.split(';')).find_map(|cookie| cookie.trim().strip_prefix("tz="));
    let told = told.and_then(|zone| Clock::in_zone(now, &percent_decode_str(zone).decode_utf8_lossy()));
    (told.unwrap_or(Clock::utc(now)), Ok(()))
}

/// The search that an address describes. Takes the raw `query` as well: `location` drops what cannot be
/// decoded, which is an error here.
fn parameters(query: &str, location: &Location, period: Period) -> Result<SearchParameters, Problem> {
    pairs_of_query(query)?;
    let api = location.api(location.get("q"));
    let (parameters, []) = SearchParameters::parse(pairs_of_query(&api.query())?, [])?;
    Ok(SearchParameters { started: period.bounds(), ..parameters })
}

async fn list(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    let Asked { location, clock, period, parameters } = Asked::new(&query.unwrap_or_default(), &headers);
    let point = point_now(&state); // before the search, so that no change is missed
    // Both read the whole selection; run concurrently, the histogram adds no waiting time.
    let volume = tokio::spawn({
        let (state, caller, parameters) = (state.clone(), caller.clone(), parameters.clone().ok());
        async move { volume(&state, caller, parameters?, period, clock).await }
    });
    let answer = find(&state, &caller, &location, parameters.clone()).await;
    let volume = volume.await.ok().flatten();
    let mut ways_out = Vec::new();
    if let Ok(answer) = &answer
        && answer.items.is_empty()
        && location.get("cursor").is_none()
    {
        ways_out = WayOut::all(&location, &clock);
        for way in &mut ways_out {
            way.total = count(&state, &caller, &way.constraint.without, &clock).await;
        }
    }
    let status = answer.as_ref().err().map_or(StatusCode::OK, |problem| problem.status);
    let api = location.api(whole_query(&state, &caller, &location, parameters.ok()).await.as_deref());
    let base_url = base_url(&headers, peer.is_some_and(|Extension(peer)| peer.is_encrypted));
    let views = state.views().all(caller.access());
    let view = ListView {
        views: &views,
        location: &location,
        api: &api,
        user: &CurrentUser::new(&caller),
        clock: &clock,
        base_url: &base_url,
        answer,
        volume,
        ways_out,
        point: &point,
    };
    html(status, interactions::page(&view))
}

async fn find(
    state: &AppState,
    caller: &Caller,
    location: &Location,
    parameters: Result<SearchParameters, Problem>,
) -> Result<SearchAnswer, Problem> {
    let mut parameters = parameters?;
    if parameters.facets.is_empty() {
        // Fields that are filtered by are counted too: their other values are one click away.
        let filtered = location.pairs().iter().map(|(name, _)| name.strip_prefix('-').unwrap_or(name));
        let more = filtered.filter(|name| interactions::is_facet(name));
        for name in FACETS_SHOWN.into_iter().chain(more).take(FACETS_MAX - interactions::RANGES_SHOWN.len()) {
            let is_counted = parameters.facets.iter().any(|facet| facet == name)
                || parameters.ranges.iter().any(|facet| facet.field == name);
            if !is_counted {
                parameters.facets.push(name.to_owned());
            }
        }
        for (name, boundaries) in interactions::RANGES_SHOWN {
            if !parameters.ranges.iter().any(|facet| facet.field == name) {
                let boundaries = Boundaries::Seconds(boundaries.to_vec());
                parameters.ranges.push(RangeFacet { field: name.to_owned(), boundaries });
            }
        }
    }
    parameters.facet_size = parameters.facet_size.max(FACET_SIZE_COUNTED);
    turned_to(state, caller, paging::number(location), parameters).await
}

/// One page of a list without any counts, and the page size.
pub(crate) async fn page_of_list(
    state: &AppState,
    caller: &Caller,
    location: &Location,
    clock: &Clock,
) -> Result<(SearchAnswer, usize), Problem> {
    let period = Period::parse(location, clock)?;
    let parameters = parameters(&location.query(), location, period)?;
    let limit = parameters.limit;
    let parameters = SearchParameters { facets: Vec::new(), ranges: Vec::new(), ..parameters };
    let answer = turned_to(state, caller, paging::number(location), parameters).await?;
    Ok((answer, limit))
}

/// Answers a search on that page. Best match pages through a view that the server keeps for a minute. For
/// readers who took longer or kept the address, the search is run again up to the same page.
async fn turned_to(
    state: &AppState,
    caller: &Caller,
    page: usize,
    parameters: SearchParameters,
) -> Result<SearchAnswer, Problem> {
    /// Most hits that the index returns at once.
    const STEP_MAX: usize = index::search::LIMIT_MAX;
    /// Most hits to skip; each is read.
    const PASSED_MAX: usize = 10 * STEP_MAX;
    let expired = match search::search(state, parameters.clone(), caller).await {
        Err(problem) if problem.code == "cursor_expired" => problem,
        answer => return answer,
    };
    let mut left = page.saturating_sub(1).saturating_mul(parameters.limit);
    if left > PASSED_MAX {
        return Err(expired);
    }
    let mut again = SearchParameters { cursor: None, ..parameters };
    while left > 0 {
        let limit = left.min(STEP_MAX);
        let step = SearchParameters { limit, facets: Vec::new(), ranges: Vec::new(), ..again.clone() };
        left -= limit;
        again.cursor = search::search(state, step, caller).await?.next_cursor;
        if again.cursor.is_none() {
            again.limit = 0; // the list has become shorter
            break;
        }
    }
    search::search(state, again, caller).await
}

async fn count(state: &AppState, caller: &Caller, location: &Location, clock: &Clock) -> Option<u64> {
    let period = Period::parse(location, clock).ok()?;
    let selected = location.selection();
    let parameters = SearchParameters { limit: 0, ..parameters(&selected.query(), &selected, period).ok()? };
    search::search(state, parameters, caller).await.ok().map(|answer| answer.total)
}

/// Counts over time for the list; without them, the list is still shown.
async fn volume(
    state: &AppState,
    caller: Caller,
    parameters: SearchParameters,
    period: Period,
    clock: Clock,
) -> Option<Volume> {
    let work = move |reader: &dyn Search, deadline| {
        let selection = selection(reader, &parameters, &caller)?;
        Ok::<_, Problem>(overview::volume(reader, &selection, period, &clock, overview::BARS, deadline)?)
    };
    let (stretches, counts) = state.run(work).await.ok()?;
    (counts.len() > 1).then_some(Volume { stretches, counts, period })
}

/// The API's search text for an address: its own text, and its period if it has one.
async fn whole_query(
    state: &AppState,
    caller: &Caller,
    location: &Location,
    parameters: Option<SearchParameters>,
) -> Option<String> {
    let bounded = parameters.filter(|parameters| parameters.started != (None, None));
    let Some(bounded) = bounded else { return location.get("q").map(str::to_owned) };
    let (text, unresolved) = (bounded.text().map(str::to_owned), bounded.clone());
    let access = caller.access().clone();
    let work = move |reader: &dyn Search, _| {
        let query = bounded.text().map_or(Ok(Query::All), |text| search::resolve(reader, text, &access))?;
        Ok::<_, Problem>(language::print(&bounded.with_start(query)))
    };
    if let Ok(whole) = state.run(work).await {
        return Some(whole);
    }
    // Links must not match more than the page shows. If the index cannot be read, the text stays unresolved:
    // only a text that is an id then matches less.
    let parsed = text.as_deref().map_or(Ok(Query::All), language::parse);
    parsed.map(|query| language::print(&unresolved.with_start(query))).ok().or(text)
}

async fn show_overview(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Asked { location, clock, period, parameters } = Asked::new(&query.unwrap_or_default(), &headers);
    let location = location.first_page();
    let user = CurrentUser::new(&caller);
    let comparison = Comparison::of(&location);
    // Both read the whole selection; run concurrently, the facets add no waiting time.
    let facets = tokio::spawn({
        let (state, caller, location) = (state.clone(), caller.clone(), location.clone());
        let parameters = parameters.clone().map(|parameters| SearchParameters { limit: 0, ..parameters });
        async move { find(&state, &caller, &location, parameters).await.ok() }
    });
    let measured = match parameters.clone() {
        Err(problem) => Err(problem),
        Ok(parameters) => {
            let caller = caller.clone();
            let work = move |reader: &dyn Search, deadline| {
                let unbounded = SearchParameters { started: (None, None), ..parameters };
                let selection = selection(reader, &unbounded, &caller)?;
                Ok::<_, Problem>(overview::measure(reader, &selection, period, &clock, comparison, deadline)?)
            };
            state.run(work).await
        }
    };
    let facets = facets.await.ok().flatten();
    let status = measured.as_ref().err().map_or(StatusCode::OK, |problem| problem.status);
    let api = location.api(whole_query(&state, &caller, &location, parameters.ok()).await.as_deref());
    html(
        status,
        overview::page(&OverviewView {
            location: &location,
            user: &user,
            clock: &clock,
            period,
            measured,
            api: &api,
            facets,
        }),
    )
}

fn selection(
    reader: &dyn Search,
    parameters: &SearchParameters,
    caller: &Caller,
) -> Result<Selection, Problem> {
    let access = caller.access();
    let query = parameters.text().map_or(Ok(Query::All), |text| search::resolve(reader, text, access))?;
    words::refuse(caller, &query, parameters)?;
    Ok(parameters.selection(query, access.clone()))
}

async fn show(
    State(state): State<AppState>,
    caller: Caller,
    id: Result<AskedId, Problem>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = Location::parse(query.as_deref().unwrap_or_default());
    let (clock, _) = clock(&asked, &headers); // a bad zone falls back to UTC
    let id = match id {
        Ok(AskedId(id)) => id,
        Err(problem) => return failure(&problem, &clock),
    };
    if asked.has("format", "text") {
        return show_text(&state, &caller, id, &clock).await;
    }
    // All other parameters belong to the list it was opened from.
    let location = asked.only(|name, _| name != "format" && (name != "id" || !is_parameter(&id)));
    let place = ListPosition::find(&state, &caller, &clock, &location, &id).await;
    let point = point_now(&state);
    // Readers who may not see what was said get everything else, not an error about marking the search.
    let q = location.get("q").filter(|_| caller.may(Permission::Read)).map(str::to_owned);
    let (answer, problem) = match search::interaction(&state, id.clone(), q, &caller).await {
        // An invalid search must not hide the conversation.
        Err(problem) if problem.parameter.as_deref() == Some("q") => {
            (search::interaction(&state, id, None, &caller).await, Some(problem))
        }
        answer => (answer, None),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => return failure(&problem, &clock),
    };
    let view = InteractionView {
        location: &location,
        user: &CurrentUser::new(&caller),
        place: place.as_ref(),
        clock: &clock,
        interaction: &answer.interaction,
        quotes: answer.highlights.as_deref(),
        problem: problem.as_ref(),
        point: &point,
        recording_hosts: state.recording_hosts(),
    };
    let mut response = html(StatusCode::OK, interaction::page(&view));
    if !state.recording_hosts().is_empty()
        && let Ok(policy) = HeaderValue::try_from(recording::policy(state.recording_hosts()))
    {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn show_text(state: &AppState, caller: &Caller, id: String, clock: &Clock) -> Response {
    match search::interaction(state, id, None, caller).await {
        Ok(answer) => {
            let mut response = interaction::plain_text(&answer.interaction, clock).into_response();
            secure(response.headers_mut());
            response
        }
        Err(problem) => failure(&problem, clock),
    }
}

pub(crate) fn failure(problem: &Problem, clock: &Clock) -> Response {
    html(
        problem.status,
        layout::trouble(problem.title, &problem.detail, problem.hint.as_deref(), &Markup::default(), clock),
    )
}

pub(crate) fn html(status: StatusCode, page: Markup) -> Response {
    let mut response = (status, page).into_response();
    secure(response.headers_mut());
    response
}

pub(crate) fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Other sites get no referrer; our own forms can still prove their origin.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now()).floor_millis()
}

/// The address by which the reader reached this server, if it is safe to copy into a command.
fn base_url(headers: &HeaderMap, is_encrypted: bool) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    let host = if !host.is_empty() && host.bytes().all(is_plain) { host } else { "localhost:8080" };
    let scheme = if is_encrypted { "https" } else { "http" };
    format!("{scheme}://{host}")
}
