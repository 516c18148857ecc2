//! Records of a comma-separated file, as spreadsheets and reports export them.
//!
//! A field may stand in double quotes, in which separators and line breaks are text and a quote is doubled
//! (RFC 4180). Lines end with LF, CRLF or CR.

/// The records of `text` with the lines on which they begin, from 1; fields are parted by any of `separators`.
/// Blank lines are left out.
pub(super) fn records(text: &str, separators: &[char]) -> Vec<(usize, Vec<String>)> {
    let mut records = Vec::new();
    let (mut line, mut begins) = (1, 1);
    let (mut record, mut field) = (Vec::new(), String::new());
    let (mut is_quoted, mut was_quoted) = (false, false);
    let mut rest = text.chars().peekable();
    let mut end = |record: &mut Vec<String>, field: &mut String, begins: usize| {
        record.push(std::mem::take(field).trim().to_owned());
        let record = std::mem::take(record);
        if record.iter().any(|field| !field.is_empty()) {
            records.push((begins, record));
        }
    };
    while let Some(c) = rest.next() {
        let is_break = c == '\n' || c == '\r';
        if is_break && c == '\r' && rest.peek() == Some(&'\n') {
            rest.next();
        }
        line += usize::from(is_break);
        match c {
            '"' if is_quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if field.trim().is_empty() && !was_quoted => (is_quoted, was_quoted) = (true, true),
            _ if is_quoted => field.push(if is_break { '\n' } else { c }),
            _ if is_break => {
                end(&mut record, &mut field, begins);
                (begins, was_quoted) = (line, false);
            }
            c if separators.contains(&c) => {
                record.push(std::mem::take(&mut field).trim().to_owned());
                was_quoted = false;
            }
            c => field.push(c),
        }
    }
    end(&mut record, &mut field, begins);
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_parted_unless_they_are_quoted() {
        let found = |text: &str| {
            let records = records(text, &[',', ';', '\t']);
            records.into_iter().map(|(line, fields)| (line, fields.join("|"))).collect::<Vec<_>>()
        };
        let of = |line: usize, fields: &str| (line, fields.to_owned());
        let text = "a,b\r\n\"1,5\"; \"say \"\"x\"\"\" \t2\r\r\"two\nlines\",z\nlast";
        let expected =
            [of(1, "a|b"), of(2, "1,5|say \"x\"|2"), of(4, "two\nlines|z"), of(6, "last")];
        assert_eq!(found(text), expected);
        assert_eq!(found(",\n\n ;\n"), []);
    }
}
