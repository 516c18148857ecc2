//! The mock of Neon: its pure core, and its two HTTP shells.
//!
//! Measures `Neon::handle` in ns per call, without any wire: reading an account with six fields,
//! changing one field, and a search page of 200 out of 1,000 accounts. Then GET /accounts/{id} over
//! loopback, eight connections with one call in flight on each, with and without keep-alive, beside
//! a bare axum handler that sends one constant account of the same size: what is left between the
//! two is authentication, state, limits, JSON and the books kept of each call. wiremock keeps every request, so that it is
//! started anew every 20,000 requests, outside the time that counts.
//!
//! Beside speed, memory: what a million GETs leave behind, and what an account with one changed field
//! costs, both as the process's resident memory.
//!
//! Must not be read as what a client sees of a loaded server: client and server share the machine,
//! and the time per call is that of eight calls side by side. The ratios are those of rounds in
//! turn, so that another load on the machine meets all rivals.

#[path = "mock/client.rs"]
mod client;
#[path = "mock/memory.rs"]
mod memory;
#[path = "mock/servers.rs"]
mod servers;
mod support;

use criterion::{Criterion, Throughput};
use neon_mock::Neon;
use neon_mock::api::{
    Account, AccountBody, AccountId, AccountKind, Criterion as Wanted, CustomFieldItem, FieldId,
    MAX_PAGE_SIZE, Operator, OutputField, Page, Request, SearchAccounts, Value,
};
use neon_mock::dataset::Dataset;
use neon_mock::org::{FIRST_FIELD_ID, Organisation};
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use servers::Rival;
use std::hint::black_box;
use std::time::Duration;
use support::{at_least, headline, median, sized};

/// Accounts of the mock.
pub(crate) const ACCOUNTS: u64 = 1_000;

/// Fields that are filled on every account.
const FIELDS: u32 = 6;

/// The least that the HTTP shell should do of what the bare handler does.
const BAR_SHELL: f64 = 0.75;

/// Writes `texts` into the fields that follow `first`.
pub(crate) fn patch(id: u64, first: FieldId, texts: &[&str]) -> Request {
    let item = |(id, text): (u32, &&str)| {
        CustomFieldItem::to_write(FieldId(id), false, Some(&Value::Text((*text).into())))
    };
    let items = (first.0..).zip(texts).map(item).collect();
    let body = AccountBody { account_custom_fields: Some(items), ..AccountBody::default() };
    Request::PatchAccount(AccountId(id), Account { kind: AccountKind::Individual, body })
}

/// A mock on each of whose accounts six fields are filled: three made up, three written.
pub(crate) fn filled_neon(profile: &str) -> Neon {
    let dataset = Dataset::built_in("plain", FIELDS / 2).expect("a built-in dataset");
    let organisation = Organisation::new(&dataset, ACCOUNTS, 1);
    let definitions = organisation.definitions();
    let first = definitions.iter().find(|field| &*field.name == "T-1").expect("a target").id;
    let mut neon = Neon::new(Profile::built_in("unlimited").expect("built in"), organisation, 1);
    for id in 1..=ACCOUNTS {
        neon.handle(Timestamp::ZERO, &patch(id, first, &["maple river", "amber", "quiet north"]));
    }
    let fields = neon.organisation().values(AccountId(ACCOUNTS)).len();
    assert_eq!((fields, neon.calls().failed()), (FIELDS as usize, 0));
    neon.set_profile(Profile::built_in(profile).expect("a built-in profile"));
    neon
}

fn search() -> Request {
    let not_blank = Wanted {
        field: "Account ID".to_owned(),
        operator: Operator::NotBlank,
        value: None,
        value_list: None,
    };
    let column = |name: &str| OutputField::Name(name.to_owned());
    Request::SearchAccounts(SearchAccounts {
        search_fields: vec![not_blank],
        output_fields: vec![column("Account ID"), OutputField::Id(FieldId(FIRST_FIELD_ID))],
        pagination: Page { page_size: MAX_PAGE_SIZE, ..Page::default() },
    })
}

