//! What the store holds for a report: the last selftest, and the clients that were judged last.

use super::provenance::written;
use crate::cli::error::CliError;
use crate::cli::stored::StoreArgs;
use crate::judge::JudgeRecord;
use crate::report::evidence::Dated;
use crate::selftest::SelftestRecord;
use crate::store;
use time::OffsetDateTime;

/// Judged clients that a report shows.
const MAX_JUDGED: u32 = 10;

/// What a report shows beside its own runs.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) selftest: Option<Dated<SelftestRecord>>,
    pub(super) judged: Vec<Dated<JudgeRecord>>,
}

/// Reads it; a store that is not there holds nothing.
pub(super) fn read(args: &StoreArgs) -> Result<Kept, CliError> {
    let Some(store) = args.open_if_any()? else { return Ok(Kept::default()) };
    Ok(Kept {
        selftest: store.documents(1)?.into_iter().next().map(dated),
        judged: store.documents(MAX_JUDGED)?.into_iter().map(dated).collect(),
    })
}

fn dated<D>(kept: store::Kept<D>) -> Dated<D> {
    let made_at = OffsetDateTime::from_unix_timestamp(kept.made_at_unix_s);
    Dated { made_at: made_at.map_or_else(|_| String::new(), written), record: kept.document }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::evidence;
    use crate::store::Store;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        store: StoreArgs,
    }

    fn kept(flags: &[&str]) -> Kept {
        let line = ["report"].iter().chain(flags);
        read(&Flags::parse_from(line).store).unwrap()
    }

    fn fill(path: &Path) {
        let evidence = evidence();
        let mut store = Store::open(path).unwrap();
        for seed in 0..12 {
            let mut record = evidence.judged[0].record.clone();
            record.seed = seed;
            store.add_document(&record, 1_700_000_000 + seed.cast_signed()).unwrap();
        }
        for quick in [true, false] {
            let mut record = evidence.selftest.clone().unwrap().record;
            record.quick = quick;
            store.add_document(&record, 1_700_000_000).unwrap();
        }
    }

    #[test]
    fn the_latest_come_first_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.sqlite");
        fill(&path);
        let kept = kept(&["--store", path.to_str().unwrap()]);
        let seeds: Vec<u64> = kept.judged.iter().map(|dated| dated.record.seed).collect();
        assert_eq!(seeds, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        assert_eq!(kept.judged[0].made_at, "2023-11-14T22:13:31Z");
        assert!(!kept.selftest.unwrap().record.quick);
    }

    #[test]
    fn a_store_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.sqlite");
        let kept = kept(&["--store", path.to_str().unwrap()]);
        assert!(kept.selftest.is_none() && kept.judged.is_empty());
        assert!(!path.exists());
    }
}
