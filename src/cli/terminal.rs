//! The way out to a terminal: control characters escaped, words wrapped at spaces, weight and colour.
//!
//! Text is marked with [`emphasised`], and only the last step turns marks into escape sequences: what comes from
//! a file or a server is escaped like all the rest, and cannot bring sequences of its own. Off a terminal
//! nothing is wrapped, and `anstream` takes colours away; it also heeds `NO_COLOR`, `CLICOLOR` and `TERM=dumb`.

use super::error::CliError;
use super::progress;
use anstyle::{AnsiColor, Style};
use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The meaning of a few words, which decides their colour and weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emphasis {
    Good,
    Bad,
    Warning,
    Strong,
}

/// Begin an emphasis, in the order of its variants, and end it. Unicode keeps these for internal use.
const BEGINS: [char; 4] = ['\u{fdd0}', '\u{fdd1}', '\u{fdd2}', '\u{fdd3}'];
const ENDS: char = '\u{fddf}';

/// Words that a line or a label begins with, and their emphasis.
const LEADS: [(&str, Emphasis); 13] = [
    ("error:", Emphasis::Bad),
    ("warning:", Emphasis::Warning),
    ("warning ", Emphasis::Warning),
    ("note:", Emphasis::Strong),
    ("failed ", Emphasis::Bad),
    ("differs ", Emphasis::Bad),
    ("conflict ", Emphasis::Warning),
    ("problem:", Emphasis::Bad),
    ("finding ", Emphasis::Warning),
    ("next:", Emphasis::Strong),
    ("best:", Emphasis::Strong),
    ("verdict ", Emphasis::Strong),
    ("recommended ", Emphasis::Strong),
];

/// Deepest column that the second line of a labelled text begins at.
const MAX_HANG: usize = 24;

/// Units that stay on the line of their figure, by a space that does not break.
const UNITS: [&str; 6] = ["ms", "s", "min", "h", "%", "MiB"];
const NO_BREAK: &str = "\u{a0}";

/// No terminal is taken for narrower than this.
const MIN_WIDTH: usize = 40;

impl Emphasis {
    /// In the order of their marks.
    const ALL: [Self; 4] = [Self::Good, Self::Bad, Self::Warning, Self::Strong];

    fn style(self) -> Style {
        let bold = Style::new().bold();
        match self {
            Self::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Self::Bad => bold.fg_color(Some(AnsiColor::Red.into())),
            Self::Warning => bold.fg_color(Some(AnsiColor::Yellow.into())),
            Self::Strong => bold,
        }
    }
}

/// `text`, marked with `emphasis`.
pub(super) fn emphasised(emphasis: Emphasis, text: impl fmt::Display) -> String {
    format!("{}{text}{ENDS}", BEGINS[emphasis as usize])
}

/// `text` without the marks of tones.
fn unmarked(text: &str) -> String {
    text.replace(|c| BEGINS.contains(&c) || c == ENDS, "")
}

/// Columns that marked `text` takes.
pub(super) fn columns(text: &str) -> usize {
    display_width(&unmarked(text))
}

/// Columns of the terminal that `stream` is; `None` if it is none, or does not know its size.
fn width_of(stream: &impl IsTerminal) -> Option<usize> {
    let size = stream.is_terminal().then(terminal_size::terminal_size).flatten();
    size.filter(|(width, _)| width.0 > 0).map(|(width, _)| usize::from(width.0).max(MIN_WIDTH))
}

/// Columns of standard output; `None` if it is no terminal.
pub(super) fn stdout_width() -> Option<usize> {
    width_of(&std::io::stdout())
}

/// Columns of standard error; `None` if it is no terminal.
pub(super) fn stderr_width() -> Option<usize> {
    width_of(&std::io::stderr())
}

/// `text` as one line, control characters escaped.
pub(super) fn escape_controls(text: &str) -> String {
    neonbench::text::escape_controls(text).into_owned()
}

