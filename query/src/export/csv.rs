//! Writes interactions as CSV rows.

use std::borrow::Cow;

use hearken_model::Interaction;

use super::columns::{CellSource, columns, transcript};

/// The text of a cell; several values are separated by semicolons.
fn cell<'i>(source: &CellSource, interaction: &'i Interaction) -> Cow<'i, str> {
    match source {
        CellSource::Read(reading) => {
            let mut texts = reading.texts(interaction);
            if texts.len() > 1 { Cow::from(texts.join("; ")) } else { texts.pop().unwrap_or_default() }
        }
        CellSource::Made(make) => make(interaction).map(Cow::from).unwrap_or_default(),
        CellSource::Transcript => {
            interaction.transcript.as_deref().map(transcript).unwrap_or_default().into()
        }
    }
}

/// The names of the columns.
pub(super) fn write_header(buffer: &mut Vec<u8>) {
    write(columns().map(|(name, _)| Cow::from(name)), buffer);
}

/// The cells of one interaction.
pub(super) fn write_row(interaction: &Interaction, buffer: &mut Vec<u8>) {
    write(columns().map(|(_, source)| harmless(cell(source, interaction))), buffer);
}

fn write<'c>(cells: impl Iterator<Item = Cow<'c, str>>, buffer: &mut Vec<u8>) {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(buffer);
    let cells = cells.map(|cell| cell.into_owned().into_bytes());
    writer.write_record(cells).expect("writing to a vector cannot fail, and all rows have the same cells");
    writer.flush().expect("writing to a vector cannot fail");
}

/// Spreadsheets execute cells that start like a formula, and the text comes from anyone: an apostrophe makes them text.
/// Spreadsheets that split at semicolons or tabs, or ignore the quotation marks around a multi-line cell, start a new
/// cell after each of these, so the rule applies there, too. Numbers, such as phone numbers with `+`, stay unchanged.
fn harmless(cell: Cow<'_, str>) -> Cow<'_, str> {
    let begins_cell = |c: char| matches!(c, '\n' | '\r' | '\t' | ';');
    let begins_with_blank = cell.starts_with(['\t', '\r']);
    let mut starts = vec![0];
    starts.extend(cell.match_indices(begins_cell).map(|(at, _)| at + 1));
    starts.retain(|start| {
        let rest = &cell[*start..];
        is_formula(rest.split(begins_cell).next().unwrap_or_default()) || *start == 0 && begins_with_blank
    });
    if starts.is_empty() {
        return cell;
    }
    let mut harmless = String::with_capacity(cell.len() + starts.len());
    let mut done = 0;
    for start in starts {
        harmless.push_str(&cell[done..start]);
        harmless.push('\'');
        done = start;
    }
    harmless.push_str(&cell[done..]);
    Cow::from(harmless)
}

/// Whether a spreadsheet might take the text for a formula: spaces, quotation marks and invisible characters are
/// skipped, and full-width signs count.
fn is_formula(text: &str) -> bool {
    let is_passed_over = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\0')
    };
    let text = text.trim_start_matches(is_passed_over);
    let Some(sign) = text.chars().next() else { return false };
    let is_number = |rest: &str| {
        rest.contains(|c: char| c.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | ',' | '(' | ')'))
    };
    match sign {
        '+' | '-' => !is_number(&text[1..]),
        _ => matches!(sign, '=' | '@' | '＝' | '＋' | '－' | '＠'),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_read_back_and_no_cell_is_a_formula() {
        let mut interaction = Interaction {
            id: "a \"b\",\nc".to_owned(),
            caller: Some("+49 (30) 1234".to_owned()),
            rating_comment: Some("=HYPERLINK(\"http://x\")".to_owned()),
            duration: Some(61.5),
            ..Interaction::default()
        };
        interaction.metadata.insert("a".to_owned(), hearken_model::Scalar::Text("x;=1+1".to_owned()));
        interaction.total_costs.amount = Some("-0.25".parse().unwrap());
        interaction.topics_summary.keywords = vec!["late".to_owned(), "refund".to_owned()];
        let mut buffer = Vec::new();
        write_header(&mut buffer);
        write_row(&interaction, &mut buffer);
        let mut reader = csv::Reader::from_reader(buffer.as_slice());
        let names = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| row.get(names.iter().position(|n| n == name).unwrap()).unwrap();
        assert_eq!(cell("id"), interaction.id);
        assert_eq!(cell("caller"), "+49 (30) 1234");
        assert_eq!(cell("rating_comment"), "'=HYPERLINK(\"http://x\")");
        assert_eq!(cell("metadata"), "{\"a\":\"x;'=1+1\"}");
        assert_eq!(cell("total_costs"), "-0.25");
        assert_eq!((cell("duration"), cell("keywords"), cell("csat")), ("61.5", "late; refund", ""));
    }

    #[test]
    fn nothing_begins_a_formula_wherever_a_spreadsheet_begins_a_cell() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+1+1", "'+1+1"),
            ("-1+1", "'-1+1"),
            ("-- comment", "'-- comment"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("-2+3+cmd|'/c calc'!A1", "'-2+3+cmd|'/c calc'!A1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            ("＝1", "'＝1"),
            ("＋a", "'＋a"),
            ("－a", "'－a"),
            ("＠a", "'＠a"),
            ("  =1", "'  =1"),
            ("\u{FEFF}=1", "'\u{FEFF}=1"),
            ("\"=1\"", "'\"=1\""),
            ("a\n=1", "a\n'=1"),
            ("a\r\n=1\r\n\r\nb", "a\r\n'=1\r\n\r\nb"),
            ("a;=1;+b; @c", "a;'=1;'+b;' @c"),
            ("a\t=1", "a\t'=1"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("a;＝1", "a;'＝1"),
            ("user: hi\n- one\n-5\n-", "user: hi\n'- one\n-5\n'-"),
        ] {
            assert_eq!(harmless(cell.into()), written, "{cell:?}");
        }
        for honest in [
            "",
            "-5",
            "-0.25",
            "+49 (30) 1234",
            "a=b",
            "1-2",
            "a, =b",
            "ada@example.com",
            "a;b\nc",
            "late; -5",
            "-1,234.56",
        ] {
            assert_eq!(harmless(honest.into()), honest);
        }
    }
}
