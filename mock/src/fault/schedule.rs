//! Fault tables of a profile, in force.
//!
//! Each table has its own stream and counters, and sees every call it applies to, also
//! those that another table fails: adding a table shifts nothing in the others.

use super::{FaultKind, NextFailure};
use crate::api::{AccountId, Endpoint};
use crate::rng::{self, Generator};
use crate::time::Timestamp;
use rand::Rng;

/// One fault table of a profile, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Ways to fail, equally likely. Not empty.
    pub kinds: Vec<NextFailure>,
    /// Which calls of the table are hit.
    pub trigger: Trigger,
    /// Endpoints of the table, by index.
    pub endpoints: [bool; Endpoint::ALL.len()],
    /// Start.
    pub from: Timestamp,
    /// End; `None` for ever.
    pub until: Option<Timestamp>,
    /// Accounts of the table; `None` for all calls, also those that name no account.
    pub accounts: Option<Poison>,
    /// Number of consecutive calls that fail once one is hit, that one included.
    pub burst: u32,
}

/// Which of its calls a table hits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// Each with this probability.
    Share(f64),
    /// The first `n`.
    First(u64),
    /// Every `n`-th.
    Every(u64),
}

/// Accounts whose calls go wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Poison {
    /// These, in order.
    pub records: Vec<AccountId>,
    /// And this share of all, computed from seed and id.
    pub share: f64,
}

/// Calls that went wrong by design, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts([u64; FaultKind::ALL.len()]);

impl FaultCounts {
    /// Calls of one kind.
    pub const fn of(&self, kind: FaultKind) -> u64 {
        self.0[kind as usize]
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) const fn count(&mut self, kind: FaultKind) {
        self.0[kind as usize] += 1;
    }
}

/// The fault tables of a profile, in force.
#[derive(Clone, Debug)]
pub(crate) struct FaultSchedule(Vec<FaultTable>);

#[derive(Clone, Debug)]
struct FaultTable {
    fault: Fault,
    stream: Generator,
    /// Key from which poisoned accounts are computed.
    poison_key: u64,
    /// Calls that the table was for.
    seen: u64,
    /// Kind and number of the failures left in a burst.
    burst: Option<(NextFailure, u32)>,
}

impl FaultSchedule {
    /// `faults`, each with the stream of `seed` that is named by its position and kinds.
    pub(crate) fn new(faults: &[Fault], seed: u64) -> Self {
        let mut schedule = Self(Vec::with_capacity(faults.len()));
        for fault in faults {
            schedule.add(fault.clone(), seed);
        }
        schedule
    }

    /// Adds a table behind the others.
    pub(crate) fn add(&mut self, fault: Fault, seed: u64) {
        let kinds: Vec<String> = fault.kinds.iter().map(NextFailure::to_string).collect();
        let name = format!("fault/{}/{}", self.0.len(), kinds.join("+"));
        self.0.push(FaultTable {
            stream: rng::stream(seed, &name),
            poison_key: rng::key(seed, &format!("{name}/poison")),
            fault,
            seen: 0,
            burst: None,
        });
    }

    /// The failure of a call on `endpoint`, and on `account` if it names one; the first table
    /// that hits it decides.
    pub(crate) fn strike(
        &mut self,
        now: Timestamp,
        endpoint: Endpoint,
        account: Option<AccountId>,
    ) -> Option<NextFailure> {
        let mut struck = None;
        for table in &mut self.0 {
            let kind = table.strike(now, endpoint, account);
            struck = struck.or(kind);
        }
        struck
    }
}

impl FaultTable {
    fn strike(
        &mut self,
        now: Timestamp,
        endpoint: Endpoint,
        account: Option<AccountId>,
    ) -> Option<NextFailure> {
        if !self.is_for(now, endpoint, account) {
            return None;
        }
        self.seen += 1;
        // Drawn during bursts too, so that their length shifts nothing.
        let is_hit = match self.fault.trigger {
            Trigger::Share(share) => share >= 1.0 || rng::unit(self.stream.next_u64()) < share,
            Trigger::First(first) => self.seen <= first,
            Trigger::Every(every) => self.seen.is_multiple_of(every),
        };
        let drawn = (is_hit && self.fault.kinds.len() > 1)
            .then(|| rng::below(self.stream.next_u64(), self.fault.kinds.len()));
        if let Some((kind, left)) = self.burst {
            self.burst = (left > 1).then_some((kind, left - 1));
            return Some(kind);
        }
        if !is_hit {
            return None;
        }
        let kind = self.fault.kinds[drawn.unwrap_or(0)];
        self.burst = (self.fault.burst > 1).then_some((kind, self.fault.burst - 1));
        Some(kind)
    }

