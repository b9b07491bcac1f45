//! Formats interactions for a terminal. Text from outside is never printed unchanged: [`clean`] removes control
//! characters.

use console::{Alignment, Style, measure_text_width, pad_str, style, truncate_str};
use hearken_index::highlight::unescape;
use serde_json::Value;

/// The longest bar of a facet, in characters.
const BAR_WIDTH: usize = 24;
/// Width if the terminal does not report one.
const WIDTH_DEFAULT: usize = 120;

/// Removes control characters, so that text cannot move the cursor, change colours or reverse lines. Line feeds and
/// tabs become spaces.
pub fn clean(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() || is_direction_mark(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(visible).collect()
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A fragment of an answer, which is HTML-escaped with matches in `<mark>`; here they are bold.
pub fn fragment(html: &str) -> String {
    let mut shown = String::new();
    for (idx, part) in html.split("<mark>").enumerate() {
        let (marked, rest) =
            if idx == 0 { ("", part) } else { part.split_once("</mark>").unwrap_or((part, "")) };
        if !marked.is_empty() {
            shown += &style(clean(&unescape(marked))).bold().yellow().to_string();
        }
        shown += &clean(&unescape(rest));
    }
    shown
}

/// The text of an interaction's field, empty if absent.
pub fn text(interaction: &Value, pointer: &str) -> String {
    match interaction.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => clean(text),
        Some(other) => clean(&other.to_string()),
    }
}

/// `2026-05-01T10:00:00.5Z` as `2026-05-01 10:00:00`.
pub fn time(interaction: &Value, pointer: &str) -> String {
    text(interaction, pointer).get(..19).unwrap_or_default().replace('T', " ")
}

/// Seconds as `1:05`, or `1:01:05` from an hour on.
pub fn clock(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{minutes}:{seconds:02}")
    }
}

/// The colour for a sentiment.
pub fn mood(sentiment: &str) -> Style {
    match sentiment {
        "positive" => Style::new().green(),
        "negative" => Style::new().red(),
        _ => Style::new(),
    }
}

/// The colour for a speaker.
pub fn speaker(role: &str) -> Style {
    match role {
        "user" => Style::new().cyan(),
        "assistant" => Style::new().green(),
        "human" => Style::new().magenta(),
        _ => Style::new().dim(),
    }
}

/// The width of a line in characters.
pub fn width() -> usize {
    let term = console::Term::stdout();
    if term.is_term() { usize::from(term.size().1) } else { WIDTH_DEFAULT }
}

const COLUMNS: [&str; 9] =
    ["started", "type", "status", "agent", "country", "csat", "sentiment", "messages", "topic"];

