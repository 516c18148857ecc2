//! Read-only look-ups: the same few made-up entries in every organisation.

use super::field::GROUP_ID;
use crate::api::{
    Category, Endpoint, FieldGroup, GroupId, LookUp, LookUpBody, LookUpItem, OrganizationProfile,
    SystemUser,
};
use std::borrow::Cow;

/// Ids and names.
type Named = &'static [(&'static str, &'static str)];

const ACTIVITY_STATUSES: Named =
    &[("1", "Open"), ("2", "In Progress"), ("3", "Waiting"), ("4", "Done")];
const ADDRESS_TYPES: Named = &[("1", "Home"), ("2", "Work"), ("3", "Seasonal")];
const COMPANY_TYPES: Named = &[("1", "Sponsor"), ("2", "Partner"), ("3", "Supplier")];
const COUNTRIES: Named = &[
    ("1", "United States of America"),
    ("2", "Canada"),
    ("44", "United Kingdom"),
    ("49", "Germany"),
];
const EVENT_CATEGORIES: Named = &[("1", "Workshop"), ("2", "Open Day")];
const EVENT_TOPICS: Named = &[("1", "Gardening"), ("2", "Woodwork")];
const INDIVIDUAL_TYPES: Named = &[("1", "Volunteer"), ("2", "Donor"), ("3", "Board Member")];
const RELATION_TYPES: Named = &[("1", "Spouse"), ("2", "Parent"), ("3", "Colleague")];
const SOLICITATION_METHODS: Named = &[("1", "Letter"), ("2", "Telephone"), ("3", "In Person")];
const TIME_ZONES: Named =
    &[("1", "America/New_York"), ("2", "America/Chicago"), ("3", "Europe/Oslo")];

/// Codes and names.
const FUNDS: Named = &[("GEN", "General Fund"), ("TOOL", "Tool Library")];
const PURPOSES: Named = &[("OPS", "Running Costs"), ("BLD", "Building")];
const SOURCES: Named = &[("WEB", "Website"), ("FAIR", "Street Fair")];
const STATES: Named =
    &[("CA", "California"), ("IL", "Illinois"), ("NY", "New York"), ("ON", "Ontario")];
const GENDERS: Named = &[("F", "Female"), ("M", "Male"), ("X", "Non-binary")];

const PREFIXES: &[&str] = &["Dr.", "Mr.", "Mrs.", "Ms.", "Mx."];

const USERS: [(&str, &str, &str); 2] = [("1", "Robin", "Okafor"), ("2", "Sam", "Lindgren")];

/// The answer to `look_up`.
pub(crate) fn look_up(look_up: LookUp) -> LookUpBody {
    match look_up.endpoint() {
        Endpoint::ActivityStatuses => by_id(ACTIVITY_STATUSES),
        Endpoint::AddressTypes => by_id(ADDRESS_TYPES),
        Endpoint::CompanyTypes => by_id(COMPANY_TYPES),
        Endpoint::Countries => by_id(COUNTRIES),
        Endpoint::EventCategories => by_id(EVENT_CATEGORIES),
        Endpoint::EventTopics => by_id(EVENT_TOPICS),
        Endpoint::IndividualTypes => by_id(INDIVIDUAL_TYPES),
        Endpoint::RelationTypes => by_id(RELATION_TYPES),
        Endpoint::SolicitationMethods => by_id(SOLICITATION_METHODS),
        Endpoint::SystemTimezones => by_id(TIME_ZONES),
        Endpoint::Funds => by_code(FUNDS, true),
        Endpoint::Purposes => by_code(PURPOSES, true),
        Endpoint::Sources => by_code(SOURCES, false),
        Endpoint::StateProvinces => LookUpBody::Items(items(STATES, |code, name, _| LookUpItem {
            code: Some(code),
            name: Some(name),
            ..LookUpItem::default()
        })),
        Endpoint::Genders => {
            LookUpBody::Items(items(GENDERS, |code, description, position| LookUpItem {
                code: Some(code),
                description: Some(description),
                position: Some(position),
                ..LookUpItem::default()
            }))
        }
        Endpoint::Prefixes => {
            LookUpBody::Texts(PREFIXES.iter().map(|&prefix| Cow::Borrowed(prefix)).collect())
        }
        Endpoint::CurrentSystemUser => LookUpBody::User(user(USERS[0])),
        Endpoint::SystemUsers => LookUpBody::Users(USERS.map(user).to_vec()),
        Endpoint::OrganizationProfile => LookUpBody::Profile(OrganizationProfile {
            name: Cow::Borrowed("Harbour Tool Library"),
            org_id: Cow::Borrowed("demo"),
            app_url: Cow::Borrowed("https://demo.example.org"),
        }),
        // `GET /webhooks`: the mock has none.
        _ => LookUpBody::Items(Vec::new()),
    }
}

/// The groups of custom fields of `component`: one for the fields of accounts.
pub(crate) fn groups(component: Category) -> Vec<FieldGroup> {
    let general = FieldGroup {
        id: GroupId(GROUP_ID),
        display_name: Cow::Borrowed("General"),
        component: Category::Account,
    };
    if component == Category::Account { vec![general] } else { Vec::new() }
}

/// Each entry of `named` as `item` makes it of code or id, name and position; all are active.
fn items(
    named: Named,
    item: impl Fn(Cow<'static, str>, Cow<'static, str>, u32) -> LookUpItem,
) -> Vec<LookUpItem> {
    let active = |item| LookUpItem { status: Some(Cow::Borrowed("ACTIVE")), ..item };
    let entries = named.iter().zip(1..);
    entries
        .map(|(&(id, name), position)| {
            active(item(Cow::Borrowed(id), Cow::Borrowed(name), position))
        })
        .collect()
}

fn by_id(named: Named) -> LookUpBody {
    LookUpBody::Items(items(named, |id, name, _| LookUpItem {
        id: Some(id),
        name: Some(name),
        ..LookUpItem::default()
    }))
}

fn by_code(named: Named, has_default: bool) -> LookUpBody {
    LookUpBody::Items(items(named, |code, name, position| LookUpItem {
        id: Some(Cow::Owned(position.to_string())),
        code: Some(code),
        name: Some(name),
        is_default: has_default.then_some(position == 1),
        ..LookUpItem::default()
    }))
}

fn user((id, first_name, last_name): (&'static str, &'static str, &'static str)) -> SystemUser {
    SystemUser {
        id: Cow::Borrowed(id),
        first_name: Cow::Borrowed(first_name),
        last_name: Cow::Borrowed(last_name),
    }
}