    fn is_for(&self, now: Timestamp, endpoint: Endpoint, account: Option<AccountId>) -> bool {
        let Fault { endpoints, from, until, accounts, .. } = &self.fault;
        let is_in_force = now >= *from && until.is_none_or(|until| now < until);
        let is_poisoned = |poison: &Poison| {
            account.is_some_and(|id| {
                poison.records.binary_search(&id).is_ok()
                    || rng::unit(rng::keyed(self.poison_key, id.0)) < poison.share
            })
        };
        is_in_force && endpoints[endpoint.index()] && accounts.as_ref().is_none_or(is_poisoned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind, trigger: Trigger) -> Fault {
        Fault {
            kinds: vec![kind.into()],
            trigger,
            endpoints: [true; Endpoint::ALL.len()],
            from: Timestamp::ZERO,
            until: None,
            accounts: None,
            burst: 1,
        }
    }

    /// Which of `calls` calls, one a second, each on the account of its number, are hit.
    fn hits(schedule: &mut FaultSchedule, calls: u64) -> Vec<u64> {
        let hit = |second: &u64| {
            let now = Timestamp::from_nanos(second * 1_000_000_000);
            schedule.strike(now, Endpoint::GetAccount, Some(AccountId(*second))).is_some()
        };
        (0..calls).filter(hit).collect()
    }

    #[test]
    fn first_every_window_records_and_bursts_hit_what_they_say() {
        let hits = |fault: Fault| hits(&mut FaultSchedule::new(&[fault], 1), 20);
        let kind = FaultKind::Unavailable;
        assert_eq!(hits(fault(kind, Trigger::First(3))), [0, 1, 2]);
        assert_eq!(hits(fault(kind, Trigger::Every(6))), [5, 11, 17]);
        let outage = Fault {
            from: Timestamp::from_nanos(7_000_000_000),
            until: Some(Timestamp::from_nanos(9_000_000_000)),
            ..fault(kind, Trigger::Share(1.0))
        };
        assert_eq!(hits(outage), [7, 8]);
        let burst = Fault { burst: 3, ..fault(kind, Trigger::Every(9)) };
        assert_eq!(hits(burst), [8, 9, 10, 17, 18, 19]);
        let records = vec![AccountId(4), AccountId(13)];
        let records = Some(Poison { records, share: 0.0 });
        assert_eq!(hits(Fault { accounts: records, ..fault(kind, Trigger::Share(1.0)) }), [4, 13]);
        let mut elsewhere = fault(kind, Trigger::Share(1.0));
        elsewhere.endpoints[Endpoint::GetAccount.index()] = false;
        assert_eq!(hits(elsewhere), [0_u64; 0]);
    }

    #[test]
    fn shares_are_met_and_poison_belongs_to_the_account() {
        let share = fault(FaultKind::Timeout, Trigger::Share(0.02));
        let count = hits(&mut FaultSchedule::new(&[share], 1), 100_000).len();
        assert!((1_850..2_150).contains(&count), "{count}");
        let poison = Fault {
            accounts: Some(Poison { records: Vec::new(), share: 0.1 }),
            ..fault(FaultKind::Timeout, Trigger::Share(1.0))
        };
        let mut schedule = FaultSchedule::new(&[poison], 1);
        let first = hits(&mut schedule, 10_000);
        assert!((900..1_100).contains(&first.len()), "{}", first.len());
        assert_eq!(first, hits(&mut schedule, 10_000), "the same accounts again");
    }

    #[test]
    fn one_table_more_shifts_nothing_in_the_others_and_the_first_decides() {
        let rare = fault(FaultKind::Timeout, Trigger::Share(0.1));
        let all = fault(FaultKind::Unavailable, Trigger::First(50));
        let kinds = |faults: &[Fault]| -> Vec<Option<NextFailure>> {
            let mut schedule = FaultSchedule::new(faults, 1);
            (0..200).map(|_| schedule.strike(Timestamp::ZERO, Endpoint::GetAccount, None)).collect()
        };
        let (alone, both) = (kinds(std::slice::from_ref(&rare)), kinds(&[rare, all]));
        for (position, (alone, both)) in alone.iter().zip(&both).enumerate() {
            let other = (position < 50).then_some(FaultKind::Unavailable.into());
            assert_eq!(*both, alone.or(other));
        }
    }

    #[test]
    fn several_kinds_come_alike() {
        let kinds = [FaultKind::Timeout, FaultKind::Empty, FaultKind::ResetAfter];
        let kinds = kinds.map(NextFailure::from).to_vec();
        let several = Fault { kinds, ..fault(FaultKind::Timeout, Trigger::Share(1.0)) };
        let mut schedule = FaultSchedule::new(&[several], 1);
        let mut counts = FaultCounts::default();
        for _ in 0..3_000 {
            let kind = schedule.strike(Timestamp::ZERO, Endpoint::GetAccount, None);
            let Some(NextFailure::Fault(kind)) = kind else { panic!("{kind:?}") };
            counts.count(kind);
        }
        assert_eq!((counts.total(), counts.of(FaultKind::BadGateway)), (3_000, 0));
        for kind in [FaultKind::Timeout, FaultKind::Empty, FaultKind::ResetAfter] {
            assert!((900..1_100).contains(&counts.of(kind)), "{kind:?} {}", counts.of(kind));
        }
    }
}
