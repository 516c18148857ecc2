//! The sentences of a decision: the headline, the lede, and the charts' titles.

use super::{CLIFF, RankedStrategy};
use crate::experiment::{delta, did_the_same};
use crate::report::decision::{Decision, ScalingPoint, StrategyRuns, SurfacePoint};
use crate::stats::MIN_VALUES_OF_RANGE;
use crate::text::{duration, join_and, plural, share, sig3};
use neonbench_engine::engine::Strategy;

/// The median makespan of a row, and the range of nine runs of ten where its runs are enough for one.
fn with_interval(row: &RankedStrategy) -> String {
    let [low, median, high] = row.makespan_s.map(duration);
    if row.runs < MIN_VALUES_OF_RANGE as u64 {
        return format!("{median} (the median of {})", plural(row.runs, "run"));
    }
    format!("{median} ({low} to {high} in nine of ten runs, n = {})", row.runs)
}

pub(super) fn headline(
    decision: &Decision,
    first: Option<&RankedStrategy>,
    best: Option<Strategy>,
) -> String {
    let accounts = plural(decision.resources, "account");
    let work = format!("{accounts} × {}", plural(decision.mappings, "mapping"));
    let Some((best, row)) = best.zip(first) else {
        let entries: Vec<_> = decision.league.iter().map(StrategyRuns::entry).collect();
        if !did_the_same(&entries) {
            return "These runs did not do the same work, and are not ranked".to_owned();
        }
        return format!("No strategy migrates {work} without fault");
    };
    format!("Use {best}: {work} take {}", duration(row.makespan_s[1]))
}

pub(super) fn lede(
    decision: &Decision,
    league: &[RankedStrategy],
    best: Option<Strategy>,
) -> Vec<String> {
    let Some((best, row)) = best.zip(league.first()) else {
        let faults = league.iter().filter(|row| !row.fault.is_empty());
        let faults = faults.map(|row| format!("{}: {}", row.strategy, row.fault));
        return faults.chain(failures(decision, league)).collect();
    };
    let mut sentences = vec![format!(
        "{best} takes {}, and over HTTP it can be undone. {} of its calls are refused.",
        with_interval(row),
        share(row.refused)
    )];
    sentences.extend(risks(row));
    if let Some(standard) = league.iter().find(|other| other.strategy == Strategy::Standard)
        && standard.is_valid
        && best != Strategy::Standard
    {
        let times = standard.makespan_s[1] / row.makespan_s[1];
        sentences.push(format!(
            "One account after another ({}) would take {}: {} times as long.",
            Strategy::Standard,
            duration(standard.makespan_s[1]),
            sig3(times),
        ));
    }
    sentences.push(limits(row));
    if let Some(sentence) = would_more_help(decision) {
        sentences.push(sentence);
    }
    sentences
}

/// Accounts that fail, and edits of colleagues: overwritten, or at risk where nobody edited.
fn risks(row: &RankedStrategy) -> Vec<String> {
    let edits = row.edits;
    let mut sentences = Vec::new();
    if row.failed > 0.0 {
        sentences.push(format!("{} accounts fail per run, on the mean.", sig3(row.failed)));
    }
    let runs = plural(edits.edits_runs, "run");
    let [fewest, most] = edits.edits_overwritten_range;
    sentences.push(if edits.edits_during_run == 0.0 {
        format!(
            "No colleague edited during these runs. Each account stands open for {} on the mean: of \
             1,000 accounts that are each edited once per hour, {} edits would fall in between.",
            duration(row.exposure_s),
            sig3(edits.edits_at_risk)
        )
    } else if edits.edits_overwritten > 0.0 {
        format!(
            "It overwrites {} of {} edits of colleagues per run ({fewest} to {most} in {runs}): \
             --guard reread reads each account again before it writes.",
            sig3(edits.edits_overwritten),
            sig3(edits.edits_during_run)
        )
    } else {
        format!(
            "It overwrote none of the {} edits that colleagues saved per run, in {runs}.",
            sig3(edits.edits_during_run)
        )
    });
    sentences
}

/// The physical limit, in a sentence.
fn limits(row: &RankedStrategy) -> String {
    let Some([same_s, any_s]) = row.lower_bounds_s else {
        return "No limit of the API holds a client back: the profile has no pool and no window."
            .to_owned();
    };
    let same = format!("The limits allow no client less than {} on the mean", duration(same_s));
    if same_s > 1.01 * any_s {
        format!(
            "{same} if it writes by the same call, or {} by PATCH and PUT side by side.",
            duration(any_s)
        )
    } else {
        format!("{same}.")
    }
}

