//! Memory per changed account, by the process's resident set.
//!
//! Ignored: a figure of the whole process, to be taken alone and not beside other tests.
//! `cargo test --release -p neon-mock --test memory changed_accounts -- --ignored --nocapture`

use neon_mock::api::{Account, AccountBody, AccountId, AccountKind, CustomFieldItem, FieldId};
use neon_mock::behaviour::Behaviour;
use neon_mock::dataset::Dataset;
use neon_mock::org::{FIRST_FIELD_ID, Organisation};
use neon_mock::time::Timestamp;

const ACCOUNTS: u64 = 1_000_000;

/// Fits a value without an allocation of its own, as most do.
const TEXT: &str = "maple river 123";

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Bytes an account takes once `fields` of its text fields have changed.
fn bytes_per_account(fields: u32, ids: impl Iterator<Item = u64>) -> f64 {
    let dataset = Dataset::built_in("plain", 3).unwrap();
    let mut organisation = Organisation::new(&dataset, ACCOUNTS * 10, 1);
    let item = |number| CustomFieldItem {
        id: Some(FieldId(FIRST_FIELD_ID + 3 + number)),
        value: Some(TEXT.into()),
        ..CustomFieldItem::default()
    };
    let items = (0..fields).map(item).collect();
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    let account = Account { kind: AccountKind::Individual, body };
    let before = resident_bytes();
    for id in ids.map(AccountId) {
        organisation.patch(Timestamp::ZERO, id, &account, &Behaviour::default()).unwrap();
    }
    let bytes = resident_bytes() - before;
    let changed = organisation.changed_accounts();
    // Leaked, so that its memory is not reused by the next measurement.
    std::mem::forget(organisation);
    bytes as f64 / changed as f64
}

#[test]
#[ignore = "measures the whole process"]
fn a_changed_account_stays_small() {
    let one = bytes_per_account(1, 1..=ACCOUNTS);
    let sparse = bytes_per_account(1, (1..=ACCOUNTS).map(|id| id * 10));
    let scattered = bytes_per_account(1, (1..=ACCOUNTS).map(|id| id * 7_919 % (ACCOUNTS * 10) + 1));
    let three = bytes_per_account(3, 1..=ACCOUNTS);
    println!(
        "one changed field: {one:.0} bytes an account in id order, {sparse:.0} for every tenth"
    );
    println!("account, {scattered:.0} out of order; three changed fields: {three:.0}");
    assert!(one <= 400.0 && sparse <= 400.0 && scattered <= 400.0);
    assert!(three - 3.0 * TEXT.len() as f64 <= 150.0);
}