/// Writes `text` and a line end to standard output.
///
/// Errors: standard output cannot be written; a closed pipe (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    end_line(writeln!(anstream::stdout(), "{}", rendered(text, stdout_width())))
}

/// Writes the text of a file, whose lines stay as they are.
///
/// Errors: as [`print`].
pub(super) fn print_file(text: &str) -> Result<(), CliError> {
    let lines: Vec<String> = text.split('\n').map(escape_controls).collect();
    end_line(writeln!(std::io::stdout(), "{}", lines.join("\n")))
}

/// The result of writing a line to standard output; a closed pipe is no error.
pub(super) fn end_line(written: std::io::Result<()>) -> Result<(), CliError> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Stdout(error))
        }
        _ => Ok(()),
    }
}

/// Writes `text` and a line end to standard error, above the live line.
pub(crate) fn complain(text: impl fmt::Display) {
    let text = rendered(&text.to_string(), stderr_width());
    // Standard error that cannot be written leaves no other place to say so.
    progress::above(|| _ = writeln!(anstream::stderr(), "{text}"));
}

/// Writes an error of clap's to standard error. Its text has styles of its own.
pub(super) fn complain_styled(text: &str) {
    let width = stderr_width();
    let fitted = |line| width.map_or_else(|| str::to_owned(line), |width| wrapped(line, width));
    let lines: Vec<String> = text.trim_end().split('\n').map(fitted).collect();
    // As in `complain`.
    _ = writeln!(anstream::stderr(), "{}", lines.join("\n"));
}

