//! Whole pages: hostile text stays text, nothing is inline, absent data is said to be absent.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use hearken_model::{Interaction, Message, Role, Timestamp};
use hearken_query::Problem;
use hearken_query::index::highlight::{Highlight, HighlightPlace};
use hearken_query::keys::{Permission, Permissions};
use hearken_query::search::{SearchAnswer, SearchItem};
use hearken_query::views::SavedView;
use serde_json::json;

use crate::clock::Clock;
use crate::current_user::CurrentUser;
use crate::interaction::{self, InteractionView};
use crate::interactions::{self, ListView, WayOut};
use crate::location::Location;

/// Tries every way to break out of text: elements, attributes in both quotes, entities, comments.
const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\" onfocus=\"alert(1)' x='&lt;b&gt;<!--";

fn clock() -> Clock {
    Clock::utc(Timestamp::parse("2026-11-22T12:00:00Z").unwrap())
}

/// Every text is hostile, and every field is set.
fn hostile() -> Interaction {
    let at = "2026-11-22T11:00:00Z";
    let message = |id: &str, role: &str| {
        json!({"id": id, "role": role, "timestamp": 7_000, "at": at, "end_offset_ms": 9_000, "message": HOSTILE,
               "sentiment": "negative", "sentiment_score": -0.8, "billable": true, "interrupted": true, "confidence": 0.3,
               "llm_model": HOSTILE})
    };
    let mut tool = message("tool", "tool");
    tool["tool"] = json!({"name": HOSTILE, "arguments": {HOSTILE: HOSTILE}, "result": HOSTILE, "ok": false});
    let mut fields = json!({
        "type": "voice_call", "status": "in_progress", "direction": "inbound",
        "messages_count": 2, "billable_messages": 1, "billable_minutes": 1, "start_time": at, "end_time": at,
        "duration": 61.0, "csat": 2, "rating": 1, "llm_models": [HOSTILE, HOSTILE], "metadata": {HOSTILE: HOSTILE},
        "recording_url": "javascript:alert(1)",
        "usage": {"input_tokens": 1, "cached_input_tokens": 0, "output_tokens": 2,
                  "by_model": {HOSTILE: {"input_tokens": 1, "cached_input_tokens": 0, "output_tokens": 2}}},
        "total_costs": {"amount": "0.01", "currency": HOSTILE, "llm": "0.01", "platform": null, "analysis": null,
                        "unpriced_models": [HOSTILE], "source": "estimate"},
        "topics_summary": {"topic": HOSTILE, "summary": HOSTILE, "sentiment": "negative",
                           "sentiment_description": HOSTILE, "keywords": [HOSTILE]},
        "analysis": {"by": HOSTILE, "version": HOSTILE, "at": at},
        "transcript": [message(HOSTILE, "user"), message("2", "assistant"), tool, message("3", "system")],
    });
    for name in [
        "id",
        "organization",
        "agent",
        "agent_version",
        "llm_model",
        "end_reason",
        "integration",
        "browser",
        "os",
        "device",
        "ip_address",
        "country_code",
        "country",
        "city",
        "url",
        "url_host",
        "language",
        "user_id",
        "caller",
        "csat_description",
        "rating_comment",
    ] {
        fields[name] = HOSTILE.into();
    }
    serde_json::from_value(fields).unwrap()
}

fn bare() -> Interaction {
    Interaction { id: "bare".to_owned(), ..Interaction::default() }
}

/// One in a message, one in a detail.
fn highlights() -> Vec<Highlight> {
    let escaped = HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let message =
        HighlightPlace::Message { message_id: HOSTILE.to_owned(), role: Role::User, offset_ms: 7_000 };
    let detail = HighlightPlace::Detail { field: format!("metadata.{HOSTILE}") };
    let highlight = |place| Highlight {
        place,
        ranges: vec![(2, 8), (11, 17), (9_000, 9_001)],
        fragments: vec![format!("<mark>alert</mark> {escaped}"), HOSTILE.to_owned()],
    };
    [message, detail].map(highlight).into()
}

fn list_page(query: &str, items: Vec<Interaction>) -> String {
    list(&Location::parse(query), Ok(found(items)))
}

fn found(items: Vec<Interaction>) -> SearchAnswer {
    let item = |interaction| SearchItem { interaction, highlights: highlights(), first_said: None };
    let hostile_facet = |name: &str| {
        let counts = json!([{"value": HOSTILE, "count": 3}, {"value": null, "count": 1}]);
        (name.to_owned(), serde_json::from_value(counts).unwrap())
    };
    SearchAnswer {
        total: items.len() as u64,
        took_ms: 1.5,
        notices: hearken_query::language::notices("a or <b>"),
        items: items.into_iter().map(item).collect(),
        facets: vec![hostile_facet("country"), hostile_facet(&format!("metadata.{HOSTILE}"))],
        next_cursor: Some(HOSTILE.to_owned()),
    }
}

