//! The calls that simulated servers agree with: those of a run and of its probe, or those since its server changed.

use super::trail::ln_service;
use crate::probe::{self, ProbeTrace};
use crate::stats::mean;
use neon_mock::api::Endpoint;
use neon_mock::profile::Profile;
use neon_mock::time::Timestamp;
use neonbench_engine::event::Attempt;
use std::time::Duration;

/// Time between the calls of a probe and those of a run: their limits have forgotten them.
const APART: Duration = Duration::from_secs(600);

/// Reads that a fit is made of at least; where fewer were made since a change of the server, earlier ones help.
const LEAST_READS: usize = 5;

/// The calls of a run after those of the probe that its profile rests on: a probe asks for limits that a run keeps away
/// from.
pub(super) fn after_probe(profile: &Profile, run: Vec<Attempt>) -> ProbeTrace {
    let Some(mut known) = probe::calls_behind(profile) else {
        return ProbeTrace { calls: run, ..ProbeTrace::default() };
    };
    let probed = known.calls.iter().map(|call| call.done_at).max().unwrap_or_default();
    let later = probed.since(Timestamp::ZERO) + APART;
    known.calls.extend(run.iter().map(|call| shifted(call, later)));
    known
}

/// The calls after a change of the server: where there are few reads among them, with the last ones before, one after
/// another, as much slower as writes are since.
pub(super) fn after_change(before: &[Attempt], after: &[Attempt]) -> ProbeTrace {
    let answered = |calls: &[Attempt], is_meant: fn(Endpoint) -> bool| -> Vec<Attempt> {
        calls.iter().filter(|it| is_meant(it.endpoint) && it.outcome.is_ok()).copied().collect()
    };
    let is_read = |endpoint| endpoint == Endpoint::GetAccount;
    let is_write = |endpoint: Endpoint| endpoint.class().is_write();
    let missing = LEAST_READS.saturating_sub(answered(after, is_read).len());
    let mut reads = answered(before, is_read);
    reads.drain(..reads.len().saturating_sub(missing));
    let ln_service = |calls: Vec<Attempt>| mean(calls.iter().map(ln_service));
    let writes = [answered(before, is_write), answered(after, is_write)];
    let slower = if writes.iter().any(Vec::is_empty) {
        1.0
    } else {
        let [before, after] = writes.map(ln_service);
        (after - before).exp()
    };
    let mut at = Timestamp::ZERO;
    let mut calls: Vec<Attempt> = Vec::new();
    for read in reads {
        let done_at = at + read.done_at.since(read.sent_at).mul_f64(slower);
        calls.push(Attempt { due_at: at, sent_at: at, done_at, ..read });
        at = done_at;
    }
    let later = at.since(Timestamp::ZERO) + APART;
    calls.extend(after.iter().map(|call| shifted(call, later)));
    ProbeTrace { calls, ..ProbeTrace::default() }
}

/// A call so much later.
fn shifted(call: &Attempt, later: Duration) -> Attempt {
    Attempt {
        due_at: call.due_at + later,
        sent_at: call.sent_at + later,
        done_at: call.done_at + later,
        ..*call
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neonbench_engine::event::Outcome;

    fn call(endpoint: Endpoint, at_s: u64, ms: u64) -> Attempt {
        let sent_at = Timestamp::ZERO + Duration::from_secs(at_s);
        let done_at = sent_at + Duration::from_millis(ms);
        Attempt { endpoint, attempt: 1, due_at: sent_at, sent_at, done_at, outcome: Outcome::Ok }
    }

    #[test]
    fn reads_that_a_changed_server_has_not_answered_yet_are_slower_as_its_writes_are() {
        let (read, write) = (Endpoint::GetAccount, Endpoint::PatchAccount);
        let before: Vec<Attempt> =
            (0..20).flat_map(|at| [call(read, at, 100), call(write, at, 200)]).collect();
        let after = vec![call(write, 20, 400), call(read, 21, 150), call(write, 21, 400)];
        let trace = after_change(&before, &after);
        let ms: Vec<u128> = trace
            .calls
            .iter()
            .filter(|call| call.endpoint == read)
            .map(|call| call.done_at.since(call.sent_at).as_millis())
            .collect();
        assert_eq!(ms, [200, 200, 200, 200, 150]);
        assert!(trace.calls.is_sorted_by_key(|call| call.sent_at));
    }
}
