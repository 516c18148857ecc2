//! The sentences of a decision: the headline, the lede, and the charts' titles.

use super::{CLIFF, RankedStrategy, longest_idle};
use crate::experiment::{Goal, delta, did_the_same};
use crate::report::decision::{Decision, ScalingPoint, StrategyRuns, SurfacePoint};
use crate::stats::MIN_VALUES_OF_RANGE;
use crate::text::{count, duration, join_and, percent, plural, share, sig3, unmapped_in_words};
use neonbench_engine::engine::Strategy;
use neonbench_engine::measure::timeline::{Lane, Timeline};
use neonbench_engine::record::WorldName;
use std::fmt;

/// The median makespan of a row, and the range of nine runs of ten where its runs are enough for one.
fn with_interval(row: &RankedStrategy) -> String {
    let [low, median, high] = row.makespan_s.map(duration);
    if row.runs < MIN_VALUES_OF_RANGE as u64 {
        return format!("{median} (the median of {})", plural(row.runs, "run"));
    }
    format!("{median} (90 % of runs: {low} to {high}, n = {})", row.runs)
}

/// A decision with what was found of it, to be told in sentences.
pub(super) struct Told<'a> {
    pub(super) decision: &'a Decision,
    /// Ranked, the best first.
    pub(super) league: &'a [RankedStrategy],
    /// True if nothing was to be written.
    pub(super) dry_run: bool,
}

