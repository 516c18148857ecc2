//! Standard fields under the names, and with the operators, that Neon was recorded to have.

use crate::api::{Operator, StandardSearchField};
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A standard field of searches.
#[derive(Debug)]
pub(super) struct StandardField {
    pub(super) name: Arc<str>,
    /// Operators that it takes; none if it is no search field.
    pub(super) operators: &'static [Operator],
    /// True if searches can return it.
    pub(super) is_output: bool,
    /// Where this mock finds its value; `None` if no account has one.
    pub(super) source: Option<CellSource>,
}

/// Two fields are the same if they have one name.
impl PartialEq for StandardField {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Where the value of a standard field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellSource {
    /// A member with a field of its own in the wire types.
    Typed(TypedSource),
    /// A member that is kept as JSON: a pointer below the account.
    Account(&'static str),
    /// The same below its contact.
    Contact(&'static str),
}

/// A value that the wire types have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TypedSource {
    /// The account's id.
    AccountId,
    /// Its kind.
    AccountType,
    /// An individual's first name.
    FirstName,
    /// An individual's last name.
    LastName,
    /// Both.
    FullName,
    /// A company's own name, or that of an individual's company.
    CompanyName,
    /// Any of the e-mail addresses: a criterion is met by each.
    AnyEmail,
    /// The first of them.
    Email1,
    /// When it was created.
    CreatedTime,
    /// The day on which it was created.
    CreatedDate,
    /// The author of the account.
    CreatedBy,
    /// When it was last changed.
    ModifiedTime,
    /// The day on which it was last changed.
    ModifiedDate,
    /// The author of its last change.
    ModifiedBy,
}

/// Years that the totals by year cover, the latest first.
const YEARS: std::ops::RangeInclusive<u16> = 2016..=2026;

/// All standard fields.
pub(super) static STANDARD: LazyLock<StandardFields> =
    LazyLock::new(|| StandardFields::read(include_str!("standard_fields.tsv")));

/// Standard fields, found by name.
pub(super) struct StandardFields {
    fields: Vec<StandardField>,
    by_name: BTreeMap<Arc<str>, usize>,
    /// The same by the name in lower case: a client in production writes `email`.
    by_lower_case: BTreeMap<String, usize>,
    search: Arc<[StandardSearchField]>,
    output: Arc<[Arc<str>]>,
}

impl StandardFields {
    fn read(table: &'static str) -> Self {
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let fields: Vec<StandardField> = lines.flat_map(of_line).collect();
        let places = || fields.iter().zip(0..);
        let search = fields.iter().filter(|field| !field.operators.is_empty());
        let search = search.map(|field| StandardSearchField {
            field_name: Arc::clone(&field.name),
            operators: field.operators.into(),
        });
        let mut output: Vec<Arc<str>> = Vec::new();
        output.extend(fields.iter().filter(|field| field.is_output).map(|it| Arc::clone(&it.name)));
        output.sort_unstable();
        Self {
            by_name: places().map(|(field, at)| (Arc::clone(&field.name), at)).collect(),
            by_lower_case: places().map(|(field, at)| (field.name.to_lowercase(), at)).collect(),
            search: search.collect(),
            output: output.into(),
            fields,
        }
    }

    /// The field of exactly that name.
    pub(super) fn named(&self, name: &str) -> Option<&StandardField> {
        self.by_name.get(name).map(|&at| &self.fields[at])
    }

    /// The field of that name in any case.
    pub(super) fn named_in_any_case(&self, name: &str) -> Option<&StandardField> {
        self.by_lower_case.get(&name.to_lowercase()).map(|&at| &self.fields[at])
    }

    /// Standard fields that a search accepts.
    pub(super) fn search_fields(&self) -> Arc<[StandardSearchField]> {
        Arc::clone(&self.search)
    }

    /// Standard fields that a search can return, in the order of their names.
    pub(super) fn output_fields(&self) -> Arc<[Arc<str>]> {
        Arc::clone(&self.output)
    }
}

/// The field of one line of the table, or one for each year.
fn of_line(line: &'static str) -> Vec<StandardField> {
    let mut cells = line.split('\t');
    let mut cell = || cells.next().expect("each line has three cells or four");
    let (name, operators, uses) = (cell(), operators(cell()), cell());
    let source = cells.next().map(source);
    let field = |name: String| StandardField {
        name: name.into(),
        operators,
        is_output: uses != "search",
        source,
    };
    if !name.starts_with("YYYY") {
        return vec![field(name.to_owned())];
    }
    let of_year = |year: u16| {
        let fiscal = name.replace("YYYY-YYYY", &format!("{year}-{}", year + 1));
        field(fiscal.replace("YYYY", &year.to_string()))
    };
    YEARS.rev().map(of_year).collect()
}

fn source(text: &'static str) -> CellSource {
    match text.split_once('/') {
        Some(("account", _)) => CellSource::Account(&text["account".len()..]),
        Some(("contact", _)) => CellSource::Contact(&text["contact".len()..]),
        _ => {
            let name: StrDeserializer<'_, Error> = text.into_deserializer();
            CellSource::Typed(TypedSource::deserialize(name).expect("the table knows its sources"))
        }
    }
}

use Operator::{
    Blank, Contain, Equal, GreaterAndEqual, GreaterThan, InRange, LessAndEqual, LessThan, NotBlank,
    NotEqual, NotInRange,
};

/// Operators of texts, standard and custom; the first two are for texts that may be blank.
pub(super) const TEXT: [Operator; 11] = [
    Blank,
    NotBlank,
    Equal,
    NotEqual,
    InRange,
    NotInRange,
    Contain,
    GreaterThan,
    LessThan,
    GreaterAndEqual,
    LessAndEqual,
];

/// Operators of numbers, amounts and dates, standard and custom.
pub(super) const NUMBER: [Operator; 10] = [
    Equal,
    NotEqual,
    Blank,
    NotBlank,
    LessThan,
    GreaterThan,
    LessAndEqual,
    GreaterAndEqual,
    InRange,
    NotInRange,
];

/// Operators of standard fields by their name in the table, in the order of recorded answers.
fn operators(kind: &str) -> &'static [Operator] {
    match kind {
        "-" => &[],
        "flag" => &[Equal, NotEqual],
        "blank-flag" => &[Blank, NotBlank, Equal, NotEqual],
        "set" => &[Blank, NotBlank, Equal, NotEqual, InRange],
        "choice" => &[Blank, NotBlank, Equal, NotEqual, InRange, NotInRange],
        "filled-choice" => &[Equal, NotEqual, InRange, NotInRange],
        "number" => &NUMBER,
        "text" => &TEXT,
        "filled-text" => &TEXT[2..],
        _ => unreachable!("the table knows its operators: {kind}"),
    }
}
