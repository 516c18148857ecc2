//! `README.txt`: the order of the files, what they change, and what only Neon knows.

use super::builder::{ImportFigures, ImportSet};
use super::cell::{CellCounts, only_of};
use super::cost::ImportCost;
use super::table::ImportFile;
use crate::text::{count, escape_controls, join_and, plural, unmapped_in_words};
use neonbench_engine::record::UnmappedValues;
use std::fmt::Write as _;

/// Where, when and by how many calls the accounts were read.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The organisation, for people.
    pub organisation: String,
    /// The time of the first read.
    pub read_at: String,
    /// API calls, all of them reads.
    pub calls: u64,
}

/// Width of the text.
const WIDTH: usize = 100;

/// Lines of that width, in which names of files stay whole.
fn wrapped<'a>() -> textwrap::Options<'a> {
    let options = textwrap::Options::new(WIDTH);
    options.word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// A paragraph.
fn paragraph(text: &mut String, words: &str) {
    text.push_str(&textwrap::fill(&escape_controls(words), wrapped()));
    text.push_str("\n\n");
}

/// An item of a list, with its mark.
fn item(text: &mut String, mark: &str, words: &str) {
    let indent = " ".repeat(mark.len() + 1);
    let first = format!("{mark} ");
    let options = wrapped().initial_indent(&first).subsequent_indent(&indent);
    text.push_str(&textwrap::fill(&escape_controls(words), options));
    text.push('\n');
}

fn heading(text: &mut String, words: &str) {
    let line = "-".repeat(words.chars().count());
    write!(text, "{words}\n{line}\n\n").expect("a text takes what is written");
}

impl ImportSet<'_> {
    /// The text of `README.txt`. It holds no values that one account alone has.
    pub fn guide(&self, of: &Circumstances) -> String {
        let mut text = String::new();
        heading(&mut text, "Migrate without API writes: files for Neon's Account Batch Update");
        self.summary(&mut text, of);
        self.order(&mut text);
        self.unknowns(&mut text);
        self.rest(&mut text);
        text
    }

    fn summary(&self, text: &mut String, of: &Circumstances) {
        let Circumstances { organisation, read_at, calls } = of;
        let ImportFigures { accounts, changed, unchanged, unmapped, skipped, failed, left_out } =
            self.figures;
        paragraph(
            text,
            &format!(
                "Read from {organisation} at {read_at} by {}, none of which writes. Of {}, {} change; {} hold what the \
                 plan demands already, {} are left alone since a map has no entry for their values, {} have none of the plan's fields, {} \
                 have a value that a mapping refuses, and {} are in no file (see the end).",
                plural(*calls, "call"),
                plural(accounts, "account"),
                count(changed),
                count(unchanged),
                count(unmapped),
                count(skipped),
                count(failed),
                count(left_out)
            ),
        );
        let cost = ImportCost::new(*calls, self.files.len() as u64);
        paragraph(
            text,
            &format!(
                "It takes a person about {} and {} clicks. {}",
                plural(cost.person_minutes, "minute"),
                count(cost.clicks),
                cost.assumption
            ),
        );
        paragraph(
            text,
            "The files hold personal data, and only you may read them. Do not save them from a spreadsheet: it changes \
             numbers, dates and what looks like a formula. Edits that colleagues save after the time above are \
             overwritten: export again right before you import.",
        );
    }

    fn order(&self, text: &mut String) {
        heading(text, "Order");
        let mut number = 0;
        let mut step = |text: &mut String, words: &str| {
            number += 1;
            item(text, &format!("{number}."), words);
        };
        if let Some(trial) = &self.trial {
            let ids: Vec<String> = trial.accounts().iter().map(ToString::to_string).collect();
            let (accounts, ids) = (plural(ids.len() as u64, "account"), join_and(&ids));
            let after = if trial.clears {
                "Every cell of it is blank on purpose: its fields must be empty now, and other fields as before."
            } else {
                "Every column of it must hold the file's text, several options of one cell must be chosen singly, and \
                 fields that it does not name must be as before."
            };
            step(
                text,
                &format!(
                    "Import trial.csv, which has {accounts} ({ids}), by Import Manager > Account Batch Update, and match \
                     each column to the custom field of its name. Look at the {} in Neon. {after}",
                    if trial.accounts().len() == 1 { "account" } else { "accounts" }
                ),
            );
            step(
                text,
                "Import trial-undo.csv, and look again: they must be as they were, and blank cells must have cleared \
                 their fields. If either differs, stop here.",
            );
        }
        for ImportFile { import, table, .. } in &self.files {
            let columns: Vec<String> = table.columns.iter().map(|it| format!("`{it}`")).collect();
            let (accounts, columns) =
                (plural(table.accounts().len() as u64, "account"), join_and(&columns));
            let cells = if table.clears {
                "CLEARS: every cell is blank on purpose, and clears its field. Import it only once all files before it \
                 are in."
            } else {
                "No cell is blank."
            };
            step(text, &format!("Import {import}: {accounts}, {columns}. {cells}"));
        }
        if self.is_repeatable {
            step(
                text,
                "Check it: `neonbench plan export --neon-import` with the same plan and another folder must find no account to \
                 import.",
            );
        }
        text.push('\n');
        if let Some(last) = self.files.last() {
            let blank = match self.clearing_undos {
                0 => String::new(),
                cells => format!(
                    " {} of them {} blank on purpose, since the field was empty.",
                    plural(cells, "cell"),
                    if cells == 1 { "is" } else { "are" }
                ),
            };
            paragraph(
                text,
                &format!(
                    "To take it back, import the undo file of each file that you imported, the last first (from {}). \
                     They hold what stood there at the time above.{blank} Edits saved since are overwritten.",
                    last.undo
                ),
            );
        }
    }

    fn unknowns(&self, text: &mut String) {
        heading(text, "Only Neon knows these; the trial shows some");
        let CellCounts { formulas, loose, broken, several } = self.counts;
        let mut unknown = |words: &str| item(text, "-", words);
        unknown(
            "The most rows of a file. If Neon refuses a file for its size, export again with --most-rows N.",
        );
        if several > 0 {
            unknown(&format!(
                "The character between several options in one cell. {} have `{}`; --separator chooses `|` or `,`. If the \
                 trial shows one odd option, or none, choose the other.",
                plural(several, "cell"),
                self.columns.separator
            ));
        }
        unknown(
            "Whether options of a cell replace those of the account. These files assume that they do.",
        );
        unknown("Whether webhooks fire, and your integrations with them.");
        unknown(
            "Whether reports show the change at once, or after the nightly job (an older page says so).",
        );
        let only = self.columns.definitions().filter_map(|field| {
            let kind = only_of(field.account_type())?;
            Some(format!("`{}` ({kind})", field.name))
        });
        let only: Vec<String> = only.collect();
        if !only.is_empty() {
            unknown(&format!(
                "Whether fields of one kind of account can be imported (an older page says no): {}.",
                join_and(&only)
            ));
        }
        let read_only = self.columns.definitions();
        let read_only: Vec<String> = read_only
            .filter(|field| field.constituent_read_only == Some(true))
            .map(|field| format!("`{}`", field.name))
            .collect();
        if !read_only.is_empty() {
            unknown(&format!(
                "Whether fields that constituents cannot edit can be imported: {}.",
                join_and(&read_only)
            ));
        }
        for (cells, what, then) in [
            (loose, "begin or end with white space", "The importer may trim them."),
            (broken, "hold line breaks", "They stand in quotes, as RFC 4180 has it."),
            (
                formulas,
                "would be formulas in a spreadsheet",
                "They stand as they are, since a mark before them would change the data.",
            ),
        ] {
            if cells > 0 {
                let cells = plural(cells, "cell");
                unknown(&format!("{cells} of the import and undo files {what}. {then}"));
            }
        }
        unknown("The encoding. The files are UTF-8 without a mark.");
        text.push('\n');
    }

    /// The accounts that the files leave out, and values without an entry in a map.
    fn rest(&self, text: &mut String) {
        heading(text, "Left out of the files");
        if self.left_out.is_empty() {
            paragraph(text, "Nothing.");
        } else {
            let reasons = plural(self.left_out.len() as u64, "reason");
            paragraph(
                text,
                &format!(
                    "left-out.csv names {reasons}, by account. Migrate these accounts by `neonbench run`, or by hand."
                ),
            );
        }
        let unmapped = unmapped_in_words(&UnmappedValues::of(&self.unmapped, false));
        if !unmapped.is_empty() {
            heading(text, "Values without an entry in a map: they stay where they are");
        }
        for words in unmapped {
            item(text, "-", &words);
        }
    }
}
