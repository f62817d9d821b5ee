//! A part of a report, in aligned columns.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// A heading, named columns and rows; columns are as wide as their widest cell.
pub struct Section {
    title: &'static str,
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Section {
    /// Without rows.
    pub fn new(title: &'static str, columns: &[&str]) -> Self {
        Self { title, columns: columns.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// One number each.
    pub fn counts(title: &'static str, counts: &BTreeMap<String, u64>) -> Self {
        let mut section = Self::new(title, &[""]);
        for (name, count) in counts {
            section.row(name, &[*count]);
        }
        section
    }

    /// A row of numbers.
    pub fn row(&mut self, name: &str, cells: &[u64]) {
        let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        self.text(name, &cells);
    }

    /// A row of texts.
    pub fn text(&mut self, name: &str, cells: &[String]) {
        self.rows.push((name.to_string(), cells.to_vec()));
    }
}

/// Narrowest and widest first column; longer names are not cut.
const NAME_WIDTH: std::ops::RangeInclusive<usize> = 44..=76;

impl Display for Section {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        let long = |text: &str| text.chars().count();
        let longest = self.rows.iter().map(|(name, _)| long(name)).max().unwrap_or(0);
        let name_width = longest.clamp(*NAME_WIDTH.start(), *NAME_WIDTH.end());
        let width = |column: usize| {
            let cells =
                self.rows.iter().filter_map(|(_, cells)| cells.get(column)).chain(self.columns.get(column));
            cells.map(|cell| long(cell)).max().unwrap_or(0).max(8)
        };
        write!(f, "\n{:<w$}", self.title, w = name_width + 2)?;
        for (at, column) in self.columns.iter().enumerate() {
            write!(f, "  {column:>w$}", w = width(at))?;
        }
        writeln!(f)?;
        for (name, cells) in &self.rows {
            write!(f, "  {name:<name_width$}")?;
            for (at, cell) in cells.iter().enumerate() {
                write!(f, "  {cell:>w$}", w = width(at))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
