//! Columns of text.

/// Lines of `rows`, each column as wide as its widest text; `gap` spaces between. Widths are those of `plain`, so a cell may have
/// colours.
pub(crate) fn columns(rows: &[Vec<Cell>], gap: usize) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line += &cell.painted;
            if index + 1 < row.len() {
                line += &" ".repeat(width - cell.width() + gap);
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A text with how wide it is.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    plain: String,
    painted: String,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let plain = text.into();
        Self { painted: plain.clone(), plain }
    }

    /// With the colours of `paint`.
    pub(crate) fn painted(text: impl Into<String>, paint: impl FnOnce(&str) -> String) -> Self {
        let plain = text.into();
        Self { painted: paint(&plain), plain }
    }

    fn width(&self) -> usize {
        self.plain.chars().count()
    }
}