/// Marked `text` as a terminal of `width` columns shows it, with escape sequences for its tones.
fn rendered(text: &str, width: Option<usize>) -> String {
    let line = |line: &str| {
        let line = escape_controls(line);
        let is_too_wide = |width: &usize| columns(&line) > *width;
        match (width.filter(is_too_wide), line.strip_prefix("next: ")) {
            (None, _) => painted(&led(&line)),
            (Some(width), Some(command)) => painted(&led(&continued("next: ", command, width))),
            (Some(width), None) => wrapped(&painted(&led(&line)), width),
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// `line` with the emphasis of the word that it begins with.
fn led(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let Some((lead, emphasis)) = LEADS.iter().find(|(lead, _)| text.starts_with(lead)) else {
        return line.to_owned();
    };
    let (word, indent) = (lead.trim_end(), &line[..line.len() - text.len()]);
    format!("{indent}{}{}", emphasised(*emphasis, word), &text[word.len()..])
}

/// Marks as escape sequences.
fn painted(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut style = Style::new();
    for character in line.chars() {
        if let Some(emphasis) = BEGINS.iter().position(|begin| *begin == character) {
            style = Emphasis::ALL[emphasis].style();
            let _ = write!(shown, "{style}");
        } else if character == ENDS {
            let _ = write!(shown, "{style:#}");
            style = Style::new();
        } else {
            shown.push(character);
        }
    }
    shown
}

/// `line` in lines of `width` columns at most, broken at spaces; those after the first begin below the text
/// of the first. A word that is longer stays whole.
fn wrapped(line: &str, width: usize) -> String {
    let indent = " ".repeat(hang(line));
    let line = &with_units(line);
    let options = Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .subsequent_indent(&indent);
    textwrap::fill(line, options).replace(NO_BREAK, " ")
}

/// `line` with spaces that do not break between figures and their units.
fn with_units(line: &str) -> String {
    let mut joined = String::with_capacity(line.len());
    for (index, word) in line.split(' ').enumerate() {
        let unit = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
        let digit = |c: char| c.is_ascii_digit();
        let is_unit = UNITS.contains(&unit) && joined.ends_with(digit);
        // 1 min 48 s is one figure.
        let is_in_two = ["min", "h"].iter().any(|it| joined.ends_with(&format!("{NO_BREAK}{it}")));
        let is_joined = is_unit || (is_in_two && word.starts_with(digit));
        let gap = if is_joined { NO_BREAK } else { " " };
        joined.push_str(if index == 0 { "" } else { gap });
        joined.push_str(word);
    }
    joined
}

/// Column at which the text of a line begins: behind its label, if there is one.
fn hang(line: &str) -> usize {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    let label = text.find("  ").map(|end| {
        let gap = text[end..].len() - text[end..].trim_start_matches(' ').len();
        indent + display_width(&text[..end]) + gap
    });
    // A line that is indented as far goes on with the text of a label above it.
    let own = if indent > 4 { indent } else { indent + 2 };
    label.filter(|column| *column <= MAX_HANG).unwrap_or(own)
}

/// A command after `lead` in lines that a shell joins again.
fn continued(lead: &str, command: &str, width: usize) -> String {
    let mut lines = vec![lead.to_owned()];
    for word in shell_words(command) {
        let line = lines.last_mut().expect("there is a first line");
        let is_first = line.trim_end().len() == line.len() - 1 || line.trim().is_empty();
        // The line may have to end with a space and a backslash.
        if is_first || columns(line) + 1 + columns(word) + 2 <= width {
            let gap = if is_first { "" } else { " " };
            let _ = write!(line, "{gap}{word}");
        } else {
            line.push_str(" \\");
            lines.push(format!("    {word}"));
        }
    }
    lines.join("\n")
}

/// The words of a command; what stands between quotes, and a flag with its value, is one word.
fn shell_words(command: &str) -> Vec<&str> {
    let (mut words, mut begin, mut is_quoted) = (Vec::new(), 0, false);
    for (at, character) in command.char_indices() {
        match character {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                let is_flag = command[begin..at].starts_with("--") && at - begin > 2;
                let has_value = !command[at + 1..].starts_with('-');
                if !(is_flag && has_value && !command[begin..at].contains(' ')) {
                    words.push(&command[begin..at]);
                    begin = at + 1;
                }
            }
            _ => {}
        }
    }
    words.push(&command[begin..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` as 40 columns show it, without colours.
    fn narrow(text: &str) -> String {
        anstream::adapter::strip_str(&rendered(text, Some(40))).to_string()
    }

    #[test]
    fn words_wrap_at_spaces_below_their_text() {
        assert_eq!(
            narrow("  makespan  9.60 s (physical limit 9.00 s, efficiency 0.94)"),
            "  makespan  9.60 s (physical limit\n            9.00 s, efficiency 0.94)"
        );
        assert_eq!(
            narrow("ranked by time, with a price on refusals beyond a few"),
            "ranked by time, with a price on refusals\n  beyond a few"
        );
        assert_eq!(
            narrow("ranking pipelined 5.15 s, parallel 1 min 48 s."),
            "ranking pipelined 5.15 s, parallel\n  1 min 48 s."
        );
        let digest = "f".repeat(64);
        assert_eq!(narrow(&digest), digest, "a word is never cut");
    }

    #[test]
    fn a_command_in_several_lines_is_one_to_a_shell() {
        let command =
            "neonbench run --resources 12 --profile 'my own.toml' --dry-run -- sh -c 'a b'";
        let shown = narrow(&format!("next: {command}"));
        assert!(shown.lines().count() > 2, "{shown}");
        assert!(shown.lines().all(|line| line.len() <= 40), "{shown}");
        assert!(shown.contains("--profile 'my own.toml'"), "{shown}");
        let joined = shown.replace(" \\\n    ", " ");
        assert_eq!(joined, format!("next: {command}"));
    }

    #[test]
    fn tones_are_sequences_that_text_from_elsewhere_cannot_bring() {
        let text =
            format!("  audit     {}, not \u{1b}[31mred", emphasised(Emphasis::Bad, "INVALID"));
        let shown = rendered(&text, None);
        let bad = Emphasis::Bad.style();
        assert_eq!(shown, format!("  audit     {bad}INVALID{bad:#}, not \\u{{1b}}[31mred"));
        assert_eq!(columns(&text), columns(&unmarked(&text)));
        let warned = rendered("warning: no", None);
        let warning = Emphasis::Warning.style();
        assert_eq!(warned, format!("{warning}warning:{warning:#} no"));
    }
}