/// The interactions of a page as a table, each with its id and matches below it.
pub fn table(items: &[Value]) -> Vec<String> {
    let rows: Vec<[String; 9]> = items.iter().map(cells).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            let cells = rows.iter().map(|row| measure_text_width(&row[column]));
            cells.chain([COLUMNS[column].len()]).max().unwrap_or(0).min(24)
        })
        .collect();
    let line = |cells: &[String], styles: &dyn Fn(usize) -> Style| {
        let cells = cells.iter().enumerate().map(|(column, cell)| {
            let cell = pad_str(cell, widths[column], Alignment::Left, Some("…"));
            styles(column).apply_to(cell).to_string()
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        truncate_str(line.trim_end(), width(), "…").into_owned()
    };
    let mut lines = vec![line(&COLUMNS.map(str::to_owned), &|_| Style::new().dim())];
    for (item, row) in items.iter().zip(&rows) {
        let sentiment = row[6].clone();
        lines.push(line(row, &|column| if column == 6 { mood(&sentiment) } else { Style::new() }));
        lines.push(format!("  {}", style(text(item, "/id")).blue()));
        for highlight in item["highlights"].as_array().into_iter().flatten() {
            // A message's speaker, or the field of a detail.
            let role = match text(highlight, "/role") {
                role if role.is_empty() => text(highlight, "/field"),
                role => role,
            };
            for html in highlight["fragments"].as_array().into_iter().flatten() {
                let shown = fragment(html.as_str().unwrap_or_default());
                let line = format!("    {} {shown}", speaker(&role).apply_to(format!("{role:9}")));
                lines.push(truncate_str(&line, width(), "…").into_owned());
            }
        }
    }
    lines
}

/// An interaction as one line of the table.
pub fn row(item: &Value) -> String {
    let [started, kind, status, agent, country, csat, sentiment, messages, topic] = cells(item);
    let sentiment_style = mood(&sentiment);
    let line = format!(
        "{started}  {kind:5}  {status:11}  {}  {agent}  {country}  {csat}  {}  {messages} messages  {topic}",
        style(text(item, "/id")).blue(),
        sentiment_style.apply_to(sentiment),
    );
    truncate_str(&line, width(), "…").into_owned()
}

fn cells(item: &Value) -> [String; 9] {
    let kind = match item["type"].as_str() {
        Some("text_chat") => "chat".to_owned(),
        Some("voice_call") => "call".to_owned(),
        _ => String::new(),
    };
    [
        time(item, "/start_time"),
        kind,
        text(item, "/status"),
        text(item, "/agent"),
        text(item, "/country"),
        text(item, "/csat"),
        text(item, "/topics_summary/sentiment"),
        text(item, "/messages_count"),
        text(item, "/topics_summary/topic"),
    ]
}

/// A facet: its values with bars.
pub fn facet(name: &str, values: &[Value]) -> Vec<String> {
    let count = |value: &Value| value["count"].as_u64().unwrap_or(0);
    let largest = values.iter().map(count).max().unwrap_or(0).max(1);
    let label = |value: &Value| match &value["value"] {
        Value::Null => "(none)".to_owned(),
        _ => text(value, "/value"),
    };
    let label_width = values.iter().map(|value| measure_text_width(&label(value))).max().unwrap_or(0).min(40);
    let mut lines = vec![style(clean(name)).bold().to_string()];
    lines.extend(values.iter().map(|value| {
        let length = (count(value) as usize * BAR_WIDTH).div_ceil(largest as usize);
        let label = pad_str(&label(value), label_width, Alignment::Left, Some("…")).into_owned();
        format!(
            "  {label}  {}{} {}",
            style("█".repeat(length)).cyan(),
            " ".repeat(BAR_WIDTH - length),
            count(value)
        )
    }));
    lines
}

/// A whole interaction.
pub fn interaction(item: &Value) -> Vec<String> {
    const FIELDS: [(&str, &str); 20] = [
        ("organization", "/organization"),
        ("agent", "/agent"),
        ("type", "/type"),
        ("status", "/status"),
        ("end reason", "/end_reason"),
        ("started", "/start_time"),
        ("ended", "/end_time"),
        ("duration", "/duration"),
        ("messages", "/messages_count"),
        ("country", "/country"),
        ("city", "/city"),
        ("browser", "/browser"),
        ("system", "/os"),
        ("language", "/language"),
        ("csat", "/csat"),
        ("csat description", "/csat_description"),
        ("rating", "/rating"),
        ("topic", "/topics_summary/topic"),
        ("summary", "/topics_summary/summary"),
        ("sentiment", "/topics_summary/sentiment"),
    ];
    let mut lines = vec![style(text(item, "/id")).bold().blue().to_string()];
    for (name, pointer) in FIELDS {
        let mut value = text(item, pointer);
        if pointer == "/duration" {
            value = item["duration"].as_f64().map(clock).unwrap_or_default();
        }
        if !value.is_empty() {
            lines.push(format!("  {}  {value}", style(format!("{name:16}")).dim()));
        }
    }
    let costs = (text(item, "/total_costs/amount"), text(item, "/total_costs/currency"));
    if !costs.0.is_empty() {
        lines.push(format!("  {}  {} {}", style(format!("{:16}", "costs")).dim(), costs.0, costs.1));
    }
    lines.push(String::new());
    for message in item["transcript"].as_array().into_iter().flatten() {
        let role = text(message, "/role");
        let at = message["timestamp"].as_f64().map(|ms| clock(ms / 1_000.0)).unwrap_or_default();
        let said = message["message"].as_str().unwrap_or_default();
        for (idx, line) in said.split('\n').enumerate() {
            let (at, role_shown) = if idx == 0 { (at.as_str(), role.as_str()) } else { ("", "") };
            let who = speaker(&role).apply_to(format!("{role_shown:9}"));
            lines.push(format!("{}  {who}  {}", style(format!("{at:>8}")).dim(), clean(line)));
        }
        if let Some(tool) = message["tool"]["name"].as_str() {
            lines.push(format!("{:20}  {}", "", style(format!("→ {}", clean(tool))).dim()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_a_command() {
        let hostile = "a\u{1b}[31mred\u{7}\u{9b}2J\r\u{202e}txt\u{0}";
        let shown = clean(hostile);
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
        let item = json!({"id": hostile, "agent": hostile, "topics_summary": {"topic": hostile, "sentiment": hostile},
            "status": hostile, "transcript": [{"role": hostile, "message": hostile, "tool": {"name": hostile}}],
            "highlights": [{"role": hostile, "fragments": [hostile]}, {"field": hostile, "fragments": [hostile]}]});
        console::set_colors_enabled(false);
        let lines = table(std::slice::from_ref(&item)).into_iter().chain([row(&item)]);
        let facet =
            facet(hostile, &[json!({"value": hostile, "count": 3}), json!({"value": null, "count": 1})]);
        for line in lines.chain(interaction(&item)).chain(facet) {
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn fragments_are_text_again() {
        console::set_colors_enabled(false);
        assert_eq!(fragment("a &lt;b&gt; <mark>x&amp;lt;</mark> &#39;c&#39;"), "a <b> x&lt; 'c'");
    }

    #[test]
    fn times_and_lengths_are_short() {
        assert_eq!(
            (clock(65.9), clock(3_665.0), clock(-5.0)),
            ("1:05".into(), "1:01:05".into(), "-0:05".into())
        );
        assert_eq!(time(&json!({"t": "2026-05-01T10:00:00.5Z"}), "/t"), "2026-05-01 10:00:00");
    }
}
