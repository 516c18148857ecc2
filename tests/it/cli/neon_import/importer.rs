//! A model of Neon's Account Batch Update, by what is documented: the column `Account ID` is required, other columns
//! are custom fields by name, several options stand in one cell, and a blank cell overwrites with nothing.

use neon_mock::api::{
    Account, AccountBody, AccountId, CustomField, CustomFieldItem, OptionId, Value,
};
use neon_mock::behaviour::Behaviour;
use neon_mock::org::Organisation;
use neon_mock::time::Timestamp;

/// The importer, as far as documents leave it open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Importer {
    /// The character between options in one cell.
    pub(super) separator: char,
    /// True if it cuts white space off a cell's ends.
    pub(super) trims: bool,
}

/// The effects of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    pub(super) rows: u64,
    pub(super) cells: u64,
    pub(super) blank: u64,
    /// Cells that emptied a field that held something.
    pub(super) wiped: u64,
}

impl Importer {
    /// Imports the CSV file `text`.
    ///
    /// Errors: the file is refused whole, and nothing is changed.
    pub(super) fn import(
        self,
        organisation: &mut Organisation,
        text: &str,
    ) -> Result<Effects, String> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        let id_at = header.iter().position(|name| name == "Account ID");
        let id_at = id_at.ok_or("the column `Account ID` is required")?;
        let definitions = organisation.definitions().to_vec();
        let columns: Vec<Option<&CustomField>> = header
            .iter()
            .enumerate()
            .map(
                |(place, name)| {
                    if place == id_at { Ok(None) } else { column(&definitions, name).map(Some) }
                },
            )
            .collect::<Result<_, _>>()?;
        let (mut effects, mut writes) = (Effects::default(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let id = record[id_at].parse().map(AccountId).map_err(|_| "no account id")?;
            if !organisation.contains(id) {
                return Err(format!("there is no account {id}"));
            }
            let held = organisation.values(id);
            let mut items = Vec::new();
            for (field, cell) in columns.iter().zip(&record) {
                let Some(field) = field else { continue };
                let value = self.value(field, if self.trims { cell.trim() } else { cell })?;
                let stood = held.iter().any(|(other, _)| *other == field.id);
                effects.blank += u64::from(value.is_none());
                effects.wiped += u64::from(value.is_none() && stood);
                effects.cells += 1;
                let has_options = field.display_type.has_options();
                items.push(CustomFieldItem::to_write(field.id, has_options, value.as_ref()));
            }
            effects.rows += 1;
            writes.push((id, items));
        }
        for (id, items) in writes {
            let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
            let account = Account { kind: organisation.kind(id), body };
            let done = organisation.patch(Timestamp::ZERO, id, &account, &Behaviour::default());
            done.map_err(|error| format!("account {id}: {error}"))?;
        }
        Ok(effects)
    }

    /// The value of `cell` in the column of `field`; `None` if it is blank.
    fn value(self, field: &CustomField, cell: &str) -> Result<Option<Value>, String> {
        if cell.is_empty() {
            return Ok(None);
        }
        if !field.display_type.has_options() {
            return Ok(Some(Value::Text(cell.into())));
        }
        let option = |name: &str| -> Result<OptionId, String> {
            let found = field.option_values.iter().filter(|option| *option.name == *name);
            match found.collect::<Vec<_>>()[..] {
                [only] => Ok(only.id),
                _ => Err(format!("field `{}` has no option `{name}`, or several", field.name)),
            }
        };
        let ids: Vec<OptionId> =
            cell.split(self.separator).map(option).collect::<Result<_, _>>()?;
        Ok(Value::options(ids))
    }
}

/// The only field that has `name`.
fn column<'a>(fields: &'a [CustomField], name: &str) -> Result<&'a CustomField, String> {
    let has = |field: &&CustomField| &*field.name == name || &**field.column_name() == name;
    match fields.iter().filter(has).collect::<Vec<_>>()[..] {
        [only] => Ok(only),
        [] => Err(format!("there is no field `{name}`")),
        _ => Err(format!("there are several fields `{name}`")),
    }
}

#[test]
fn the_model_is_what_the_documents_say() {
    use neon_mock::dataset::Dataset;
    let dataset = Dataset::built_in("v-fields", 2).unwrap();
    let mut organisation = Organisation::new(&dataset, 10, 1);
    let importer = Importer { separator: '|', trims: false };
    let before = organisation.digest();
    let name = organisation.definitions().iter().find(|it| it.display_type.has_options());
    let (field, options) = name.map(|it| (it.name.clone(), it.option_values.clone())).unwrap();
    for wrong in [
        format!("Id,{field}\n1,\n"),
        "Account ID,Nothing\n1,x\n".to_owned(),
        format!("Account ID,{field}\n1,Nobody\n"),
        format!("Account ID,{field}\n99,\n"),
    ] {
        assert!(importer.import(&mut organisation, &wrong).is_err(), "{wrong}");
    }
    assert_eq!(organisation.digest(), before);
    let (one, other) = (&options[0], &options[1]);
    let file = format!("Account ID,{field}\n1,{}|{}\n", one.name, other.name);
    importer.import(&mut organisation, &file).unwrap();
    let held = organisation.values(AccountId(1));
    assert!(
        held.iter().any(|(_, value)| Some(value) == Value::options([one.id, other.id]).as_ref())
    );
    let wiped = importer.import(&mut organisation, &format!("Account ID,{field}\n1,\n")).unwrap();
    assert_eq!(wiped, Effects { rows: 1, cells: 1, blank: 1, wiped: 1 });
}
