//! Results, refusals and costs of searches.

use super::*;
use crate::api::{
    Account, AccountBody, AccountKind, CustomFieldItem, FieldId, Operator, OutputField, Page,
};
use crate::dataset::Dataset;
use crate::file::DurationText;
use compact_str::CompactString;
use std::collections::BTreeSet;

type Criteria<'a> = &'a [(&'a str, Operator, &'a [&'a str])];

fn organisation() -> Organisation {
    Organisation::new(&Dataset::built_in("v-fields", 2).unwrap(), 1_000, 1)
}

fn asked(criteria: Criteria<'_>, outputs: &[&str], pagination: Page) -> SearchAccounts {
    let criterion = |(field, operator, values): &(&str, Operator, &[&str])| Criterion {
        field: (*field).to_owned(),
        operator: *operator,
        value: None,
        value_list: Some(values.iter().map(|&value| value.to_owned()).collect()),
    };
    SearchAccounts {
        search_fields: criteria.iter().map(criterion).collect(),
        output_fields: outputs.iter().map(|&name| OutputField::Name(name.to_owned())).collect(),
        pagination,
    }
}

fn page(current_page: u32, sort: Option<(&str, SortDirection)>) -> Page {
    Page {
        current_page,
        page_size: 200,
        sort_column: sort.map(|(column, _)| column.to_owned()),
        sort_direction: sort.map(|(_, direction)| direction),
    }
}

fn search(criteria: Criteria<'_>, outputs: &[&str]) -> Result<SearchPage, SearchError> {
    let search = asked(criteria, outputs, page(0, None));
    organisation().search(Timestamp::ZERO, &search, &Behaviour::default())
}

fn ids(page: &SearchPage) -> Vec<u64> {
    page.search_results.iter().map(|row| row.get("Account ID").unwrap().parse().unwrap()).collect()
}

const ALL: Criteria<'static> = &[("Account ID", Operator::NotBlank, &[])];

#[test]
fn criteria_are_anded_and_ids_compared_as_numbers() {
    let page = search(
        &[
            ("Account ID", Operator::GreaterThan, &["9"]),
            ("Account ID", Operator::LessThan, &["100"]),
            ("V-1", Operator::NotBlank, &[]),
        ],
        &["Account ID", "V-1"],
    )
    .unwrap();
    assert!(page.search_results.len() > 50 && page.search_results.len() < 90);
    assert!(page.search_results.iter().all(|row| {
        let id: u64 = row.get("Account ID").unwrap().parse().unwrap();
        (10..100).contains(&id) && row.get("V-1").is_some()
    }));
}

/// Every operator, against the definition of what it keeps among the texts of a field.
#[test]
fn operators_keep_what_they_say() {
    let organisation = organisation();
    let cells: Vec<Option<CompactString>> = {
        let view = organisation.view(Timestamp::ZERO, Duration::ZERO);
        let column = organisation.search_column("V-1").unwrap();
        (1..=1_000).map(|id| view.cell(AccountId(id), column)).collect()
    };
    let wanted = cells.iter().flatten().next().unwrap().to_string();
    let part = &wanted[1..wanted.len() - 1];
    let count = |operator, value: &str| {
        let values: &[&str] = if value.is_empty() { &[] } else { &[value] };
        let search = asked(&[("V-1", operator, values)], &["Account ID"], page(0, None));
        let found = organisation.search(Timestamp::ZERO, &search, &Behaviour::default()).unwrap();
        found.pagination.total_results
    };
    let expected = |keeps: &dyn Fn(Option<&str>) -> bool| {
        cells.iter().filter(|cell| keeps(cell.as_deref())).count() as u64
    };
    let held = |test: &dyn Fn(&str) -> bool| expected(&|cell| cell.is_some_and(test));
    assert_eq!(count(Operator::Equal, &wanted), held(&|cell| cell == wanted));
    assert_eq!(count(Operator::InRange, &wanted), held(&|cell| cell == wanted));
    assert_eq!(count(Operator::NotEqual, &wanted), expected(&|cell| cell != Some(&wanted)));
    assert_eq!(count(Operator::NotInRange, &wanted), expected(&|cell| cell != Some(&wanted)));
    assert_eq!(count(Operator::Blank, ""), expected(&|cell| cell.is_none()));
    assert_eq!(count(Operator::NotBlank, ""), expected(&|cell| cell.is_some()));
    assert_eq!(count(Operator::LessThan, &wanted), held(&|cell| *cell < *wanted));
    assert_eq!(count(Operator::GreaterThan, &wanted), held(&|cell| *cell > *wanted));
    assert_eq!(count(Operator::LessAndEqual, &wanted), held(&|cell| *cell <= *wanted));
    assert_eq!(count(Operator::GreaterAndEqual, &wanted), held(&|cell| *cell >= *wanted));
    assert_eq!(count(Operator::Contain, part), held(&|cell| cell.contains(part)));
}

/// The same on the account id, where ranges and lists are not visited but computed.
#[test]
fn operators_on_the_account_id_compare_numbers() {
    let found = |operator, values: &[&str]| {
        let search = asked(&[("Account ID", operator, values)], &["Account ID"], page(0, None));
        let found = organisation().search(Timestamp::ZERO, &search, &Behaviour::default()).unwrap();
        (found.pagination.total_results, ids(&found).first().copied())
    };
    assert_eq!(found(Operator::Equal, &["7"]), (1, Some(7)));
    assert_eq!(found(Operator::NotEqual, &["1"]), (999, Some(2)));
    assert_eq!(found(Operator::Blank, &[]), (0, None));
    assert_eq!(found(Operator::NotBlank, &[]), (1_000, Some(1)));
    assert_eq!(found(Operator::LessThan, &["10"]), (9, Some(1)));
    assert_eq!(found(Operator::LessThan, &["0"]), (0, None));
    assert_eq!(found(Operator::LessAndEqual, &["10"]), (10, Some(1)));
    assert_eq!(found(Operator::GreaterThan, &["990"]), (10, Some(991)));
    assert_eq!(found(Operator::GreaterThan, &["18446744073709551615"]), (0, None));
    assert_eq!(found(Operator::GreaterAndEqual, &["990"]), (11, Some(990)));
    assert_eq!(found(Operator::InRange, &["12", "3", "3", "4000"]), (2, Some(3)));
    assert_eq!(found(Operator::NotInRange, &["1", "2"]), (998, Some(3)));
    assert_eq!(found(Operator::Contain, &["99"]), (19, Some(99)));
}

#[test]
fn options_are_found_by_name_and_by_id_and_joined_with_a_bar() {
    let by_name = search(&[("T-1", Operator::Contain, &["Cooking"])], &["T-1"]).unwrap();
    let by_id = search(&[("87", Operator::Contain, &["301"])], &["87"]).unwrap();
    assert_eq!(by_name, by_id);
    let cells: Vec<&str> =
        by_name.search_results.iter().map(|row| row.get("T-1").unwrap()).collect();
    assert!(cells.iter().all(|cell| cell.split('|').any(|name| name == "Cooking")));
    assert!(cells.iter().any(|cell| cell.contains('|')));
}

/// An address counts wherever the contact has it, and one that differs does not exclude.
#[test]
fn an_e_mail_address_is_any_of_three_in_any_case() {
    let mut organisation = organisation();
    let body = br#"{"individualAccount":{"primaryContact":{"email3":"Zed@example.net"}}}"#;
    let crate::api::Request::PatchAccount(id, account) =
        crate::api::http::decode("PATCH", "/accounts/3", None, body).unwrap()
    else {
        panic!("a PATCH")
    };
    organisation.patch(Timestamp::ZERO, id, &account, &Behaviour::default()).unwrap();
    let found = |field: &str, operator, value: &str| {
        let search = asked(&[(field, operator, &[value])], &["Account ID"], page(0, None));
        let found = organisation.search(Timestamp::ZERO, &search, &Behaviour::default()).unwrap();
        (found.pagination.total_results, ids(&found).first().copied())
    };
    for (field, address) in [("Email", "A3@example.org"), ("email", "zed@EXAMPLE.net")] {
        assert_eq!(found(field, Operator::Equal, address), (1, Some(3)), "{address}");
        assert_eq!(found(field, Operator::NotEqual, address), (999, Some(1)), "{address}");
    }
    assert_eq!(found("Email 1", Operator::Equal, "Zed@example.net"), (0, None));
}

/// Columns of what an account holds, of what it lacks, and of what the organisation lacks.
#[test]
fn standard_columns_show_what_there_is_and_null_elsewhere() {
    let columns = ["Full Name (F)", "Preferred Name", "City", "Deceased", "Individual Type"];
    let found = search(&[("Account ID", Operator::Equal, &["7"])], &columns).unwrap();
    let row = &found.search_results[0];
    let body = organisation().account(AccountId(7)).unwrap().body;
    let contact = body.primary_contact.unwrap();
    let (first, last) = (contact.first_name.unwrap(), contact.last_name.unwrap());
    assert_eq!(row.get("Full Name (F)"), Some(format!("{first} {last}").as_str()));
    assert_eq!(row.get("Preferred Name"), Some(first.as_str()));
    let others = contact.others.get();
    assert_eq!(row.get("City"), others["addresses"][0]["city"].as_str());
    assert_eq!((row.get("Deceased"), row.get("Individual Type")), (Some("No"), None));
    let empty = ["Membership Expiration Date", "2019 Calendar Year Donation Total", "Company ID"];
    let found = search(ALL, &empty).unwrap();
    assert!(empty.iter().all(|column| found.search_results[0].get(column).is_none()));
    let by_city = search(&[("City", Operator::Equal, &["Ithaca"])], &["City"]).unwrap();
    assert!((150..350).contains(&by_city.pagination.total_results));
}

#[test]
fn days_are_compared_with_days_and_with_moments() {
    let found = |operator, value| {
        let criteria: Criteria<'_> = &[("Account Last Modified Date", operator, &[value])];
        search(criteria, &["Account ID"]).unwrap().pagination.total_results
    };
    assert_eq!(found(Operator::Equal, "2024-01-01"), 1_000);
    assert_eq!(found(Operator::LessAndEqual, "2024-01-01T00:00:00Z"), 1_000);
    assert_eq!(found(Operator::GreaterThan, "2024-01-01"), 0);
    assert_eq!(found(Operator::GreaterAndEqual, "2000-01-01"), 1_000);
}

#[test]
fn a_custom_field_hides_a_standard_one_that_no_account_has() {
    let text = "schema = 1\n[[fields]]\nname = \"Donation Team\"\ntype = \"text\"\nfilled = 1.0\n\
                [[fields]]\nname = \"City\"\ntype = \"text\"\nfilled = 1.0\n";
    let organisation = Organisation::new(&Dataset::from_toml("d.toml", text, 0).unwrap(), 3, 1);
    let column = |name| organisation.search_column(name);
    assert_eq!(column("Donation Team"), Some(Column::Custom(0)));
    assert!(matches!(column("City"), Some(Column::Standard(_))));
    assert_eq!(column("86"), Some(Column::Custom(1)));
}

#[test]
fn the_account_type_is_found_in_either_case() {
    for value in ["Individual", "INDIVIDUAL"] {
        let found = search(&[("Account Type", Operator::Equal, &[value])], &["Account Type"]);
        assert_eq!(found.unwrap().pagination.total_results, 1_000);
    }
}

#[test]
fn columns_are_named_by_name_by_id_and_by_an_id_in_a_text() {
    let mut by_id = asked(ALL, &[], page(0, None));
    by_id.output_fields = vec![OutputField::Id(FieldId(85))];
    let by_id = organisation().search(Timestamp::ZERO, &by_id, &Behaviour::default()).unwrap();
    assert_eq!(search(ALL, &["V-1"]).unwrap(), by_id);
    assert_eq!(search(ALL, &["85"]).unwrap(), by_id);
    assert_eq!(
        search(ALL, &["85", "V-1"]).unwrap_err(),
        SearchError::DuplicateOutput("V-1".to_owned())
    );
}

#[test]
fn results_are_sorted_by_number_or_text_and_stay_in_id_order() {
    let sorted = |column: &str, direction, current_page| {
        let search =
            asked(ALL, &["Account ID", "V-1"], page(current_page, Some((column, direction))));
        organisation().search(Timestamp::ZERO, &search, &Behaviour::default()).unwrap()
    };
    let down = ids(&sorted("Account ID", SortDirection::Desc, 0));
    assert_eq!((down[0], down[199]), (1_000, 801));
    assert_eq!(ids(&sorted("Account ID", SortDirection::Desc, 4)).last(), Some(&1));
    let by_text = sorted("V-1", SortDirection::Asc, 1);
    let keys: Vec<(Option<&str>, u64)> =
        by_text.search_results.iter().map(|row| row.get("V-1")).zip(ids(&by_text)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let by_text = sorted("V-1", SortDirection::Desc, 0);
    let keys: Vec<_> = by_text.search_results.iter().map(|row| row.get("V-1")).collect();
    assert!(keys.is_sorted_by(|a, b| a >= b), "{keys:?}");
}

/// Keyset and paging walk the same accounts, each once.
#[test]
fn pages_and_keysets_cover_every_account_once() {
    let mut dataset = Dataset::built_in("plain", 1).unwrap();
    dataset.merged = 0.1;
    let organisation = Organisation::new(&dataset, 1_000, 1);
    let all: Vec<u64> = organisation.ids().map(|id| id.0).collect();
    let search = |search: &SearchAccounts| {
        organisation.search(Timestamp::ZERO, search, &Behaviour::default()).unwrap()
    };
    let mut paged = Vec::new();
    for current_page in 0.. {
        let found = search(&asked(ALL, &["Account ID"], page(current_page, None)));
        assert_eq!(found.pagination.total_results, all.len() as u64);
        paged.extend(ids(&found));
        if found.pagination.is_last() {
            break;
        }
    }
    assert_eq!(paged, all);
    let mut keyset: Vec<u64> = Vec::new();
    loop {
        let last = keyset.last().copied().unwrap_or_default().to_string();
        let criteria: Criteria<'_> = &[("Account ID", Operator::GreaterThan, &[&last])];
        let found = search(&asked(criteria, &["Account ID"], page(0, None)));
        assert_eq!(found.pagination.total_results, (all.len() - keyset.len()) as u64);
        if found.search_results.is_empty() {
            break;
        }
        keyset.extend(ids(&found));
    }
    assert_eq!(keyset, all);
}

#[test]
fn criteria_on_the_account_id_cost_the_page() {
    let accounts = 10_000_000;
    let organisation = Organisation::new(&Dataset::built_in("plain", 1).unwrap(), accounts, 1);
    let view = organisation.view(Timestamp::ZERO, Duration::ZERO);
    let find = |criteria, current_page, sort| {
        let search = asked(criteria, &["Account ID", "V-1"], page(current_page, sort));
        let columns = organisation.columns(&search.output_fields).unwrap();
        view.find(&search, &columns, &Behaviour::default()).unwrap()
    };
    let keyset: Criteria<'_> = &[("Account ID", Operator::GreaterThan, &["5000000"])];
    let by_id = Some(("Account ID", SortDirection::Desc));
    for (criteria, current_page, sort) in
        [(keyset, 0, None), (keyset, 0, by_id), (ALL, 49_999, None), (ALL, 49_999, by_id)]
    {
        let found = find(criteria, current_page, sort);
        assert_eq!((found.ids.len(), found.visited), (200, 200));
    }
    let range: Criteria<'_> = &[
        ("Account ID", Operator::GreaterAndEqual, &["7000000"]),
        ("Account ID", Operator::LessAndEqual, &["7001000"]),
    ];
    assert_eq!((find(range, 0, None).total, find(range, 0, None).visited), (1_001, 200));
    let list: Criteria<'_> = &[
        ("Account ID", Operator::InRange, &["9", "9000000", "9000001"]),
        ("V-1", Operator::NotBlank, &[]),
    ];
    assert_eq!((find(list, 0, None).total, find(list, 0, None).visited), (3, 3));
}

#[test]
fn searches_find_what_was_there_before_while_they_lag() {
    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }
    let behaviour =
        Behaviour { search_lag: DurationText(Duration::from_secs(1)), ..Behaviour::default() };
    let mut organisation = organisation();
    let write = |text: &str| {
        let item = CustomFieldItem {
            id: Some(FieldId(85)),
            value: Some(text.into()),
            ..CustomFieldItem::default()
        };
        let body =
            AccountBody { account_custom_fields: Some(vec![item]), ..AccountBody::default() };
        Account { kind: AccountKind::Individual, body }
    };
    let id = AccountId(3);
    organisation.patch(at(0), id, &write("first"), &behaviour).unwrap();
    organisation.patch(at(600), id, &write("second"), &behaviour).unwrap();
    let created = organisation.create(at(700), &write("new"), &behaviour).unwrap();
    let found = |text: &str, now, behaviour: &Behaviour| {
        let search = asked(&[("V-1", Operator::Equal, &[text])], &["Account ID"], page(0, None));
        let found = organisation.search(now, &search, behaviour).unwrap();
        ids(&found).into_iter().collect::<BTreeSet<u64>>()
    };
    let hit = BTreeSet::from([id.0]);
    assert!(found("first", at(999), &behaviour).is_empty(), "as it was before both");
    assert!(found("second", at(999), &behaviour).is_empty());
    assert_eq!(found("first", at(1_000), &behaviour), hit, "as it was before the second");
    assert_eq!(found("second", at(1_600), &behaviour), hit);
    assert_eq!(found("second", at(999), &Behaviour::default()), hit, "at once by default");
    assert!(found("new", at(1_699), &behaviour).is_empty());
    assert_eq!(found("new", at(1_700), &behaviour), BTreeSet::from([created.0]));
}

#[test]
fn what_neon_refuses_is_refused() {
    let code = |criteria, outputs| search(criteria, outputs).unwrap_err().api_error().code;
    assert_eq!(code(&[], &["Account ID"]), "30");
    assert_eq!(code(ALL, &[]), "26");
    assert_eq!(code(ALL, &["T-1", "T-1"]), "27");
    assert_eq!(code(ALL, &["T-9"]), "28");
    assert_eq!(code(&[("", Operator::Blank, &[])], &["T-1"]), "22");
    assert_eq!(code(&[("X", Operator::Blank, &[])], &["T-1"]), "23");
    assert_eq!(code(&[("V-1", Operator::Equal, &[])], &["T-1"]), "24");
    assert_eq!(code(&[("Account ID", Operator::GreaterThan, &["last"])], &["T-1"]), "25");
    assert_eq!(code(&[("T-1", Operator::LessThan, &["x"])], &["T-1"]), "29");
    assert_eq!(code(&[("V-1", Operator::NotContain, &["x"])], &["T-1"]), "29");
    assert_eq!(code(&[("Account Type", Operator::NotBlank, &[])], &["T-1"]), "29");
    // Search fields and output fields are two lists.
    assert_eq!(code(&[("Full Name (F)", Operator::NotBlank, &[])], &["T-1"]), "23");
    assert_eq!(code(&[("Account Created Date/Time", Operator::NotBlank, &[])], &["T-1"]), "23");
    assert_eq!(code(ALL, &["Email"]), "28");
    assert_eq!(code(ALL, &["Account Created Date"]), "28");
    let sorted = asked(ALL, &["T-1"], page(0, Some(("V-1", SortDirection::Asc))));
    let error = organisation().search(Timestamp::ZERO, &sorted, &Behaviour::default()).unwrap_err();
    assert_eq!(error.api_error().code, "21");
}
