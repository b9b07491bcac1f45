//! Interactions as a Parquet file: written in groups of rows, so that memory does not grow with the file.

use std::fmt::Write as _;
use std::sync::Arc;

use hearken_model::Interaction;
use hearken_model::field::Reading;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::columns::{Source, columns};

/// A group is written when it has so many rows, or so many bytes of cells: what one export keeps in memory.
const GROUP_ROWS_MAX: usize = 10_000;
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Takes interactions and writes a file of them.
pub(super) struct Table {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Column>,
    num_rows: usize,
    num_bytes: usize,
}

/// The cells of one column since the last group. The levels say of each cell, or of each value of a list, whether it is
/// there, and of the values of lists which begins a row (0) and which goes on (1).
struct Column {
    source: &'static Source,
    cells: Cells,
    definition_levels: Vec<i16>,
    repetition_levels: Option<Vec<i16>>,
}

enum Cells {
    Texts(Vec<ByteArray>),
    Integers(Vec<i64>),
    Doubles(Vec<f64>),
}

impl Table {
    /// A file without rows.
    pub(super) fn new() -> Result<Self> {
        let mut schema = "message interaction {\n".to_owned();
        for (name, source) in columns() {
            let type_of = match source {
                Source::Read(Reading::Texts(_)) => {
                    let list = "REPEATED GROUP list { REQUIRED BYTE_ARRAY element (STRING); }";
                    let _ = writeln!(schema, "REQUIRED GROUP {name} (LIST) {{ {list} }}"); // a String takes all
                    continue;
                }
                // Amounts are decimal texts, as everywhere: no scale holds every price.
                Source::Read(Reading::Text(_) | Reading::Money(_)) | Source::Made(_) => {
                    ("BYTE_ARRAY", " (STRING)")
                }
                Source::Read(Reading::Count(_)) => ("INT64", ""),
                Source::Read(Reading::Seconds(_)) => ("DOUBLE", ""),
                Source::Read(Reading::Time(_)) => ("INT64", " (TIMESTAMP(MICROS,true))"),
            };
            let _ = writeln!(schema, "OPTIONAL {} {name}{};", type_of.0, type_of.1);
        }
        schema.push('}');
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let schema = Arc::new(parse_message_type(&schema)?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let columns = columns().map(|(_, source)| Column::new(source)).collect();
        Ok(Table { writer, columns, num_rows: 0, num_bytes: 0 })
    }

    /// Takes a row; what is ready of the file goes to the buffer.
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

    /// The end of the file, without which it cannot be read.
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
    fn new(source: &'static Source) -> Self {
        let cells = match source {
            Source::Read(Reading::Count(_) | Reading::Time(_)) => Cells::Integers(Vec::new()),
            Source::Read(Reading::Seconds(_)) => Cells::Doubles(Vec::new()),
            Source::Read(_) | Source::Made(_) => Cells::Texts(Vec::new()),
        };
        let is_list = matches!(source, Source::Read(Reading::Texts(_)));
        Column { source, cells, definition_levels: Vec::new(), repetition_levels: is_list.then(Vec::new) }
    }

    /// Adds the cell of a row. Answers how many bytes it takes.
    fn push(&mut self, interaction: &Interaction) -> usize {
        match *self.source {
            Source::Read(Reading::Text(read)) => self.text(read(interaction).map(str::to_owned)),
            Source::Read(Reading::Money(read)) => self.text(read(interaction).map(|money| money.to_string())),
            Source::Made(make) => self.text(make(interaction)),
            Source::Read(Reading::Texts(read)) => self.texts(read(interaction)),
            Source::Read(Reading::Count(read)) => {
                self.integer(read(interaction).map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Source::Read(Reading::Time(read)) => {
                self.integer(read(interaction).map(|time| time.as_nanos().div_euclid(1_000)))
            }
            Source::Read(Reading::Seconds(read)) => {
                let seconds = read(interaction);
                self.definition_levels.push(seconds.is_some().into());
                if let (Cells::Doubles(cells), Some(seconds)) = (&mut self.cells, seconds) {
                    cells.push(seconds);
                }
                size_of::<f64>()
            }
        }
    }

    fn text(&mut self, text: Option<String>) -> usize {
        self.definition_levels.push(text.is_some().into());
        let num_bytes = text.as_ref().map_or(0, String::len);
        if let (Cells::Texts(cells), Some(text)) = (&mut self.cells, text) {
            cells.push(text.into_bytes().into());
        }
        num_bytes + size_of::<ByteArray>()
    }

    fn texts(&mut self, texts: &[String]) -> usize {
        let (Cells::Texts(cells), Some(repetitions)) = (&mut self.cells, &mut self.repetition_levels) else {
            return 0; // lists are of texts, and have these levels: see `Column::new`
        };
        if texts.is_empty() {
            self.definition_levels.push(0);
            repetitions.push(0);
        }
        for (number, text) in texts.iter().enumerate() {
            self.definition_levels.push(1);
            repetitions.push((number > 0).into());
            cells.push(text.as_str().into());
        }
        texts.iter().map(|text| text.len() + size_of::<ByteArray>()).sum()
    }

    fn integer(&mut self, integer: Option<i64>) -> usize {
        self.definition_levels.push(integer.is_some().into());
        if let (Cells::Integers(cells), Some(integer)) = (&mut self.cells, integer) {
            cells.push(integer);
        }
        size_of::<i64>()
    }
}