impl Told<'_> {
    pub(super) fn headline(&self, has_best: bool) -> String {
        let Self { decision, league, dry_run, .. } = self;
        let accounts = plural(decision.resources, "account");
        let work = format!("{accounts} × {}", plural(decision.mappings, "mapping"));
        let Some(first) = league.first().filter(|_| has_best) else {
            let entries: Vec<_> = decision.league.iter().map(StrategyRuns::entry).collect();
            let migrates = |row: &RankedStrategy| row.is_valid && row.failed == 0.0;
            return if !did_the_same(&entries) {
                "These runs did different work, so they are not ranked".to_owned()
            } else if league.first().is_some_and(migrates) {
                format!("No strategy meets {} for {work}", self.constraints())
            } else {
                format!("No strategy migrates {work} without fault")
            };
        };
        let name = match self.tied() {
            tied if tied == league.len() && tied > 1 => "any strategy",
            _ => first.name.as_str(),
        };
        let (takes, time) = (if decision.resources == 1 { "takes" } else { "take" }, first);
        let time = duration(time.makespan_s[1]);
        if *dry_run {
            return format!("Use {name}: a dry run of {work} takes {time}");
        }
        format!("Use {name}: {work} {takes} {time}")
    }

    pub(super) fn lede(&self, has_best: bool) -> Vec<String> {
        let Self { decision, league, dry_run, .. } = self;
        let Some(row) = league.first().filter(|_| has_best) else {
            let faults = league.iter().filter(|row| !row.fault.is_empty());
            let faults = faults.map(|row| format!("{}: {}.", row.name, row.fault));
            let why = faults.chain(failures(decision, league)).chain(self.nearest());
            return why.chain(unmapped(decision)).collect();
        };
        let mut sentences = vec![self.time(row)];
        if *dry_run {
            sentences.push("Nothing is written: this is a dry run.".to_owned());
        }
        if decision.goal != Goal::default() {
            sentences.push(format!("Ranked by {}.", decision.goal.in_words()));
        }
        sentences.extend(self.others());
        let is_slower = |other: &&RankedStrategy| {
            other.strategy == Strategy::Standard && other.makespan_s[1] > row.makespan_s[1]
        };
        if let Some(standard) = league.iter().filter(|it| it.is_valid).find(is_slower) {
            sentences.push(format!(
                "Migrating one account at a time ({}) takes {}.",
                standard.name,
                duration(standard.makespan_s[1]),
            ));
        }
        sentences.extend(unmapped(decision));
        sentences
    }

    /// The time of the best, with the range of nine runs of ten where its runs are enough for one.
    fn time(&self, row: &RankedStrategy) -> String {
        let world = |world| {
            self.decision.league.iter().flat_map(|one| &one.runs).all(|run| run.world == world)
        };
        let runs = if world(WorldName::Virtual) { "simulated run" } else { "run" };
        let [low, _, high] = row.makespan_s.map(duration);
        let runs = plural(row.runs, runs);
        match row.runs {
            1 => format!("This is the time of {runs}; a range needs more runs."),
            n if n < MIN_VALUES_OF_RANGE as u64 => {
                format!("That is the median of {runs}, too few for a range.")
            }
            _ => format!("This is the median of {runs}; 90 % of runs take {low} to {high}."),
        }
    }

    fn constraints(&self) -> String {
        let constraints = self.decision.goal.constraints.iter();
        join_and(&constraints.map(ToString::to_string).collect::<Vec<_>>())
    }

    /// Number of those that tie for the first place.
    fn tied(&self) -> usize {
        self.decision.ranking().best.len()
    }

    /// The entries that tie with the best, and those that are faster and rank behind it all the same.
    fn others(&self) -> Vec<String> {
        let [best, others @ ..] = self.league else { return Vec::new() };
        let tied = others.len().min(self.tied().saturating_sub(1));
        let mut sentences = Vec::new();
        if tied > 0 && tied == others.len() {
            sentences.push("All strategies are equally good here.".to_owned());
        } else if tied > 0 {
            let names: Vec<String> = others[..tied].iter().map(|row| row.name.clone()).collect();
            let names = join_and(&names);
            let tie = if tied == 1 { "ties" } else { "tie" };
            sentences.push(format!("{names} {tie} with it."));
        }
        let is_faster =
            |row: &&RankedStrategy| row.is_valid && row.makespan_s[1] < best.makespan_s[1];
        let (breaking, keeping): (Vec<&RankedStrategy>, Vec<&RankedStrategy>) =
            others[tied..].iter().filter(is_faster).partition(|row| row.breaks_constraint);
        let constraints = self.constraints();
        let goal = self.decision.goal.in_words();
        sentences.extend(faster(&breaking, ["breaks ", "break "], &constraints));
        sentences.extend(faster(&keeping, ["ranks lower by ", "rank lower by "], &goal));
        sentences
    }

    /// The first of those of which none is best because of the constraints.
    fn nearest(&self) -> Option<String> {
        let row = self.league.first().filter(|row| row.breaks_constraint && row.failed == 0.0)?;
        Some(format!(
            "{} comes nearest: {}, {} of its calls refused. Without the constraint the strategies are \
             ranked by {}.",
            row.name,
            with_interval(row),
            share(row.refused),
            Goal { constraints: Vec::new(), ..self.decision.goal.clone() }.in_words()
        ))
    }
}

/// The values for which a map of the plan has no entry, in the first run.
fn unmapped(decision: &Decision) -> Vec<String> {
    let first = decision.league.first().and_then(|one| one.runs.first());
    let sentences = first.map_or_else(Vec::new, |run| unmapped_in_words(&run.unmapped));
    sentences.into_iter().map(|sentence| format!("Unmapped: {sentence}.")).collect()
}

/// A sentence that names `rows`, which are faster than the best, and why they are not the best: by a verb
/// for one and for several, and by what follows it.
fn faster(rows: &[&RankedStrategy], [one, several]: [&str; 2], what: &str) -> Option<String> {
    let name = |row: &&RankedStrategy| {
        let [time, refused] = [duration(row.makespan_s[1]), share(row.refused)];
        let failed = if row.failed > 0.0 {
            format!(", {} accounts failed", sig3(row.failed))
        } else {
            String::new()
        };
        format!("{} ({time}, {refused} of its calls refused{failed})", row.name)
    };
    let (is, verb) = if rows.len() == 1 { ("is", one) } else { ("are", several) };
    let names: Vec<String> = rows.iter().map(name).collect();
    (!rows.is_empty()).then(|| format!("{} {is} faster, but {verb}{what}.", join_and(&names)))
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
        let [reason, hint] = [&group.message, &group.hint].map(|it| it.trim_end_matches('.'));
        let hint = if hint.is_empty() { String::new() } else { format!(" What to do: {hint}.") };
        format!(" The most frequent reason: {reason}.{hint}")
    });
    (!groups.is_empty()).then(|| format!("On average {}.{reason}", groups.join("; ")))
}

