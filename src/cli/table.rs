//! Tables that fit the terminal: columns go, data is never cut.

use super::terminal::{Emphasis, columns, emphasised, escape_controls, stdout_width};

/// Marks a column of a header that is left out first where the terminal is narrow.
const OPTIONAL: char = '?';

/// A table of `rows` below `header`, whose cells are parted by ` | `; a column whose head begins with `?`
/// may be left out. The first column is left-aligned, the others right-aligned.
///
/// On a terminal that is too narrow for it, columns that say the same in each row become one line, then
/// optional columns go, from the right; if that is not enough, each row becomes a paragraph.
pub(super) fn table(header: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    fitted(header, rows, stdout_width())
}

/// The same within `available` columns.
fn fitted(
    header: &str,
    rows: impl IntoIterator<Item = Vec<String>>,
    available: Option<usize>,
) -> String {
    let escaped = |row: Vec<String>| row.iter().map(|cell| escape_controls(cell)).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().map(escaped).collect();
    let heads = header.split(" | ").map(str::trim).enumerate();
    let mut table: Vec<TableColumn> =
        heads.map(|(at, head)| TableColumn::new(head, &rows, at)).collect();
    let fits = |table: &[TableColumn]| available.is_none_or(|available| width(table) <= available);
    let (mut same, mut left_out) = (Vec::new(), Vec::new());
    let first = |column: &&TableColumn| column.at == 0;
    while !fits(&table) {
        let constant =
            table.iter().rposition(|it| !first(&it) && rows.len() > 1 && it.is_constant());
        let optional = table.iter().rposition(|it| it.is_optional);
        if let Some(place) = constant {
            same.push(table.remove(place));
        } else if let Some(place) = optional {
            left_out.push(table.remove(place));
        } else {
            // Nothing is left out of paragraphs.
            table.append(&mut left_out);
            table.sort_by_key(|column| column.at);
            return with_notes(paragraphs(&table), &same, &[]);
        }
    }
    with_notes(lines(&table), &same, &left_out)
}

/// A column of a table.
struct TableColumn {
    /// Its place in the whole table.
    at: usize,
    head: String,
    is_optional: bool,
    cells: Vec<String>,
    width: usize,
}

impl TableColumn {
    fn new(head: &str, rows: &[Vec<String>], at: usize) -> Self {
        let (name, is_optional) = (head.trim_start_matches(OPTIONAL), head.starts_with(OPTIONAL));
        let cells: Vec<String> = rows.iter().map(|row| row[at].clone()).collect();
        let width = cells.iter().map(|cell| columns(cell)).chain([columns(name)]).max();
        Self { at, head: name.to_owned(), is_optional, cells, width: width.unwrap_or(0) }
    }

    fn is_constant(&self) -> bool {
        self.cells.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// `text`, aligned; `shown` is the same with the marks of its tone.
    fn aligned(&self, text: &str) -> String {
        let gap = " ".repeat(self.width - columns(text));
        if self.at == 0 { format!("{text}{gap}") } else { format!("{gap}{text}") }
    }
}

fn width(table: &[TableColumn]) -> usize {
    table.iter().map(|column| column.width + 2).sum::<usize>().saturating_sub(2)
}

fn lines(table: &[TableColumn]) -> Vec<String> {
    let line = |cell: &dyn Fn(&TableColumn) -> String| {
        table.iter().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![
        line(&|column| column.aligned(&emphasised(Emphasis::Strong, &column.head))),
        line(&|column| "─".repeat(column.width)),
    ];
    let rows = table.first().map_or(0, |column| column.cells.len());
    lines.extend((0..rows).map(|row| line(&|column| column.aligned(&column.cells[row]))));
    lines
}

/// Each row as a line of its own with its figures below.
fn paragraphs(table: &[TableColumn]) -> Vec<String> {
    let Some((first, others)) = table.split_first() else { return Vec::new() };
    let row = |row: usize| {
        let figures = others.iter().map(|it| format!("{} {}", it.head, it.cells[row]));
        [
            emphasised(Emphasis::Strong, &first.cells[row]),
            format!("  {}", figures.collect::<Vec<_>>().join(" · ")),
        ]
    };
    (0..first.cells.len()).flat_map(row).collect()
}

fn with_notes(mut lines: Vec<String>, same: &[TableColumn], left_out: &[TableColumn]) -> String {
    if !same.is_empty() {
        let figures =
            same.iter().rev().map(|column| format!("{} {}", column.head, column.cells[0]));
        lines.push(format!("each row: {}", figures.collect::<Vec<_>>().join(" · ")));
    }
    if !left_out.is_empty() {
        let heads: Vec<&str> = left_out.iter().rev().map(|column| &*column.head).collect();
        lines.push(format!("not shown at this width: {}", heads.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "strategy | makespan | ?calls | seeds | audit";

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        vec![
            row(["standard", "2 min 44 s", "1,000", "20", "valid"]),
            row(["pipelined", "1.80 s", "105", "20", "valid"]),
        ]
    }

    fn shown(width: usize) -> String {
        fitted(HEADER, rows(), Some(width)).replace(|c| ('\u{fdd0}'..='\u{fddf}').contains(&c), "")
    }

    #[test]
    fn columns_go_and_no_figure_is_cut() {
        let whole = fitted(HEADER, rows(), None);
        assert_eq!(whole.lines().count(), 4);
        assert_eq!(shown(45), whole.replace(|c| ('\u{fdd0}'..='\u{fddf}').contains(&c), ""));
        assert_eq!(
            shown(29),
            "strategy     makespan  calls\n─────────  ──────────  ─────\nstandard   2 min 44 s  \
             1,000\npipelined      1.80 s    105\neach row: seeds 20 · audit valid"
        );
        assert!(
            shown(22).ends_with("each row: seeds 20 · audit valid\nnot shown at this width: calls")
        );
        assert!(
            shown(20).starts_with("standard\n  makespan 2 min 44 s · calls 1,000\npipelined\n")
        );
        for width in 10..60 {
            for figure in ["2 min 44 s", "1.80 s", "20", "valid"] {
                assert!(shown(width).contains(figure), "{width}: {}", shown(width));
            }
        }
    }

    #[test]
    fn cells_cannot_move_the_cursor() {
        let rows = [vec!["a\u{1b}[2J\nb\u{202e}".to_owned()]];
        let shown = fitted("name", rows, None);
        assert!(shown.contains("a\\u{1b}[2J\\u{a}b\\u{202e}"), "{shown}");
    }
}