/// The reader on a server without keys.
fn anybody() -> CurrentUser {
    CurrentUser { name: None, organizations: vec!["*".to_owned()], permissions: Permissions::ALL }
}

/// The holder of a key.
fn holder(permissions: &[Permission]) -> CurrentUser {
    let permissions = permissions.iter().copied().collect();
    CurrentUser { name: Some(HOSTILE.to_owned()), organizations: vec![HOSTILE.to_owned()], permissions }
}

fn list(location: &Location, answer: Result<SearchAnswer, Problem>) -> String {
    list_for(&anybody(), location, answer)
}

fn list_for(user: &CurrentUser, location: &Location, answer: Result<SearchAnswer, Problem>) -> String {
    let ways_out = WayOut::all(location, &clock());
    let api = location.api(location.get("q"));
    let base_url = "http://localhost:8080";
    let views = [SavedView { name: HOSTILE.to_owned(), query: HOSTILE.to_owned() }];
    let view = ListView {
        location,
        api: &api,
        user,
        clock: &clock(),
        base_url,
        answer,
        volume: None,
        views: &views,
        ways_out,
        point: "1-1",
    };
    interactions::page(&view).into_string()
}

fn interaction_page(query: &str, interaction: &Interaction) -> String {
    interaction_page_for(&anybody(), query, interaction)
}

/// The page of an interaction that was not opened from a list.
fn view_of(interaction: &Interaction) -> InteractionView<'_> {
    static ANYBODY: LazyLock<CurrentUser> = LazyLock::new(anybody);
    static NOWHERE: LazyLock<Location> = LazyLock::new(Location::default);
    static CLOCK: LazyLock<Clock> = LazyLock::new(clock);
    InteractionView {
        location: &NOWHERE,
        user: &ANYBODY,
        place: None,
        clock: &CLOCK,
        interaction,
        quotes: None,
        problem: None,
        point: "1-1",
        recording_hosts: &[],
    }
}

fn interaction_page_for(user: &CurrentUser, query: &str, interaction: &Interaction) -> String {
    let location = Location::parse(query);
    let quotes = highlights();
    let quotes = location.get("q").map(|_| quotes.as_slice());
    let view = InteractionView { location: &location, user, quotes, ..view_of(interaction) };
    interaction::page(&view).into_string()
}

/// Checks for what the policy forbids, and for what only injected text could bring.
fn assert_clean(page: &str) {
    let lower = page.to_lowercase();
    for (idx, _) in lower.match_indices("<script") {
        assert!(
            lower[idx..].starts_with("<script src=\"/assets/"),
            "an inline script: {}",
            &page[idx..idx + 80]
        );
    }
    // Inside text and values `<`, `>` and `"` are entities, so anything between real brackets is our own
    // markup.
    for tag in page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let outside_values: String = tag.split('"').step_by(2).collect();
        assert!(!outside_values.contains(" style=") && !outside_values.contains(" on"), "`{tag}`");
        assert!(!tag.starts_with("img src=x") && !tag.starts_with("!--"), "`{tag}`");
        assert!(!tag.contains("href=\"javascript:"), "`{tag}`");
    }
}