/// A sentence that says whether a higher limit of Neon's would help `strategy`.
fn would_more_help(decision: &Decision, strategy: Strategy) -> Option<String> {
    let now = decision.pool?;
    let at = |pool: u32| decision.pools.iter().find(|row| row.pool == pool);
    let present = at(now)?.makespan_s[1];
    let others = || decision.pools.iter().filter(|row| row.pool > now);
    let twice = others().find(|row| row.pool >= 2 * now)?;
    let verdict = if twice.makespan_s[1] < 0.8 * present { "would help" } else { "would not help" };
    let mut gains: Vec<(String, Vec<String>)> = vec![(duration(present), vec![now.to_string()])];
    for row in others() {
        let (time, pool) = (duration(row.makespan_s[1]), row.pool.to_string());
        match gains.last_mut() {
            Some((last, pools)) if *last == time => pools.push(pool),
            _ => gains.push((time, vec![pool])),
        }
    }
    let gain = |(index, (time, pools)): (usize, &(String, Vec<String>))| {
        let unit = if index == 0 { " concurrent calls" } else { "" };
        format!("{time} with {}{unit}", join_and(pools).replace(" and ", " or "))
    };
    let gains: Vec<String> = gains.iter().enumerate().map(gain).collect();
    Some(format!("A higher limit {verdict} {strategy}: {}.", join_and(&gains)))
}

/// The makespan of one entry of the league as a multiple of the best one's.
pub(super) struct MakespanRatio {
    name: String,
    ratio: f64,
    /// Its 95 % interval.
    interval: Option<[f64; 2]>,
    /// Runs of each side.
    runs: usize,
    best: String,
}

impl fmt::Display for MakespanRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, ratio, interval, runs, best } = self;
        let interval = interval.map_or_else(String::new, |[low, high]| {
            format!("95 % interval {} to {}, ", sig3(low), sig3(high))
        });
        let ratio = sig3(*ratio);
        let mean = "(geometric mean";
        write!(f, "{name} takes {ratio} times as long as {best} {mean}; {interval}n = {runs})")
    }
}

/// Each other entry against `winner`, over the seeds that both ran under.
pub(super) fn against(winner: &StrategyRuns, league: &[StrategyRuns]) -> Vec<MakespanRatio> {
    let others = league.iter().filter(|other| other.name() != winner.name());
    let ratio = |other: &StrategyRuns| {
        let [ours, theirs] = [winner.summary(), other.summary()];
        let runs = ours.count().min(theirs.count());
        let [ours, theirs] = [&ours.runs()[..runs], &theirs.runs()[..runs]];
        let found = delta((&winner.runs[0], ours), (&other.runs[0], theirs));
        MakespanRatio {
            name: other.name().to_owned(),
            ratio: found.ratio,
            interval: found.ratio_interval,
            runs,
            best: winner.name().to_owned(),
        }
    };
    others.filter(|other| other.is_valid()).map(ratio).collect()
}

/// ` on 500 of the 100,000 accounts` where `accounts` are fewer than those of `decision`.
pub(super) fn varied_on(accounts: u64, decision: &Decision) -> String {
    if accounts >= decision.resources {
        return String::new();
    }
    format!(" on {} of the {}", count(accounts), plural(decision.resources, "account"))
}

