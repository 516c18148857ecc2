//! Formats for people: counts, durations, percentages, lists, and escaping, for page, Markdown and
//! terminal alike.

use neon_mock::api::{CustomField, Value};
use neonbench_engine::record::{ColleagueEdits, UnmappedRow, UnmappedValues};
use std::borrow::Cow;

/// The meaning of the figure beside which [`edits_in_words`] says `at risk`, after these words.
pub const AT_RISK: &str = ": edits saved between the read and the write of an account, per 1,000 accounts, if each account is edited once per hour";

/// A number with separated thousands: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut parted = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    parted
}

/// A count with its noun, in the plural but for one: `1 account`, `1,234 accounts`, `2 searches`.
pub fn plural(number: u64, noun: &str) -> String {
    let noun = match noun.strip_suffix('y') {
        _ if number == 1 => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    };
    format!("{} {noun}", count(number))
}

/// The size of a migration: `500 accounts × 8 mappings`.
pub fn size(accounts: u64, mappings: u64) -> String {
    format!("{} × {}", plural(accounts, "account"), plural(mappings, "mapping"))
}

/// Edits of colleagues: overwritten, of all that were saved, or at risk where nobody edited:
/// `4.05 of 81.3 overwritten (1 to 8 in 20 runs)`, `2.46 at risk`.
pub fn edits_in_words(edits: &ColleagueEdits) -> String {
    let ColleagueEdits { edits_overwritten, edits_during_run, edits_at_risk, .. } = *edits;
    if edits_during_run == 0.0 {
        return if edits.are_at_risk() {
            format!("{} at risk", sig3(edits_at_risk))
        } else {
            "–".to_owned()
        };
    }
    if edits.edits_runs < 2 {
        return format!("{edits_overwritten} of {edits_during_run} overwritten");
    }
    let [fewest, most] = edits.edits_overwritten_range;
    format!(
        "{} of {} overwritten ({fewest} to {most} in {})",
        sig3(edits_overwritten),
        sig3(edits_during_run),
        plural(edits.edits_runs, "run")
    )
}

/// The first `most` of `words`, with `between` them, and the number of the others: `1, 2, 3 and 40 more`.
pub fn first_of(words: &[String], most: usize, between: &str) -> String {
    let (named, more) = words.split_at(words.len().min(most));
    let named = named.join(between);
    match more.len() {
        0 => named,
        more => format!("{named} and {} more", count(more as u64)),
    }
}

/// Bytes in MiB, to three digits: `41.6 MiB`.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", sig3(bytes as f64 / 1_048_576.0))
}

/// Seconds in units for people: `338 ms`, `1.80 s`, `2 min 44 s`, `1 h 06 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3_600 {
        return format!("{} min {:02} s", whole / 60, whole % 60);
    }
    let minutes = (seconds / 60.0).round() as u64;
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}

/// Seconds as minutes to three digits: `65.7`, `2.73`.
pub fn minutes(seconds: f64) -> String {
    sig3(seconds / 60.0)
}

/// The guide's minutes as it writes them: `45`, `1.5`.
pub fn claimed_minutes(seconds: f64) -> String {
    format!("{}", seconds / 60.0)
}

/// `number` to three digits, whole from 100 on, with separated thousands; nothing is `0`.
pub fn sig3(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size < 9.995 => format!("{number:.2}"),
        size if size < 99.95 => format!("{number:.1}"),
        _ => whole(number, "-"),
    }
}

/// `number` without digits behind the point, with separated thousands.
fn whole(number: f64, minus: &str) -> String {
    let digits = format!("{:.0}", number.abs());
    // A value that is not finite has no digits.
    let digits = digits.parse().map_or(digits, count);
    format!("{}{digits}", if number <= -0.5 { minus } else { "" })
}

/// A ratio as a whole percentage: `87 %`, `1,225 %`.
pub fn percent(ratio: f64) -> String {
    format!("{} %", whole(ratio * 100.0, "−"))
}

/// A ratio as a percentage, with one digit below ten: `0.6 %`, `87 %`. What is not quite nothing is
/// `< 0.1 %`.
pub fn share(ratio: f64) -> String {
    match ratio * 100.0 {
        percent if percent > 0.0 && percent < 0.05 => "< 0.1 %".to_owned(),
        percent if percent > 0.0 && percent < 9.95 => format!("{percent:.1} %"),
        _ => self::percent(ratio),
    }
}

/// Milliseconds without their unit, finer the shorter they are: `251`, `12.3`, `0.417`.
pub fn fine_ms(ms: f64) -> String {
    if ms >= 100.0 || ms == 0.0 {
        format!("{ms:.0}")
    } else if ms >= 10.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.3}")
    }
}

/// A difference as a percentage with its sign: `+46.1 %`, `−54.0 %`.
pub fn signed(ratio: f64) -> String {
    // A difference that rounds to nothing has no sign.
    let tenths = (ratio * 1_000.0).round() / 10.0;
    match tenths {
        0.0 => "0.0 %".to_owned(),
        tenths if tenths < 0.0 => format!("−{:.1} %", -tenths),
        tenths => format!("+{tenths:.1} %"),
    }
}

/// A difference in ms with its sign, to a hundredth: `+0.31`, `−0.02`.
pub fn signed_ms(ms: f64) -> String {
    match (ms * 100.0).round() / 100.0 {
        0.0 => "0.00".to_owned(),
        ms if ms < 0.0 => format!("−{:.2}", -ms),
        ms => format!("+{ms:.2}"),
    }
}

/// A distance between distributions, which lies between 0 and 1: `0.0123`.
pub fn distance(ratio: f64) -> String {
    format!("{ratio:.4}")
}