#[test]
fn hostile_text_stays_text_in_the_list() {
    let hostile_query =
        format!("q={0}&country={0}&-agent={0}", "%3C%2Fscript%3E%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
    assert_clean(&list_page(&hostile_query, vec![hostile(), bare()]));
    assert_clean(&list_page(&hostile_query, vec![]));
    let problem =
        Problem { position: Some(3), parameter: Some("q".into()), ..Problem::new("invalid_query", HOSTILE) };
    assert_clean(&list(&Location::parse(&hostile_query), Err(problem)));
}

#[test]
fn hostile_text_stays_text_on_the_page_of_an_interaction() {
    let page = interaction_page("q=alert", &hostile());
    assert_clean(&page);
    assert!(page.contains("&lt;/script&gt;"), "the text is shown, not dropped");
    assert!(!page.contains("lang=\"</"), "a hostile language tag is dropped");
    assert_clean(&interaction_page("", &hostile()));
}

#[test]
fn matches_are_marked_where_they_are_and_impossible_ones_nowhere() {
    let page = interaction_page("q=script", &hostile());
    assert!(page.contains("&lt;/<mark>script</mark>&gt;&lt;s"), "{page}");
}

#[test]
fn what_is_unknown_is_said_to_be_unknown() {
    let page = interaction_page("", &bare());
    assert_clean(&page);
    let (_, absent) = page.split_once("<details class=\"absent\">").unwrap();
    assert!(absent.contains("<dt>Not available</dt>"));
    for name in ["Topic", "CSAT Description", "Total Costs", "Longest Silence", "Recording"] {
        assert!(absent.contains(name), "{name}");
    }
    assert!(!page.contains("$0"), "an unknown cost is not free");
    assert!(page.contains("Nothing has been said yet"));
    assert!(page.contains("Not analysed yet"));
}

#[test]
fn what_there_cannot_be_is_told_apart_from_what_nobody_knows() {
    let chat = Interaction { interaction_type: Some(hearken_model::InteractionType::TextChat), ..bare() };
    let page = interaction_page("", &chat);
    let (unknown, inapplicable) = page.split_once("<dt>Does not apply</dt>").unwrap();
    for name in ["Billable Minutes", "Longest Silence", "Caller", "Recording", "CSAT Description"] {
        assert!(inapplicable.contains(name), "{name}");
    }
    assert!(unknown.contains("Billable Messages") && !inapplicable.contains("Billable Messages"));
}

#[test]
fn a_long_value_is_folded_and_what_a_reason_quotes_runs_its_own_way() {
    let interaction = Interaction {
        url: Some(format!("https://shop.example/{}", "a".repeat(3_000))),
        csat_description: Some("ended with “شكرا” twice".to_owned()),
        csat: Some(4),
        ..bare()
    };
    let page = interaction_page("", &interaction);
    assert_eq!(page.matches("<details class=\"long\">").count(), 1, "{page}");
    assert!(page.contains("all 3,021 characters"), "{page}");
    assert!(page.contains("“<bdi>شكرا</bdi>”"), "{page}");
}

#[test]
fn a_recording_is_played_from_the_hosts_that_are_named_and_a_link_elsewhere() {
    let url = "https://calls.example/1.wav";
    let interaction = Interaction { recording_url: Some(url.to_owned()), ..bare() };
    let shown = |hosts: &[String]| {
        let view = InteractionView { recording_hosts: hosts, ..view_of(&interaction) };
        interaction::page(&view).into_string()
    };
    assert!(shown(&["calls.example".to_owned()]).contains(&format!("<audio id=\"recording\" src=\"{url}\"")));
    let page = shown(&["other.example".to_owned()]);
    assert!(!page.contains("<audio") && page.contains(&format!("href=\"{url}\"")), "{page}");
    let may_not_read = CurrentUser { permissions: [Permission::Metadata].into_iter().collect(), ..anybody() };
    let hosts = ["calls.example".to_owned()];
    let view = InteractionView { recording_hosts: &hosts, user: &may_not_read, ..view_of(&interaction) };
    assert!(!interaction::page(&view).into_string().contains("<audio"));
}

#[test]
fn erasing_is_offered_to_those_who_may() {
    let wanted = "href=\"/erase?id=bare\"";
    assert!(interaction_page("", &bare()).contains(wanted));
    assert!(!interaction_page_for(&holder(&[Permission::Read]), "", &bare()).contains(wanted));
}

#[test]
fn every_detail_finds_more_like_it() {
    let interaction = Interaction { country: Some("Côte d'Ivoire".into()), csat: Some(2), ..bare() };
    let page = interaction_page("", &interaction);
    assert!(page.contains("href=\"/?country=C%C3%B4te+d%27Ivoire\""));
    assert!(page.contains("href=\"/?csat=2\""));
    assert!(page.contains("href=\"/?id=bare\""));
}

#[test]
fn a_row_opens_its_interaction_with_the_search_that_found_it() {
    let interaction = Interaction { id: "a/b?c#d".into(), ..bare() };
    let page = list_page("q=two+words&country=Germany&sort=csat", vec![interaction]);
    let wanted = "href=\"/interactions/a%2Fb%3Fc%23d?q=two+words&amp;country=Germany&amp;sort=csat\"";
    assert!(page.contains(wanted), "{page}");
}

#[test]
fn a_row_says_what_was_said_and_failing_that_what_it_was_about() {
    let mut interaction = bare();
    let headline = |interaction: &Interaction| {
        let page = list_page("", vec![interaction.clone()]);
        let (_, row) = page.split_once("class=\"open\"").unwrap();
        let (link, _) = row.split_once("</a>").unwrap();
        link.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<String>()
    };
    assert_eq!(headline(&interaction), "bare");
    interaction.topics_summary.topic = Some("Refund".to_owned());
    assert_eq!(headline(&interaction), "Refund");
    let summary = "The customer asked: Where is my refund? – The agent: It is on its way.";
    interaction.topics_summary.summary = Some(summary.to_owned());
    assert_eq!(headline(&interaction), "Where is my refund? – It is on its way.");
}

#[test]
fn a_notice_is_shown_with_a_link_that_applies_it() {
    let page = list_page("q=a+or+%3Cb%3E&country=Germany&cursor=x", vec![bare()]);
    assert_clean(&page);
    assert!(page.contains("is searched for as a word"), "{page}");
    assert!(page.contains("href=\"/?country=Germany&amp;q=a+OR+%3Cb%3E\""), "{page}");
}

#[test]
fn an_empty_installation_shows_how_to_send_the_first_event() {
    let nothing = SearchAnswer {
        total: 0,
        took_ms: 0.1,
        notices: vec![],
        items: vec![],
        facets: vec![],
        next_cursor: None,
    };
    let page = list(&Location::default(), Ok(nothing.clone()));
    assert!(page.contains("curl http://localhost:8080/v1/events"));
    let page = list(&Location::parse("q=zzz&country=Chad"), Ok(nothing));
    assert!(
        page.contains("Without “<bdi>Country is Chad</bdi>”")
            && page.contains("Without the words “<bdi>zzz</bdi>”")
            && page.contains("href=\"/?q=zzz\""),
        "{page}"
    );
}

#[test]
fn calls_show_silence_and_who_speaks_over_whom() {
    let message = |id: &str, role, timestamp, end| Message {
        end_offset_ms: Some(end),
        ..serde_json::from_value(
            json!({"id": id, "role": role, "timestamp": timestamp, "at": "2026-11-22T11:00:00Z",
            "message": "…", "billable": false}),
        )
        .unwrap()
    };
    let transcript = vec![
        message("1", "assistant", 0, 3_000),
        message("2", "user", 8_500, 12_000),
        message("3", "assistant", 11_000, 13_000),
    ];
    let kind = Some(hearken_model::InteractionType::VoiceCall);
    let call = Interaction { interaction_type: kind, transcript: Some(transcript), ..bare() };
    let page = interaction_page("", &call);
    assert!(page.contains("5.5 s of silence"));
    assert!(page.contains("speaks over the other for 1.0 s"));
    assert!(page.contains("agent 0:05, caller 0:03; 0:13 in all"), "{page}");
    assert!(!page.contains("human agent"), "nobody took over");
    // Silence follows the metric: none where somebody may have been speaking.
    let mut silent = call.clone();
    silent.transcript.as_mut().unwrap()[0].end_offset_ms = None;
    assert!(!interaction_page("", &silent).contains("of silence"));
    let mut taken_over = call.clone();
    taken_over.transcript.as_mut().unwrap()[2].role = Role::Human;
    assert!(interaction_page("", &taken_over).contains(">human agent</span>"));
    let chat = Interaction { interaction_type: Some(hearken_model::InteractionType::TextChat), ..call };
    assert!(!interaction_page("", &chat).contains("of silence"));
}

#[test]
fn a_long_transcript_stays_small() {
    let message = |idx: usize| {
        serde_json::from_value(json!({"id": idx.to_string(), "role": "user", "timestamp": idx * 1_000,
            "at": "2026-11-22T11:00:00Z", "message": "Hello again", "billable": false}))
        .unwrap()
    };
    let interaction = Interaction { transcript: Some((0..500).map(message).collect()), ..bare() };
    assert!(interaction_page("", &interaction).len() < 400 * 1_024);
}

#[test]
fn pages_say_who_reads_them_and_offer_what_they_may_do() {
    let location = Location::parse("q=alert");
    let nothing = SearchAnswer { total: 0, items: vec![], next_cursor: None, ..found(vec![]) };
    let whole = interaction_page("", &hostile());
    assert!(whole.contains("href=\"/account\">Account<") && whole.contains(">Text<"));

    let facts = holder(&[Permission::Metadata]);
    let page = interaction_page_for(&facts, "", &hostile());
    assert_clean(&page);
    assert!(page.contains("title=\"Signed in for &lt;/script&gt;"), "{page}");
    assert!(!page.contains(">Text<") && page.contains("the permission “read”"), "{page}");
    let listed = list_for(&facts, &location, Ok(found(vec![bare()])));
    assert_clean(&listed);
    assert!(listed.contains("href=\"/interactions/bare?q=alert\""), "{listed}");
    assert!(!list_for(&facts, &Location::default(), Ok(nothing.clone())).contains("curl"));

    let searcher = holder(&[Permission::Search]);
    let listed = list_for(&searcher, &location, Ok(found(vec![bare()])));
    assert!(listed.contains("bare") && !listed.contains("/interactions/bare"), "{listed}");

    let sender = holder(&[Permission::Search, Permission::Ingest]);
    let page = list_for(&sender, &Location::default(), Ok(nothing));
    assert!(page.contains("authorization: Bearer $HEARKEN_KEY"), "{page}");
}