/// The accounts that fail, by strategy, and the most frequent reason.
fn failures(decision: &Decision, league: &[RankedStrategy]) -> Option<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for row in league.iter().filter(|row| row.is_valid && row.failed > 0.0) {
        let failed = row.failed;
        let failed = if failed.fract() == 0.0 { format!("{failed}") } else { sig3(failed) };
        match groups.iter_mut().find(|(known, _)| *known == failed) {
            Some((_, names)) => names.push(row.name.clone()),
            None => groups.push((failed, vec![row.name.clone()])),
        }
    }
    let of = format!(" of {} fail", plural(decision.resources, "account"));
    let sentence = |(index, (failed, names)): (usize, &(String, Vec<String>))| {
        let of = if index == 0 { &of } else { "" };
        format!("{failed}{of} under {}", join_and(names))
    };
    let groups: Vec<String> = groups.iter().enumerate().map(sentence).collect();
    let reasons = super::errors(&decision.league);
    let reason = reasons.first().map_or_else(String::new, |group| {
        format!(" The most frequent reason: {}.", group.message.trim_end_matches('.'))
    });
    (!groups.is_empty()).then(|| format!("On average {}.{reason}", groups.join("; ")))
}

/// A sentence that says whether a higher limit of Neon's would help.
fn would_more_help(decision: &Decision) -> Option<String> {
    let now = decision.pool?;
    let at = |pool: u32| decision.pools.iter().find(|row| row.pool == pool);
    let present = at(now)?.makespan_s[1];
    let others = decision.pools.iter().filter(|row| row.pool > now);
    let gains: Vec<String> =
        others.map(|row| format!("{} with {}", duration(row.makespan_s[1]), row.pool)).collect();
    if gains.is_empty() {
        return None;
    }
    let twice = decision.pools.iter().find(|row| row.pool >= 2 * now)?;
    let verdict = if twice.makespan_s[1] < 0.8 * present { "would help" } else { "would not help" };
    Some(format!(
        "A higher limit {verdict}: {} with {now} calls at a time, {}.",
        duration(present),
        join_and(&gains)
    ))
}

/// Each other strategy against `winner`, over the seeds that both ran under.
pub(super) fn against(winner: &StrategyRuns, league: &[StrategyRuns]) -> Vec<String> {
    let others = league.iter().filter(|other| other.strategy != winner.strategy);
    let sentence = |other: &StrategyRuns| {
        let [ours, theirs] = [winner.summary(), other.summary()];
        let both = ours.count().min(theirs.count());
        let [ours, theirs] = [&ours.runs()[..both], &theirs.runs()[..both]];
        let found = delta((&winner.runs[0], ours), (&other.runs[0], theirs));
        let interval = found.ratio_interval.map_or_else(String::new, |[low, high]| {
            format!("95 % interval {} to {}, ", sig3(low), sig3(high))
        });
        format!(
            "{} takes {} times as long as {} ({interval}n = {both})",
            other.strategy,
            sig3(found.ratio),
            winner.strategy
        )
    };
    others.filter(|other| other.is_valid()).map(sentence).collect()
}

/// The surface's title: the fastest configuration that is hardly refused, and the gain and refusals
/// of the fastest of all.
pub(super) fn surface_title(surface: &[SurfacePoint], pool: Option<u32>) -> String {
    let fastest = |cells: &mut dyn Iterator<Item = &SurfacePoint>| -> Option<SurfacePoint> {
        cells.min_by(|a, b| a.makespan_s.total_cmp(&b.makespan_s)).copied()
    };
    let polite = fastest(&mut surface.iter().filter(|cell| cell.refused <= CLIFF));
    let (Some(polite), Some(any)) = (polite, fastest(&mut surface.iter())) else {
        return "Every configuration of hybrid is refused".to_owned();
    };
    let title = format!(
        "hybrid is fastest with {} workers and batch size {}",
        polite.workers, polite.batch_size
    );
    if any.makespan_s >= polite.makespan_s {
        return title;
    }
    let gain = share(1.0 - any.makespan_s / polite.makespan_s);
    let beyond = pool.filter(|pool| any.workers > *pool);
    let beyond =
        beyond.map_or(String::new(), |pool| format!(" beyond the {pool} that Neon admits"));
    format!("{title}; more workers{beyond} gain {gain} and are refused {}", share(any.refused))
}

pub(super) fn scaling_title(scaling: &[ScalingPoint]) -> String {
    let of = |strategy: Strategy| -> Vec<&ScalingPoint> {
        scaling.iter().filter(|sized| sized.strategy == strategy).collect()
    };
    let factors: Vec<(Strategy, f64)> = Strategy::ALL
        .into_iter()
        .filter_map(|strategy| {
            let points = of(strategy);
            let [first, .., last] = points.as_slice() else { return None };
            let rate = |sized: &ScalingPoint| sized.accounts as f64 / sized.makespan_s;
            Some((strategy, rate(last) / rate(first)))
        })
        .collect();
    match factors.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((strategy, factor)) if *factor > 1.2 => format!(
            "Time grows with the number of accounts; {strategy} gains most from size, {} times the \
             accounts a second",
            sig3(*factor)
        ),
        Some(_) => "Time grows with the number of accounts, under every strategy".to_owned(),
        None => String::new(),
    }
}

pub(super) fn pools_title(decision: &Decision) -> String {
    match would_more_help(decision) {
        Some(sentence) => sentence.trim_end_matches('.').to_owned(),
        None => "Under other limits".to_owned(),
    }
}
