//! The project's own customer messages (`training/customer.txt`), generated from their patterns.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::{CUSTOMER, Part, Row, WEIGHTS};

/// Messages generated from each pattern that has slots.
const VARIANTS: usize = 12;

/// All messages of the file; its head explains the format.
pub(crate) fn rows() -> Result<Vec<Row>, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("training/customer.txt");
    let Ok(source) = std::fs::read_to_string(&path) else { return Ok(Vec::new()) };
    let mut slots: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut random = 0x1234_5678_9abc_def1;
    for (idx, line) in
        source.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("# "))
    {
        if let Some((name, values)) = line.strip_prefix('$').and_then(|line| line.split_once(" = ")) {
            slots.insert(name, values.split(" | ").collect());
            continue;
        }
        let (label, pattern) =
            line.split_once(' ').ok_or_else(|| format!("customer.txt:{}: no label", idx + 1))?;
        let label = match label {
            "-" => 0,
            "0" => 1,
            "+" => 2,
            _ => return Err(format!("customer.txt:{}: unknown label `{label}`", idx + 1)),
        };
        let mut written = Vec::new();
        for _ in 0..if pattern.contains('$') { VARIANTS } else { 1 } {
            let text = write_out(pattern, &slots, &mut random)
                .ok_or_else(|| format!("customer.txt:{}: unknown slot", idx + 1))?;
            if !written.contains(&text) {
                written.push(text);
            }
        }
        let part = if idx % 10 == 3 { Part::Tune } else { Part::Train };
        // A pattern counts as much as about three plain messages, however many it generates.
        let share = WEIGHTS[CUSTOMER] * (3.0 / written.len() as f32).min(1.0);
        for text in written {
            let mut target = [0.03; 3];
            target[label] = 0.94;
            rows.push(Row { text, target, label, source: CUSTOMER, weight: share, part });
        }
    }
    Ok(rows)
}

/// Replaces every `$slot` by one of its values, repeatedly; `None` for an unknown slot.
fn write_out(pattern: &str, slots: &BTreeMap<&str, Vec<&str>>, random: &mut u64) -> Option<String> {
    let mut text = pattern.to_owned();
    for _ in 0..20 {
        let Some(start) = text.find('$') else { return Some(text) };
        let len = text[start + 1..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len() - start - 1);
        let values = slots.get(&text[start + 1..start + 1 + len])?;
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let value = values[(*random >> 11) as usize % values.len()];
        text.replace_range(start..start + 1 + len, value);
    }
    Some(text)
}
