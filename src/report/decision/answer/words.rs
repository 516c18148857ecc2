//! The sentences of the answer: headline and lede.

use super::{Told, mean};
use crate::experiment::{Goal, did_the_same};
use crate::report::shared::league::{RankedStrategy, StrategyRuns};
use crate::stats::MIN_VALUES_OF_RANGE;
use crate::text::{count, duration, join_and, plural, share, unmapped_in_words};
use neonbench_engine::engine::Strategy;
use neonbench_engine::record::WorldName;

/// The median makespan of a row, and the range of nine runs of ten where its runs are enough for one.
fn with_interval(row: &RankedStrategy) -> String {
    let [low, median, high] = row.makespan_s.map(duration);
    if row.runs < MIN_VALUES_OF_RANGE as u64 {
        return format!("{median} (the median of {})", plural(row.runs, "run"));
    }
    format!("{median} (90 % of runs: {low} to {high}, n = {})", row.runs)
}

impl Told<'_> {
    pub(crate) fn headline(&self) -> String {
        let Self { resources, mappings, league, tied, dry_run, .. } = self;
        let accounts = plural(*resources, "account");
        let work = format!("{accounts} × {}", plural(*mappings, "mapping"));
        let Some(first) = league.first().filter(|_| *tied > 0) else {
            let entries: Vec<_> = self.runs.iter().map(StrategyRuns::entry).collect();
            let migrates = |row: &RankedStrategy| row.is_valid && row.failed == 0.0;
            return if !did_the_same(&entries) {
                "These runs did different work, so they are not ranked".to_owned()
            } else if league.first().is_some_and(migrates) {
                format!("No strategy meets {} for {work}", self.constraints())
            } else if let [only] = &league[..] {
                format!("{} does not migrate {work} without fault", only.name)
            } else {
                format!("No strategy migrates {work} without fault")
            };
        };
        let name = match *tied {
            tied if tied == league.len() && tied > 1 => "any strategy",
            _ => first.name.as_str(),
        };
        let (takes, time) = (if *resources == 1 { "takes" } else { "take" }, first);
        let time = duration(time.makespan_s[1]);
        if *dry_run {
            return format!("Use {name}: a dry run of {work} takes {time}");
        }
        format!("Use {name}: {work} {takes} {time}")
    }

    pub(crate) fn lede(&self) -> Vec<String> {
        let Self { goal, league, tied, dry_run, .. } = self;
        let Some(row) = league.first().filter(|_| *tied > 0) else {
            let faults = league.iter().filter(|row| !row.fault.is_empty());
            let faults = faults.map(|row| format!("{}: {}.", row.name, row.fault));
            let why = faults.chain(self.failures()).chain(self.nearest());
            return why.chain(self.unmapped()).collect();
        };
        let mut sentences = vec![self.time(row)];
        if *dry_run {
            sentences.push("Nothing is written: this is a dry run.".to_owned());
        }
        if **goal != Goal::default() {
            sentences.push(format!("Ranked by {}.", goal.in_words()));
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
        sentences.extend(self.unmapped());
        sentences
    }

    /// The values for which a map of the plan has no entry, in the first run.
    fn unmapped(&self) -> Vec<String> {
        let first = self.runs.first().and_then(|one| one.runs.first());
        let sentences = first.map_or_else(Vec::new, |run| unmapped_in_words(&run.unmapped));
        sentences.into_iter().map(|sentence| format!("Unmapped: {sentence}.")).collect()
    }

    /// The time of the best, with the range of nine runs of ten where its runs are enough for one.
    fn time(&self, row: &RankedStrategy) -> String {
        let world =
            |world| self.runs.iter().flat_map(|one| &one.runs).all(|run| run.world == world);
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
        let constraints = self.goal.constraints.iter();
        join_and(&constraints.map(ToString::to_string).collect::<Vec<_>>())
    }

    /// The entries that tie with the best, and those that are faster and rank behind it all the same.
    fn others(&self) -> Vec<String> {
        let [best, others @ ..] = self.league else { return Vec::new() };
        let tied = others.len().min(self.tied.saturating_sub(1));
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
        let goal = self.goal.in_words();
        sentences.extend(faster(&breaking, ["breaks ", "break "], &constraints));
        sentences.extend(faster(&keeping, ["ranks lower by ", "rank lower by "], &goal));
        sentences
    }

    /// The accounts that fail, by strategy, and the most frequent reason.
    fn failures(&self) -> Option<String> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for row in self.league.iter().filter(|row| row.is_valid && row.failed > 0.0) {
            let failed = mean(row.failed);
            match groups.iter_mut().find(|(known, _)| *known == failed) {
                Some((_, names)) => names.push(row.name.clone()),
                None => groups.push((failed, vec![row.name.clone()])),
            }
        }
        let of = format!(" of {} fail", plural(self.resources, "account"));
        let sentence = |(index, (failed, names)): (usize, &(String, Vec<String>))| {
            let of = if index == 0 { &of } else { "" };
            format!("{failed}{of} under {}", self.named(names))
        };
        let told: Vec<String> = groups.iter().enumerate().map(sentence).collect();
        let reason = self.failures.first().map_or_else(String::new, |group| {
            let [reason, hint] = [&group.message, &group.hint].map(|it| it.trim_end_matches('.'));
            let hint =
                if hint.is_empty() { String::new() } else { format!(" What to do: {hint}.") };
            format!(" The most frequent reason: {reason}.{hint}")
        });
        Some(match groups.as_slice() {
            [] => return None,
            [(failed, names)] if *failed == self.resources.to_string() => {
                let all = match self.resources {
                    1 => "The account fails".to_owned(),
                    all => format!("All {} accounts fail", count(all)),
                };
                format!("{all} under {}.{reason}", self.named(names))
            }
            _ if self.league.iter().all(|row| row.runs == 1) => {
                format!("{}.{reason}", told.join("; "))
            }
            _ => format!("On average {}.{reason}", told.join("; ")),
        })
    }

    /// Entries of the league by name, or all of them.
    fn named(&self, names: &[String]) -> String {
        if names.len() > 1 && names.len() == self.league.len() {
            return "every strategy".to_owned();
        }
        join_and(names)
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
            Goal { constraints: Vec::new(), ..self.goal.clone() }.in_words()
        ))
    }
}

/// A sentence that names `rows`, which are faster than the best, and why they are not the best: by a verb
/// for one and for several, and by what follows it.
fn faster(rows: &[&RankedStrategy], [one, several]: [&str; 2], what: &str) -> Option<String> {
    let name = |row: &&RankedStrategy| {
        let [time, refused] = [duration(row.makespan_s[1]), share(row.refused)];
        let failed = if row.failed > 0.0 {
            format!(", {} accounts failed", mean(row.failed))
        } else {
            String::new()
        };
        format!("{} ({time}, {refused} of its calls refused{failed})", row.name)
    };
    let (is, verb) = if rows.len() == 1 { ("is", one) } else { ("are", several) };
    let names: Vec<String> = rows.iter().map(name).collect();
    (!rows.is_empty()).then(|| format!("{} {is} faster, but {verb}{what}.", join_and(&names)))
}
