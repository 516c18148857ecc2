//! The data of the page of a stored run: the store is read again at each look.

use crate::cli::args::StoreArgs;
use crate::cli::command_line::CommandLine;
use crate::cli::error::CliError;
use crate::cli::live::settings_of;
use crate::cli::output::verdict_in_words;
use crate::cli::owner;
use crate::cli::run::exit_code_of;
use crate::cli::stored::now_unix_s;
use neonbench::live::{
    AccountCounts, CurveFold, EditsState, LiveCurve, LiveSnapshot, LiveSource, LiveState, Mark,
    MarkKind, Pace, RunEnd, RunFacts,
};
use neonbench::store::{ListedRun, RunState, Site, Store};
use neonbench_engine::journal::{AccountStatus, Heartbeat, Ledger};
use neonbench_engine::record::RunRecord;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Seconds without a heartbeat after which a process is silent.
const SILENT_AFTER_S: i64 = 4;

/// A stored run, as read so far.
pub(super) struct StoredSource {
    store: PathBuf,
    id: i64,
    facts: RunFacts,
    seen: Mutex<Seen>,
}

/// The run as the store had it at the last look.
#[derive(Default)]
struct Seen {
    all: Option<u64>,
    ledger: Ledger,
    /// Number of the last note that was read.
    note: i64,
    state: Option<(LiveState, Option<String>, f64)>,
    heard_s: f64,
    /// The owner's last heartbeat, and when it was seen to move.
    beat: Option<(Heartbeat, i64)>,
    record: Option<RunRecord>,
    line: CurveFold,
    marks: Vec<Mark>,
}

impl StoredSource {
    /// The source of run `id`.
    ///
    /// Errors: the store has no such run.
    pub(super) fn open(store: &StoreArgs, id: i64, line: &CommandLine) -> Result<Self, CliError> {
        let (run, listed) = store.read(|store| Ok((store.run(id)?, store.entry(id)?)))?;
        let header = run.header.as_ref();
        let record = run.record.as_ref();
        let settings = header.map(|it| &it.settings);
        let stored = settings.map(|it| settings_of(it, "the store")).unwrap_or_default();
        let of = |verb: &str| line.to(verb).with("run", id).to_string();
        let is_remote = header.is_some_and(|it| matches!(it.site, Site::ForeignHttp { .. }));
        let commands: &[(&str, &str)] = match run.state {
            RunState::Finished => &[("verify its values", "verify"), ("undo it", "undo")],
            RunState::Undone => &[],
            RunState::Undoing => &[("undo the rest of it", "undo")],
            _ => &[("resume it", "resume"), ("undo it", "undo")],
        };
        let commands = commands.iter().filter(|_| is_remote);
        let facts = RunFacts {
            run: Some(id),
            verb: listed.holder.as_ref().map_or("run", |it| &it.verb).to_owned(),
            strategy: match (header, record) {
                (Some(header), _) => header.settings.strategy.name().to_owned(),
                (None, Some(record)) => record.strategy.name().to_owned(),
                (None, None) => "unknown".to_owned(),
            },
            scenario: header.map(|it| it.scenario.clone()).unwrap_or_default(),
            target: header.and_then(|it| match &it.site {
                Site::ForeignHttp { base_url, org_id } => Some(format!("{base_url} ({org_id})")),
                _ => None,
            }),
            began_unix_s: listed.made_at_unix_s,
            settings: stored,
            digests: Vec::new(),
            after: Vec::new(),
            commands: commands.map(|(what, verb)| [(*what).to_owned(), of(verb)]).collect(),
            is_dry: settings.is_some_and(|it| it.dry_run),
        };
        let all = run.ids.as_ref().map(|ids| ids.len() as u64);
        let mut line = CurveFold::default();
        line.begin();
        let seen = Mutex::new(Seen { all, line, ..Seen::default() });
        Ok(Self { store: store.store.clone(), id, facts, seen })
    }

    fn seconds(&self, unix_s: i64) -> f64 {
        (unix_s - self.facts.began_unix_s).max(0) as f64
    }

    fn read(&self, seen: &mut Seen) -> Result<(), CliError> {
        let (id, note) = (self.id, seen.note);
        let is_known = seen.all.is_some();
        let (notes, listed, ids) = Store::read(&self.store, |store| {
            let ids = if is_known { None } else { store.run(id)?.ids };
            let mut notes = Vec::new();
            store.each_note_after(id, note, |number, note| notes.push((number, note)))?;
            Ok::<_, CliError>((notes, store.entry(id)?, ids))
        })?;
        let has_news = !notes.is_empty();
        for (number, note) in notes {
            seen.note = number;
            seen.ledger.add(note);
        }
        if let Some(ids) = ids {
            seen.all = Some(ids.len() as u64);
        }
        if let Some(record) = &listed.record {
            seen.all = Some(record.resources);
        }
        let now = now_unix_s();
        if has_news {
            let ended = seen.accounts().ended();
            seen.line.add(self.seconds(now), ended, 0);
        }
        let (state, why) = self.state(seen, &listed, now);
        let is_new = seen.state.as_ref().is_none_or(|(was, ..)| *was != state);
        if is_new {
            let since_s = self.seconds(now);
            let words = match &why {
                Some(why) => format!("{}: {why}", state.name()),
                None => state.name().to_owned(),
            };
            let id = seen.marks.len() as u64 + 1;
            seen.marks.push(Mark { id, at_s: since_s, kind: MarkKind::State, words });
            seen.state = Some((state, why, since_s));
        }
        seen.record = listed.record;
        Ok(())
    }