/// `text` with control characters, line ends among them, and Unicode's direction marks as visible
/// escapes, so that it cannot move a terminal's cursor or reverse the order of letters.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(moves) {
        return text.into();
    }
    let shown = text
        .chars()
        .map(|c| if moves(c) { format!("\\u{{{:x}}}", c as u32) } else { c.to_string() });
    shown.collect::<String>().into()
}

/// `text` with Markdown's and HTML's special characters escaped.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let text = text.replace(['\n', '\r'], " ");
    for character in escape_controls(&text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '`' | '*' | '[' | ']' | '\\' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `text` as Markdown's code, in which nothing is escaped: a fence of more backticks than it has in a row
/// ends it.
pub fn markdown_code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let text = escape_controls(&text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The value of an account's field; options by their names where `field` lists them, else by id.
pub fn field_value(value: Option<&Value>, field: Option<&CustomField>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Text(text)) => format!("`{text}`"),
        Some(Value::Options(ids)) => {
            let options = || field.into_iter().flat_map(|field| &field.option_values);
            let name = |id| options().find(|option| option.id == id).map(|option| &*option.name);
            let names: Vec<String> = ids
                .iter()
                .map(|&id| name(id).map_or_else(|| id.to_string(), |name| format!("`{name}`")))
                .collect();
            names.join(", ")
        }
    }
}

/// Letters that make a spreadsheet take a cell for a formula. Source: OWASP, CSV injection.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// True if a spreadsheet would take `cell` for a formula. A number is none.
pub fn is_formula(cell: &str) -> bool {
    cell.starts_with(FORMULA) && cell.parse::<f64>().is_err()
}

/// A cell of a CSV file, in quotes where it needs them. Source: RFC 4180.
pub fn csv_cell(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        return format!("\"{}\"", cell.replace('"', "\"\"")).into();
    }
    cell.into()
}

/// Names in a sentence: `a`, `a and b`, `a, b and c`.
pub fn join_and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Values without an entry in a map that are named; the others are counted.
const NAMED_VALUES: usize = 20;

/// The values for which a map has no entry, a sentence each.
pub fn unmapped_in_words(found: &UnmappedValues) -> Vec<String> {
    let UnmappedValues { values, not_listed, .. } = found;
    let row = |row: &UnmappedRow| {
        let UnmappedRow { source, target, value, accounts } = row;
        let accounts = plural(*accounts, "account");
        format!(
            "`{value}` on {accounts}: the map from `{source}` to `{target}` has no entry for it"
        )
    };
    let mut lines: Vec<String> = values.iter().take(NAMED_VALUES).map(row).collect();
    let unnamed = values.len().saturating_sub(NAMED_VALUES) as u64 + not_listed;
    if unnamed > 0 {
        let noun = if lines.is_empty() { "value" } else { "further value" };
        lines.push(format!("{} without an entry", plural(unnamed, noun)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_say_them() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!([0, 1, 1_000].map(|n| plural(n, "run")), ["0 runs", "1 run", "1,000 runs"]);
        assert_eq!(size(1, 1), "1 account × 1 mapping");
        assert_eq!(size(500, 8), "500 accounts × 8 mappings");
        let nouns = ["search", "entry", "day", "box"].map(|noun| plural(2, noun));
        assert_eq!(nouns, ["2 searches", "2 entries", "2 days", "2 boxes"]);
        assert_eq!(duration(0.3375), "338 ms");
        assert_eq!(duration(1.8), "1.80 s");
        assert_eq!(duration(164.2), "2 min 44 s");
        assert_eq!(duration(3_941.0), "1 h 06 min");
        assert_eq!(minutes(3_941.0), "65.7");
        assert_eq!(minutes(60.5), "1.01");
        assert_eq!((claimed_minutes(2_700.0), claimed_minutes(90.0)), ("45".into(), "1.5".into()));
        assert_eq!([0.958, -0.43, 172.886].map(percent), ["96 %", "−43 %", "17,289 %"]);
        assert_eq!([12_345.6, -1_000.0, 999.5].map(sig3), ["12,346", "-1,000", "1,000"]);
        assert_eq!([0.0, 0.0004, 0.006, 0.87].map(share), ["0 %", "< 0.1 %", "0.6 %", "87 %"]);
        assert_eq!([0.0, 0.417, 12.34, 251.3].map(fine_ms), ["0", "0.417", "12.3", "251"]);
    }

    #[test]
    fn differences_carry_their_sign_and_nothing_has_none() {
        assert_eq!(signed(0.461), "+46.1 %");
        assert_eq!(signed(-0.54), "−54.0 %");
        assert_eq!(signed(-0.0001), "0.0 %");
        assert_eq!([0.314, -0.02, -0.001].map(signed_ms), ["+0.31", "−0.02", "0.00"]);
    }

    #[test]
    fn markdown_is_not_obeyed() {
        assert_eq!(markdown("<b> | `x` *y*"), "&lt;b&gt; \\| \\`x\\` \\*y\\*");
        assert_eq!(markdown("a\u{202e}b\nc"), "a\\\\u{202e}b c");
    }

    #[test]
    fn what_moves_the_cursor_or_the_reading_order_is_made_visible() {
        assert_eq!(escape_controls("Müller <b> \"quoted\" ✓ 王"), "Müller <b> \"quoted\" ✓ 王");
        assert_eq!(escape_controls("a\u{1b}[2Jb\nc\u{7f}"), "a\\u{1b}[2Jb\\u{a}c\\u{7f}");
        assert_eq!(
            escape_controls("x\u{202e}y\u{2066}z\u{200f}"),
            "x\\u{202e}y\\u{2066}z\\u{200f}"
        );
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(join_and(&names), "a, b and c");
        assert_eq!(join_and(&names[..2]), "a and b");
    }
}