/// The surface's title: the fastest configuration of all with its refusals, and the fastest of those
/// that are hardly refused.
pub(super) fn surface_title(decision: &Decision) -> String {
    let fastest = |cells: &mut dyn Iterator<Item = &SurfacePoint>| -> Option<SurfacePoint> {
        cells.min_by(|a, b| a.makespan_s.total_cmp(&b.makespan_s)).copied()
    };
    let cells = &decision.surface;
    let Some(any) = fastest(&mut cells.iter()) else { return String::new() };
    let on = varied_on(decision.varied_accounts, decision);
    if cells.iter().all(|cell| cell.makespan_s <= any.makespan_s) {
        return format!("Workers and batch size make no difference to hybrid{on}");
    }
    let with = |cell: SurfacePoint| {
        format!("{} and batch size {}", plural(cell.workers.into(), "worker"), cell.batch_size)
    };
    let time = |cell: SurfacePoint| duration(cell.makespan_s);
    let first = format!("hybrid{on} is fastest with {}: {}", with(any), time(any));
    if any.refused <= CLIFF {
        return first;
    }
    let polite = fastest(&mut cells.iter().filter(|cell| cell.refused <= CLIFF));
    let polite = polite.map_or_else(
        || format!("none of its configurations has {} or fewer", percent(CLIFF)),
        |cell| {
            format!(
                "of those with at most {}, the fastest has {}: {}",
                percent(CLIFF),
                with(cell),
                time(cell)
            )
        },
    );
    format!("{first}, with {} of the calls refused; {polite}", share(any.refused))
}

/// The calls in flight that the limiter settles on, refusals, failures, and the longest time in which no
/// account ended, where it is a quarter of the run or more.
pub(super) fn timeline_title(strategy: Strategy, timeline: &Timeline) -> String {
    let Timeline { slices, slice_ns, .. } = timeline;
    let last = |lane: &Lane| slices.iter().rev().find_map(|slice| slice.limit[*lane as usize]);
    let noun = |lane: &Lane| match lane {
        Lane::Reads => "read",
        Lane::Writes => "write",
        Lane::Searches => "search",
    };
    let limits = Lane::ALL.iter().filter_map(|lane| {
        let plural = if *lane == Lane::Searches { "es" } else { "s" };
        let limit = last(lane)?;
        Some(format!("{limit} {}{}", noun(lane), if limit == 1 { "" } else { plural }))
    });
    let limits: Vec<String> = limits.collect();
    let mut parts = Vec::new();
    if !limits.is_empty() {
        parts.push(format!("its limiter settles at {} in flight", join_and(&limits)));
    }
    let refused: u64 = slices.iter().map(|slice| slice.refused).sum();
    parts.push(match refused {
        0 => "no call refused".to_owned(),
        refused => format!("{} refused", plural(refused, "call")),
    });
    let failed: u64 = slices.iter().map(|slice| slice.failed).sum();
    if failed > 0 {
        parts.push(format!("{} failed", count(failed)));
    }
    let longest = longest_idle(slices).len();
    if longest > 0 && longest * 4 >= slices.len() {
        let seconds = |slices: usize| duration((slices as u64 * slice_ns) as f64 / 1e9);
        let (gap, all) = (seconds(longest), seconds(slices.len()));
        parts.push(format!("no account finishes for {gap} of its {all}"));
    }
    format!("{strategy} over time: {}", parts.join(", "))
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
        Some((strategy, factor)) if *factor > 1.2 => {
            let sizes = of(*strategy);
            let size = |place: Option<&&ScalingPoint>| place.map_or(0, |sized| sized.accounts);
            format!(
                "Time grows with the number of accounts; {strategy} migrates {} times as many per second \
                 at {} accounts as at {}",
                sig3(*factor),
                count(size(sizes.last())),
                count(size(sizes.first()))
            )
        }
        Some(_) => "Time grows with the number of accounts, under every strategy".to_owned(),
        None => String::new(),
    }
}

pub(super) fn pools_title(decision: &Decision, explored: Strategy) -> String {
    match would_more_help(decision, explored) {
        Some(sentence) => sentence.trim_end_matches('.').to_owned(),
        None => format!("{explored} under other limits"),
    }
}