    /// The state of the run, and why.
    fn state(&self, seen: &mut Seen, listed: &ListedRun, now: i64) -> (LiveState, Option<String>) {
        if let Some(holder) = &listed.holder {
            let is_new = seen.beat.as_ref().is_none_or(|(beat, _)| *beat != holder.heartbeat);
            if is_new {
                // The first look cannot tell whether the heart still beats: its own calendar says when it did.
                let at = if seen.beat.is_none() { holder.seen_unix_s.min(now) } else { now };
                seen.beat = Some((holder.heartbeat.clone(), at));
            }
            let heard = seen.beat.as_ref().map_or(now, |(_, at)| *at);
            seen.heard_s = self.seconds(heard);
            if owner::is_gone(&holder.process) {
                return (LiveState::Silent, Some("its process has ended".to_owned()));
            }
            return if now - heard >= SILENT_AFTER_S {
                (LiveState::Silent, Some("its process sends no heartbeat".to_owned()))
            } else {
                (LiveState::Running, Some(owner::in_brief(holder)))
            };
        }
        seen.heard_s = self.seconds(now);
        match listed.state {
            RunState::Running => {
                (LiveState::Silent, Some("its process has ended without a word".to_owned()))
            }
            state => (LiveState::Ended, Some(state.name().to_owned())),
        }
    }

    /// The end, if the run has ended.
    fn verdict(&self, seen: &Seen) -> Option<RunEnd> {
        let (LiveState::Ended, why, _) = seen.state.as_ref()? else { return None };
        let next = self.facts.commands.first().map(|[_, command]| command.clone());
        Some(match &seen.record {
            Some(record) => {
                let verdict = verdict_in_words(record, exit_code_of(record), Some(self.id));
                match why.as_deref() {
                    Some(state) if state != RunState::Finished.name() => RunEnd {
                        words: format!("{state}; when it ended: {}", verdict.words),
                        ..verdict
                    },
                    _ => verdict,
                }
            }
            None => RunEnd {
                exit_code: None,
                words: why.clone().unwrap_or_default(),
                next: next.unwrap_or_default(),
                report: None,
            },
        })
    }
}

impl Seen {
    fn accounts(&self) -> AccountCounts {
        if let Some(record) = &self.record {
            let records = &record.records;
            return AccountCounts {
                all: Some(record.resources),
                migrated: records.migrated,
                unchanged: records.unchanged,
                unmapped: records.unmapped,
                skipped: records.skipped,
                failed: records.failed,
                ..AccountCounts::default()
            };
        }
        let mut accounts = AccountCounts { all: self.all, ..AccountCounts::default() };
        for (_, entry) in self.ledger.iter() {
            let Some((status, _)) = &entry.landed else { continue };
            match status {
                AccountStatus::Migrated => accounts.migrated += 1,
                AccountStatus::Unchanged => accounts.unchanged += 1,
                AccountStatus::Unmapped => accounts.unmapped += 1,
                AccountStatus::Skipped => accounts.skipped += 1,
                AccountStatus::Failed | AccountStatus::Ambiguous => accounts.failed += 1,
            }
        }
        accounts
    }
}

impl LiveSource for StoredSource {
    fn facts(&self) -> RunFacts {
        self.facts.clone()
    }

    fn look(&self) -> LiveSnapshot {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A store that cannot be read now may be at the next look: what was read stays.
        let read = self.read(&mut seen);
        let now = now_unix_s();
        let (state, why, since_s) =
            seen.state.clone().unwrap_or((LiveState::Silent, None, self.seconds(now)));
        let why = match read {
            Err(error) => Some(format!("the store cannot be read: {error}")),
            Ok(()) => why,
        };
        let exposure_s = seen.record.as_ref().map_or(0.0, |record| record.exposure.mean_s);
        let makespan_s = seen.record.as_ref().map(|record| record.makespan_s);
        let written = seen.ledger.iter().filter(|(_, entry)| !entry.changes.is_empty()).count();
        let ended = seen.accounts().ended() as f64;
        let accounts_per_s =
            (state == LiveState::Running && seen.heard_s > 0.0).then(|| ended / seen.heard_s);
        LiveSnapshot {
            schema: 1,
            state,
            why,
            since_s,
            now_s: makespan_s.unwrap_or_else(|| self.seconds(now)),
            now_unix_s: makespan_s.map_or(now, |s| self.facts.began_unix_s + s.round() as i64),
            heard_s: makespan_s.unwrap_or(seen.heard_s),
            accounts: seen.accounts(),
            left_s: None,
            course: None,
            endpoints: Vec::new(),
            pace: Pace { accounts_per_s, ..Pace::default() },
            failures: Vec::new(),
            edits: EditsState { written: written as u64, ..EditsState::default() }
                .exposed(exposure_s),
            echo: None,
            regime: None,
            verdict: self.verdict(&seen),
        }
    }

    fn marks_after(&self, after: u64) -> Vec<Mark> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.marks.iter().filter(|mark| mark.id > after).cloned().collect()
    }

    fn line(&self) -> LiveCurve {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A record has no points: of a run that has ended, its start and its end are known.
        let Some(record) = &seen.record else { return seen.line.shown() };
        let mut line = CurveFold::default();
        line.begin();
        line.add(record.makespan_s, seen.accounts().ended(), record.calls.rejected);
        line.shown()
    }
}
