//! A table as text: the first column to the left, the others to the right, by the width that characters take.

use super::column::Column;
use super::row::Row;
use unicode_width::UnicodeWidthStr;

/// Between two columns.
pub(super) const GAP: usize = 2;
/// The first column has at least so much room, before others are left out.
const NAME_LEAST: usize = 24;

/// Columns with the width of each.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) columns: Vec<(Column, usize)>,
}

impl Grid {
    /// As wide as the texts are.
    pub(super) fn wide(columns: &[Column], rows: &[Row]) -> Self {
        let width = |column: Column| {
            let texts = rows.iter().map(|row| column.text(row).width());
            texts.chain([column.heading().width()]).max().unwrap_or(0)
        };
        Self { columns: columns.iter().map(|&column| (column, width(column))).collect() }
    }

    /// Not wider than `room`: what is worth least is left out, but never the one that is sorted by; the name gets the rest.
    pub(super) fn within(columns: &[Column], rows: &[Row], sort: Column, room: usize) -> Self {
        let mut grid = Self::wide(columns, rows);
        let dispensable = |&(column, _): &(Column, usize)| {
            if column == sort { 0 } else { column.worth() }
        };
        while grid.numbers() + NAME_LEAST > room {
            let Some(least) = grid.columns.iter().map(dispensable).max().filter(|&worth| worth > 0) else { break };
            grid.columns.retain(|column| dispensable(column) != least);
        }
        // Not even one number fits beside a name.
        if grid.numbers() + 8 > room {
            grid.columns.truncate(1);
        }
        let numbers = grid.numbers();
        if let Some((_, width)) = grid.columns.first_mut() {
            *width = room.saturating_sub(numbers);
        }
        grid
    }

    /// What all columns but the first take.
    fn numbers(&self) -> usize {
        self.columns.iter().skip(1).map(|(_, width)| width + GAP).sum()
    }

    /// A line's cells, each as wide as its column.
    pub(super) fn cells(&self, text: impl Fn(Column) -> String) -> Vec<String> {
        let cell = |(at, &(column, width)): (usize, &(Column, usize))| {
            let text = fit(&text(column), width);
            let space = " ".repeat(width.saturating_sub(text.width()));
            if at == 0 { text + &space } else { format!("{:GAP$}{space}{text}", "") }
        };
        self.columns.iter().enumerate().map(cell).collect()
    }
}

/// The text, cut where it is wider than `width`.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if cut.width() + 1 > width {
            cut.pop();
            break;
        }
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_places() {
        assert_eq!(fit("注文を受ける", 12), "注文を受ける");
        assert_eq!(fit("注文を受ける", 8), "注文を…");
        assert_eq!(fit("注文を受ける", 7), "注文を…");
        assert_eq!(fit("orders", 3), "or…");
        assert_eq!(fit("orders", 0), "");
        assert_eq!(fit("e\u{301}e\u{301}", 2), "e\u{301}e\u{301}");
    }
}
