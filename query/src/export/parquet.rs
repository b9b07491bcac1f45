//! Writes interactions as a Parquet file, in groups of rows, so that memory does not grow with the file.

use std::fmt::Write as _;
use std::sync::Arc;

use hearken_model::field::FieldAccessor;
use hearken_model::{Interaction, Message, Timestamp};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::columns::{CellSource, MESSAGE, MessageAccessor, columns};

/// A group is written once it has this many rows, or this many bytes of cells: that is what an export keeps in memory.
const GROUP_ROWS_MAX: usize = 10_000;
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How times are stored.
const TIME: &str = "TIMESTAMP(MICROS,true)";

/// Collects interactions and writes them as a file.
pub(super) struct Table {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Column>,
    num_rows: usize,
    num_bytes: usize,
}

/// The cells of one column since the last group. Definition levels say whether each cell, or each value of a list, is
/// present; repetition levels say whether a list value begins a row (0) or continues it (1).
struct Column {
    source: ColumnSource,
    cells: Cells,
    definition_levels: Vec<i16>,
    repetition_levels: Option<Vec<i16>>,
}

#[derive(Clone, Copy)]
enum ColumnSource {
    Interaction(&'static CellSource),
    /// A list with a value of every message.
    Messages(&'static MessageAccessor),
}

enum Cells {
    Texts(Vec<ByteArray>),
    Integers(Vec<i64>),
    Doubles(Vec<f64>),
}

impl Table {
    /// A file without rows yet.
    pub(super) fn new() -> Result<Self> {
        let mut schema = "message interaction {\n".to_owned();
        let mut all = Vec::new();
        for (name, source) in columns() {
            // Writing to a String cannot fail.
            let _ = match source {
                CellSource::Read(FieldAccessor::Texts(_)) => {
                    let list = "REPEATED GROUP list { REQUIRED BYTE_ARRAY element (STRING); }";
                    writeln!(schema, "REQUIRED GROUP {name} (LIST) {{ {list} }}")
                }
                CellSource::Transcript => {
                    let fields = MESSAGE.iter().map(|(name, reading)| {
                        all.push(Column::new(ColumnSource::Messages(reading)));
                        match reading {
                            MessageAccessor::Text(_) => format!("OPTIONAL BYTE_ARRAY {name} (STRING); "),
                            MessageAccessor::Number(_) => format!("OPTIONAL DOUBLE {name}; "),
                            MessageAccessor::Time(_) => format!("OPTIONAL INT64 {name} ({TIME}); "),
                        }
                    });
                    let list = format!(
                        "REPEATED GROUP list {{ REQUIRED GROUP element {{ {} }} }}",
                        fields.collect::<String>()
                    );
                    let _ = writeln!(schema, "OPTIONAL GROUP {name} (LIST) {{ {list} }}");
                    continue;
                }
                // Amounts are decimal texts, as everywhere: no scale fits every price.
                CellSource::Read(FieldAccessor::Text(_) | FieldAccessor::Money(_)) | CellSource::Made(_) => {
                    writeln!(schema, "OPTIONAL BYTE_ARRAY {name} (STRING);")
                }
                CellSource::Read(FieldAccessor::Count(_)) => writeln!(schema, "OPTIONAL INT64 {name};"),
                CellSource::Read(FieldAccessor::Seconds(_)) => writeln!(schema, "OPTIONAL DOUBLE {name};"),
                CellSource::Read(FieldAccessor::Time(_)) => {
                    writeln!(schema, "OPTIONAL INT64 {name} ({TIME});")
                }
            };
            all.push(Column::new(ColumnSource::Interaction(source)));
        }
        schema.push('}');
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let schema = Arc::new(parse_message_type(&schema)?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        Ok(Table { writer, columns: all, num_rows: 0, num_bytes: 0 })
    }

    /// Adds a row; the finished part of the file goes to the buffer.
    pub(super) fn write(&mut self, interaction: &Interaction, buffer: &mut Vec<u8>) -> Result<()> {
        self.num_bytes += self.columns.iter_mut().map(|column| column.push(interaction)).sum::<usize>();
        self.num_rows += 1;
        if self.num_rows < GROUP_ROWS_MAX && self.num_bytes < GROUP_BYTES_MAX {
            return Ok(());
        }
        self.write_group()?;
        self.writer.flush()?;
        buffer.append(self.writer.inner_mut());
        Ok(())
    }

    /// Writes the end of the file, without which it cannot be read.
    pub(super) fn finish(mut self, buffer: &mut Vec<u8>) -> Result<()> {
        if self.num_rows > 0 {
            self.write_group()?;
        }
        self.writer.finish()?;
        self.writer.flush()?;
        buffer.append(self.writer.inner_mut());
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            let definitions = Some(column.definition_levels.as_slice());
            let repetitions = column.repetition_levels.as_deref();
            match &column.cells {
                Cells::Texts(cells) => {
                    writer.typed::<ByteArrayType>().write_batch(cells, definitions, repetitions)?
                }
                Cells::Integers(cells) => {
                    writer.typed::<Int64Type>().write_batch(cells, definitions, repetitions)?
                }
                Cells::Doubles(cells) => {
                    writer.typed::<DoubleType>().write_batch(cells, definitions, repetitions)?
                }
            };
            writer.close()?;
            *column = Column::new(column.source);
        }
        group.close()?;
        (self.num_rows, self.num_bytes) = (0, 0);
        Ok(())
    }
}

impl Column {
    fn new(source: ColumnSource) -> Self {
        use ColumnSource::{Interaction, Messages};
        let cells = match source {
            Interaction(CellSource::Read(FieldAccessor::Count(_) | FieldAccessor::Time(_)))
            | Messages(MessageAccessor::Time(_)) => Cells::Integers(Vec::new()),
            Interaction(CellSource::Read(FieldAccessor::Seconds(_)))
            | Messages(MessageAccessor::Number(_)) => Cells::Doubles(Vec::new()),
            Interaction(_) | Messages(MessageAccessor::Text(_)) => Cells::Texts(Vec::new()),
        };
        let is_list = matches!(source, Interaction(CellSource::Read(FieldAccessor::Texts(_))) | Messages(_));
        Column { source, cells, definition_levels: Vec::new(), repetition_levels: is_list.then(Vec::new) }
    }

    /// Adds a row's cell. Returns its size in bytes.
    fn push(&mut self, interaction: &Interaction) -> usize {
        let source = match self.source {
            ColumnSource::Interaction(source) => source,
            ColumnSource::Messages(reading) => return self.list(reading, interaction.transcript.as_deref()),
        };
        match *source {
            CellSource::Read(FieldAccessor::Text(read)) => self.text(0, read(interaction)),
            CellSource::Read(FieldAccessor::Money(read)) => {
                let money = read(interaction).map(|money| money.to_string().into_bytes());
                self.text(0, money)
            }
            CellSource::Made(make) => self.text(0, make(interaction).map(String::into_bytes)),
            CellSource::Read(FieldAccessor::Texts(read)) => self.texts(read(interaction)),
            CellSource::Read(FieldAccessor::Count(read)) => {
                self.integer(0, read(interaction).map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
            }
            CellSource::Read(FieldAccessor::Time(read)) => self.integer(0, read(interaction).map(micros)),
            CellSource::Read(FieldAccessor::Seconds(read)) => self.double(0, read(interaction)),
            CellSource::Transcript => 0, // has its own columns: see `Table::new`
        }
    }

    /// Adds a value of every message. No list at all is level 0, an empty list 1, and a message without the value 2.
    fn list(&mut self, reading: &MessageAccessor, messages: Option<&[Message]>) -> usize {
        let messages = match messages {
            Some(messages) if !messages.is_empty() => messages,
            none => {
                self.repeats(false);
                self.definition_levels.push(none.is_some().into());
                return 0;
            }
        };
        let mut num_bytes = 0;
        for (number, message) in messages.iter().enumerate() {
            self.repeats(number > 0);
            num_bytes += match *reading {
                MessageAccessor::Text(read) => self.text(2, read(message)),
                MessageAccessor::Number(read) => self.double(2, read(message)),
                MessageAccessor::Time(read) => self.integer(2, Some(micros(read(message)))),
            };
        }
        num_bytes
    }

    fn texts(&mut self, texts: &[String]) -> usize {
        if texts.is_empty() {
            self.repeats(false);
            self.definition_levels.push(0);
        }
        let mut num_bytes = 0;
        for (number, text) in texts.iter().enumerate() {
            self.repeats(number > 0);
            num_bytes += self.text(0, Some(text.as_str()));
        }
        num_bytes
    }

    /// Records whether the next list value continues the row.
    fn repeats(&mut self, goes_on: bool) {
        if let Some(repetitions) = &mut self.repetition_levels {
            repetitions.push(goes_on.into());
        }
    }

    /// Adds a value; its level is one higher if it is present.
    fn text(&mut self, level: i16, text: Option<impl Into<ByteArray>>) -> usize {
        self.definition_levels.push(level + i16::from(text.is_some()));
        let mut num_bytes = size_of::<ByteArray>();
        if let (Cells::Texts(cells), Some(text)) = (&mut self.cells, text) {
            let text = text.into();
            num_bytes += text.len();
            cells.push(text);
        }
        num_bytes
    }

    fn integer(&mut self, level: i16, integer: Option<i64>) -> usize {
        self.definition_levels.push(level + i16::from(integer.is_some()));
        if let (Cells::Integers(cells), Some(integer)) = (&mut self.cells, integer) {
            cells.push(integer);
        }
        size_of::<i64>()
    }

    fn double(&mut self, level: i16, double: Option<f64>) -> usize {
        self.definition_levels.push(level + i16::from(double.is_some()));
        if let (Cells::Doubles(cells), Some(double)) = (&mut self.cells, double) {
            cells.push(double);
        }
        size_of::<f64>()
    }
}

fn micros(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::body::Bytes;
    use hearken_model::{Role, Sentiment, ToolCall};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::json;

    use super::*;

    /// The cells of a column, row by row.
    fn read(file: Vec<u8>, name: &str) -> Vec<Field> {
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
        let cell = |row: parquet::record::Row| {
            row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field.clone()).unwrap()
        };
        rows.map(cell).collect()
    }

    #[test]
    fn a_list_that_is_empty_is_told_from_one_that_is_withheld() {
        let message = |role: Role, text: &str| -> Message {
            let message = json!({
                "id": text, "role": role, "timestamp": 0, "at": "1970-01-01T00:00:01.5Z", "message": text, "billable": false,
            });
            serde_json::from_value(message).unwrap()
        };
        let glad = Message {
            sentiment: Some(Sentiment::Positive),
            sentiment_score: Some(0.5),
            ..message(Role::User, "glad")
        };
        let tool = ToolCall { name: "refund".to_owned(), arguments: None, result: None, ok: None };
        let tool = Message { tool: Some(tool), ..message(Role::Tool, "tool") };
        let transcripts =
            [None, Some(vec![glad, tool]), Some(Vec::new()), Some(vec![message(Role::Human, "hi")])];
        let mut table = Table::new().unwrap();
        let mut file = Vec::new();
        for (number, transcript) in transcripts.into_iter().enumerate() {
            let tools = vec!["t".to_owned(); number];
            let interaction =
                Interaction { id: number.to_string(), transcript, tools, ..Interaction::default() };
            table.write(&interaction, &mut file).unwrap();
        }
        table.finish(&mut file).unwrap();
        let said = read(file.clone(), "transcript");
        assert_eq!(said[0], Field::Null);
        let Field::ListInternal(two) = &said[1] else { panic!("{:?}", said[1]) };
        let shown: Vec<_> = two.elements().iter().map(ToString::to_string).collect();
        assert!(shown[0].contains(r#"role: "user", at: 1970-01-01 00:00:01.500"#), "{shown:?}");
        assert!(shown[0].contains(r#"sentiment: "positive", sentiment_score: 0.5"#), "{shown:?}");
        assert!(shown[1].contains("sentiment: null") && shown[1].contains(r#"tool: "refund""#), "{shown:?}");
        let num_elements = |field: &Field| match field {
            Field::ListInternal(list) => Some(list.elements().len()),
            _ => None,
        };
        assert_eq!(said.iter().map(num_elements).collect::<Vec<_>>(), [None, Some(2), Some(0), Some(1)]);
        let tools: Vec<_> = read(file, "tools").iter().map(num_elements).collect();
        assert_eq!(tools, [Some(0), Some(1), Some(2), Some(3)]);
    }
}