/// `Neon::handle` under `documented`, each call when the one before has gone.
fn handle(criterion: &mut Criterion) {
    let mut neon = filled_neon("documented");
    let gets: Vec<Request> = (1..=ACCOUNTS).map(|id| Request::GetAccount(AccountId(id))).collect();
    let texts = |id| if id % 2 == 0 { ["copper willow"] } else { ["linen"] };
    let patches: Vec<Request> =
        (1..=ACCOUNTS).map(|id| patch(id, FieldId(FIRST_FIELD_ID), &texts(id))).collect();
    let mut now = Timestamp::ZERO;
    let mut group = criterion.benchmark_group("mock: Neon::handle");
    group.throughput(Throughput::Elements(1));
    for (name, requests) in
        [("GET account", gets), ("PATCH account", patches), ("search page of 200", vec![search()])]
    {
        let mut requests = requests.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                now = now + Duration::from_secs(60);
                neon.handle(now, black_box(requests.next().expect("a cycle")))
            });
        });
    }
    group.finish();
    assert_eq!(
        (neon.calls().rejected(), neon.calls().failed()),
        (0, 0),
        "calls did not do their work"
    );
}

/// The three servers; they answer alike.
fn rivals(keep_alive: bool) -> [Rival; 3] {
    let mut shell = Rival::shell(keep_alive);
    let mut wiremock = Rival::wiremock(keep_alive);
    let (head, body) = shell.ask();
    let mut bare = Rival::bare(keep_alive, body.clone());
    for rival in [&mut bare, &mut wiremock] {
        let (its_head, its_body) = rival.ask();
        assert_eq!(its_body, body, "{}", rival.name);
        assert_eq!(names(&its_head), names(&head), "{}", rival.name);
    }
    [bare, shell, wiremock]
}

/// The headers' names, sorted.
fn names(head: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        head.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
    names.sort_unstable();
    names
}

fn http(criterion: &mut Criterion, keep_alive: bool) {
    let what = if keep_alive { "keep-alive" } else { "a connection a call" };
    let mut rivals = rivals(keep_alive);
    let mut group = criterion.benchmark_group(format!("mock: GET over HTTP, {what}"));
    group.throughput(Throughput::Elements(1)).sample_size(20);
    let mut asked = false;
    for rival in &mut rivals {
        group.bench_function(rival.name, |bencher| {
            asked = true;
            bencher.iter_custom(|iters| rival.drive(iters));
        });
    }
    group.finish();
    if asked {
        ratios(&mut rivals, what);
    }
}

/// The rivals in turn: what the shells do of what the bare handler does.
fn ratios(rivals: &mut [Rival; 3], what: &str) {
    let (rounds, calls) = sized((15, 2_000), (1, 20));
    let per_s: Vec<[f64; 3]> = (0..rounds)
        .map(|_| rivals.each_mut().map(|rival| calls as f64 / rival.drive(calls).as_secs_f64()))
        .collect();
    let middle = |of: &dyn Fn(&[f64; 3]) -> f64| {
        median(&per_s.iter().map(of).collect::<Vec<f64>>()).expect("at least a round")
    };
    let shell = middle(&|&[bare, shell, _]| shell / bare);
    headline(&format!(
        "mock over HTTP, {what}: bare axum {:.0}, HTTP shell {:.0}, wiremock shell {:.0} calls/s; \
         HTTP shell ÷ bare axum {shell:.2} ({}); wiremock ÷ HTTP shell {:.2}\n",
        middle(&|&[bare, _, _]| bare),
        middle(&|&[_, shell, _]| shell),
        middle(&|&[_, _, wiremock]| wiremock),
        at_least(BAR_SHELL, shell),
        middle(&|&[_, shell, wiremock]| wiremock / shell),
    ));
}

fn main() {
    memory::headlines();
    let mut criterion = support::criterion();
    handle(&mut criterion);
    http(&mut criterion, true);
    http(&mut criterion, false);
    criterion.final_summary();
}
